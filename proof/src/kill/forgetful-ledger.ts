/** The ledger as a program, but it believes no balancer's headers: a repeated request is a second one to it. */
import { join } from "node:path";

process.env.BEHIND_BALANCER = "off";
await import(join(import.meta.dir, "../../../ledger/src/main.ts"));

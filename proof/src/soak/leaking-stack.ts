/** `npm start` with ledgers that leak: the control of the attack `soak`. */
import { join } from "node:path";
import { runStack } from "../../../deploy/stack.ts";

const ledgerPath = join(import.meta.dir, "leaking-ledger.ts");
const confPath = join(import.meta.dir, "../../../deploy/nginx.conf");

process.exit(await runStack(process.env, { ledgerPath, confPath }));

/** `npm start` with ledgers that don't recognize a repeated request: the control of the attack `kill`. */
import { join } from "node:path";
import { runStack } from "../../../deploy/stack.ts";

const ledgerPath = join(import.meta.dir, "forgetful-ledger.ts");
const confPath = join(import.meta.dir, "../../../deploy/nginx.conf");

process.exit(await runStack(process.env, { ledgerPath, confPath }));

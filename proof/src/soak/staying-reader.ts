/**
 * Somebody who reads the ledger's file and doesn't end: as long as he stays, its log can't begin anew. The control of
 * the attack `soak`, which has to see a log that grows past its bound. Takes the file as its argument.
 */
import { Database } from "bun:sqlite";

const db = new Database(process.argv[2] ?? "", { readonly: true });
db.run("BEGIN");
db.query("SELECT count(*) FROM accounts").get();
process.stdout.write("reading\n");
// He keeps his hand on it, or it would be collected, and closed.
setInterval(() => db.inTransaction, 1000);

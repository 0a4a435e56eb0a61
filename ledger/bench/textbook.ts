/**
 * The ledger as a textbook has it, to compare with: the same routes, rules, schema and SQL, but one
 * transaction per request, begun at once in SQLite, whose own busy handler waits for the lock and which
 * checkpoints by itself. Nothing waits for the disk. This is what the reference does.
 */
import { GroupCommit } from "../src/group-commit.ts";
import type { Command, Outcome } from "../src/ledger.ts";
import { Log } from "../src/log.ts";
import { Metrics } from "../src/metrics.ts";
import { LedgerServer } from "../src/server.ts";
import { databasePath, readSettings } from "../src/settings.ts";
import { Batch, prepareSql } from "../src/store/sqlite-batch.ts";
import { openLedgerFile } from "../src/store/sqlite-file.ts";
import { Repeats } from "../src/store/sqlite-repeats.ts";
import type { Store } from "../src/store.ts";

const settings = readSettings(process.env);
const db = openLedgerFile(databasePath(process.env.DATABASE_URL), settings.seedPath, "os");
db.run("PRAGMA wal_autocheckpoint = 1000");
const sql = prepareSql(db);
const repeats = new Repeats(db);

const store: Store = {
	async commit(batch: readonly Command[]): Promise<Outcome[]> {
		sql.beginImmediate.run();
		const applying = new Batch(sql, repeats);
		const outcomes = applying.apply(batch);
		sql.commit.run();
		applying.committed();
		return outcomes;
	},
	close: () => db.close(),
};

/** Commits each request where it arrives: a queue of one that is never waited for. */
class OneByOne extends GroupCommit {
	override async submit(command: Command): Promise<Outcome> {
		const [outcome] = await store.commit([command]);
		if (outcome === undefined) throw new Error("a command without an outcome");
		return outcome;
	}
}

const metrics = new Metrics();
const groupCommit = new OneByOne(store, settings, metrics, () => process.exit(70));
const server = new LedgerServer({
	listen: settings.listen,
	reset: settings.reset,
	behindBalancer: settings.behindBalancer,
	groupCommit,
	metrics,
	log: new Log(settings.logLevel),
});
process.on("SIGTERM", async () => {
	await server.drain(5000);
	store.close();
	process.exit(0);
});

/**
 * The ledger on PostgreSQL as a textbook has it, to compare with: the same routes, client, function and settings, but a
 * transaction for each request, over a pool of connections (POOL of them, 5 by default, as the reference's).
 */
import { GroupCommit } from "../../src/group-commit.ts";
import type { Command, Outcome } from "../../src/ledger.ts";
import { Log } from "../../src/log.ts";
import { Metrics } from "../../src/metrics.ts";
import { LedgerServer } from "../../src/server.ts";
import { readSettings } from "../../src/settings.ts";
import { PostgresStore } from "../../src/store/postgres.ts";
import { parsePostgresUrl } from "../../src/store/postgres-address.ts";
import type { OutcomeUnknown } from "../../src/store.ts";

const settings = readSettings(process.env);
const { seedPath, durability, database, waitingMax } = settings;
if (database.technology !== "postgres") throw new Error("DATABASE_URL takes postgres://… here");
const address = parsePostgresUrl(database.url);
const metrics = new Metrics();
const fail = (failure: OutcomeUnknown) => {
	process.stderr.write(`${failure.message}\n`);
	process.exit(70);
};
const stores = Array.from({ length: Number(process.env.POOL || 5) }, () => {
	return new PostgresStore({ address, durability, seedPath, metrics });
});
for (const store of stores) await store.ready(10_000);
const connections = stores.map((store) => new GroupCommit(store, { waitingMax, batchMax: 1 }, metrics, fail));

/** Whichever connection has the least to do. */
class Pool extends GroupCommit {
	override submit(command: Command): Promise<Outcome> {
		const [idlest] = connections.toSorted((one, other) => one.waiting - other.waiting);
		return (idlest as GroupCommit).submit(command);
	}
}

new LedgerServer({
	listen: settings.listen,
	reset: settings.reset,
	behindBalancer: settings.behindBalancer,
	groupCommit: new Pool(stores[0] as PostgresStore, { waitingMax, batchMax: 1 }, metrics, fail),
	metrics,
	log: new Log(settings.logLevel),
});
process.on("SIGTERM", () => process.exit(0));

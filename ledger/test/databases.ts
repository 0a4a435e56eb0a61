/** Every kind of database that a ledger process can be started on: what holds for one holds for all. */
import { join } from "node:path";
import { sharedPostgres } from "./store/postgres-server.ts";

export interface TestedDatabase {
	readonly name: string;
	/** What a process is started with for a fresh one; `folder` is the test's own. */
	fresh(folder: string): Promise<{ readonly DATABASE_URL: string; readonly DURABILITY?: string }>;
}

export const sqlite: TestedDatabase = {
	name: "SQLite",
	fresh: async (folder) => ({ DATABASE_URL: `sqlite://${join(folder, "ledger.db")}` }),
};

export const databases: readonly TestedDatabase[] = [
	sqlite,
	{
		name: "PostgreSQL",
		fresh: async () => ({
			DATABASE_URL: await (await sharedPostgres()).createDatabase(),
			// The server that tests share doesn't wait for the disk either.
			DURABILITY: "os",
		}),
	},
];

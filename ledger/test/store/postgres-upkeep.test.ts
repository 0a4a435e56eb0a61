/** What the database is asked beside the batches: old answers go at no cost to the young, unfinished copies take nothing. */
import { afterAll, afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { SQL } from "bun";
import { NothingApplied } from "../../src/store.ts";
import { removeDurableFolders } from "../durable-folder.ts";
import { accounts, closeStores, post, posted } from "./place.ts";
import { PostgresPlace } from "./postgres.ts";
import { endPostgres, sharedPostgres } from "./postgres-server.ts";

setDefaultTimeout(60_000);
afterEach(closeStores);
afterAll(removeDurableFolders);
afterAll(endPostgres);

/** Rows of answers that one more answer makes the database read. */
async function rowsRead(url: string, key: string, indexes: "on" | "off"): Promise<number> {
	const sql = new SQL({ url, max: 1 });
	try {
		return await sql.begin(async (transaction) => {
			for (const scan of ["indexscan", "indexonlyscan", "bitmapscan"])
				await transaction.unsafe(`SET LOCAL enable_${scan} = ${indexes}`);
			await transaction`SELECT crebito.keep_answer(1, 1, 'x', NULL, 1, NULL, NULL, NULL, ${key}, crebito.micros_now())`;
			const [row] = await transaction<{ rows: string }[]>`
				SELECT pg_stat_get_xact_tuples_returned('crebito.answers'::regclass) AS rows`;
			return Number(row?.rows);
		});
	} finally {
		await sql.close();
	}
}

test("one more key costs the same, however many keys of the day there are", async () => {
	const server = await sharedPostgres();
	const url = await server.createDatabase();
	const place = new PostgresPlace(accounts, "os", async () => ({ createDatabase: async () => url }) as never);
	await place.open().commit([post(1, 1)]);
	await place.tamper(`INSERT INTO crebito.answers (account_id, key, change, description, balance, answered_at)
		SELECT 1, 'client:' || i, 1, 'x', 1, crebito.micros_now() - 3600000000 FROM generate_series(1, 50000) AS i;
		ANALYZE crebito.answers`);
	expect(await rowsRead(url, "one", "on")).toBeLessThan(10);
	// And the measure can tell.
	expect(await rowsRead(url, "two", "off")).toBeGreaterThan(10_000);
});

test("a process that finds an unfinished copy when it connects again posts nothing to it", async () => {
	const place = new PostgresPlace(accounts);
	const store = place.open({ reachMsMax: 300 });
	expect(await store.commit([post(1, 1)])).toEqual([posted(1, 1000)]);
	await place
		.tamper(
			"UPDATE crebito.schema_version SET version = -1",
			`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE application_name = 'crebito' AND datname = current_database()`,
		)
		.catch(() => undefined);
	await place.tamper("UPDATE crebito.schema_version SET version = -1").catch(() => undefined);
	await Bun.sleep(100);
	await expect(store.commit([post(1, 1)])).rejects.toBeInstanceOf(NothingApplied);
});

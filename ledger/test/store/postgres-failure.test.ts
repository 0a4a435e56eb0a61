/**
 * A PostgreSQL that hangs, dies, ends sessions, or isn't there, and locks that others hold: what was applied is
 * answered, once, and what can't be known ends the store.
 */
import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { SQL } from "bun";
import type { Command } from "../../src/ledger.ts";
import { parsePostgresUrl } from "../../src/store/postgres-address.ts";
import { NothingApplied, OutcomeUnknown, type Store } from "../../src/store.ts";
import { removeDurableFolders } from "../durable-folder.ts";
import { property, type Random } from "../random.ts";
import { accounts, closeStores, post, posted, read, statementOf } from "./place.ts";
import { asked, entriesOf, network, stopProxies } from "./postgres-network.ts";
import { endPostgres, PostgresServer, sharedPostgres } from "./postgres-server.ts";
import { RepeatingModel } from "./repeating-model.ts";

setDefaultTimeout(60_000);
afterEach(closeStores);
afterEach(stopProxies);
afterAll(removeDurableFolders);
afterAll(endPostgres);

/** The store's sessions. */
const terminate = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE datname = current_database() AND application_name = 'crebito'`;

/** What the commit failed with, and after how many milliseconds. */
async function failure(store: Store, batch: readonly Command[]): Promise<{ error: unknown; ms: number }> {
	const startedAt = performance.now();
	const error = await store.commit(batch).then(
		() => undefined,
		(reason: unknown) => reason,
	);
	return { error, ms: performance.now() - startedAt };
}

/** Holds the lock of account 1 until it is let go. */
async function locked(url: string): Promise<() => Promise<void>> {
	const sql = new SQL({ url, max: 1 });
	await sql.unsafe("BEGIN; SELECT FROM crebito.accounts WHERE id = 1 FOR UPDATE").simple();
	return async () => {
		await sql.unsafe("ROLLBACK").simple();
		await sql.close();
	};
}

/** Whether sessions that begin from here on can write: those of a standby can't. */
async function writable(url: string, can: boolean): Promise<void> {
	const server = await sharedPostgres();
	const name = parsePostgresUrl(url).database;
	await asked(
		server.url(),
		`ALTER DATABASE ${name} SET default_transaction_read_only = ${can ? "off" : "on"}`,
	);
}

describe("a batch", () => {
	test("is refused while the server can't be reached, and the next one is taken when it can", async () => {
		const { proxy, url, open } = await network();
		const store = open();
		await store.commit([post(1, 100)]);
		proxy.down();
		proxy.cutAll();
		// As an idle connection's end is noticed.
		await Bun.sleep(200);
		const { error, ms } = await failure(store, [post(1, 1, "lost")]);
		expect(error).toBeInstanceOf(NothingApplied);
		expect(ms).toBeWithin(1900, 4500);
		await proxy.up();
		expect(await store.commit([post(1, 1)])).toEqual([posted(101, 1000)]);
		expect(await entriesOf(url, "lost")).toBe(0);
	});

	test("is refused by a store that never reached the server", async () => {
		const { proxy, open } = await network();
		proxy.down();
		const store = open({ reachMsMax: 300 });
		const { error, ms } = await failure(store, [post(1, 1)]);
		expect(error).toBeInstanceOf(NothingApplied);
		expect(ms).toBeWithin(300, 1500);
		await proxy.up();
		expect(await store.commit([post(1, 1)])).toEqual([posted(1, 1000)]);
	});

	test("of which nothing is heard in time is unknown, and nothing is committed after it", async () => {
		const { proxy, open } = await network();
		const store = open({ resolveMsMax: 700 });
		await store.commit([]);
		proxy.armed = "unanswered";
		const outcome = failure(store, [post(1, 1)]);
		await Bun.sleep(100);
		proxy.down();
		const { error, ms } = await outcome;
		expect(error).toBeInstanceOf(OutcomeUnknown);
		expect(ms).toBeWithin(700, 3000);
		await proxy.up();
		expect((await failure(store, [post(1, 1)])).error).toBeInstanceOf(OutcomeUnknown);
	});

	test("is refused by a standby, and taken when the server is the primary", async () => {
		const { proxy, url, open } = await network();
		const store = open();
		await store.commit([]);
		await writable(url, false);
		proxy.cutAll();
		await Bun.sleep(200);
		expect((await failure(store, [post(1, 1)])).error).toBeInstanceOf(NothingApplied);
		await writable(url, true);
		expect(await store.commit([post(1, 1)])).toEqual([posted(1, 1000)]);
	});

	test("is taken by a store that waited for a standby without a schema to be the primary", async () => {
		const url = await (await sharedPostgres()).createDatabase();
		await writable(url, false);
		const { open } = await network();
		const store = open({ address: parsePostgresUrl(url) });
		const ready = store.ready(20_000);
		await Bun.sleep(500);
		await writable(url, true);
		await ready;
		expect(await store.commit([post(1, 1)])).toEqual([posted(1, 100_000)]);
	});

	test("whose account another session has locked is refused, and isn't applied later", async () => {
		const { url, open } = await network();
		const release = await locked(url);
		const store = open({ answerMsMax: 10_000 });
		const { error, ms } = await failure(store, [post(2, 1, "lost"), post(1, 1, "lost")]);
		expect(error).toBeInstanceOf(NothingApplied);
		expect(ms).toBeWithin(1900, 4500);
		await release();
		expect(await store.commit([post(1, 1), read(2)])).toMatchObject([posted(1, 1000), { balance: 500 }]);
		expect(await entriesOf(url, "lost")).toBe(0);
	});

	test("whose session is ended while it waits for a lock is applied once", async () => {
		const { url, open } = await network();
		const release = await locked(url);
		const store = open({ answerMsMax: 10_000 });
		const outcomes = store.commit([post(1, 1, "once")]);
		for (let round = 0; round < 5; round += 1) {
			await Bun.sleep(100);
			await asked(url, terminate);
		}
		await release();
		expect(await outcomes).toEqual([posted(1, 1000)]);
		expect(await entriesOf(url, "once")).toBe(1);
	});

	property(
		"whose session is ended at any time is applied once, with the right outcomes",
		async (random) => {
			const { url, open } = await network();
			const store = open();
			const model = new RepeatingModel(random);
			let isDone = false;
			const ending = (async () => {
				for (; !isDone; await Bun.sleep(random.between(1, 60))) await asked(url, terminate);
			})();
			try {
				expect(await differences(store, model, 300)).toEqual([]);
			} finally {
				isDone = true;
				await ending;
			}
		},
		60_000,
	);

	property(
		"under which the server is killed and started again is applied once, with the right outcomes",
		async (random) => {
			const server = await PostgresServer.start({ settings: { fsync: "on" } });
			try {
				expect(await killedUnder(server, random)).toEqual([]);
			} finally {
				await server.stop();
			}
		},
		120_000,
	);
});

/** Commits until so many batches are through; those that were refused as a whole have changed nothing. */
async function differences(store: Store, model: RepeatingModel, batches: number): Promise<unknown[]> {
	const found: unknown[] = [];
	for (let committed = 0; committed < batches; ) {
		const batch = model.batch();
		try {
			const outcomes = await store.commit(batch);
			committed += 1;
			const difference = model.difference(batch, outcomes);
			if (difference !== undefined) found.push(difference);
		} catch (error) {
			if (!(error instanceof NothingApplied)) throw error;
		}
	}
	return found;
}

async function killedUnder(server: PostgresServer, random: Random): Promise<unknown[]> {
	const { open } = await network(server);
	const store = open({ durability: "fsync", answerMsMax: 5000 });
	const model = new RepeatingModel(random);
	const found: unknown[] = [];
	for (let round = 0; round < 4; round += 1) {
		const killing = Bun.sleep(random.between(0, 100)).then(async () => {
			await server.kill();
			await server.restart();
		});
		found.push(...(await differences(store, model, 100)));
		await killing;
	}
	return found;
}

describe("two stores", () => {
	property("whose connections are cut post each batch once", async (random) => {
		const { proxy, url, open } = await network();
		const [id = 0] = accounts.map((account) => account.id);
		const sums = await Promise.all(
			[open(), open()].map(async (store) => {
				let sum = 0;
				for (let round = 0; round < 60; round += 1) {
					if (random.chance(0.3)) proxy.armed = random.pick(["before", "part", "after", "answered", "held"]);
					const batch = Array.from({ length: random.between(1, 20) }, () => post(id, random.between(1, 9)));
					const outcomes = await store.commit(batch);
					expect(outcomes.every(({ type }) => type === "posted")).toBeTrue();
					for (const { amount } of batch) sum += amount;
					await proxy.release();
				}
				return sum;
			}),
		);
		const [row] = await asked(url, `SELECT balance::int FROM crebito.accounts WHERE id = ${id}`);
		expect(row).toEqual({ balance: sums.reduce((one, other) => one + other) });
		expect(proxy.count).toBeGreaterThan(10);
	});

	test("that send the same batch apply it twice: the control", async () => {
		const { proxy, url, open } = await network();
		const first = open({ resolveMsMax: 0 });
		await first.commit([]);
		proxy.armed = "held";
		expect((await failure(first, [post(1, 1, "twice")])).error).toBeInstanceOf(OutcomeUnknown);
		const second = open();
		await second.commit([post(1, 1, "twice")]);
		await proxy.release();
		expect(await entriesOf(url, "twice")).toBe(2);
		expect((await statementOf(second, 1)).balance).toBe(2);
	});
});

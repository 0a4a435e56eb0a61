/**
 * Batches take their locks in one order, so none waits in a circle, whatever they hold. `npm run bench:deadlock` asks
 * the same of processes, for minutes.
 */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { SQL } from "bun";
import type { Command } from "../../src/ledger.ts";
import { NothingApplied } from "../../src/store.ts";
import { removeDurableFolders } from "../durable-folder.ts";
import { property, type Random } from "../random.ts";
import { closeStores, type Place, post } from "./place.ts";
import { PostgresPlace } from "./postgres.ts";
import { PostgresBooks } from "./postgres-books.ts";
import { endPostgres, PostgresServer } from "./postgres-server.ts";

setDefaultTimeout(60_000);
const loadMs = 4000;
const initial = 1_000_000;
const seed = Array.from({ length: 12 }, (_, index) => ({ id: index + 1, limit: 500, balance: initial }));

let server: PostgresServer;
beforeAll(async () => {
	server = await PostgresServer.start({ settings: { deadlock_timeout: "10ms" } });
});
afterEach(closeStores);
afterAll(removeDurableFolders);
afterAll(endPostgres);

let keys = 0;

/** Accounts in any order, some twice, some with keys that came before, and resets. */
function batch(random: Random, resets: boolean): Command[] {
	const commands = Array.from({ length: random.between(1, 25) }, (): Command => {
		const posting = post(random.pick(seed).id, random.pick([-1, 1]) * random.between(1, 300));
		if (random.chance(0.8)) return posting;
		keys += 1;
		return { ...posting, idempotencyKey: `key ${random.chance(0.5) ? keys : random.below(keys)}` };
	});
	return resets && random.chance(0.02) ? [...commands, { type: "reset" }, ...commands] : commands;
}

interface Load {
	/** Of what was acknowledged, by account. */
	readonly sums: Map<number, number>;
	/** Batches that were refused as a whole. */
	readonly refused: number;
}

/** Four stores for some seconds. */
async function load(place: Place, random: Random, resets: boolean): Promise<Load> {
	let refused = 0;
	const sums = new Map(seed.map(({ id }) => [id, initial]));
	const keyed = new Set<string>();
	const end = performance.now() + loadMs;
	const stores = Array.from({ length: 4 }, () => place.open());
	await Promise.all(
		stores.map(async (store) => {
			while (performance.now() < end) {
				const commands = batch(random, resets);
				const outcomes = await store.commit(commands).catch((error) => {
					if (!(error instanceof NothingApplied)) throw error;
					refused += 1;
					return [];
				});
				for (const [index, outcome] of outcomes.entries()) {
					const command = commands[index];
					if (outcome.type !== "posted" || command?.type !== "post") continue;
					const key = command.idempotencyKey && `${command.accountId} ${command.idempotencyKey}`;
					// A key's second posting is answered as the first.
					if (key && keyed.has(key)) continue;
					if (key) keyed.add(key);
					const change = command.kind === "credit" ? command.amount : -command.amount;
					sums.set(command.accountId, (sums.get(command.accountId) ?? 0) + change);
				}
			}
		}),
	);
	return { sums, refused };
}

/** When all stores are closed, and their sessions have told their statistics. */
async function told(books: PostgresBooks): Promise<number> {
	closeStores();
	await Bun.sleep(1500);
	return (await books.statistics()).deadlocks;
}

describe("four stores whose batches name the same accounts in any order", () => {
	property("never wait in a circle, and all that they acknowledged is in the books", async (random) => {
		const place = new PostgresPlace(seed, "os", async () => server);
		const { sums, refused } = await load(place, random, false);
		expect(refused).toBe(0);
		const books = new PostgresBooks(await place.url);
		expect(await told(books)).toBe(0);
		expect(await books.balances()).toEqual(sums);
		expect(await books.broken()).toEqual([]);
		expect((await books.statistics()).transactions).toBeGreaterThan(100);
		await books.close();
	});

	property("nor with resets among them", async (random) => {
		const place = new PostgresPlace(seed, "os", async () => server);
		expect((await load(place, random, true)).refused).toBe(0);
		const books = new PostgresBooks(await place.url);
		expect(await told(books)).toBe(0);
		expect(await books.broken()).toEqual([]);
		await books.close();
	});

	property("do with a session that locks the other way round, and post once nevertheless", async (random) => {
		const place = new PostgresPlace(seed, "os", async () => server);
		await place.open().commit([]);
		const rogue = new SQL({ url: await place.url, max: 1 });
		let isDone = false;
		const locking = (async () => {
			while (!isDone)
				await rogue
					.unsafe(descending)
					.simple()
					.catch(() => undefined);
			await rogue.close();
		})();
		const { sums } = await load(place, random, false);
		isDone = true;
		await locking;
		const books = new PostgresBooks(await place.url);
		expect(await told(books)).toBeGreaterThan(0);
		expect(await books.balances()).toEqual(sums);
		await books.close();
	});

	test("and books that don't add up are found: the control", async () => {
		const place = new PostgresPlace(seed, "os", async () => server);
		await place.open().commit([post(1, 5), post(1, 6), post(2, 7)]);
		const books = new PostgresBooks(await place.url);
		expect(await books.broken()).toEqual([]);
		await place.tamper("UPDATE crebito.entries SET change = 4 WHERE account_id = 1 AND sequence = 1");
		await place.tamper("DELETE FROM crebito.entries WHERE account_id = 2");
		expect(await books.broken()).toEqual([
			expect.stringMatching(/^account [12]:/),
			expect.stringMatching(/^account [12]:/),
			"entry 1 of account 1",
			"entry 2 of account 1",
		]);
		await books.close();
	});
});

const descending = `DO $$ DECLARE account bigint; BEGIN
	FOR account IN SELECT id FROM crebito.accounts ORDER BY id DESC LOOP
		PERFORM FROM crebito.accounts WHERE id = account FOR UPDATE;
		PERFORM pg_sleep(0.001);
	END LOOP;
END $$`;

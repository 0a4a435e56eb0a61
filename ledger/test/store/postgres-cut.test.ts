/**
 * The connection to PostgreSQL breaks at every step of a batch: each batch is applied once or not at all, its outcomes
 * are the right ones, and what was never sent is refused in time.
 */
import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { SQL } from "bun";
import type { Command } from "../../src/ledger.ts";
import { NothingApplied } from "../../src/store.ts";
import { removeDurableFolders } from "../durable-folder.ts";
import { property, Random } from "../random.ts";
import { type Cut, cuts } from "./cutting-proxy.ts";
import { closeStores, post, posted, read, statementOf } from "./place.ts";
import { entriesOf, network, stopProxies } from "./postgres-network.ts";
import { endPostgres } from "./postgres-server.ts";
import { RepeatingModel } from "./repeating-model.ts";

setDefaultTimeout(60_000);
afterEach(closeStores);
afterEach(stopProxies);
afterAll(removeDurableFolders);
afterAll(endPostgres);

/** For so long, the server refuses every batch that comes on a new connection. */
async function refusing(url: string, ms: number): Promise<void> {
	const sql = new SQL({ url, max: 1 });
	await sql.unsafe("ALTER FUNCTION crebito.commit_batch RENAME TO hidden");
	await Bun.sleep(ms);
	await sql.unsafe("ALTER FUNCTION crebito.hidden RENAME TO commit_batch");
	await sql.close();
}

describe("a batch whose connection is cut", () => {
	property(
		"at random steps is applied once, with the right outcomes",
		async (random) => {
			const { proxy, open } = await network();
			const store = open();
			const model = new RepeatingModel(random);
			for (let round = 0; round < 80; round += 1) {
				const batch = model.batch();
				// What waits for its answer takes its time.
				const slow: readonly Cut[] = ["swallowed", "unanswered"];
				const cut = random.pick(cuts);
				proxy.armed = slow.includes(cut) && random.chance(0.8) ? undefined : cut;
				expect(model.difference(batch, await store.commit(batch))).toBeUndefined();
				await proxy.release();
			}
			expect(proxy.count).toBeGreaterThan(30);
		},
		60_000,
	);

	for (const isFresh of [true, false])
		test(`after each message of ${isFresh ? "a connection's first" : "a later"} batch, one by one`, async () => {
			const { proxy, open } = await network();
			const model = new RepeatingModel(new Random(7));
			let store = open();
			await store.commit([]);
			let steps = 0;
			for (let isCut = true; isCut; steps += 1) {
				if (isFresh) {
					store.close();
					store = open();
				}
				proxy.stepsLeft = steps;
				const batch: Command[] = [post(1, 1, "step"), ...model.batch(), read(1)];
				expect(model.difference(batch, await store.commit(batch))).toBeUndefined();
				isCut = proxy.stepsLeft === undefined;
			}
			// Bind, Execute, Sync, and four messages of the answer, at the least.
			expect(steps).toBeGreaterThan(7);
		}, 60_000);

	test.each([...cuts])("%s: once", async (cut) => {
		const { proxy, url, open } = await network();
		const store = open();
		await store.commit([post(1, 100, "first")]);
		proxy.armed = cut;
		expect(
			await store.commit([post(1, 11, "second"), post(2, -500, "second"), post(2, -1), read(1)]),
		).toEqual([
			posted(111, 1000),
			posted(0, 0),
			{ type: "refused", reason: "limit" },
			expect.objectContaining({ balance: 111 }),
		]);
		expect(proxy.count).toBe(cut === "swallowed" || cut === "unanswered" ? 0 : 1);
		expect(proxy.batches).toBe(3);
		// What was held, and arrives after the batch was sent again, finds its number taken.
		await proxy.release();
		expect(await entriesOf(url, "second")).toBe(2);
		expect((await statementOf(store, 1)).balance).toBe(111);
	});
	test("and refused when it is sent again, is answered if it was applied, statements and all", async () => {
		const { proxy, url, open } = await network();
		const store = open();
		await store.commit([]);
		proxy.armed = "unanswered";
		const outcomes = store.commit([post(1, 11), read(1), post(2, -500), read(2)]);
		await Bun.sleep(150);
		await refusing(url, 500);
		expect(await outcomes).toEqual([
			posted(11, 1000),
			expect.objectContaining({ balance: 11 }),
			posted(0, 0),
			expect.objectContaining({ balance: 0 }),
		]);
	});

	test("and refused when it is sent again, isn't applied later", async () => {
		const { proxy, url, open } = await network();
		const store = open();
		await store.commit([]);
		proxy.armed = "held";
		const refused = refusing(url, 500);
		await Bun.sleep(150);
		expect(await store.commit([post(1, 11), read(1)]).catch((error) => error)).toBeInstanceOf(NothingApplied);
		await refused;
		await proxy.release();
		expect((await statementOf(store, 1)).balance).toBe(0);
	});
});

/**
 * The contract of ledger/src/store.ts as a suite: what any store does, whatever it is made of.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { centsMax, statementEntriesMax } from "../../src/ledger.ts";
import { NothingApplied } from "../../src/store.ts";
import { property } from "../random.ts";
import { descriptions, firstDifference, Model, randomBatch } from "./model.ts";
import {
	accounts,
	close,
	closeStores,
	type Place,
	post,
	posted,
	read,
	type Seed,
	statementOf,
	stateOf,
	withoutTimes,
} from "./place.ts";

export interface Subject {
	readonly name: string;
	place(seed: Seed): Place;
}

export function contract({ name, place: newPlace }: Subject): void {
	describe(name, () => {
		afterEach(closeStores);

		test("posts credits and debits, each with the balance that it leaves", async () => {
			const store = newPlace(accounts).open();
			expect(await store.commit([post(1, 300), post(1, -1300), post(2, -500)])).toEqual([
				posted(300, 1000),
				posted(-1000, 1000),
				posted(0, 0),
			]);
			expect(await store.commit([post(1, 1)])).toEqual([posted(-999, 1000)]);
		});

		test("refuses what passes the limit, and goes on with the rest of the batch", async () => {
			const store = newPlace(accounts).open();
			expect(await store.commit([post(1, -1001), post(1, -1000), post(1, -1), post(1, 1)])).toEqual([
				{ type: "refused", reason: "limit" },
				posted(-1000, 1000),
				{ type: "refused", reason: "limit" },
				posted(-999, 1000),
			]);
			expect((await statementOf(store, 1)).entries).toHaveLength(2);
		});

		test("refuses what a number can't hold, and keeps the largest that it can", async () => {
			const store = newPlace(accounts).open();
			expect(
				await store.commit([post(4, 4), post(4, 3), post(4, 1), post(3, -centsMax), post(3, -1)]),
			).toEqual([
				{ type: "refused", reason: "range" },
				posted(centsMax, 80_000),
				{ type: "refused", reason: "range" },
				posted(-centsMax, centsMax),
				{ type: "refused", reason: "limit" },
			]);
			expect(await stateOf(store, 3)).toEqual({
				type: "statement",
				balance: -centsMax,
				limit: centsMax,
				entries: [{ kind: "debit", amount: centsMax, description: "x" }],
			});
		});

		test("knows the accounts of its seed and no others", async () => {
			const store = newPlace(accounts).open();
			const unknown = { type: "unknown-account" } as const;
			expect(await store.commit([post(6, 1), read(6), post(9_999_999_998, 1)])).toEqual([
				unknown,
				unknown,
				unknown,
			]);
			for (const { id, limit, balance } of accounts) {
				expect(await stateOf(store, id)).toEqual({ type: "statement", limit, balance, entries: [] });
			}
		});

		test("shows the ten newest entries, the newest first", async () => {
			const store = newPlace(accounts).open();
			for (let count = 1; count <= 12; count += 1) {
				await store.commit([post(1, count, `n${count}`), post(2, 1, "other")]);
				const { entries } = await statementOf(store, 1);
				expect(entries.map(({ description }) => description)).toEqual(
					Array.from({ length: Math.min(count, statementEntriesMax) }, (_, index) => `n${count - index}`),
				);
			}
		});

		test("reads statements after the last entry of their batch, wherever they stand in it", async () => {
			const store = newPlace(accounts).open();
			const [first, , second, , third] = await store.commit([
				read(1),
				post(1, 1, "a"),
				read(1),
				post(1, 2, "b"),
				read(1),
			]);
			const expected = {
				type: "statement",
				balance: 3,
				limit: 1000,
				entries: [
					{ kind: "credit", amount: 2, description: "b" },
					{ kind: "credit", amount: 1, description: "a" },
				],
			};
			expect([first, second, third].map(withoutTimes)).toEqual([expected, expected, expected]);
		});

		test("commits an empty batch as well", async () => {
			const store = newPlace(accounts).open();
			expect(await store.commit([])).toEqual([]);
			expect(await store.commit([post(1, 1)])).toEqual([posted(1, 1000)]);
		});

		test("answers a probe, and changes nothing by it", async () => {
			const store = newPlace(accounts).open();
			await store.commit([post(1, 1)]);
			expect(await store.commit([{ type: "probe" }, { type: "probe" }])).toEqual([
				{ type: "done" },
				{ type: "done" },
			]);
			expect(await stateOf(store, 1)).toEqual({
				type: "statement",
				balance: 1,
				limit: 1000,
				entries: [{ kind: "credit", amount: 1, description: "x" }],
			});
		});

		test("keeps every description as it came", async () => {
			const store = newPlace(accounts).open();
			await store.commit(descriptions.map((description) => post(3, 1, description)));
			const { entries } = await statementOf(store, 3);
			expect(entries.map(({ description }) => description)).toEqual(descriptions.toReversed().slice(0, 10));
		});

		describe("a reset", () => {
			test("brings back the initial balances, and no entry is left", async () => {
				const store = newPlace(accounts).open();
				await store.commit([post(1, -900), post(2, 7), post(4, 1), post(9_999_999_999, 10)]);
				expect(await store.commit([{ type: "reset" }])).toEqual([{ type: "done" }]);
				for (const { id, limit, balance } of accounts) {
					expect(await stateOf(store, id)).toEqual({ type: "statement", limit, balance, entries: [] });
				}
			});

			test("in the middle of a batch takes what stands before it and leaves what stands behind it", async () => {
				const store = newPlace(accounts).open();
				await store.commit([post(1, 50, "old"), post(2, 50, "old")]);
				const outcomes = await store.commit([
					read(2),
					post(1, -1050, "before"),
					post(2, 1, "before"),
					{ type: "reset" },
					post(1, -1000, "behind"),
					post(1, -1, "behind"),
					read(1),
				]);
				expect(outcomes.map(withoutTimes)).toEqual([
					{ type: "statement", balance: 500, limit: 0, entries: [] },
					posted(-1000, 1000),
					posted(551, 0),
					{ type: "done" },
					posted(-1000, 1000),
					{ type: "refused", reason: "limit" },
					{
						type: "statement",
						balance: -1000,
						limit: 1000,
						entries: [{ kind: "debit", amount: 1000, description: "behind" }],
					},
				]);
			});

			test("can be followed by another, and by entries again", async () => {
				const place = newPlace(accounts);
				const store = place.open();
				await store.commit([{ type: "reset" }, { type: "reset" }]);
				await store.commit([post(1, 1), { type: "reset" }, post(1, 2), { type: "reset" }]);
				await store.commit([post(1, 3, "a"), post(2, 1, "b"), post(1, 4, "c")]);
				const { balance, entries } = await statementOf(place.open(), 1);
				expect([balance, ...entries.map(({ description }) => description)]).toEqual([7, "c", "a"]);
			});
		});

		describe("a batch that can't be taken whole", () => {
			test("leaves nothing, and the next one is committed", async () => {
				const place = newPlace(accounts);
				const store = place.open();
				await store.commit([post(1, 10, "kept")]);
				await place.breakOn("broken");
				const batch = [
					post(1, 1),
					post(2, 1),
					{ type: "reset" } as const,
					post(3, 1),
					post(2, 1, "broken"),
					post(1, 5),
				];
				await expect(store.commit(batch)).rejects.toBeInstanceOf(NothingApplied);
				await expect(place.open().commit(batch)).rejects.toBeInstanceOf(NothingApplied);
				const kept = {
					type: "statement",
					balance: 10,
					limit: 1000,
					entries: [{ kind: "credit", amount: 10, description: "kept" }],
				};
				expect(await stateOf(store, 1)).toEqual(kept);
				expect(await stateOf(place.open(), 1)).toEqual(kept);
				expect(await stateOf(store, 2)).toEqual({ type: "statement", balance: 500, limit: 0, entries: [] });

				expect(await store.commit([post(1, 1), post(2, 1)])).toEqual([posted(11, 1000), posted(501, 0)]);
				await place.breakOn(undefined);
				expect(await store.commit([post(2, 1, "broken")])).toEqual([posted(502, 0)]);
			});
		});

		describe("time", () => {
			test("of an entry is the clock's, in microseconds, and a statement isn't issued before it", async () => {
				const store = newPlace(accounts).open();
				const before = Date.now() * 1000;
				await store.commit([post(1, 1), post(1, 1)]);
				const { entries, issuedAt } = await statementOf(store, 1);
				const [second, first] = entries.map(({ postedAt }) => postedAt);
				const times = [before, first, second, issuedAt, (Date.now() + 1) * 1000] as number[];
				expect(times).toEqual(times.toSorted((a, b) => a - b));
				expect(times.every(Number.isSafeInteger)).toBe(true);
			});

			test("never runs backwards within an account, whatever the clock does", async () => {
				const place = newPlace(accounts);
				const store = place.open();
				await store.commit([post(1, 1), post(2, 1)]);
				const ahead = (Date.now() + 3_600_000) * 1000;
				await place.dateAhead(1, ahead);
				const issued = await statementOf(store, 1);
				expect(issued.issuedAt).toBe(ahead);
				await store.commit([post(1, 1), post(2, 1)]);
				await store.commit([post(1, 1)]);
				const { entries, issuedAt } = await statementOf(place.open(), 1);
				expect(entries.map(({ postedAt }) => postedAt)).toEqual([ahead, ahead, ahead]);
				expect(issuedAt).toBe(ahead);
				// Another account keeps its own time.
				expect((await statementOf(store, 2)).entries[0]?.postedAt).toBeLessThan(ahead);
			});
		});

		test("shows the newest of a long history, however long it has become", async () => {
			const place = newPlace(accounts);
			const store = place.open();
			const rounds = 40;
			for (let round = 0; round < rounds; round += 1) {
				await store.commit(
					Array.from({ length: 250 }, (_, index) => post(1 + (index % 2), 1, `${round}.${index}`)),
				);
			}
			for (const reader of [store, place.open()]) {
				const { balance, entries } = await statementOf(reader, 2);
				expect(balance).toBe(500 + 125 * rounds);
				expect(entries.map(({ description }) => description)).toEqual(
					Array.from({ length: 10 }, (_, index) => `${rounds - 1}.${249 - 2 * index}`),
				);
			}
		});

		describe("opened again", () => {
			property("is as it was left", async (random) => {
				const place = newPlace(accounts);
				const model = new Model();
				for (let round = 0; round < 10; round += 1) {
					const store = place.open();
					const batch = randomBatch(random, false);
					expect((await store.commit(batch)).map(withoutTimes)).toEqual(model.commit(batch) as never);
					close(store);
				}
			});

			test("doesn't seed a second time", async () => {
				const place = newPlace(accounts);
				const store = place.open();
				await store.commit([post(2, -500)]);
				close(store);
				expect((await statementOf(place.open(), 2)).balance).toBe(0);
			});
		});

		test("sees at once what another store on the same place has committed", async () => {
			const place = newPlace(accounts);
			const [one, other] = [place.open(), place.open()];
			expect(await one.commit([post(1, -600, "one")])).toEqual([posted(-600, 1000)]);
			expect(await other.commit([post(1, -600, "no"), post(1, -400, "other")])).toEqual([
				{ type: "refused", reason: "limit" },
				posted(-1000, 1000),
			]);
			const { entries } = await statementOf(one, 1);
			expect(entries.map(({ description }) => description)).toEqual(["other", "one"]);
			await other.commit([{ type: "reset" }]);
			expect(await one.commit([post(1, 5)])).toEqual([posted(5, 1000)]);
		});

		property(
			"answers as the model does, thousands of commands through two stores in turn",
			async (random) => {
				const place = newPlace(accounts);
				const stores = [place.open(), place.open()];
				expect(await firstDifference(random, 400, () => random.pick(stores))).toBeUndefined();
			},
		);

		property("loses nothing when both stores are asked at once", async (random) => {
			const place = newPlace(accounts);
			const stores = [place.open(), place.open()];
			const change = new Map<number, number>();
			for (let round = 0; round < 60; round += 1) {
				const batches = stores.map(() =>
					Array.from({ length: random.between(1, 20) }, () =>
						post(random.pick([1, 2]), random.between(-300, 300) || 1),
					),
				);
				const answers = await Promise.all(batches.map((batch, index) => stores[index]?.commit(batch)));
				for (const [index, batch] of batches.entries()) {
					for (const [at, { accountId, kind, amount }] of batch.entries()) {
						if (answers[index]?.[at]?.type !== "posted") continue;
						change.set(accountId, (change.get(accountId) ?? 0) + (kind === "credit" ? amount : -amount));
					}
				}
			}
			for (const store of stores) {
				expect((await statementOf(store, 1)).balance).toBe(change.get(1) ?? 0);
				expect((await statementOf(store, 2)).balance).toBe(500 + (change.get(2) ?? 0));
			}
		});
	});
}

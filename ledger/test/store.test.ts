/**
 * One contract for every store, and the proof that its comparison with the model catches broken ones.
 */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Outcome } from "../src/ledger.ts";
import type { Store } from "../src/store.ts";
import { removeDurableFolders } from "./durable-folder.ts";
import { Random } from "./random.ts";
import { ArrayPlace } from "./store/array.ts";
import { contract, type Subject } from "./store/contract.ts";
import { firstDifference } from "./store/model.ts";
import { accounts, posted } from "./store/place.ts";
import { PostgresPlace } from "./store/postgres.ts";
import { endPostgres } from "./store/postgres-server.ts";
import { repeatsContract } from "./store/repeats.ts";
import { SqlitePlace } from "./store/sqlite.ts";

// The first test of PostgreSQL waits for its start.
setDefaultTimeout(60_000);
afterAll(removeDurableFolders);
afterAll(endPostgres);

const subjects: Subject[] = [
	{ name: "a store made of an array", place: (seed) => new ArrayPlace(seed) },
	{ name: "SQLite that waits for the disk", place: (seed) => new SqlitePlace(seed, "fsync") },
	{ name: "SQLite that doesn't wait", place: (seed) => new SqlitePlace(seed, "os") },
	{ name: "PostgreSQL", place: (seed) => new PostgresPlace(seed) },
];
for (const subject of subjects) {
	contract(subject);
	repeatsContract(subject);
}

describe("the comparison with the model catches a store that", () => {
	const broken: [string, (store: Store) => Store["commit"]][] = [
		[
			"loses a posting now and then",
			(store) => async (batch) => (batch.length === 17 ? batch.map(() => posted(0, 0)) : store.commit(batch)),
		],
		[
			"reads statements before the batch's entries",
			(store) => async (batch) => {
				const before = await store.commit(batch.filter(({ type }) => type === "statement"));
				const outcomes = await store.commit(batch);
				return outcomes.map((outcome, index) =>
					batch[index]?.type === "statement" ? (before.shift() as Outcome) : outcome,
				);
			},
		],
		[
			"forgets to reset",
			(store) => async (batch) =>
				store.commit(batch.map((command) => (command.type === "reset" ? { type: "probe" } : command))),
		],
		[
			"takes one cent off",
			(store) => async (batch) =>
				store.commit(
					batch.map((command) =>
						command.type === "post" && command.amount > 1000
							? { ...command, amount: command.amount - 1 }
							: command,
					),
				),
		],
	];
	test.each(broken)("%s", async (_, commit) => {
		const store = new ArrayPlace(accounts).open();
		const wrapped: Store = { commit: commit(store), close: () => undefined };
		expect(await firstDifference(new Random(1), 400, () => wrapped)).toBeString();
	});
});

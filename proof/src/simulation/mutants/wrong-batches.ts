/** Engines whose transaction does something else than what was asked for. */
import type { Statement } from "bun:sqlite";
import { Batch, type PreparedSql } from "../../../../ledger/src/store/sqlite-batch.ts";
import type { Engine } from "../engine.ts";
import { SimulatedStore } from "../simulated-store.ts";
import { type Mutant, mutant } from "./mutant.ts";

type Row = number[];

/** The rows of accounts as the batch reads them: limit, balance, sequence, last position, date of the newest entry. */
function readingAccounts(change: (row: Row) => Row): Partial<Engine> {
	return {
		newBatch: (sql, repeats) => {
			const values = (id: number) => (sql.account.values(id) as Row[]).map(change);
			return new Batch({ ...sql, account: { values } as unknown as Statement }, repeats);
		},
	};
}

/** Accounts are read once by each process. */
class CachingStore extends SimulatedStore {
	readonly #rows = new Map<number, Row[]>();

	protected override get sql(): PreparedSql {
		const { sql } = this.around.disk;
		const rows = this.#rows;
		const account = {
			values(id: number) {
				const found = rows.get(id) ?? (sql.account.values(id) as Row[]);
				rows.set(id, found);
				return found;
			},
		};
		const saveAccount = {
			run(balance: number, sequence: number, lastPosition: number, postedAt: number, id: number) {
				sql.saveAccount.run(balance, sequence, lastPosition, postedAt, id);
				const limit = rows.get(id)?.[0]?.[0] ?? 0;
				rows.set(id, [[limit, balance, sequence, lastPosition, postedAt]]);
			},
		};
		return { ...sql, account, saveAccount } as unknown as PreparedSql;
	}
}

/** Ids are taken for known before it is sure that their entries stay. */
class KnowingTooEarly extends Batch {
	override apply(...batch: Parameters<Batch["apply"]>): ReturnType<Batch["apply"]> {
		const outcomes = super.apply(...batch);
		this.committed();
		return outcomes;
	}
}

function withoutReset(name: "recordReset" | "deleteAnswers" | "resetAccounts"): Partial<Engine> {
	const nothing = { run: () => undefined } as unknown as Statement;
	return { newBatch: (sql, repeats) => new Batch({ ...sql, [name]: nothing }, repeats) };
}

export const wrongBatches: readonly Mutant[] = [
	mutant(
		"limit-too-narrow",
		"the limit is a cent narrower than it is",
		readingAccounts(([limit = 0, ...rest]) => [limit - 1, ...rest]),
	),
	mutant(
		"date-forgotten",
		"the date of an account's newest entry is not looked at",
		readingAccounts((row) => [...row.slice(0, 4), 0]),
	),
	mutant("stale-accounts", "a process keeps accounts that the other one changes", {
		newStore: (surroundings, engine) => new CachingStore(surroundings, engine),
	}),
	mutant("known-before-commit", "ids are taken for known before the commit", {
		newBatch: (sql, repeats) => new KnowingTooEarly(sql, repeats),
	}),
	mutant("reset-not-recorded", "a reset is not written down", withoutReset("recordReset")),
	mutant("reset-of-entries-only", "a reset leaves the accounts as they are", withoutReset("resetAccounts")),
];

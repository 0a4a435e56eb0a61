/**
 * Where a ledger lives, and what tests say to a store that has it open: the words of the contract suite.
 */
import {
	type Account,
	type Command,
	centsMax,
	type Kind,
	type Outcome,
	type Posting,
	type Statement,
} from "../../src/ledger.ts";
import type { Store } from "../../src/store.ts";

export type Seed = readonly Pick<Account, "id" | "limit" | "balance">[];

/** Where a ledger lives, whether or not a store has it open. */
export interface Place {
	/** Two open stores on one place are two processes on one database. */
	open(): Store;
	/** Dates an account's newest entry into the future, as a clock did that has been set back since. */
	dateAhead(accountId: number, postedAt: number): void | Promise<void>;
	/** Dates the newest reset into the future, as such a clock did. */
	dateResetAhead(at: number): void | Promise<void>;
	/** From here on no entry of this description can be taken; undefined takes them all again. */
	breakOn(description: string | undefined): void | Promise<void>;
}

/** Every edge of a limit and of a balance, and the largest id. */
export const accounts: Seed = [
	{ id: 1, limit: 1000, balance: 0 },
	{ id: 2, limit: 0, balance: 500 },
	{ id: 3, limit: centsMax, balance: 0 },
	{ id: 4, limit: 80_000, balance: centsMax - 3 },
	{ id: 9_999_999_999, limit: 5, balance: -5 },
];

const opened = new Set<Store>();

/** Has closeStores() close it. */
export function closedLater<T extends Store>(store: T): T {
	opened.add(store);
	return store;
}

/** For afterEach: closes what the test has left open. */
export function closeStores(): void {
	for (const store of opened) close(store);
}

/** Gives a store back before the test ends. */
export function close(store: Store): void {
	opened.delete(store);
	store.close();
}

export function post(accountId: number, change: number, description = "x"): Posting {
	const kind: Kind = change > 0 ? "credit" : "debit";
	return { type: "post", accountId, kind, amount: Math.abs(change), description };
}

export function read(accountId: number): Command {
	return { type: "statement", accountId };
}

export function posted(balance: number, limit: number): Outcome {
	return { type: "posted", balance, limit };
}

export async function statementOf(store: Store, accountId: number): Promise<Statement> {
	const [outcome] = await store.commit([read(accountId)]);
	if (outcome?.type !== "statement") throw new Error(`a statement was asked for, not ${outcome?.type}`);
	return outcome;
}

/** What an account has come to, without the times. */
export async function stateOf(store: Store, accountId: number): Promise<unknown> {
	return withoutTimes(await statementOf(store, accountId));
}

export function withoutTimes(outcome: Outcome | undefined): unknown {
	if (outcome?.type !== "statement") return outcome;
	const { issuedAt: _, entries, ...rest } = outcome;
	return { ...rest, entries: entries.map(({ postedAt: __, ...entry }) => entry) };
}

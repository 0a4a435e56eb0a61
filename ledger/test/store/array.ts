/**
 * A store made of an array: the fake of every test that needs a store, and the second implementation that
 * keeps the contract suite honest. What it calls durable is what stands in its books, which outlive it.
 */
import {
	type Account,
	type Command,
	type Entry,
	type Outcome,
	post,
	type Statement,
	statementEntriesMax,
} from "../../src/ledger.ts";
import { NothingApplied, type Store } from "../../src/store.ts";
import type { Place, Seed } from "./place.ts";

export interface ArrayBooks {
	accounts: ReadonlyMap<number, Readonly<Account>>;
	readonly initial: ReadonlyMap<number, Readonly<Account>>;
	/** Of all accounts, oldest first. */
	entries: readonly Entry[];
	/** An entry of this description can't be taken: what a broken row is to a database. */
	brokenDescription?: string;
}

export function newBooks(seed: Seed): ArrayBooks {
	const initial = new Map(seed.map((account) => [account.id, { ...account, sequence: 0, lastPostedAt: 0 }]));
	return { accounts: initial, initial, entries: [] };
}

export class ArrayStore implements Store {
	readonly #books: ArrayBooks;
	readonly #clock: () => number;

	/** Two stores on the same books are two processes on the same file. */
	constructor(books: ArrayBooks, clock: () => number = () => Date.now() * 1000) {
		this.#books = books;
		this.#clock = clock;
	}

	async commit(batch: readonly Command[]): Promise<Outcome[]> {
		const now = this.#clock();
		let accounts = copied(this.#books.accounts);
		let entries = [...this.#books.entries];
		const outcomes = batch.map((command): Outcome => {
			if (command.type === "reset") {
				accounts = copied(this.#books.initial);
				entries = [];
			}
			if (command.type !== "post") return { type: "done" };
			const account = accounts.get(command.accountId);
			if (account === undefined) return { type: "unknown-account" };
			const entry = post(account, command, now);
			if ("type" in entry) return entry;
			if (entry.description === this.#books.brokenDescription) throw new NothingApplied("broken");
			entries.push(entry);
			return { type: "posted", balance: account.balance, limit: account.limit };
		});
		for (const [index, command] of batch.entries()) {
			if (command.type !== "statement") continue;
			const account = accounts.get(command.accountId);
			outcomes[index] = account ? statement(account, entries, now) : { type: "unknown-account" };
		}
		this.#books.accounts = accounts;
		this.#books.entries = entries;
		return outcomes;
	}

	close(): void {}
}

function copied(accounts: ReadonlyMap<number, Readonly<Account>>): Map<number, Account> {
	return new Map([...accounts].map(([id, account]) => [id, { ...account }]));
}

function statement(account: Account, entries: readonly Entry[], now: number): Statement {
	return {
		type: "statement",
		balance: account.balance,
		limit: account.limit,
		issuedAt: Math.max(now, account.lastPostedAt),
		entries: entries
			.filter((entry) => entry.accountId === account.id)
			.slice(-statementEntriesMax)
			.reverse()
			.map(({ kind, amount, description, postedAt }) => ({ kind, amount, description, postedAt })),
	};
}

export class ArrayPlace implements Place {
	readonly books: ArrayBooks;

	constructor(seed: Seed) {
		this.books = newBooks(seed);
	}

	open(): Store {
		return new ArrayStore(this.books);
	}

	dateAhead(accountId: number, postedAt: number): void {
		const account = this.books.accounts.get(accountId) as Account;
		this.books.accounts = new Map(this.books.accounts).set(accountId, { ...account, lastPostedAt: postedAt });
		this.books.entries = this.books.entries.map((entry) =>
			entry.accountId === accountId && entry.sequence === account.sequence ? { ...entry, postedAt } : entry,
		);
	}

	breakOn(description: string | undefined): void {
		if (description === undefined) delete this.books.brokenDescription;
		else this.books.brokenDescription = description;
	}
}

/**
 * A store made of an array: the fake of every test that needs a store, and the second implementation that
 * keeps the contract suite honest. What it calls durable is what stands in its books, which outlive it.
 */
import { isExpired, isLate } from "../../src/attempt.ts";
import {
	type Account,
	type Attempt,
	type Command,
	type Entry,
	type Outcome,
	type Posting,
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
	/** What was answered to a request that may come again, by its key. */
	answers: ReadonlyMap<string, Answer>;
	resetAt: number;
	/** An entry of this description can't be taken: what a broken row is to a database. */
	brokenDescription?: string;
}

interface Answer {
	readonly posting: Posting;
	readonly outcome: Outcome;
}

export function newBooks(seed: Seed): ArrayBooks {
	const initial = new Map(seed.map((account) => [account.id, { ...account, sequence: 0, lastPostedAt: 0 }]));
	return { accounts: initial, initial, entries: [], answers: new Map(), resetAt: 0 };
}

export class ArrayStore implements Store {
	readonly #books: ArrayBooks;
	readonly #clock: () => number;

	/** Two stores on the same books are two processes on the same file. */
	constructor(books: ArrayBooks, clock: () => number = microsNow) {
		this.#books = books;
		this.#clock = clock;
	}

	async commit(batch: readonly Command[]): Promise<Outcome[]> {
		const now = this.#clock();
		let accounts = copied(this.#books.accounts);
		let entries = [...this.#books.entries];
		let { resetAt } = this.#books;
		const answers = new Map(this.#books.answers);
		const outcomes = batch.map((command): Outcome => {
			const found = command.type === "reset" ? doneBefore(command.attempt, resetAt, now) : undefined;
			if (found !== undefined) return found;
			if (command.type === "reset") {
				accounts = copied(this.#books.initial);
				entries = [];
				answers.clear();
				resetAt = now;
			}
			if (command.type !== "post") return { type: "done" };
			const account = accounts.get(command.accountId);
			if (account === undefined) return { type: "unknown-account" };
			return once(command, answers, resetAt, now, () => {
				const entry = post(account, command, now);
				if ("type" in entry) return entry;
				if (entry.description === this.#books.brokenDescription) throw new NothingApplied("broken");
				entries.push(entry);
				return { type: "posted", balance: account.balance, limit: account.limit };
			});
		});
		for (const [index, command] of batch.entries()) {
			if (command.type !== "statement") continue;
			const account = accounts.get(command.accountId);
			outcomes[index] = account ? statement(account, entries, now) : { type: "unknown-account" };
		}
		this.#books.accounts = accounts;
		this.#books.entries = entries;
		this.#books.answers = answers;
		this.#books.resetAt = resetAt;
		return outcomes;
	}

	close(): void {}
}

function doneBefore(attempt: Attempt | undefined, resetAt: number, now: number): Outcome | undefined {
	if (attempt === undefined || !isLate(attempt, now)) return undefined;
	if (isExpired(attempt, now) || resetAt > now) return { type: "expired" };
	return attempt.startedAt <= resetAt ? { type: "done" } : undefined;
}

/** What was answered before, or what is decided now. */
function once(
	posting: Posting,
	answers: Map<string, Answer>,
	resetAt: number,
	now: number,
	decide: () => Outcome,
): Outcome {
	const { attempt, idempotencyKey, accountId } = posting;
	const late = attempt !== undefined && isLate(attempt, now);
	const key = idempotencyKey === undefined ? attempt?.requestId : `${accountId} ${idempotencyKey}`;
	if (key === undefined) return decide();
	const found = answers.get(key);
	if (found !== undefined)
		return payload(found.posting) === payload(posting) ? found.outcome : { type: "key-reused" };
	if (late && (isExpired(attempt, now) || attempt.startedAt < resetAt)) return { type: "expired" };
	const outcome = decide();
	if (outcome.type === "posted" || idempotencyKey !== undefined || late)
		answers.set(key, { posting, outcome });
	return outcome;
}

function payload({ accountId, kind, amount, description }: Posting): string {
	return JSON.stringify([accountId, kind, amount, description]);
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

	dateResetAhead(at: number): void {
		this.books.resetAt = at;
	}

	breakOn(description: string | undefined): void {
		if (description === undefined) delete this.books.brokenDescription;
		else this.books.brokenDescription = description;
	}
}

function microsNow(): number {
	return Number(Temporal.Now.instant().epochNanoseconds / 1000n);
}

/** A right ledger in memory, one step at a time: what the test servers are wrong or slow on top of. */
import {
	type Answer,
	invalid,
	notFound,
	type Posting,
	posted,
	readPosting,
	refused,
	routeOf,
	type ShownEntry,
	type Statement,
	shown,
	shownMax,
	wasReset,
} from "./wire.ts";

export interface Entry extends ShownEntry {
	/** The account's balance with it. */
	readonly balance: number;
}

export interface Account {
	readonly limit: number;
	balance: number;
	/** Oldest first, all of them. */
	entries: Entry[];
}

/** By account id. */
export type Books = ReadonlyMap<number, Account>;

/** Accounts 1, 2, 3 … with these limits. */
export function openBooks(limits: readonly number[]): Books {
	return new Map(limits.map((limit, index) => [index + 1, { limit, balance: 0, entries: [] }]));
}

export function changeOf({ kind, amount }: Posting): number {
	return kind === "credit" ? amount : -amount;
}

export function fits({ limit, balance }: Account, posting: Posting): boolean {
	return posting.kind === "credit" || balance - posting.amount >= -limit;
}

/** Without a look at the limit. */
export function post(account: Account, posting: Posting): Entry {
	account.balance += changeOf(posting);
	const { balance } = account;
	const entry: Entry = { ...posting, balance, postedAt: Date.now() };
	account.entries.push(entry);
	return entry;
}

export function postAnswer(account: Account, posting: Posting): Answer {
	return fits(account, posting) ? posted(account.limit, post(account, posting).balance) : refused;
}

export function statementOf({ limit, balance, entries }: Account): Statement {
	return { limit, balance, entries: entries.slice(-shownMax).reverse() };
}

export function reset(books: Books): Answer {
	for (const account of books.values()) {
		account.balance = 0;
		account.entries = [];
	}
	return wasReset;
}

/** The right answer to a request, at once. */
export function answerOf(books: Books, method: string, path: string, body: string): Answer {
	const route = routeOf(method, path);
	if (route.name === "reset") return reset(books);
	const account = route.name === "nothing" ? undefined : books.get(route.accountId);
	if (account === undefined) return notFound;
	if (route.name === "statement") return shown(statementOf(account));
	const posting = readPosting(body);
	return posting === undefined ? invalid : postAnswer(account, posting);
}

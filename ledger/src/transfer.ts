/**
 * Moving the books from one database to another: what a side of it gives and takes, how the copy goes on where it was
 * broken off, and the proof that it is the same in the end.
 *
 * Nobody may post meanwhile: each side sees to that. Until the copy is finished and verified, no process serves it.
 */
import { StoreUnusable, type Verdict } from "./store.ts";

export interface AccountRow {
	readonly id: number;
	readonly limit: number;
	readonly initialBalance: number;
	readonly balance: number;
	readonly sequence: number;
	readonly lastPostedAt: number;
}

export interface EntryRow {
	readonly accountId: number;
	readonly sequence: number;
	readonly change: number;
	readonly balance: number;
	readonly description: string;
	readonly postedAt: number;
	/** 32 hexadecimal digits, null without a balancer or with a client's key. */
	readonly requestId: string | null;
}

export interface AnswerRow {
	readonly accountId: number;
	readonly key: string;
	readonly change: number;
	readonly description: string;
	readonly refusal: string | null;
	readonly balance: number | null;
	readonly answeredAt: number;
}

/** Entries in an order in which an account's come in theirs, and where to go on behind the last of them. */
export interface Page {
	readonly entries: readonly EntryRow[];
	readonly cursor: string;
}

/** One database with books in it, which nobody else changes while this is open. */
export interface Books {
	/** Without a password. */
	readonly name: string;
	accounts(): Promise<readonly AccountRow[]>;
	/** From behind `cursor`, or from the first on. */
	entries(cursor: string | undefined): AsyncIterable<Page>;
	/** Account by account, each in the order of its sequence: what the digest is made of. */
	entriesByAccount(): AsyncIterable<readonly EntryRow[]>;
	countEntries(): Promise<number>;
	/** Oldest first. */
	answers(): AsyncIterable<readonly AnswerRow[]>;
	/** Microseconds since 1970 UTC, 0 if there was none. */
	resetAt(): Promise<number>;
	/** The books' own check of every entry. */
	verify(): Promise<Verdict>;
	close(): Promise<void>;
}

/** What was found where books are to be copied to. */
export type Beginning =
	/** A ledger with entries: an earlier run's finished copy, or another ledger. */
	| { readonly isFinished: true }
	/** Behind which entry the copy goes on; undefined when none is there. */
	| { readonly isFinished: false; readonly cursor: string | undefined };

/** Where books are copied to: empty, or holding the unfinished copy of the same ones. */
export interface Copy extends Books {
	/**
	 * Claims it: from here on it is an unfinished copy, which no process serves. A ledger with entries is left alone.
	 * @throws {StoreUnusable} it holds something else.
	 */
	begin(source: string, accounts: readonly AccountRow[]): Promise<Beginning>;
	/** In one transaction with the cursor. */
	append(page: Page): Promise<void>;
	/** All that is not entries; then only the verification is missing. */
	complete(accounts: readonly AccountRow[], answers: readonly AnswerRow[], resetAt: number): Promise<void>;
	/** Makes it a ledger that is served. */
	release(): Promise<void>;
}

export interface Transferred {
	readonly accounts: number;
	readonly entries: number;
	readonly answers: number;
	/** What is wrong, nothing when the copy is right; only then it is released. */
	readonly findings: readonly string[];
}

/**
 * Copies, verifies and releases. Accounts and answers are held in memory, entries are not.
 * @throws {StoreUnusable} one of the sides can't be used, or the books are wrong from the first.
 */
export async function transfer(
	from: Books,
	to: Copy,
	onProgress: (done: number, total: number) => void,
): Promise<Transferred> {
	const { findings: own } = await from.verify();
	if (own.length > 0) throw new StoreUnusable(`${from.name}: the books are wrong: ${own.join("; ")}`);
	const accounts = await from.accounts();
	const beginning = await to.begin(from.name, accounts);
	if (beginning.isFinished) return compareFinished(from, to, accounts);
	const { cursor } = beginning;
	const total = await from.countEntries();
	let done = cursor === undefined ? 0 : await to.countEntries();
	onProgress(done, total);
	for await (const page of from.entries(cursor)) {
		await to.append(page);
		done += page.entries.length;
		onProgress(done, total);
	}
	const answers = (await Array.fromAsync(from.answers())).flat();
	await to.complete(accounts, answers, await from.resetAt());
	const differences = await differencesBetween(from, to);
	const verdict = await to.verify();
	const findings = [
		...differences.map((part) => `the ${part} are not those of the source: remove the copy and start again`),
		...verdict.findings,
	];
	if (findings.length === 0) await to.release();
	return { accounts: accounts.length, entries: verdict.entries, answers: answers.length, findings };
}

/** An earlier run may have been killed between its last step and its last word: then there is nothing left to do. */
async function compareFinished(
	from: Books,
	to: Books,
	accounts: readonly AccountRow[],
): Promise<Transferred> {
	const isCopy =
		Bun.deepEquals(await to.accounts(), accounts) && (await differencesBetween(from, to)).length === 0;
	if (!isCopy) throw new StoreUnusable(`${to.name} holds entries already`);
	const { entries, findings } = await to.verify();
	const answers = (await Array.fromAsync(to.answers())).flat();
	return { accounts: accounts.length, entries, answers: answers.length, findings };
}

async function differencesBetween(one: Books, other: Books): Promise<(keyof Digest)[]> {
	const [source, copy] = [await digest(one), await digest(other)];
	return (Object.keys(source) as (keyof Digest)[]).filter((part) => source[part] !== copy[part]);
}

interface Digest {
	readonly accounts: string;
	readonly entries: string;
	readonly keys: string;
	readonly resets: string;
}

/** Of all that there is, as SHA-256: the same for the same books, whatever they are kept in. */
async function digest(books: Books): Promise<Digest> {
	const [entries, keys] = [new Bun.CryptoHasher("sha256"), new Bun.CryptoHasher("sha256")];
	// Row by row: pages may be of other sizes.
	for await (const rows of books.entriesByAccount())
		for (const row of rows) entries.update(JSON.stringify(Object.values(row)));
	for await (const rows of books.answers())
		for (const row of rows) keys.update(JSON.stringify(Object.values(row)));
	const accounts = await books.accounts();
	return {
		accounts: new Bun.CryptoHasher("sha256")
			.update(JSON.stringify(accounts.map((row) => Object.values(row))))
			.digest("hex"),
		entries: entries.digest("hex"),
		keys: keys.digest("hex"),
		resets: String(await books.resetAt()),
	};
}

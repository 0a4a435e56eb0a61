/**
 * The judge of every fault: holds what the clients saw against what the database has.
 *
 * - Every ok is in the books exactly once, as it was posted; every refusal and every absent one is not;
 *   every unknown is there once or not at all; and nothing is there that nobody posted.
 * - Each account's sequence has no gap, its running balance is the sum and never passes the limit, and is
 *   what the answer said.
 * - An operation that ended before another began comes before it in the order.
 * - A statement is a prefix of its account's order; it holds all that was acknowledged before it was asked,
 *   nothing that was invoked after it was answered, and no less than a statement answered before.
 * - A refusal was right at some instant between its question and its answer.
 */
import type { BookAccount, BookEntry, Books } from "./books.ts";
import type { History, PostOperation, StatementOperation } from "./history.ts";

/** How many entries a statement shows (the challenge's own number, on purpose not the ledger's constant). */
const shownMax = 10;

/** A history's operations. */
export type Seen = Pick<History, "posts" | "statements">;

/** @returns one line for each thing that is wrong, none when the history is as a ledger's must be. */
export function check(history: Seen, books: Books): string[] {
	const posts = new Map(history.posts.map((post) => [post.tag, post]));
	const entries = books.entries.map((entry) => ({ entry, post: posts.get(entry.description) }));
	return [
		...books.findings.map((finding) => `verify: ${finding}`),
		...checkPresence(history.posts, entries),
		...checkOrder(entries),
		...books.accounts.flatMap((account) => checkAccount(account, history, entries)),
	];
}

interface Posted {
	readonly entry: BookEntry;
	/** Who asked for it. */
	readonly post: PostOperation | undefined;
}

function checkPresence(posts: readonly PostOperation[], entries: readonly Posted[]): string[] {
	const findings: string[] = [];
	const times = new Map<string, number>();
	for (const { entry, post } of entries) {
		const tag = entry.description;
		times.set(tag, (times.get(tag) ?? 0) + 1);
		if (post === undefined) findings.push(`${tag} is in the books, but nobody posted it`);
		else if (post.accountId !== entry.accountId || post.change !== entry.change)
			findings.push(`${tag} is in the books as another entry than was posted`);
	}
	for (const { tag, outcome } of posts) {
		const found = times.get(tag) ?? 0;
		if (found > 1) findings.push(`${tag} (${outcome}) is in the books ${found} times`);
		if (found === 0 && outcome === "ok") findings.push(`${tag} was acknowledged, but is not in the books`);
		if (found > 0 && (outcome === "refused" || outcome === "absent"))
			findings.push(`${tag} (${outcome}) is in the books`);
	}
	return findings;
}

/** Walking back from the newest: nothing may have ended before something that stands before it began. */
function checkOrder(entries: readonly Posted[]): string[] {
	const findings: string[] = [];
	let earliestEnd: PostOperation | undefined;
	for (const { post } of entries.toReversed()) {
		if (post === undefined) continue;
		if (earliestEnd !== undefined && earliestEnd.endedAt < post.invokedAt)
			findings.push(`${earliestEnd.tag} ended before ${post.tag} began, but comes after it`);
		if (earliestEnd === undefined || post.endedAt < earliestEnd.endedAt) earliestEnd = post;
	}
	return findings;
}

function checkAccount(account: BookAccount, history: Seen, all: readonly Posted[]): string[] {
	const entries = all.filter(({ entry }) => entry.accountId === account.id);
	const prefixes = new Prefixes(account, entries);
	const ofAccount = (operation: { accountId: number }): boolean => operation.accountId === account.id;
	return [
		...checkBalances(account, entries),
		...checkStatements(account, prefixes, history.statements.filter(ofAccount)),
		...history.posts
			.filter((post) => ofAccount(post) && post.outcome === "refused")
			.filter((post) => !prefixes.explains(post))
			.map((post) => `${post.tag} was refused, but at no instant would it have passed the limit`),
	];
}

function checkBalances(account: BookAccount, entries: readonly Posted[]): string[] {
	const findings: string[] = [];
	let balance = account.initialBalance;
	for (const [index, { entry, post }] of entries.entries()) {
		const tag = entry.description;
		balance += entry.change;
		if (entry.sequence !== index + 1)
			findings.push(`${tag} is number ${entry.sequence} of account ${account.id}, not ${index + 1}`);
		if (entry.balance !== balance)
			findings.push(`${tag} makes the balance ${balance}, the books say ${entry.balance}`);
		if (balance < -account.limit) findings.push(`${tag} passes the limit of account ${account.id}`);
		if (post?.outcome !== "ok") continue;
		if (post.balance !== balance)
			findings.push(`${tag} makes the balance ${balance}, its answer said ${post.balance}`);
		if (post.limit !== account.limit)
			findings.push(`${tag} was answered limit ${post.limit}, the books say ${account.limit}`);
	}
	if (account.balance !== balance)
		findings.push(`account ${account.id} has ${account.balance}, its entries make ${balance}`);
	return findings;
}

function checkStatements(
	account: BookAccount,
	prefixes: Prefixes,
	statements: readonly StatementOperation[],
): string[] {
	const findings: string[] = [];
	const lengths: { readonly invokedAt: number; readonly endedAt: number; readonly length: number }[] = [];
	for (const { shown, invokedAt, endedAt } of statements) {
		if (shown === undefined) continue;
		const at = `the statement of account ${account.id} at tick ${invokedAt}`;
		const length = prefixes.lengthWithNewest(shown.entries[0]?.tag);
		if (length === undefined) {
			findings.push(`${at} shows ${shown.entries[0]?.tag}, which is not in the books`);
			continue;
		}
		lengths.push({ invokedAt, endedAt, length });
		if (shown.balance !== prefixes.balance(length) || shown.limit !== account.limit)
			findings.push(
				`${at} shows balance ${shown.balance}, its prefix of ${length} has ${prefixes.balance(length)}`,
			);
		const tags = shown.entries.map(({ tag, change }) => `${tag} ${change}`).join(", ");
		if (tags !== prefixes.newest(length)) findings.push(`${at} is not a prefix of the order: ${tags}`);
		if (length < prefixes.lengthMin(invokedAt))
			findings.push(`${at} is stale: it lacks what was acknowledged before it was asked`);
		if (length > prefixes.lengthMax(endedAt))
			findings.push(`${at} shows what was posted only after it was answered`);
	}
	return [...findings, ...checkMonotony(account, lengths)];
}

/** No statement shows less than one that ended before it was asked. */
function checkMonotony(
	account: BookAccount,
	lengths: readonly { readonly invokedAt: number; readonly endedAt: number; readonly length: number }[],
): string[] {
	const findings: string[] = [];
	const ended = lengths.toSorted((a, b) => a.endedAt - b.endedAt);
	let next = 0;
	let longest = 0;
	for (const { invokedAt, length } of lengths.toSorted((a, b) => a.invokedAt - b.invokedAt)) {
		for (let before = ended[next]; before !== undefined && before.endedAt < invokedAt; before = ended[next]) {
			longest = Math.max(longest, before.length);
			next += 1;
		}
		if (length < longest)
			findings.push(
				`the statement of account ${account.id} at tick ${invokedAt} goes back behind an earlier one`,
			);
	}
	return findings;
}

/** One account's order, and which of its prefixes an operation may have seen. */
class Prefixes {
	readonly #limit: number;
	readonly #entries: readonly Posted[];
	readonly #balances: readonly number[];
	readonly #lengthByTag: ReadonlyMap<string, number>;
	/** Pairs of a tick and the longest prefix acknowledged by then, both ascending. */
	readonly #acknowledged: readonly (readonly [endedAt: number, length: number])[];
	/** At index i, the latest invocation among the entries up to it. */
	readonly #invokedUpTo: readonly number[];

	constructor(account: BookAccount, entries: readonly Posted[]) {
		this.#limit = account.limit;
		this.#entries = entries;
		const balances = [account.initialBalance];
		for (const { entry } of entries) balances.push((balances.at(-1) as number) + entry.change);
		this.#balances = balances;
		this.#lengthByTag = new Map(entries.map(({ entry }, index) => [entry.description, index + 1]));
		let longest = 0;
		this.#acknowledged = entries
			.map(({ post }, index) => [post?.endedAt ?? Number.POSITIVE_INFINITY, index + 1] as const)
			.toSorted(([a], [b]) => a - b)
			.map(([endedAt, length]) => {
				longest = Math.max(longest, length);
				return [endedAt, longest] as const;
			});
		let latest = 0;
		this.#invokedUpTo = entries.map(({ post }) => {
			latest = Math.max(latest, post?.invokedAt ?? 0);
			return latest;
		});
	}

	balance(length: number): number {
		return this.#balances[length] as number;
	}

	/** The prefix that ends with this tag; the empty one for none. */
	lengthWithNewest(tag: string | undefined): number | undefined {
		return tag === undefined ? 0 : this.#lengthByTag.get(tag);
	}

	/** What a statement of this prefix shows. */
	newest(length: number): string {
		return this.#entries
			.slice(Math.max(0, length - shownMax), length)
			.toReversed()
			.map(({ entry }) => `${entry.description} ${entry.change}`)
			.join(", ");
	}

	/** The shortest prefix that holds all that ended before the tick. */
	lengthMin(tick: number): number {
		const count = firstAtLeast(
			this.#acknowledged.length,
			(index) => this.#acknowledged[index]?.[0] ?? 0,
			tick,
		);
		return this.#acknowledged[count - 1]?.[1] ?? 0;
	}

	/** The longest prefix that holds nothing invoked after the tick. */
	lengthMax(tick: number): number {
		return firstAtLeast(this.#invokedUpTo.length, (index) => this.#invokedUpTo[index] as number, tick);
	}

	/** Whether the refused posting would have passed the limit at an instant between question and answer. */
	explains({ invokedAt, endedAt, change }: PostOperation): boolean {
		for (let length = this.lengthMin(invokedAt); length <= this.lengthMax(endedAt); length += 1) {
			if (this.balance(length) + change < -this.#limit) return true;
		}
		return false;
	}
}

/** The first index whose ascending value is not below the bound, or `length`. */
function firstAtLeast(length: number, value: (index: number) => number, bound: number): number {
	let low = 0;
	let high = length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (value(middle) < bound) low = middle + 1;
		else high = middle;
	}
	return low;
}

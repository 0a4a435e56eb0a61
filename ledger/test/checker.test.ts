/**
 * The checker judges every fault test, so here it is judged: it finds nothing wrong with any history of a
 * ledger that keeps its promises, and something wrong with each way of breaking one of them.
 */
import { describe, expect, test } from "bun:test";
import type { BookEntry, Books } from "./books.ts";
import { check, type Seen } from "./checker.ts";
import { History, type PostOperation, type ShownStatement, type StatementOperation } from "./history.ts";
import { property, Random, seed } from "./random.ts";

interface Run {
	readonly seen: Seen;
	readonly books: Books;
}

const accountIds = [1, 2];
const limit = 500;

/**
 * A ledger with no fault at all and five clients at once: an operation is invoked, applied at some later
 * step, answered at a later one still. One in twenty is never answered, and then maybe never applied.
 */
class SoundRun implements Run {
	readonly seen = new History();
	readonly #entries: BookEntry[] = [];
	readonly #random: Random;
	/** What the clients at work will do next. */
	readonly #clients: (() => void)[][] = Array.from({ length: 5 }, () => []);

	constructor(random: Random, steps: number) {
		this.#random = random;
		for (let step = 0; step < steps; step += 1) {
			const client = random.pick(this.#clients);
			if (client.length === 0) client.push(...this.#operation());
			client.shift()?.();
		}
	}

	get books(): Books {
		return consistent(this.#entries);
	}

	#operation(): (() => void)[] {
		const accountId = this.#random.pick(accountIds);
		return this.#random.chance(0.2) ? this.#statement(accountId) : this.#post(accountId);
	}

	#statement(accountId: number): (() => void)[] {
		const { seen } = this;
		const operation = seen.invokeStatement(accountId);
		let shown: ShownStatement;
		return [
			() => {},
			() => {
				shown = statementOf(this.#entries, accountId);
			},
			() => {
				operation.shown = shown;
				seen.end(operation);
			},
		];
	}

	#post(accountId: number): (() => void)[] {
		const { seen } = this;
		const operation = seen.invokePost(
			accountId,
			this.#random.pick([-1, -1, 1]) * this.#random.between(1, 200),
		);
		const isAnswered = !this.#random.chance(0.05);
		const isApplied = isAnswered || this.#random.chance(0.5);
		let outcome: Partial<PostOperation> = {};
		return [
			() => {},
			() => {
				if (isApplied) outcome = this.#apply(operation);
			},
			() => {
				if (!isAnswered) return;
				Object.assign(operation, outcome);
				seen.end(operation);
			},
		];
	}

	#apply({ accountId, change, tag }: PostOperation): Partial<PostOperation> {
		const entries = this.#entries.filter((entry) => entry.accountId === accountId);
		const balance = (entries.at(-1)?.balance ?? 0) + change;
		if (change < 0 && balance < -limit) return { outcome: "refused" };
		this.#entries.push({ accountId, sequence: entries.length + 1, change, balance, description: tag });
		return { outcome: "ok", balance, limit };
	}
}

/** Books of these entries in this order, numbered and summed so that nothing in themselves is wrong. */
function consistent(entries: readonly BookEntry[]): Books {
	const accounts = accountIds.map((id) => ({ id, limit, initialBalance: 0, balance: 0, sequence: 0 }));
	return {
		entries: entries.map((entry) => {
			const account = accounts[entry.accountId - 1] as (typeof accounts)[number];
			account.balance += entry.change;
			account.sequence += 1;
			return { ...entry, sequence: account.sequence, balance: account.balance };
		}),
		accounts,
		findings: [],
	};
}

function statementOf(entries: readonly BookEntry[], accountId: number): ShownStatement {
	const own = entries.filter((entry) => entry.accountId === accountId);
	return {
		balance: own.at(-1)?.balance ?? 0,
		limit,
		entries: own
			.slice(-10)
			.toReversed()
			.map(({ change, description }) => ({ change, tag: description })),
	};
}

property("nothing is wrong with any history of a ledger that keeps its promises", (random) => {
	for (let run = 0; run < 100; run += 1) {
		const { seen, books } = new SoundRun(random, 1500);
		expect(check(seen, books)).toEqual([]);
	}
});

function withEntries({ seen, books }: Run, change: (entries: BookEntry[]) => BookEntry[]): Run {
	return { seen, books: consistent(change([...books.entries])) };
}

/** The index of an entry that was answered 200. */
function firstAcknowledged({ seen, books }: Run): number {
	const ok = new Set(seen.posts.filter(({ outcome }) => outcome === "ok").map(({ tag }) => tag));
	return books.entries.findIndex(({ description }) => ok.has(description));
}

/** The first posting with this outcome after the history's first hundred, changed. */
function withPost(
	{ seen, books }: Run,
	outcome: PostOperation["outcome"],
	change: Partial<PostOperation>,
): Run {
	const index = seen.posts.findIndex((post, at) => at > 100 && post.outcome === outcome);
	const posts = seen.posts.with(index, { ...(seen.posts[index] as PostOperation), ...change });
	return { seen: { ...seen, posts, statements: seen.statements }, books };
}

type Change = (statement: StatementOperation & { shown: ShownStatement }) => ShownStatement;

/** The first or the last full statement, showing something else. */
function withStatement({ seen, books }: Run, which: "first" | "last", change: Change): Run {
	const isFull = ({ shown }: StatementOperation): boolean => shown?.entries.length === 10;
	const index = which === "first" ? seen.statements.findIndex(isFull) : seen.statements.findLastIndex(isFull);
	const statement = seen.statements[index] as StatementOperation & { shown: ShownStatement };
	const statements = seen.statements.with(index, { ...statement, shown: change(statement) });
	return { seen: { posts: seen.posts, statements }, books };
}

/** Two statements at the end, the second without the newest entry, of which nobody heard. */
function withStep(run: Run): Run {
	const newest = run.books.entries.at(-1) as BookEntry;
	const { accountId } = newest;
	const posts = run.seen.posts.map((post) =>
		post.tag === newest.description
			? { ...post, outcome: "unknown" as const, endedAt: Number.POSITIVE_INFINITY }
			: post,
	);
	const statements = [run.books.entries, run.books.entries.slice(0, -1)].map((entries, index) => ({
		accountId,
		invokedAt: 1e9 + 2 * index,
		endedAt: 1e9 + 2 * index + 1,
		shown: statementOf(entries, accountId),
	}));
	return { seen: { posts, statements: [...run.seen.statements, ...statements] }, books: run.books };
}

describe("the checker finds", () => {
	const broken: [string, (run: Run) => Run, RegExp][] = [
		[
			"an acknowledged entry that is lost",
			(run) => withEntries(run, (entries) => entries.toSpliced(firstAcknowledged(run), 1)),
			/was acknowledged, but is not in the books/,
		],
		[
			"an entry that is there twice",
			(run) => withEntries(run, (entries) => [...entries, entries[50] as BookEntry]),
			/is in the books 2 times/,
		],
		[
			"an entry that nobody posted",
			(run) =>
				withEntries(run, (entries) => [...entries, { ...(entries[50] as BookEntry), description: "x" }]),
			/x is in the books, but nobody posted it/,
		],
		[
			"an entry of another amount than was posted",
			(run) =>
				withEntries(run, (entries) => entries.with(50, { ...(entries[50] as BookEntry), change: 201 })),
			/as another entry than was posted/,
		],
		[
			"an order against time",
			(run) =>
				withEntries(run, (entries) => {
					const [moved] = entries.splice(firstAcknowledged(run), 1);
					return [...entries, moved as BookEntry];
				}),
			/ended before .* began, but comes after it/,
		],
		[
			"a refused entry that is there",
			(run) => withPost(run, "ok", { outcome: "refused" }),
			/\(refused\) is in the books/,
		],
		[
			"an entry that is there although its request was answered 503",
			(run) => withPost(run, "ok", { outcome: "absent" }),
			/\(absent\) is in the books/,
		],
		[
			"a refusal that nothing explains",
			(run) => withPost(run, "refused", { change: 1 }),
			/at no instant would it have passed the limit/,
		],
		[
			"an answer with another balance",
			(run) => withPost(run, "ok", { balance: 12_345 }),
			/its answer said 12345/,
		],
		["an answer with another limit", (run) => withPost(run, "ok", { limit: 1 }), /was answered limit 1,/],
		[
			"a gap in a sequence",
			({ seen, books }) => ({
				seen,
				books: {
					...books,
					entries: books.entries.map((entry, at) =>
						at < 50 ? entry : { ...entry, sequence: entry.sequence + 1 },
					),
				},
			}),
			/is number \d+ of account \d, not \d+/,
		],
		[
			"a running balance that is not the sum",
			({ seen, books }) => {
				const entry = books.entries[50] as BookEntry;
				const entries = books.entries.with(50, { ...entry, balance: entry.balance + 1 });
				return { seen, books: { ...books, entries } };
			},
			/makes the balance -?\d+, the books say -?\d+$/,
		],
		[
			"an account's balance that is not the sum",
			({ seen, books }) => ({
				seen,
				books: { ...books, accounts: books.accounts.map((account) => ({ ...account, balance: 12_345 })) },
			}),
			/account 1 has 12345, its entries make/,
		],
		[
			"a limit that is passed",
			({ seen, books }) => ({
				seen,
				books: { ...books, accounts: books.accounts.map((account) => ({ ...account, limit: 100 })) },
			}),
			/passes the limit of account/,
		],
		[
			"a stale statement",
			(run) =>
				withStatement(run, "last", ({ accountId }) =>
					statementOf(run.books.entries.slice(0, run.books.entries.length / 2), accountId),
				),
			/is stale/,
		],
		[
			"a statement from the future",
			(run) => withStatement(run, "first", ({ accountId }) => statementOf(run.books.entries, accountId)),
			/posted only after it was answered/,
		],
		[
			"a statement that leaves an entry out",
			(run) =>
				withStatement(run, "last", ({ shown }) => ({ ...shown, entries: shown.entries.toSpliced(1, 1) })),
			/is not a prefix/,
		],
		[
			"a statement of an entry that is not there",
			(run) =>
				withStatement(run, "last", ({ shown }) => ({
					...shown,
					entries: [{ tag: "x", change: 1 }, ...shown.entries],
				})),
			/shows x, which is not in the books/,
		],
		[
			"a statement whose balance is not its entries'",
			(run) => withStatement(run, "last", ({ shown }) => ({ ...shown, balance: 12_345 })),
			/shows balance 12345/,
		],
		["a statement that goes back behind an earlier one", withStep, /goes back behind an earlier one/],
		[
			"what the ledger's own verify finds",
			({ seen, books }) => ({ seen, books: { ...books, findings: ["a torn page"] } }),
			/verify: a torn page/,
		],
	];

	test.each(broken)("%s", (_, breaks, finding) => {
		const random = new Random(seed);
		for (let run = 0; run < 20; run += 1) {
			const { seen, books } = breaks(new SoundRun(random, 1500));
			expect(check(seen, books).filter((found) => finding.test(found))).not.toEqual([]);
		}
	});
});

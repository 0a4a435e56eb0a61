/** The checker of all attacks: a right run has no finding, and every kind of damage has one. */
import { describe, expect, test } from "bun:test";
import type { BookEntry } from "../src/books.ts";
import type { SeenPosting, SeenStatement } from "../src/observed.ts";
import { findings } from "../src/verdict.ts";
import { type MadeUpRun, madeUpRun } from "./made-up-run.ts";

const seeds = [1, 2, 3, 4, 5, 6, 7, 8];

function postingThatIs({ observed }: MadeUpRun, fate: SeenPosting["fate"]): SeenPosting {
	return observed.postings.findLast((posting) => posting.fate === fate) as SeenPosting;
}

function entryOf({ after }: MadeUpRun, { tag }: SeenPosting): BookEntry {
	return after.entries.find(({ description }) => description === tag) as BookEntry;
}

/** Whether nothing was posted or shown after it that would know of it. */
function isNewest({ after, observed }: MadeUpRun, { accountId, tag, invokedAtMs }: SeenPosting): boolean {
	const isLater = (other: { accountId: number; invokedAtMs: number }) =>
		other.accountId === accountId && other.invokedAtMs > invokedAtMs;
	const entries = after.entries.filter((entry) => entry.accountId === accountId);
	return entries.at(-1)?.description === tag && ![...observed.postings, ...observed.statements].some(isLater);
}

/** Takes an entry away so that only the clients can know: the books' own arithmetic stays right. */
function forget(run: MadeUpRun, forgotten: BookEntry): void {
	const { accountId, sequence, change } = forgotten;
	run.after.entries = run.after.entries
		.filter((entry) => entry !== forgotten)
		.map((entry) =>
			entry.accountId === accountId && entry.sequence > sequence
				? { ...entry, sequence: entry.sequence - 1, balance: entry.balance - change }
				: entry,
		);
	run.after.accounts = run.after.accounts.map((account) =>
		account.accountId === accountId
			? { ...account, balance: account.balance - change, sequence: account.sequence - 1 }
			: account,
	);
}

describe("a right run", () => {
	test.each(seeds)("has no finding (seed %d)", (seed) => {
		const { before, observed, after } = madeUpRun(seed);
		expect(findings(before, observed, after)).toEqual([]);
	});
});

const damages: readonly [string, (run: MadeUpRun) => void, RegExp][] = [
	[
		"an acknowledged entry that is lost",
		(run) => forget(run, entryOf(run, postingThatIs(run, "posted"))),
		/was acknowledged, and is lost/,
	],
	[
		"an entry that is there twice",
		(run) => {
			const entry = entryOf(run, postingThatIs(run, "posted"));
			run.after.entries.push({ ...entry, accountId: 2, sequence: 1000 });
		},
		/is there 2 times/,
	],
	[
		"a refused one that is there",
		(run) => Object.assign(postingThatIs(run, "posted"), { fate: "refused" }),
		/was refused, and is there/,
	],
	[
		"one that was said not to be applied and is there",
		(run) => Object.assign(postingThatIs(run, "posted"), { fate: "absent" }),
		/was said not to be applied, and is there/,
	],
	[
		"another balance than the answer's",
		(run) => Object.assign(postingThatIs(run, "posted"), { balance: 77_777 }),
		/its answer said 77777/,
	],
	[
		"another amount than was sent",
		(run) => Object.assign(postingThatIs(run, "posted"), { change: 3 }),
		/is there as/,
	],
	[
		"an entry that nobody sent",
		(run) => {
			run.observed.postings.splice(run.observed.postings.indexOf(postingThatIs(run, "posted")), 1);
		},
		/was never sent/,
	],
	[
		"a statement whose newest entry was taken back",
		(run) => {
			const statement = run.observed.statements.findLast(
				({ entries }) => entries.length > 0,
			) as SeenStatement;
			const tag = statement.entries[0]?.description;
			const posting = run.observed.postings.find((one) => one.tag === tag) as SeenPosting;
			Object.assign(posting, { fate: "unknown", endedAtMs: Number.POSITIVE_INFINITY });
			forget(run, entryOf(run, posting));
		},
		/which is gone/,
	],
	[
		"a statement with an older balance",
		(run) => {
			const statement = run.observed.statements.findLast(
				({ entries }) => entries.length > 0,
			) as SeenStatement;
			Object.assign(statement, { balance: statement.balance + 1 });
		},
		/showed the balance/,
	],
	[
		"a statement that came too late to be so old",
		(run) => {
			const { statements } = run.observed;
			const index = statements.findIndex(({ accountId, entries }) => accountId === 1 && entries.length > 0);
			const later = { invokedAtMs: 10_000, endedAtMs: 10_001 };
			statements[index] = { ...(statements[index] as SeenStatement), ...later };
		},
		/account 1 is not linearizable/,
	],
	[
		"a gap in the sequence",
		(run) => Object.assign(run.after.entries.at(-1) as BookEntry, { sequence: 999 }),
		/is number 999/,
	],
	[
		"a balance that does not run",
		(run) => Object.assign(run.after.entries[0] as BookEntry, { balance: 1 }),
		/makes the balance/,
	],
	[
		"an account that isn't the sum of its entries",
		(run) => {
			run.after.accounts = run.after.accounts.map((account) => ({
				...account,
				balance: account.balance + 1,
			}));
		},
		/its entries make/,
	],
	[
		"a prefix below the limit",
		(run) => {
			run.after.accounts = run.after.accounts.map((account) => ({ ...account, limit: 1 }));
		},
		/passes the limit/,
	],
	["what SQLite says", (run) => run.after.problems.push("row 1 missing from index x"), /integrity_check/],
	["a surprise of the clients'", (run) => run.observed.surprises.push("was answered 418"), /418/],
];

describe("a damaged run is found:", () => {
	test.each(damages)("%s", (_, damage, finding) => {
		for (const seed of seeds) {
			const run = madeUpRun(seed);
			damage(run);
			const { before, observed, after } = run;
			expect(findings(before, observed, after).join("\n")).toMatch(finding);
		}
	});

	test("an entry from before that is gone", () => {
		const { after } = madeUpRun(1);
		const { before, observed, after: later } = madeUpRun(2);
		expect(findings({ ...before, entries: after.entries }, observed, later).join("\n")).toContain(
			"from before",
		);
	});
});

describe("requests without an answer", () => {
	test("may be there or not", () => {
		for (const seed of seeds) {
			const run = madeUpRun(seed);
			const lost = run.observed.postings.findLast(({ fate, balance }) => fate === "unknown" && balance !== 0);
			if (lost !== undefined && isNewest(run, lost)) forget(run, entryOf(run, lost));
			expect(findings(run.before, run.observed, run.after)).toEqual([]);
		}
	});

	test("may be a thousand, and an order is found", () => {
		const { before, observed, after } = madeUpRun(1, 3000);
		for (const posting of observed.postings.slice(0, -50))
			Object.assign(posting, { fate: "unknown", endedAtMs: Number.POSITIVE_INFINITY });
		expect(findings(before, observed, after)).toEqual([]);
	});

	test("are found when they are there twice", () => {
		const run = madeUpRun(1);
		const entry = entryOf(run, postingThatIs(run, "unknown"));
		run.after.entries.push({ ...entry, sequence: 1000 });
		expect(findings(run.before, run.observed, run.after).join("\n")).toContain("is there 2 times");
	});
});

describe("a reset", () => {
	const resetAt = (invokedAtMs: number, fate: "done" | "unknown" | "absent") => ({
		...{ invokedAtMs, fate },
		endedAtMs: fate === "done" ? invokedAtMs + 1 : Number.POSITIVE_INFINITY,
	});
	const emptied = (run: MadeUpRun) => {
		run.after.entries = [];
		run.after.accounts = run.before.accounts;
	};

	test("excuses what was posted before it", () => {
		const run = madeUpRun(1);
		emptied(run);
		run.observed.resets.push(resetAt(100_000, "done"));
		expect(findings(run.before, run.observed, run.after)).toEqual([]);
	});

	test("that was never sent excuses nothing", () => {
		const run = madeUpRun(1);
		emptied(run);
		run.observed.resets.push(resetAt(100_000, "absent"));
		expect(findings(run.before, run.observed, run.after).join("\n")).toContain("is lost");
	});

	test("leaves nothing that was answered before it", () => {
		const run = madeUpRun(1);
		run.observed.resets.push(resetAt(100_000, "done"));
		expect(findings(run.before, run.observed, run.after).join("\n")).toContain("in spite of a reset");
	});

	test("excuses nothing that was asked for after it", () => {
		const run = madeUpRun(1);
		emptied(run);
		run.observed.resets.push(resetAt(-100, "done"));
		expect(findings(run.before, run.observed, run.after).join("\n")).toContain("is lost");
	});
});

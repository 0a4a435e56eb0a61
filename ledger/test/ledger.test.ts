/**
 * The rules, as tables of boundaries and as one property that every posting of a random history must hold.
 * The property judges with BigInt, so it can't share a rounding error with what it judges, and it is shown
 * to catch broken rules.
 */
import { describe, expect, test } from "bun:test";
import { type Account, centsMax, type Entry, type Posting, post, type Refusal } from "../src/ledger.ts";
import { property, Random, seed } from "./random.ts";

const now = 1_705_458_881_217_753;

function account(balance: number, limit: number): Account {
	return { id: 7, limit, balance, sequence: 3, lastPostedAt: now - 1 };
}

function posting(kind: "credit" | "debit", amount: number): Posting {
	return { type: "post", accountId: 7, kind, amount, description: "x" };
}

describe("a posting is posted", () => {
	const posted: [string, number, number, "credit" | "debit", number, number][] = [
		// why, balance, limit, kind, amount, balance afterwards
		["a credit of one cent", 0, 1000, "credit", 1, 1],
		["a debit of one cent", 0, 1000, "debit", 1, -1],
		["a debit up to one cent before the limit", 0, 1000, "debit", 999, -999],
		["a debit to the limit itself", 0, 1000, "debit", 1000, -1000],
		["a debit of all there is and the whole limit", 500, 1000, "debit", 1500, -1000],
		["a debit to zero without a limit", 5, 0, "debit", 5, 0],
		["a credit from the limit", -1000, 1000, "credit", 1, -999],
		["a credit to zero", -1000, 1000, "credit", 1000, 0],
		["a credit to the largest balance", centsMax - 1, 0, "credit", 1, centsMax],
		["a credit of the largest amount", 0, 0, "credit", centsMax, centsMax],
		["a credit of the largest amount from below zero", -5, 5, "credit", centsMax, centsMax - 5],
		["a debit of the largest amount within the largest limit", 0, centsMax, "debit", centsMax, -centsMax],
		["a debit of the largest amount from the largest balance", centsMax, 0, "debit", centsMax, 0],
	];
	test.each(posted)("%s", (_, balance, limit, kind, amount, expected) => {
		const books = account(balance, limit);
		const entry = post(books, posting(kind, amount), now);
		expect(entry).toEqual({
			accountId: 7,
			sequence: 4,
			kind,
			amount,
			balance: expected,
			description: "x",
			postedAt: now,
		});
		expect(books).toEqual({ id: 7, limit, balance: expected, sequence: 4, lastPostedAt: now });
		// JSON would write −0 as 0, but a comparison by Object.is would not.
		expect(Object.is(books.balance, -0)).toBe(false);
	});
});

describe("a posting is refused and changes nothing", () => {
	const refused: [string, number, number, "credit" | "debit", number, Refusal["reason"]][] = [
		["a debit one cent past the limit", 0, 1000, "debit", 1001, "limit"],
		["a debit at the limit", -1000, 1000, "debit", 1, "limit"],
		["a debit of what isn't there, without a limit", 0, 0, "debit", 1, "limit"],
		["a debit of one cent more than all there is", 5, 0, "debit", 6, "limit"],
		["a debit of the largest amount", 0, 1000, "debit", centsMax, "limit"],
		["a debit one cent past the largest limit", -centsMax, centsMax, "debit", 1, "limit"],
		["a debit that doubles the largest limit", -centsMax, centsMax, "debit", centsMax, "limit"],
		["a credit one cent past the largest balance", centsMax, 0, "credit", 1, "range"],
		["a credit two cents past it, which a number rounds", centsMax, 0, "credit", 2, "range"],
		["a credit that doubles the largest balance", centsMax, 0, "credit", centsMax, "range"],
		["a credit of the largest amount onto one cent", 1, 0, "credit", centsMax, "range"],
	];
	test.each(refused)("%s", (_, balance, limit, kind, amount, reason) => {
		const books = account(balance, limit);
		expect(post(books, posting(kind, amount), now)).toEqual({ type: "refused", reason });
		expect(books).toEqual(account(balance, limit));
	});
});

describe("an entry is never dated before its predecessor", () => {
	const clocks: [string, number, number][] = [
		["a clock that goes on", now + 5, now + 5],
		["a clock that stands still", now, now],
		["a clock that is set back by a microsecond", now - 1, now],
		["a clock that is set back by a year", now - 31_536_000_000_000, now],
		["a clock that is set back to 1970", 0, now],
	];
	test.each(clocks)("with %s", (_, clock, postedAt) => {
		const books = { ...account(0, 1000), lastPostedAt: now };
		const entry = post(books, posting("debit", 1), clock) as Entry;
		expect(entry.postedAt).toBe(postedAt);
		expect(books.lastPostedAt).toBe(postedAt);
	});
});

type Rule = typeof post;

/** The first thing that a rule does wrong in a random history of one account, or undefined. */
function breach(rule: Rule, random: Random, postings: number): string | undefined {
	const limit = random.pick([0, 1, 1000, 100_000, random.between(0, centsMax), centsMax]);
	const books: Account = { id: 1, limit, balance: 0, sequence: 0, lastPostedAt: 0 };
	let sum = 0n;
	let postedAt = 0;
	let sequence = 0;
	let clock = now;
	for (let index = 0; index < postings; index += 1) {
		clock += random.pick([0, 1, 1000, -1, -3_600_000_000, 3_600_000_000]);
		const before = { ...books };
		const asked = randomPosting(books, random);
		const change = BigInt(asked.kind === "credit" ? asked.amount : -asked.amount);
		const outcome = rule(books, asked, clock);
		const at = `${asked.kind} of ${asked.amount} on ${before.balance} with limit ${limit}`;
		const reason =
			sum + change < -BigInt(limit) ? "limit" : sum + change > BigInt(centsMax) ? "range" : undefined;
		if ("type" in outcome) {
			if (outcome.reason !== reason) return `${at}: refused for ${outcome.reason}, not ${reason}`;
			if (!Bun.deepEquals(books, before)) return `${at}: a refusal changed the account`;
			continue;
		}
		if (reason !== undefined) return `${at}: posted, and passes the ${reason}`;
		sum += change;
		sequence += 1;
		if (outcome.sequence !== sequence || books.sequence !== sequence) return `${at}: a gap in the sequence`;
		if (BigInt(outcome.balance) !== sum || BigInt(books.balance) !== sum) return `${at}: not the sum`;
		if (!Number.isSafeInteger(books.balance)) return `${at}: leaves the safe range`;
		if (outcome.postedAt < postedAt || books.lastPostedAt !== outcome.postedAt) return `${at}: dated back`;
		if (outcome.postedAt !== Math.max(clock, postedAt)) return `${at}: not the clock's time`;
		postedAt = outcome.postedAt;
	}
	return undefined;
}

/** Seeks the edges: exactly to the limit or the largest balance, a cent past it, and anything between. */
function randomPosting(books: Account, random: Random): Posting {
	const kind = random.pick(["credit", "debit"] as const);
	const room = kind === "credit" ? centsMax - books.balance : books.balance + books.limit;
	const amount = random.pick([
		1,
		room,
		room + 1,
		room - 1,
		random.between(1, 1000),
		random.between(1, centsMax),
	]);
	return posting(kind, Math.min(Math.max(amount, 1), centsMax));
}

function firstBreach(rule: Rule, random: Random): string | undefined {
	for (let history = 0; history < 200; history += 1) {
		const found = breach(rule, random, 100);
		if (found !== undefined) return found;
	}
	return undefined;
}

property("any history keeps limit, sum, range, order and sequence, and refusals change nothing", (random) => {
	expect(firstBreach(post, random)).toBeUndefined();
});

describe("the property catches a rule that", () => {
	const broken: [string, Rule][] = [
		["lets one cent pass the limit", (books, asked, at) => within(books, books.limit + 1, asked, at)],
		["refuses the last cent of the limit", (books, asked, at) => within(books, books.limit - 1, asked, at)],
		["knows no limit", (books, asked, at) => within(books, centsMax, asked, at)],
		["adds one cent too many", (books, asked, at) => post(books, { ...asked, amount: asked.amount + 1 }, at)],
		[
			"knows no largest balance",
			(books, asked, at) => {
				if (asked.kind === "debit") return post(books, asked, at);
				books.balance += asked.amount;
				books.sequence += 1;
				books.lastPostedAt = Math.max(at, books.lastPostedAt);
				const { balance, sequence, lastPostedAt: postedAt } = books;
				return { ...asked, balance, sequence, postedAt };
			},
		],
		[
			"counts what it refuses",
			(books, asked, at) => {
				const outcome = post(books, asked, at);
				if ("type" in outcome) books.sequence += 1;
				return outcome;
			},
		],
		[
			"follows the clock backwards",
			(books, asked, at) => {
				books.lastPostedAt = 0;
				return post(books, asked, at);
			},
		],
		[
			"names the wrong reason",
			(books, asked, at) => {
				const outcome = post(books, asked, at);
				return "type" in outcome ? { type: "refused", reason: "range" } : outcome;
			},
		],
	];
	test.each(broken)("%s", (_, rule) => {
		expect(firstBreach(rule, new Random(seed))).toBeString();
	});
});

/** post() with another limit than the account's. */
function within(books: Account, limit: number, asked: Posting, at: number): Entry | Refusal {
	const copy: Account = { ...books, limit };
	const outcome = post(copy, asked, at);
	Object.assign(books, copy, { limit: books.limit });
	return outcome;
}

/** The figures that docs/benchmarks.md publishes, and the targets that they are held to. */
import { type Bench, type Contender, capNote, planOf } from "./bench.ts";
import type { Bound } from "./claim.ts";
import { compare, rowOf } from "./comparison.ts";
import type { Figure, Measured } from "./figure.ts";
import { memory } from "./memory.ts";
import { start } from "./start.ts";
import type { TrialPlan } from "./trial.ts";

/** A target for the first contender's value, divided by the second's. */
interface RatioBound extends Bound {
	of: "requestsPerSecond" | "p50Us" | "p99Us";
}

const durable = { variant: "durable", connections: 14 };
/** One transaction a request as a textbook has it, and as the reference does it: see textbook.ts. */
const textbook = { variant: "textbook", connections: 14 };
/** The ledger's own queue and way of waiting for the lock, with batches of one. */
const perRequest = { variant: "per-request", connections: 14 };
/** One account, so that any statement shows ten entries; one process, which waits for nobody. */
const statements = { variant: "durable", connections: 1, direct: true, mix: "statements" } as const;

const groupCommit = duel({
	title: "Durable, against one transaction a request",
	about:
		"The same code, but one transaction a request, begun where it arrives, and SQLite's busy handler to wait for the lock. Only durable waits for the disk, and only durable lets requests travel together.",
	first: durable,
	second: textbook,
	bounds: [
		atLeast(1, "requestsPerSecond", "requests/s, durable ÷ textbook, 14 connections"),
		atMost(1 / 8, "p99Us", "p99, durable ÷ textbook, 14 connections"),
	],
});

const groupCommitAlone = duel({
	title: "Durable, against batches of one",
	about:
		"The ledger itself with BATCH_MAX=1 and DURABILITY=os: its own queue, and its own way to wait for the lock.",
	first: durable,
	second: perRequest,
	bounds: [
		atLeast(1, "requestsPerSecond", "requests/s, durable ÷ per-request, 14 connections"),
		atMost(1 / 8, "p99Us", "p99, durable ÷ per-request, 14 connections"),
	],
});

const ceiling = duel({
	title: "Durable, against the ceiling",
	about: "What is left of the machine's reach when every answer is decided, written and waits for the disk.",
	first: { ...durable, connections: 64 },
	second: { variant: "ceiling", connections: 64 },
	bounds: [atLeast(0.8, "requestsPerSecond", "requests/s, durable ÷ ceiling, 64 connections")],
});

const os = duel({
	title: "Without waiting for the disk, against one transaction a request",
	about: "Neither waits for the disk: the batch is all the difference.",
	first: { variant: "os", connections: 14 },
	second: textbook,
	bounds: [atLeast(1.4, "requestsPerSecond", "requests/s, os ÷ textbook, 14 connections")],
});

const osAlone = duel({
	title: "Without waiting for the disk, against batches of one",
	about: "The ledger itself, with and without BATCH_MAX=1.",
	first: { variant: "os", connections: 14 },
	second: perRequest,
	bounds: [atLeast(1.4, "requestsPerSecond", "requests/s, os ÷ per-request, 14 connections")],
});

const statement = duel({
	title: "A statement after ten million entries, against one after ten",
	about:
		"One account that holds all the entries, so that both statements show ten; one API process alone, without nginx; nothing but statements.",
	first: { ...statements, size: { accounts: 1, entries: 10_000_000 } },
	second: { ...statements, size: { accounts: 1, entries: 10 } },
	bounds: [atMost(1.1, "p50Us", "p50 of a statement, 10,000,000 entries ÷ 10")],
});

const accounts = duel({
	title: "A million accounts, against five",
	about:
		"All equally likely. Every account begins with nothing and a limit of 5,000, so that both contenders refuse the same share.",
	first: { ...durable, connections: 64, size: { accounts: 1_000_000, entries: 0 } },
	second: { ...durable, connections: 64, size: { accounts: 5, entries: 0 } },
	bounds: [atLeast(0.8, "requestsPerSecond", "requests/s, 1,000,000 accounts ÷ 5, 64 connections")],
});

/** By number. */
export const figures = new Map<number, Figure>(
	[groupCommit, ceiling, os, start, memory, statement, accounts, groupCommitAlone, osAlone].map(
		(figure, i) => [i + 1, figure],
	),
);

function atLeast(target: number, of: RatioBound["of"], what: string): RatioBound {
	return { what, bound: "at least", target, unit: "", of };
}

function atMost(target: number, of: RatioBound["of"], what: string): RatioBound {
	return { what, bound: "at most", target, unit: "", of };
}

interface Duel {
	title: string;
	about: string;
	first: Contender;
	second: Contender;
	bounds: RatioBound[];
}

function duel({ title, about, first, second, bounds }: Duel): Figure {
	const measure = async (bench: Bench): Promise<Measured> => {
		const { options, stop, progress } = bench;
		const plans = new Map<string, TrialPlan>([await planOf(bench, first), await planOf(bench, second)]);
		const results = await compare(plans, options.rounds, stop, progress);
		const rows = results.map(rowOf);
		const claims = bounds.map(({ of, ...bound }) => ({
			...bound,
			what: `${bound.what}${capNote(bench.capped)}`,
			reached: ratio(rows[0]?.[of], rows[1]?.[of]),
		}));
		return { claims, rows, results };
	};
	return { title, about, measure };
}

function ratio(above: number | undefined, below: number | undefined): number {
	if (above === undefined || !below) throw new Error("there is nothing to compare");
	return above / below;
}

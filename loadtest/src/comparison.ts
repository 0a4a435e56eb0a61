/**
 * Whether a run is slower than its baseline, or only differs from it as one run differs from the next.
 *
 * Each figure gets the ratio after ÷ before with its 95 % confidence interval, and counts as improved or
 * regressed only if the whole interval lies beyond the noise that the caller allows. What runs vary by comes
 * from one of two places:
 *
 * - repeats: from at least three whole runs on both sides. The better one: it knows how runs differ.
 * - blocks: from one run on each side, cut into blocks. It knows how a run differs from itself, not from the
 *   next one, whose disk may be fuller or processor warmer. What is beyond its interval may still be that.
 *
 *     before  |  1  |  2  |  3  | … | 20 |      The k-th block is compared with the k-th: a ramp or a
 *     after   |  1  |  2  |  3  | … | 20 |      warm-up that both runs have is no noise.
 */
import { type Baseline, type Run, runsOf } from "./baseline.ts";
import {
	type Counts,
	type Interval,
	intervalOfBlocks,
	intervalOfErrors,
	intervalOfRuns,
	mean,
} from "./confidence.ts";
import { kinds } from "./operation.ts";
import type { Comparison, ComparisonRow, Machine, Result, SecondRow, Shape } from "./result.ts";

type Figure = ComparisonRow["figure"];
type Verdict = ComparisonRow["verdict"];

const repeatsMin = 3;

const figures: readonly Figure[] = ["rate", "mean", "p50", "p99", "p999", "errorShare"];
/** Those that decide about the whole; the others are for the reader, and too noisy or too alike to count. */
const deciding: ReadonlySet<Figure> = new Set(["rate", "p50", "p99", "errorShare"]);

/** What a second says about a figure. A second has no mean, and errorShare goes by counts. */
const ofSecond: Partial<Record<Figure, (second: SecondRow) => number | null>> = {
	rate: ({ answered }) => answered,
	p50: ({ p50Ms }) => p50Ms,
	p99: ({ p99Ms }) => p99Ms,
	p999: ({ p999Ms }) => p999Ms,
};

/** Two runs that say nothing about each other; the message is one sentence with every difference. */
export class IncomparableShapes extends Error {
	override readonly name = "IncomparableShapes";
}

/** One side of a comparison. */
interface Side {
	/** Of all repetitions. */
	readonly runs: readonly Run[];
	/** Of the last one. */
	readonly seconds: readonly SecondRow[];
}

interface Estimate {
	readonly before: number;
	readonly after: number;
	/** Undefined when too little was measured for one. */
	readonly interval: Interval | undefined;
}

/**
 * The results of all repetitions, in their order, against the baseline. A figure that one of them lacks,
 * because nothing was answered, has no row.
 * @throws {IncomparableShapes}
 */
export function compare(baseline: Baseline, results: readonly Result[], noisePercent: number): Comparison {
	const last = results.at(-1);
	if (last === undefined) throw new Error("nothing to compare with the baseline");
	assertComparable(baseline, last);
	const after: Side = { runs: runsOf(results), seconds: last.seconds };
	const isRepeated = Math.min(baseline.runs.length, after.runs.length) >= repeatsMin;
	const estimate = isRepeated ? estimateByRepeats : estimateByBlocks;
	const rows = figures.flatMap((figure) => {
		const found =
			figure === "errorShare"
				? estimateErrors(baseline, after, isRepeated)
				: estimate(figure, baseline, after);
		return found === undefined ? [] : [rowOf(figure, found, noisePercent / 100)];
	});
	return {
		baseline: baseline.name,
		baselineStartedAt: baseline.startedAt,
		method: isRepeated ? "repeats" : "blocks",
		rows,
		verdict: overallVerdict(rows),
	};
}

/** Shown are the geometric means of the runs, whose ratio the interval is about. */
function estimateByRepeats(figure: Figure, before: Side, after: Side): Estimate | undefined {
	const [a, b] = [valuesOf(before.runs, figure), valuesOf(after.runs, figure)];
	if (Math.min(a.length, b.length) < repeatsMin) return undefined;
	const isPositive = [...a, ...b].every((value) => value > 0);
	const average = (values: readonly number[]) =>
		isPositive ? Math.exp(mean(values.map(Math.log))) : mean(values);
	return { before: average(a), after: average(b), interval: intervalOfRuns(a, b) };
}

/**
 * Shown are the figures of the whole run, as everywhere else. The interval is of what the seconds say; should
 * the two disagree, it is widened until the whole run's ratio lies inside.
 */
function estimateByBlocks(figure: Figure, before: Side, after: Side): Estimate | undefined {
	const read = ofSecond[figure];
	const [a, b] = [before.runs.at(-1)?.figures[figure], after.runs.at(-1)?.figures[figure]];
	if (read === undefined || !isMeasured(a) || !isMeasured(b)) return undefined;
	const interval = intervalOfBlocks(before.seconds.map(read), after.seconds.map(read));
	return { before: a, after: b, interval: interval && including(interval, b / a) };
}

/** Only the last runs have seconds, so only theirs are counted unless whole runs are the pieces. */
function estimateErrors(before: Side, after: Side, isRepeated: boolean): Estimate | undefined {
	const [a, b] = [countsOf(before, isRepeated), countsOf(after, isRepeated)];
	if (a.requests === 0 || b.requests === 0) return undefined;
	const [shareBefore, shareAfter] = [a.errors / a.requests, b.errors / b.requests];
	const interval = including(intervalOfErrors(a, b), shareAfter / shareBefore);
	return { before: shareBefore, after: shareAfter, interval };
}

function countsOf({ runs, seconds }: Side, isRepeated: boolean): Counts {
	const counted = isRepeated ? runs : runs.slice(-1);
	const errors = counted.map(({ figures }) => figures.errors);
	return {
		errors: sum(errors),
		requests: sum(counted.map(({ requests }) => requests)),
		pieces: isRepeated ? errors : seconds.map((second) => second.errors),
	};
}

function rowOf(figure: Figure, { before, after, interval }: Estimate, noiseShare: number): ComparisonRow {
	const verdict = interval === undefined ? "unchanged" : verdictOf(figure, interval, noiseShare);
	if (before === 0) return { figure, before, after, ratio: null, ratioLow: null, ratioHigh: null, verdict };
	const [ratioLow, ratioHigh] = [interval?.low ?? null, interval?.high ?? null];
	return { figure, before, after, ratio: after / before, ratioLow, ratioHigh, verdict };
}

function verdictOf(figure: Figure, { low, high }: Interval, noiseShare: number): Verdict {
	const isMoreBetter = figure === "rate";
	if (low > 1 + noiseShare) return isMoreBetter ? "improved" : "regressed";
	if (high < 1 - noiseShare) return isMoreBetter ? "regressed" : "improved";
	return "unchanged";
}

function overallVerdict(rows: readonly ComparisonRow[]): Verdict {
	const verdicts = rows.filter(({ figure }) => deciding.has(figure)).map(({ verdict }) => verdict);
	if (verdicts.includes("regressed")) return "regressed";
	return verdicts.includes("improved") ? "improved" : "unchanged";
}

/** Where before is zero there is no ratio, and nothing to include. */
function including(interval: Interval, ratio: number): Interval {
	if (!Number.isFinite(ratio)) return interval;
	return { low: Math.min(interval.low, ratio), high: Math.max(interval.high, ratio) };
}

function valuesOf(runs: readonly Run[], figure: Figure): number[] {
	return runs.map(({ figures }) => figures[figure]).filter(isMeasured);
}

function isMeasured(value: number | undefined): value is number {
	return Number.isFinite(value);
}

function sum(values: readonly number[]): number {
	return values.reduce((total, value) => total + value, 0);
}

/** How each part of a shape reads; two that read the same are the same. */
const shapeParts: Readonly<Record<Exclude<keyof Shape, "adjusted">, (shape: Shape) => string>> = {
	model: ({ model }) => `${model} model`,
	concurrency: ({ concurrency }) => `concurrency ${concurrency}`,
	schedule: ({ schedule }) => `schedule ${schedule ?? "none"}`,
	durationSeconds: ({ durationSeconds }) =>
		`duration ${durationSeconds === null ? "open" : `${durationSeconds} s`}`,
	iterations: ({ iterations }) => `requests ${iterations ?? "open"}`,
	warmUpSeconds: ({ warmUpSeconds }) => `warm-up ${warmUpSeconds} s`,
	connections: ({ connections }) => `connections ${connections}`,
	mix: ({ mix }) => `mix ${kinds.map((kind) => `${mix[kind]} ${kind}s`).join(" : ")}`,
	timeoutMs: ({ timeoutMs }) => `timeout ${timeoutMs} ms`,
	accountIds: ({ accountIds }) => `accounts ${accountIds.join(" ")}`,
	// Baselines of before have none of these three.
	amountMin: ({ amountMin = 1 }: Partial<Shape>) => `amounts from ${amountMin}`,
	amountMax: ({ amountMax = 10_000 }: Partial<Shape>) => `amounts to ${amountMax}`,
	chaos: ({ chaos = [] }: Partial<Shape>) => `chaos ${chaos.join(", ") || "none"}`,
};

/**
 * Another target is what a comparison may be about, and another seed draws other amounts of the same load. But
 * another processor changes every figure by itself, and a warning beside a verdict is read after the verdict:
 * so it is refused. Memory and system may differ: they are reported differently from boot to boot, and what
 * a new kernel costs is worth comparing.
 */
function assertComparable(baseline: Baseline, { shape, machine }: Result): void {
	const differences = [
		...Object.values(shapeParts)
			.map((read) => [read(baseline.shape), read(shape)] as const)
			.concat([[processorOf(baseline.machine), processorOf(machine)]])
			.filter(([before, after]) => before !== after)
			.map(([before, after]) => `${before} there, ${after} here`),
		...(baseline.shape.adjusted ? ["its load was changed by hand"] : []),
		...(shape.adjusted ? ["this run's load was changed by hand"] : []),
	];
	if (differences.length > 0)
		throw new IncomparableShapes(
			`the baseline ${baseline.name} can't be compared: ${differences.join("; ")}`,
		);
}

function processorOf({ processor, processors }: Machine): string {
	return `${processors} × ${processor}`;
}

/**
 * What was typed, read once and checked whole: from here on it is typed, complete and free of contradictions.
 * Every message is one sentence for the person who typed it.
 */
import type { ChaosPlan } from "./chaos.ts";
import { parseChaos } from "./chaos-schedule.ts";
import { type Given, parseCommandLine, type TextLine } from "./command-line.ts";
import type { Kind } from "./operation.ts";
import * as values from "./option-values.ts";
import { constantSchedule, durationMsMax, parseStages, rateMax, type Schedule } from "./schedule.ts";
import { parseTarget, type Target } from "./target.ts";
import { parseThreshold, type Threshold } from "./threshold.ts";
import { parseVictim } from "./victim.ts";

export type Options = LoadOptions | RinhaOptions | TextLine;

/** What both commands have. */
interface RunOptions {
	readonly target: Target;
	readonly connections: "shared" | "per-request";
	readonly timeoutMs: number;
	/** From 0 to below 2³²; drawn when none was given. */
	readonly seed: number;
	/** Whether the target's entries are destroyed before the run. */
	readonly reset: boolean;
	/** The target's SQLite file, to be audited after the run. */
	readonly databasePath: string | null;
	/** At least one, and at most one of them for the standard output. */
	readonly reports: readonly ReportTarget[];
	/** Ascending. */
	readonly percentiles: readonly number[];
	readonly thresholds: readonly Threshold[];
	/** Whether a live screen may be shown where there is a terminal for it. */
	readonly screen: boolean;
	/** Nothing but the reports. */
	readonly quiet: boolean;
}

export interface LoadOptions extends RunOptions {
	readonly command: "load";
	/** Requests in flight at most; without a schedule always that many. */
	readonly concurrency: number;
	/** Of an open model; null in a closed one. Without an end unless it has stages. */
	readonly schedule: Schedule | null;
	/** The first of the two ends the run; null is no bound. With stages the schedule bounds it too. */
	readonly durationMs: number | null;
	readonly iterations: number | null;
	readonly warmUpMs: number;
	readonly mix: Readonly<Record<Kind, number>>;
	/** Ascending. */
	readonly accountIds: readonly number[];
	/** In cents, both included. */
	readonly amountMin: number;
	readonly amountMax: number;
	/** What is done to the target's processes meanwhile; null is nothing. */
	readonly chaos: ChaosPlan | null;
	readonly repeat: number;
	/** The name to save under, and the name to compare with. */
	readonly saveBaseline: string | null;
	readonly baseline: string | null;
	readonly baselineFolder: string;
	/** Differences up to this share are noise. */
	readonly noiseShare: number;
}

export interface RinhaOptions extends RunOptions {
	readonly command: "rinha";
	/** The load's time is so many times four minutes, at rates that leave the number of requests as it is. */
	readonly timeScale: number;
	/** So many times the load's requests. */
	readonly multiply: number;
	/** How long a target that doesn't answer yet is waited for. */
	readonly waitMs: number;
}

export type ReportFormat = "text" | "json" | "csv" | "junit" | "html";

interface ReportTarget {
	readonly format: ReportFormat;
	/** Null is the standard output. */
	readonly path: string | null;
}

/** What was typed can't be used; exit code 1. The message is one sentence. */
export class UsageError extends Error {
	override readonly name = "UsageError";
}

/**
 * Of the arguments after the program's name, and of the program that containers are asked through, if it is not
 * docker or podman.
 * @throws {UsageError}
 */
export function readOptions(args: readonly string[], containerEngine?: string): Options {
	try {
		const line = parseCommandLine(args);
		if ("text" in line) return line;
		const { command, url, given } = line;
		return command === "load" ? loadOptions(url, given, containerEngine) : rinhaOptions(url, given);
	} catch (error) {
		throw new UsageError((error as Error).message);
	}
}

function loadOptions(url: string, given: Given, containerEngine: string | undefined): LoadOptions {
	refuseContradictions(given);
	const iterations = optional("--iterations", given.iterations, values.wholeNumber(1, 1_000_000_000));
	const durationMs = optional("--duration", given.duration, duration(1));
	const isBounded = iterations !== null || given.stages !== undefined;
	const [amountMin, amountMax] = values.read("--amount", given.amount ?? "1-10000", values.amounts);
	return {
		command: "load",
		...runOptions(url, given, "shared"),
		concurrency: values.read("--concurrency", given.concurrency ?? "14", values.wholeNumber(1, 10_000)),
		schedule: scheduleOf(given),
		durationMs: durationMs ?? (isBounded ? null : 10_000),
		iterations,
		warmUpMs: values.read("--warm-up", given.warmUp ?? "0s", duration(0)),
		mix: values.read("--mix", given.mix ?? "22:11:1", values.mix),
		accountIds: values.read("--accounts", given.accounts ?? "1-5", values.accountIds),
		amountMin,
		amountMax,
		chaos: chaosOf(given, containerEngine),
		repeat: values.read("--repeat", given.repeat ?? "1", values.wholeNumber(1, 100)),
		saveBaseline: optional("--save-baseline", given.saveBaseline, values.baselineName),
		baseline: optional("--baseline", given.baseline, values.baselineName),
		baselineFolder: values.read("--baseline-folder", given.baselineFolder ?? ".baselines", values.path),
		noiseShare: values.read("--noise", given.noise ?? "2", values.percentage),
	};
}

function rinhaOptions(url: string, given: Given): RinhaOptions {
	return {
		command: "rinha",
		...runOptions(url, given, "per-request"),
		timeScale: values.read("--time-scale", given.timeScale ?? "1", values.positive(10)),
		multiply: values.read("--multiply", given.multiply ?? "1", values.wholeNumber(1, 100)),
		waitMs: values.read("--wait", given.wait ?? "40s", duration(0)),
	};
}

function runOptions(url: string, given: Given, connections: RunOptions["connections"]): RunOptions {
	return {
		target: parseTarget(url),
		connections: values.read(
			"--connections",
			given.connections ?? connections,
			values.oneOf(["shared", "per-request"]),
		),
		timeoutMs: values.read("--timeout", given.timeout ?? "10s", values.duration(1, 600_000)),
		seed: optional("--seed", given.seed, values.wholeNumber(0, 2 ** 32 - 1)) ?? drawSeed(),
		reset: given.reset === true,
		databasePath: optional("--db", given.db, values.path),
		reports: reportTargets(given),
		percentiles: values.read(
			"--percentiles",
			given.percentiles ?? "10,25,50,75,90,95,99,99.9,99.99",
			values.percentiles,
		),
		thresholds: (given.threshold ?? []).map((text) => values.read("--threshold", text, parseThreshold)),
		screen: given.screen !== false && given.quiet !== true,
		quiet: given.quiet === true,
	};
}

function refuseContradictions(given: Given): void {
	if (given.stages !== undefined && given.rate !== undefined)
		throw new Error("--stages and --rate exclude each other: each says how many requests are sent and when");
	if (given.stages !== undefined && given.duration !== undefined)
		throw new Error("--stages and --duration exclude each other: the stages say how long they take");
	if (given.baseline !== undefined && given.baseline === given.saveBaseline)
		throw new Error("--baseline and --save-baseline need different names: what is compared with must stay");
	if (given.noise !== undefined && given.baseline === undefined)
		throw new Error("--noise needs --baseline: without one nothing is compared");
}

function chaosOf({ chaos = [], victim = [] }: Given, engine: string | undefined): ChaosPlan | null {
	const rules = chaos.map((text) => values.read("--chaos", text, parseChaos));
	const victims = victim.map((text) => values.read("--victim", text, (name) => parseVictim(name, engine)));
	if (rules.length > 0 && victims.length === 0)
		throw new Error("--chaos needs --victim: the pid file or the container that it happens to");
	if (victims.length > 0 && rules.length === 0)
		throw new Error("--victim needs --chaos: what happens to it, and when");
	return rules.length === 0 ? null : { rules, victims };
}

function scheduleOf(given: Given): Schedule | null {
	if (given.stages !== undefined) return values.read("--stages", given.stages, parseStages);
	const rate = optional("--rate", given.rate, values.positive(rateMax));
	return rate === null ? null : constantSchedule(rate, undefined);
}

function reportTargets(given: Given): ReportTarget[] {
	const format = values.read(
		"--output",
		given.output ?? "text",
		values.oneOf(["text", "json", "csv", "junit"]),
	);
	const reports: ReportTarget[] = [
		{ format, path: optional("--output-file", given.outputFile, values.path) },
		...(["html", "json", "junit"] as const).flatMap((extra) => {
			const path = optional(`--${extra}`, given[extra], values.path);
			return path === null ? [] : [{ format: extra, path }];
		}),
	];
	const paths = reports.flatMap(({ path }) => (path === null ? [] : [path]));
	const twice = paths.find((path, index) => paths.indexOf(path) !== index);
	if (twice !== undefined) throw new Error(`two reports would be written to ${JSON.stringify(twice)}`);
	return reports;
}

function duration(minMs: number): (text: string) => number {
	return values.duration(minMs, durationMsMax);
}

function optional<T>(name: string, text: string | undefined, parse: (text: string) => T): T | null {
	return text === undefined ? null : values.read(name, text, parse);
}

function drawSeed(): number {
	return crypto.getRandomValues(new Uint32Array(1))[0] as number;
}

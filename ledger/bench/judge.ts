/**
 * The judge as a function: a load goes in, what it measured and what it thinks of the books comes out.
 *
 * The project's load tester, run as anybody would run it. It is a process of its own and not imported: ledger
 * and judge share no code, and what is read of its result is written down here once more.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Measured } from "./wrk.ts";

const program = join(import.meta.dir, "../../loadtest/src/main.ts");
const schemaVersion = 1;
/** Measured, books inconsistent, measurement invalid: each comes with a result. */
const exitCodesWithResult = [0, 4, 5];
/** It keeps its history in files, and on the disk they would share the ledger's syncs. */
const memoryFolder = "/dev/shm";

export interface JudgeLoad {
	port: number;
	connections: number;
	/** Requests a second, due at fixed times; null is as many as the connections can carry. */
	rate: number | null;
	seconds: number;
	warmUpSeconds: number;
	seed: number;
	/** To be audited after the load. */
	databaseFile: string | undefined;
}

export interface Verdict {
	verdict: string;
	/** A sentence. */
	reason: string;
}

/** Latencies are response times: they count from when a request was due. */
export interface Judged extends Measured {
	/** Requests without an answer, or with a status that is none of 200 and 422. */
	errors: number;
	violations: number;
	validity: Verdict;
	consistency: Verdict;
	/** 1 is one processor. */
	generatorCpuShare: number;
	/** The measured time, on the wall clock. */
	fromMs: number;
	toMs: number;
}

/** What the benchmark reads of the judge's result; durations are milliseconds. */
export interface JudgeResult {
	schemaVersion: number;
	/** Of the warm-up. */
	startedAt: string;
	summary: {
		elapsedSeconds: number;
		requests: number;
		otherStatus: number;
		failed: number;
		unsent: number;
		refused: number;
		rate: number;
		generatorCpuShare: number;
	};
	latency: { response: { maxMs: number; percentiles: { percentile: number; ms: number }[] } };
	statuses: { status: number; count: number }[];
	errors: { message: string; count: number }[];
	validity: Verdict;
	consistency: Verdict & { violationsTotal: number };
}

/** Throws also when not one request was answered. */
export async function applyJudge(load: JudgeLoad, stop: AbortSignal): Promise<Judged> {
	return judgedOf(await judge(load, stop), load);
}

/** Throws when there is no result; a bad one is a result. */
export async function judge(load: JudgeLoad, stop: AbortSignal): Promise<JudgeResult> {
	stop.throwIfAborted();
	const folder = mkdtempSync(join(existsSync(memoryFolder) ? memoryFolder : tmpdir(), "crebito-judge-"));
	try {
		const child = Bun.spawn([process.execPath, program, ...judgeArguments(load)], {
			env: { ...process.env, TMPDIR: folder },
			stdin: "ignore",
			stdout: "pipe",
			stderr: "pipe",
			signal: stop,
			detached: true,
		});
		const [output, complaint, code] = await Promise.all([
			child.stdout.text(),
			child.stderr.text(),
			child.exited,
		]);
		stop.throwIfAborted();
		if (!exitCodesWithResult.includes(code) || output === "")
			throw new Error(`the judge ended with ${code} and no result:\n${complaint.trimEnd()}`);
		return JSON.parse(output) as JudgeResult;
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

function judgeArguments(load: JudgeLoad): string[] {
	const { port, connections, rate, seconds, warmUpSeconds, seed, databaseFile } = load;
	return [
		...[
			"load",
			`http://127.0.0.1:${port}`,
			"-c",
			connections,
			"-d",
			`${seconds}s`,
			"-w",
			`${warmUpSeconds}s`,
		],
		...(rate === null ? [] : ["-r", rate]),
		...["-o", "json", "--no-screen", "--quiet", "--seed", seed],
		...(databaseFile === undefined ? [] : ["--db", databaseFile]),
	].map(String);
}

/** Durations become microseconds, and the measured time a time of the wall clock. */
export function judgedOf(result: JudgeResult, { warmUpSeconds }: JudgeLoad): Judged {
	if (result.schemaVersion !== schemaVersion)
		throw new Error(`the judge's result is of schema ${result.schemaVersion}, not ${schemaVersion}`);
	const { summary, latency, validity, consistency } = result;
	const { maxMs, percentiles } = latency.response;
	const percentileUs = (wanted: number) => {
		const found = percentiles.find(({ percentile }) => percentile === wanted);
		if (found === undefined) throw new Error(`not one request was answered: ${validity.reason}`);
		return 1000 * found.ms;
	};
	const fromMs = Date.parse(result.startedAt) + 1000 * warmUpSeconds;
	return {
		requests: summary.requests,
		requestsPerSecond: summary.rate,
		refused: summary.refused,
		p50Us: percentileUs(50),
		p90Us: percentileUs(90),
		p99Us: percentileUs(99),
		p999Us: percentileUs(99.9),
		maxUs: 1000 * maxMs,
		errors: summary.otherStatus + summary.failed + summary.unsent,
		violations: consistency.violationsTotal,
		validity,
		consistency,
		generatorCpuShare: summary.generatorCpuShare,
		fromMs,
		toMs: fromMs + 1000 * summary.elapsedSeconds,
	};
}

/** Results as a run leaves them, made up from a few numbers: what baselines keep and comparisons look at. */
import type { Figures, Result, SecondRow } from "../src/result.ts";
import type { Random } from "./made-up-history.ts";

/** What a run was like. Each second varies by the noise, and the whole run by the drift. */
export interface Making {
	readonly random: Random;
	readonly seconds: number;
	readonly rate: number;
	readonly p50: number;
	readonly p99: number;
	/** Relative standard deviations. */
	readonly noise: number;
	readonly drift: number;
	/** Failed requests, by second; none where there is no number. */
	readonly errors?: readonly number[];
}

export const usual = { seconds: 30, rate: 3000, p50: 4, p99: 20, noise: 0.03, drift: 0 };

/** Standard normal, by Box and Muller. */
export function normal(random: Random): number {
	return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

export function makeRun(making: Making): Result {
	const { random, seconds, rate, p50, p99, noise, drift, errors = [] } = making;
	const vary = (value: number, by: number) => value * Math.exp(by * normal(random));
	const whole = { rate: vary(rate, drift), p50: vary(p50, drift), p99: vary(p99, drift) };
	const rows = Array.from({ length: seconds }, (_, second) => ({
		...emptySecond,
		second,
		answered: Math.round(vary(whole.rate, noise)),
		errors: errors[second] ?? 0,
		p50Ms: vary(whole.p50, noise),
		p99Ms: vary(whole.p99, noise),
		p999Ms: vary(2 * whole.p99, noise),
	}));
	return resultOf(rows, whole.p50);
}

/** The figures of the seconds, as good as they can be had from them. */
function resultOf(seconds: readonly SecondRow[], mean: number): Result {
	const average = (read: (row: SecondRow) => number | null) => {
		const values = seconds.map(read).filter((value) => value !== null);
		return values.length === 0 ? Number.NaN : sum(values) / values.length;
	};
	const answered = sum(seconds.map((row) => row.answered));
	const errors = sum(seconds.map((row) => row.errors));
	const requests = answered + errors;
	return withFigures({
		rate: answered / seconds.length,
		mean,
		p50: average(({ p50Ms }) => p50Ms),
		p99: average(({ p99Ms }) => p99Ms),
		p999: average(({ p999Ms }) => p999Ms),
		errorShare: errors / requests,
		errors,
		...{ requests, seconds },
	});
}

export function withFigures(
	given: Partial<Figures> & { readonly requests?: number; readonly seconds?: readonly SecondRow[] },
): Result {
	const { requests = 90_000, seconds = [], ...figures } = given;
	return {
		...result,
		summary: { ...result.summary, requests },
		seconds,
		repeats: [{ ...usualFigures, ...figures }],
	};
}

const emptySecond: SecondRow = {
	...{ second: 0, asked: null, sent: 0, answered: 0, errors: 0, p50Ms: null, p99Ms: null, p999Ms: null },
	...{ latenessP99Ms: null, inFlight: 14, cpuShare: 0.2 },
};

const usualFigures: Figures = {
	...{ rate: 3000, mean: 4.5, p50: 4, p90: 9, p99: 20, p999: 40, max: 60, errorShare: 0, errors: 0 },
	...{ violations: 0, latenessP99: 0 },
};

const distribution = {
	...{ count: 0, minMs: 0, meanMs: 0, medianMs: 0, maxMs: 0, stdevMs: 0 },
	...{ percentiles: [], buckets: [] },
};

const result: Result = {
	schemaVersion: 1,
	program: { name: "@crebito/loadtest", version: "0.1.0", runtime: "Bun" },
	machine: { processor: "Made-up 9000", processors: 2, memoryMb: 4000, system: "Linux 6.1" },
	command: "load http://127.0.0.1:9999 -d 30s",
	startedAt: "2026-01-01T00:00:00.000Z",
	target: "http://127.0.0.1:9999",
	shape: {
		...{ model: "closed", concurrency: 14, schedule: null, durationSeconds: 30, iterations: null },
		...{ warmUpSeconds: 5, connections: "shared", mix: { debit: 22, credit: 11, statement: 1 } },
		...{ timeoutMs: 5000, accountIds: [1, 2, 3, 4, 5], adjusted: false },
		...{ amountMin: 1, amountMax: 10_000, chaos: [] },
	},
	seed: 1,
	summary: {
		...{ elapsedSeconds: 30, requests: 90_000, succeeded: 90_000, otherStatus: 0, failed: 0, refused: 0 },
		...{ successShare: 1, rate: 3000, rateAsked: null, unsent: 0, bytesSent: 0, bytesReceived: 0 },
		...{ generatorCpuShare: 0.2, generatorMemoryMb: 80, interrupted: false },
	},
	latency: { response: distribution, service: distribution, lateness: null },
	...{ operations: [], statuses: [], errors: [], seconds: [], repeats: [], thresholds: [] },
	validity: { verdict: "valid", reason: "made up" },
	consistency: {
		...{ verdict: "consistent", reason: "made up", responsesChecked: 0, violationsTotal: 0 },
		...{ violations: [], accounts: [], audit: [] },
	},
	comparison: null,
	simulation: null,
	chaos: null,
};

function sum(values: readonly number[]): number {
	return values.reduce((total, value) => total + value, 0);
}

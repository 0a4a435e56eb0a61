/**
 * Results for the reporters' tests, made up and plausible, with nothing random about them: a run in which all
 * went well, one in which all went wrong against a target that writes nasty texts, one that nobody answered,
 * and the official simulation.
 */
import type { ChaosRecord } from "../src/chaos-record.ts";
import type {
	Comparison,
	Consistency,
	Distribution,
	Figures,
	OperationRow,
	Result,
	SecondRow,
	Simulation,
	ThresholdRow,
	Violation,
} from "../src/result.ts";

/** What a target may answer to break a terminal, a page, or the page's own data. */
const nastyText =
	"\x1b[2J\x1b]0;owned\x07</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u202etxt\u0000]]>";

const percentiles = [10, 25, 50, 75, 90, 95, 99, 99.9, 99.99];

/** Log-normal around the median, with a second, small bump of stalls. */
function distribution(count: number, medianMs: number, spread: number): Distribution {
	const edges = Array.from({ length: 121 }, (_, index) => micro(medianMs * 10 ** (-0.7 + index / 50)));
	const weights = edges.slice(1).map((edge) => {
		const distance = (Math.log(edge / medianMs) / spread) ** 2;
		const stall = (Math.log(edge / medianMs / 12) / 0.15) ** 2;
		return Math.exp(-distance / 2) + 0.004 * Math.exp(-stall / 2);
	});
	const total = weights.reduce((sum, weight) => sum + weight, 0);
	const counts = weights.map((weight) => Math.round((weight / total) * count));
	const first = counts.findIndex((found) => found > 0);
	const last = counts.findLastIndex((found) => found > 0);
	const buckets = counts.slice(first, last + 1).map((found, index) => ({
		fromMs: edges[first + index] as number,
		toMs: edges[first + index + 1] as number,
		count: found,
	}));
	const at = (percentile: number) => {
		let rest = (percentile / 100) * buckets.reduce((sum, bucket) => sum + bucket.count, 0);
		return buckets.find((bucket) => {
			rest -= bucket.count;
			return rest <= 0;
		})?.toMs as number;
	};
	return {
		...{ count, minMs: buckets[0]?.fromMs ?? 0, meanMs: micro(1.12 * medianMs), medianMs: at(50) },
		...{ maxMs: buckets.at(-1)?.toMs ?? 0, stdevMs: micro(0.71 * medianMs) },
		percentiles: percentiles.map((percentile) => ({ percentile, ms: at(percentile) })),
		buckets,
	};
}

const nothing: Distribution = {
	...{ count: 0, minMs: 0, meanMs: 0, medianMs: 0, maxMs: 0, stdevMs: 0 },
	...{ percentiles: [], buckets: [] },
};

function seconds(length: number, of: (at: number) => Partial<SecondRow>): SecondRow[] {
	return Array.from({ length }, (_, second) => ({
		...{ second, asked: 340, sent: 340, answered: 340, errors: 0 },
		...{ p50Ms: micro(0.82 + 0.1 * Math.sin(second / 5)), p99Ms: micro(2.2 + 0.4 * Math.sin(second / 3)) },
		...{ p999Ms: micro(6 + 2 * Math.sin(second / 2)), latenessP99Ms: 0.04, inFlight: 3 },
		cpuShare: micro(0.07 + 0.01 * Math.sin(second)),
		...of(second),
	}));
}

function micro(value: number): number {
	return Math.round(value * 1000) / 1000;
}

const figures: Figures = {
	...{ rate: 340, mean: 0.93, p50: 0.83, p90: 1.44, p99: 2.29, p999: 9.1, max: 13.8 },
	...{ errorShare: 0, errors: 0, violations: 0, latenessP99: 0.041 },
};

const operations: readonly OperationRow[] = [
	{
		...{ kind: "debit", requests: 26_400, succeeded: 26_400, refused: 8_911, failed: 0, rate: 220 },
		...{ p50Ms: 0.84, p99Ms: 2.31, maxMs: 13.8 },
	},
	{
		...{ kind: "credit", requests: 13_200, succeeded: 13_200, refused: 0, failed: 0, rate: 110 },
		...{ p50Ms: 0.83, p99Ms: 2.27, maxMs: 12.9 },
	},
	{
		...{ kind: "statement", requests: 1_200, succeeded: 1_200, refused: 0, failed: 0, rate: 10 },
		...{ p50Ms: 0.61, p99Ms: 1.62, maxMs: 7.83 },
	},
];

const consistent: Consistency = {
	...{ verdict: "consistent", responsesChecked: 42_500, violationsTotal: 0, violations: [] },
	reason: "42500 answers checked; one order explains all 42505 operations on 5 accounts",
	accounts: [1, 2, 3, 4, 5].map((accountId) => ({
		...{ accountId, verdict: "linearizable", operations: 8_501, unknownOutcomes: 0, reason: null },
	})),
	audit: [
		{
			...{ source: "final statements", verdict: "passed" },
			reason: "all 5 were answered, and stand at the end of the history",
		},
		{
			...{ source: "database", verdict: "passed" },
			reason: "all 32347 acknowledged entries are among the 32347 of table entries, each once and as sent",
		},
	],
};

const comparison: Comparison = {
	...{ baseline: "main", baselineStartedAt: "2026-03-01T08:00:00.000Z", method: "repeats" },
	rows: [
		row("rate", 340, 340, 0.999, 1.001, "unchanged"),
		row("mean", 1.31, 0.93, 0.69, 0.734, "improved"),
		row("p50", 1.12, 0.83, 0.712, 0.769, "improved"),
		row("p99", 2.35, 2.29, 0.91, 1.04, "unchanged"),
		row("p999", 8.3, 9.1, 0.84, 1.44, "unchanged"),
		{
			...{ figure: "errorShare", before: 0, after: 0, verdict: "unchanged" },
			...{ ratio: null, ratioLow: null, ratioHigh: null },
		},
	],
	verdict: "improved",
};

function row(
	figure: Comparison["rows"][number]["figure"],
	before: number,
	after: number,
	ratioLow: number,
	ratioHigh: number,
	verdict: Comparison["verdict"],
): Comparison["rows"][number] {
	return { figure, before, after, ratio: micro(after / before), ratioLow, ratioHigh, verdict };
}

/** An open run of two minutes in which all went well, the last of three, better than its baseline. */
const goodResult: Result = {
	schemaVersion: 1,
	program: { name: "@crebito/loadtest", version: "0.1.0", runtime: "Bun 1.4.5" },
	machine: { processor: "Made-up 9000", processors: 2, memoryMb: 4096, system: "Linux 6.1" },
	command: "load http://localhost:8080 -r 340 -d 2m -w 5s --repeat 3 --baseline main",
	startedAt: "2026-03-14T15:09:26.535Z",
	target: "http://localhost:8080",
	shape: {
		...{ model: "open", concurrency: 14, schedule: "340/s", durationSeconds: 120, iterations: null },
		...{ warmUpSeconds: 5, connections: "shared", mix: { debit: 22, credit: 11, statement: 1 } },
		...{ timeoutMs: 10_000, accountIds: [1, 2, 3, 4, 5], adjusted: false },
		...{ amountMin: 1, amountMax: 10_000, chaos: [] },
	},
	seed: 314_159,
	summary: {
		...{ elapsedSeconds: 120.003, requests: 40_800, succeeded: 40_800, otherStatus: 0, failed: 0 },
		...{ refused: 8_911, successShare: 1, rate: 339.99, rateAsked: 340, unsent: 0 },
		...{ bytesSent: 6_609_600, bytesReceived: 7_262_400, generatorCpuShare: 0.072 },
		...{ generatorMemoryMb: 84.2, interrupted: false },
	},
	latency: {
		response: distribution(40_800, 0.83, 0.42),
		service: distribution(40_800, 0.79, 0.4),
		lateness: distribution(40_800, 0.008, 0.5),
	},
	operations,
	statuses: [
		{ status: 200, count: 31_889 },
		{ status: 422, count: 8_911 },
	],
	errors: [],
	seconds: seconds(120, (at) => (at === 71 ? { p99Ms: 12.4, p999Ms: 13.8, inFlight: 11 } : {})),
	validity: {
		verdict: "valid",
		reason: "99 % of the requests were sent at most 0.04 ms late, and the asked rate was reached",
	},
	consistency: consistent,
	repeats: [{ ...figures, p99: 2.41, max: 17.2 }, { ...figures, p50: 0.837 }, figures],
	thresholds: [
		{ threshold: "p99<250ms", actual: 2.29, met: true },
		{ threshold: "rate>=340", actual: 340, met: true },
	],
	comparison,
	simulation: null,
	chaos: null,
};

const violations: readonly Violation[] = [
	{
		...{ name: "limit-passed", accountId: 2, sentAtMs: 41_207.113, receivedAtMs: 41_209.871, window: [] },
		message: "account 2: a balance of -80130, below its limit of -80000",
		request: 'POST /clientes/2/transacoes {"valor":9120,"tipo":"d","descricao":"a0Kd92ZzQ1"}',
		response: '200 {"limite":80000,"saldo":-80130}',
	},
	{
		...{ name: "malformed-answer", accountId: 1, sentAtMs: 43_001.5, receivedAtMs: 43_002.75, window: [] },
		message: "the answer isn't JSON",
		request: 'POST /clientes/1/transacoes {"valor":17,"tipo":"c","descricao":"a0Kd92ZzQ2"}',
		response: `200 ${nastyText}`,
	},
	{
		...{ name: "not-linearizable", accountId: 3, sentAtMs: 57_214.4, receivedAtMs: 57_216.02 },
		message: "no order of the operations explains the statement with number 19457",
		...{ request: null, response: null },
		window: [
			{
				...{ number: 19_441, sentAtMs: 57_212.9, receivedAtMs: 57_214.21, unexplained: false },
				text: "debit of 120: balance -3120",
			},
			{
				...{ number: 19_449, sentAtMs: 57_213.3, receivedAtMs: null, unexplained: false },
				text: "debit of 9999: no answer",
			},
			{
				...{ number: 19_452, sentAtMs: 57_213.88, receivedAtMs: 57_215.9, unexplained: false },
				text: "credit of 40: balance -3080",
			},
			{
				...{ number: 19_457, sentAtMs: 57_214.4, receivedAtMs: 57_216.02, unexplained: true },
				text: "statement: balance -3000, newest +40, -120, +7, …",
			},
		],
	},
	{
		...{ name: "applied-twice", accountId: 4, sentAtMs: null, receivedAtMs: null, window: [] },
		message: "the credit of 8121 with number 7003 was sent once, and is there 2 times",
		...{ request: null, response: null },
	},
];

const badThresholds: readonly ThresholdRow[] = [
	{ threshold: "p99<250ms", actual: 409, met: false },
	{ threshold: "errorShare<0.1%", actual: 0.1412, met: false },
	{ threshold: "rate>=100", actual: 301.8, met: true },
];

const badChaos: ChaosRecord = {
	victims: ["data/api-1.pid", "container:api02"],
	events: [
		{
			...{ atSecond: 2.004, action: "kill", victim: "data/api-1.pid", pid: 4711, lastedMs: null },
			...{ backMs: 312.5, error: null, errors: 14, p99Ms: 61.2 },
		},
		{
			...{ atSecond: 4.001, action: "pause", victim: "container:api02", pid: 4712, lastedMs: 4000.2 },
			...{ backMs: null, error: null, errors: 0, p99Ms: 2610.3 },
		},
		{
			...{ atSecond: 6.003, action: "restart", victim: "data/api-1.pid", pid: null, lastedMs: null },
			...{ backMs: null, error: `it wasn't there ${nastyText}`, errors: 0, p99Ms: null },
		},
	],
};

/** A minute of the same load against a target that breaks down, and lies. */
const badResult: Result = {
	...goodResult,
	chaos: badChaos,
	command: "load http://localhost:8080 -r 340 -d 1m",
	shape: { ...goodResult.shape, durationSeconds: 60, warmUpSeconds: 0, adjusted: true },
	summary: {
		...{ elapsedSeconds: 62.4, requests: 20_400, succeeded: 17_519, otherStatus: 1_310, failed: 1_420 },
		...{ refused: 3_004, successShare: 0.85877, rate: 301.75, rateAsked: 340, unsent: 151 },
		...{ bytesSent: 3_280_338, bytesReceived: 3_400_112, generatorCpuShare: 0.081 },
		...{ generatorMemoryMb: 91.7, interrupted: true },
	},
	latency: {
		response: distribution(18_829, 31, 1.1),
		service: distribution(18_829, 12, 0.9),
		lateness: distribution(20_249, 0.009, 0.5),
	},
	operations: operations.map((found) => ({
		...found,
		...{ requests: found.requests / 2, succeeded: Math.round(found.succeeded * 0.43), refused: 0 },
		...{ failed: Math.round(found.requests * 0.07), p50Ms: 33, p99Ms: 411, maxMs: 1_550 },
	})),
	statuses: [
		{ status: 200, count: 14_515 },
		{ status: 422, count: 3_004 },
		{ status: 503, count: 1_302 },
		{ status: 500, count: 8 },
	],
	errors: [
		{ kind: "timeout", message: "no answer within 10000 ms", count: 1_204 },
		{ kind: "malformed", message: `not a status line: ${nastyText}`, count: 180 },
		{ kind: "connect", message: "no connection (ECONNREFUSED)", count: 36 },
	],
	seconds: seconds(60, (at) => {
		if (at < 35) return {};
		const outage = at >= 46 && at < 50;
		return {
			...{ sent: outage ? 14 : 331, answered: outage ? 0 : 260, errors: outage ? 14 : 70, inFlight: 14 },
			...{ p50Ms: outage ? null : 20 + at, p99Ms: outage ? null : 290 + 4 * at },
			p999Ms: outage ? null : 600 + 14 * at,
		};
	}),
	validity: {
		verdict: "target failing",
		reason: "86.5 % of the requests were answered as they ought to be, less than 90.0 %",
	},
	consistency: {
		...{ verdict: "inconsistent", responsesChecked: 18_829, violationsTotal: 131, violations },
		reason: "131 violations, the first: account 2: a balance of -80130, below its limit of -80000",
		accounts: consistent.accounts.map((account) =>
			account.accountId === 3
				? {
						...account,
						verdict: "not linearizable",
						unknownOutcomes: 283,
						reason: violations[2]?.message ?? null,
					}
				: account.accountId === 5
					? { ...account, verdict: "unknown", unknownOutcomes: 291, reason: "the search was given up" }
					: { ...account, unknownOutcomes: 284 },
		),
		audit: [
			{
				...{ source: "final statements", verdict: "not possible" },
				reason: "account 2: no connection (ECONNREFUSED)",
			},
			{ source: "database", verdict: "failed", reason: "table entries has 1 applied-twice" },
		],
	},
	repeats: [
		{
			...{ rate: 301.75, mean: 34.7, p50: 34, p90: 135, p99: 409, p999: 894, max: 1_550 },
			...{ errorShare: 0.14123, errors: 2_881, violations: 131, latenessP99: 0.042 },
		},
	],
	thresholds: badThresholds,
	comparison: {
		...comparison,
		method: "blocks",
		rows: [
			row("rate", 340, 301.75, 0.84, 0.93, "regressed"),
			row("p50", 0.83, 34, 21.2, 58.3, "regressed"),
			row("p99", 2.29, 409, 121, 288, "regressed"),
			{
				...{ figure: "errorShare", before: 0, after: 0.14123, verdict: "regressed" },
				...{ ratio: null, ratioLow: null, ratioHigh: null },
			},
		],
		verdict: "regressed",
	},
};

/** Ten seconds against a closed port, in a closed model. */
const unansweredResult: Result = {
	...goodResult,
	command: "load http://localhost:8080 -d 10s --threshold p99<250ms",
	shape: { ...goodResult.shape, model: "closed", schedule: null, durationSeconds: 10, warmUpSeconds: 0 },
	summary: {
		...{ elapsedSeconds: 10, requests: 912, succeeded: 0, otherStatus: 0, failed: 912, refused: 0 },
		...{ successShare: 0, rate: 0, rateAsked: null, unsent: 0, bytesSent: 0, bytesReceived: 0 },
		...{ generatorCpuShare: 0.021, generatorMemoryMb: 70.3, interrupted: false },
	},
	latency: { response: nothing, service: nothing, lateness: null },
	operations: [
		{
			...{ kind: "debit", requests: 912, succeeded: 0, refused: 0, failed: 912, rate: 0 },
			...{ p50Ms: 0, p99Ms: 0, maxMs: 0 },
		},
	],
	statuses: [],
	errors: [{ kind: "connect", message: "no connection (ECONNREFUSED)", count: 912 }],
	seconds: seconds(10, () => ({
		...{ asked: null, sent: 91, answered: 0, errors: 91, p50Ms: null, p99Ms: null, p999Ms: null },
		...{ latenessP99Ms: null, inFlight: 14 },
	})),
	validity: { verdict: "target failing", reason: "not one request was answered" },
	consistency: {
		...consistent,
		...{ verdict: "unknown", responsesChecked: 0, reason: "account 1: nothing was answered" },
		accounts: [
			{
				...consistent.accounts[0],
				accountId: 1,
				verdict: "unknown",
				operations: 0,
				unknownOutcomes: 0,
				reason: "nothing was answered",
			},
		],
		audit: [],
	},
	repeats: [
		{
			...{ rate: 0, mean: Number.NaN, p50: Number.NaN, p90: Number.NaN, p99: Number.NaN, p999: Number.NaN },
			...{ max: Number.NaN, errorShare: 1, errors: 912, violations: 0, latenessP99: 0 },
		},
	],
	thresholds: [{ threshold: "p99<250ms", actual: Number.NaN, met: false }],
	comparison: null,
};

const simulation: Simulation = {
	...{ requests: 61_503, requestsExpected: 61_503, timeScale: 1, multiply: 1, shareWithin250Ms: 0.9632 },
	...{ inconsistentBalances: 2, fineLatencyUsd: 1_680, fineConsistencyUsd: 1_606.02, verdictUsd: 96_713.98 },
	validations: [
		{ name: "25 debits at once: each 200", passed: 25, failed: 0, firstFailure: null },
		{ name: "the 25 debits: the total after them", passed: 0, failed: 1, firstFailure: "total -24, not -25" },
		{ name: "statement: devolve is the newest, toma before it", passed: 5, failed: 0, firstFailure: null },
		{ name: '422 or 400 for valor:1.2, tipo:d, descricao:"x"', passed: 5, failed: 0, firstFailure: null },
		{ name: "4 statements at once: danada is the newest", passed: 0, failed: 0, firstFailure: null },
		{ name: "account 6: 404", passed: 1, failed: 0, firstFailure: null },
		{ name: "debits: 200 or 422", passed: 39_660, failed: 0, firstFailure: null },
		{ name: "debits: saldo within the limit", passed: 39_659, failed: 1, firstFailure: nastyText },
	],
};

/** The official simulation, with two wrong balances. */
const simulationResult: Result = {
	...goodResult,
	command: "rinha http://localhost:8080",
	shape: {
		...goodResult.shape,
		...{ model: "simulation", concurrency: 10_000, schedule: "the official one, 240 s" },
		...{ durationSeconds: 240, warmUpSeconds: 0, connections: "per-request" },
	},
	summary: {
		...{ ...goodResult.summary, elapsedSeconds: 239.9, requests: 61_380, succeeded: 61_380 },
		...{ rate: 255.86, rateAsked: 255.86 },
	},
	latency: {
		response: distribution(61_380, 0.83, 0.42),
		service: distribution(61_380, 0.79, 0.4),
		lateness: distribution(61_380, 0.008, 0.5),
	},
	operations: operations.map((found, index) => ({
		...found,
		...{ requests: [39_660, 19_860, 1_860][index] ?? 0, succeeded: [39_660, 19_860, 1_860][index] ?? 0 },
		rate: [165.3, 82.8, 7.75][index] ?? 0,
	})),
	statuses: [
		{ status: 200, count: 52_469 },
		{ status: 422, count: 8_911 },
	],
	seconds: seconds(240, (at) => {
		const asked = Math.round(at < 120 ? 3 + 2.81 * at : 340);
		return { asked, sent: asked, answered: asked };
	}),
	thresholds: [],
	comparison: null,
	repeats: [figures],
	simulation,
};

export const sampleResults: Readonly<Record<string, Result>> = {
	good: goodResult,
	bad: badResult,
	unanswered: unansweredResult,
	simulation: simulationResult,
};

/** States of the screen for the tests: a run in an open model, and what can become of it. */
import type { ScreenState } from "../src/tui/state.ts";

const wave = (length: number, of: (at: number) => number) => Array.from({ length }, (_, at) => of(at));

export const openState: ScreenState = {
	target: "http://localhost:9999",
	model: "open",
	shape: "3,400/s for 120 s, 64 in flight at most",
	phase: "measuring",
	isPaused: false,
	isAdjusted: false,
	repetition: 2,
	repetitions: 3,
	elapsedSeconds: 57.3,
	doneShare: 57.3 / 120,
	durationSeconds: 120,
	iterations: null,
	counts: { sent: 194_803, succeeded: 194_791, otherStatus: 0, failed: 0 },
	rate: {
		asked: 3400,
		lastSecond: 3412,
		mean: 3398.4,
		history: wave(57, (at) => Math.min(3400, 200 + at * 160) + 60 * Math.sin(at / 2)),
	},
	inFlight: 12,
	window: 64,
	waiting: 0,
	latency: {
		recent: { p50Ms: 0.561, p90Ms: 1.12, p99Ms: 4.13, p999Ms: 12.4, maxMs: 31.2 },
		overall: { p50Ms: 0.57, p90Ms: 1.18, p99Ms: 4.62, p999Ms: 18.9, maxMs: 412 },
		p99HistoryMs: wave(57, (at) => 4 + 2 * Math.sin(at / 3) + (at === 31 ? 9 : 0)),
	},
	statuses: [
		{ status: 200, count: 171_220 },
		{ status: 422, count: 23_571 },
	],
	errors: [],
	operations: [
		{ kind: "debit", count: 126_041, rate: 2199.6, p50Ms: 0.58, p99Ms: 4.7 },
		{ kind: "credit", count: 63_021, rate: 1099.8, p50Ms: 0.57, p99Ms: 4.6 },
		{ kind: "statement", count: 5729, rate: 99.9, p50Ms: 0.42, p99Ms: 2.9 },
	],
	consistency: { responsesChecked: 194_791, violations: 0, lastMessage: null },
	lastEvent: null,
	latenessP99Ms: 0.04,
	generatorCpuShare: 0.31,
};

export const closedState: ScreenState = {
	...openState,
	target: "http://localhost:9999",
	model: "closed",
	shape: "14 in flight, 200,000 requests",
	repetition: 1,
	repetitions: 1,
	durationSeconds: null,
	iterations: 200_000,
	doneShare: 194_803 / 200_000,
	rate: { ...openState.rate, asked: null },
	inFlight: 14,
	window: 14,
	waiting: null,
	latenessP99Ms: null,
};

export const pausedState: ScreenState = {
	...openState,
	isPaused: true,
	isAdjusted: true,
	inFlight: 0,
	rate: { ...openState.rate, lastSecond: 0, history: [...openState.rate.history.slice(0, -3), 0, 0, 0] },
	latency: {
		...openState.latency,
		recent: null,
		p99HistoryMs: [...openState.latency.p99HistoryMs.slice(0, -3), null, null, null],
	},
};

export const violationsState: ScreenState = {
	...openState,
	consistency: {
		responsesChecked: 194_791,
		violations: 3,
		lastMessage:
			"account 3: the balance of -100,250 is below the limit of -100,000, answered to debit 194,712 at 57.214 s",
	},
};

export const errorsState: ScreenState = {
	...openState,
	counts: { sent: 194_803, succeeded: 151_220, otherStatus: 1213, failed: 1480 },
	inFlight: 64,
	waiting: 1204,
	rate: {
		...openState.rate,
		lastSecond: 2710,
		history: [...openState.rate.history.slice(4), 3120, 2890, 2655, 2710],
	},
	latenessP99Ms: 3.2,
	generatorCpuShare: 0.93,
	statuses: [...openState.statuses, { status: 503, count: 1213 }],
	errors: [
		{ kind: "timeout", message: "no answer within 1,000 ms", count: 1204 },
		{ kind: "reset", message: "the connection was closed\x1b[2J\x07 before the answer", count: 240 },
		{ kind: "connect", message: "connection refused", count: 36 },
	],
};

/** While processes of the target are killed. */
export const chaosState: ScreenState = {
	...closedState,
	counts: { ...openState.counts, failed: 14 },
	errors: [{ kind: "reset", message: "the connection was closed before the answer", count: 14 }],
	lastEvent: {
		...{ atSecond: 56.1, action: "kill", victim: "data/api-1.pid", pid: 4711, lastedMs: null },
		...{ backMs: 312.4, error: null, errors: 14, p99Ms: 31.2 },
	},
};

/** Before the first answer. */
export const emptyState: ScreenState = {
	...openState,
	phase: "waiting",
	elapsedSeconds: 0,
	doneShare: null,
	counts: { sent: 0, succeeded: 0, otherStatus: 0, failed: 0 },
	rate: { asked: null, lastSecond: 0, mean: 0, history: [] },
	inFlight: 0,
	latency: { recent: null, overall: null, p99HistoryMs: [] },
	statuses: [],
	operations: [],
	consistency: { responsesChecked: 0, violations: 0, lastMessage: null },
	latenessP99Ms: null,
	generatorCpuShare: 0,
};

/**
 * The result of a run: the one structure that every report, threshold and baseline reads, and what `-o json`
 * prints as it stands. report/result.schema.json describes it for other programs; a change that would break
 * them raises schemaVersion. Durations are milliseconds unless a name says seconds. A share is between 0 and 1.
 */
import type { ChaosRecord } from "./chaos-record.ts";
import type { Kind } from "./operation.ts";

export const schemaVersion = 1;

export interface Result {
	readonly schemaVersion: typeof schemaVersion;
	readonly program: { readonly name: string; readonly version: string; readonly runtime: string };
	readonly machine: Machine;
	/** The arguments, as they can be typed again. */
	readonly command: string;
	/** When the first request was sent, the warm-up's included: UTC, ISO 8601. */
	readonly startedAt: string;
	readonly target: string;
	readonly shape: Shape;
	readonly seed: number;
	readonly summary: Summary;
	readonly latency: Latency;
	/** debit, credit, statement, in this order; a kind without a request is left out. */
	readonly operations: readonly OperationRow[];
	/** By count, descending. */
	readonly statuses: readonly StatusRow[];
	/** Requests without a whole answer, by count, descending. */
	readonly errors: readonly ErrorRow[];
	/** One row a second of the measured time. */
	readonly seconds: readonly SecondRow[];
	readonly validity: Validity;
	readonly consistency: Consistency;
	/** What was done to the target on purpose; null if nothing. */
	readonly chaos: ChaosRecord | null;
	/** One set of figures for each repetition, this run the last. */
	readonly repeats: readonly Figures[];
	readonly thresholds: readonly ThresholdRow[];
	readonly comparison: Comparison | null;
	/** Of the official simulation only. */
	readonly simulation: Simulation | null;
}

export interface Machine {
	readonly processor: string;
	readonly processors: number;
	readonly memoryMb: number;
	readonly system: string;
}

/** What two runs must share for their numbers to be comparable. */
export interface Shape {
	readonly model: "closed" | "open" | "simulation";
	/** Requests in flight at most (closed: always that many). */
	readonly concurrency: number;
	/** Open: the schedule, for example "340/s" or "ramp 1..220 120 s, hold 220 120 s". Otherwise null. */
	readonly schedule: string | null;
	readonly durationSeconds: number | null;
	readonly iterations: number | null;
	readonly warmUpSeconds: number;
	readonly connections: "shared" | "per-request";
	readonly mix: Readonly<Record<Kind, number>>;
	readonly timeoutMs: number;
	readonly accountIds: readonly number[];
	readonly amountMin: number;
	readonly amountMax: number;
	readonly chaos: readonly string[];
	/** Somebody changed the window or the rate, or paused, while it ran: it compares with nothing. */
	readonly adjusted: boolean;
}

export interface Summary {
	/** From the first measured send to the last answer, without pauses. */
	readonly elapsedSeconds: number;
	/** Requests of the measured time that were sent, or that should have been and got no connection. */
	readonly requests: number;
	/** Answered with what the scenario accepts: 200, or 422 for a debit; and without a violation. */
	readonly succeeded: number;
	/** Answered with another status. */
	readonly otherStatus: number;
	/** Without a whole answer: refused, reset, timed out, malformed. */
	readonly failed: number;
	/** Answers of the kind "would pass the limit": a success. */
	readonly refused: number;
	readonly successShare: number;
	/** Answers a second. */
	readonly rate: number;
	/** Open model: arrivals asked a second on average. Otherwise null. */
	readonly rateAsked: number | null;
	/** Open model: arrivals that were due and never sent when the run ended. */
	readonly unsent: number;
	readonly bytesSent: number;
	readonly bytesReceived: number;
	/** The generator's own processor time per measured second; 1 is one processor. */
	readonly generatorCpuShare: number;
	readonly generatorMemoryMb: number;
	readonly interrupted: boolean;
}

/**
 * Answered requests only: an error has no latency. Response time counts from when a request was due, service
 * time from when it was sent. In a closed model they are the same.
 */
export interface Latency {
	readonly response: Distribution;
	readonly service: Distribution;
	/** How late the generator itself sent, a free connection and a due request given. Open model only. */
	readonly lateness: Distribution | null;
}

export interface Distribution {
	readonly count: number;
	readonly minMs: number;
	readonly meanMs: number;
	readonly medianMs: number;
	readonly maxMs: number;
	readonly stdevMs: number;
	/** Ascending. */
	readonly percentiles: readonly { readonly percentile: number; readonly ms: number }[];
	/** At most 200, ascending and without gaps. */
	readonly buckets: readonly { readonly fromMs: number; readonly toMs: number; readonly count: number }[];
}

export interface OperationRow {
	readonly kind: Kind;
	readonly requests: number;
	readonly succeeded: number;
	readonly refused: number;
	readonly failed: number;
	readonly rate: number;
	readonly p50Ms: number;
	readonly p99Ms: number;
	readonly maxMs: number;
}

export interface StatusRow {
	readonly status: number;
	readonly count: number;
}

export interface ErrorRow {
	/** connect: no connection. reset: lost before the answer. timeout. malformed: an answer that isn't HTTP. */
	readonly kind: "connect" | "reset" | "timeout" | "malformed";
	readonly message: string;
	readonly count: number;
}

export interface SecondRow {
	readonly second: number;
	readonly asked: number | null;
	readonly sent: number;
	readonly answered: number;
	/** Without a whole answer, or with a status that isn't accepted. */
	readonly errors: number;
	/** Response times; null when nothing was answered. */
	readonly p50Ms: number | null;
	readonly p99Ms: number | null;
	readonly p999Ms: number | null;
	readonly latenessP99Ms: number | null;
	/** In flight at the end of the second. */
	readonly inFlight: number;
	readonly cpuShare: number;
}

/**
 * Whether the numbers say something about the target.
 *
 * - valid: they do.
 * - generator late: they say something about the machine that this ran on.
 * - target saturated: the asked rate wasn't reached, and the generator wasn't the reason.
 * - target failing: too few requests were answered as the scenario accepts.
 */
export interface Validity {
	readonly verdict: "valid" | "generator late" | "target saturated" | "target failing";
	/** A sentence with the numbers behind it. */
	readonly reason: string;
}

export interface Consistency {
	readonly verdict: "consistent" | "inconsistent" | "unknown";
	readonly reason: string;
	readonly responsesChecked: number;
	readonly violationsTotal: number;
	/** The first ones, at most 100. */
	readonly violations: readonly Violation[];
	readonly accounts: readonly AccountVerdict[];
	readonly audit: readonly AuditRow[];
}

export interface AccountVerdict {
	readonly accountId: number;
	/** Whether one order explains every answer. unknown: the search was given up, or the history is incomplete. */
	readonly verdict: "linearizable" | "not linearizable" | "unknown";
	readonly operations: number;
	/** Credits and debits without an answer. */
	readonly unknownOutcomes: number;
	readonly reason: string | null;
}

/** One question that was asked after the run. */
export interface AuditRow {
	/** For example "final statements" or "database". */
	readonly source: string;
	readonly verdict: "passed" | "failed" | "not possible";
	readonly reason: string;
}

export interface Violation {
	/** In kebab-case, for example "limit-passed", "stale-statement", "not-linearizable". */
	readonly name: string;
	readonly message: string;
	readonly accountId: number | null;
	/** From the start of the measured time; negative in the warm-up, null for what was found in an audit. */
	readonly sentAtMs: number | null;
	readonly receivedAtMs: number | null;
	/** Method, path and body. */
	readonly request: string | null;
	/** Status and body. */
	readonly response: string | null;
	/** not-linearizable: the shortest window without an explanation, by invocation. Otherwise empty. */
	readonly window: readonly WindowRow[];
}

export interface WindowRow {
	readonly number: number;
	readonly sentAtMs: number;
	/** Null when there was no answer. */
	readonly receivedAtMs: number | null;
	/** For example `debit 1,00 → balance −3,00`, in a reader's words. */
	readonly text: string;
	/** It was the one for which no order was left. */
	readonly unexplained: boolean;
}

/** What thresholds (by these names), baselines and repetitions look at. */
export interface Figures {
	readonly rate: number;
	readonly mean: number;
	readonly p50: number;
	readonly p90: number;
	readonly p99: number;
	readonly p999: number;
	readonly max: number;
	/** A share of the requests that did not succeed. */
	readonly errorShare: number;
	/** Requests that did not succeed. */
	readonly errors: number;
	readonly violations: number;
	readonly latenessP99: number;
}

export interface ThresholdRow {
	readonly threshold: string;
	readonly actual: number;
	readonly met: boolean;
}

export interface Comparison {
	readonly baseline: string;
	readonly baselineStartedAt: string;
	/** How noise was estimated: from whole runs, or from blocks of one run. */
	readonly method: "repeats" | "blocks";
	readonly rows: readonly ComparisonRow[];
	readonly verdict: "improved" | "regressed" | "unchanged";
}

export interface ComparisonRow {
	readonly figure: "rate" | "mean" | "p50" | "p99" | "p999" | "errorShare";
	readonly before: number;
	readonly after: number;
	/** after ÷ before, with its 95 % confidence interval; null where before is 0 or too little was measured. */
	readonly ratio: number | null;
	readonly ratioLow: number | null;
	readonly ratioHigh: number | null;
	readonly verdict: "improved" | "regressed" | "unchanged";
}

/** The official simulation's own verdict. */
export interface Simulation {
	readonly requests: number;
	readonly requestsExpected: number;
	readonly timeScale: number;
	readonly multiply: number;
	/** In the order of the script. */
	readonly validations: readonly ValidationRow[];
	/** Answered under 250 ms with 200 or 422, of all the load's requests. */
	readonly shareWithin250Ms: number;
	readonly inconsistentBalances: number;
	readonly fineLatencyUsd: number;
	readonly fineConsistencyUsd: number;
	readonly verdictUsd: number;
}

export interface ValidationRow {
	readonly name: string;
	readonly passed: number;
	readonly failed: number;
	/** Of the first failure. */
	readonly firstFailure: string | null;
}

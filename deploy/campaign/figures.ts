/** What a phase came to: the numbers that are promised, and those that say what they are worth. */
import type { ChaosEvent, JudgeResult } from "./judge.ts";
import type { Phase } from "./phase.ts";
import type { Books } from "./system-under-test.ts";

export interface Figures {
	readonly seconds: number;
	readonly connections: number;
	readonly events: number;
	/** Why some of them could not be. */
	readonly eventErrors: readonly string[];
	readonly requests: number;
	/** Requests that a client can't call answered: without an answer, or with a status that isn't 200 or 422. */
	readonly errors: number;
	/** Of those, what neither the balancer nor the ledger told in its own words. */
	readonly untoldErrors: number;
	readonly statuses: Readonly<Record<string, number>>;
	/** Acknowledged, and not in the file. */
	readonly lost: number;
	/** In the file more than once, also what a process did that slept until after the load. */
	readonly twice: number;
	/** Whatever else the judge has against the answers or the books. */
	readonly otherViolations: number;
	readonly consistency: string;
	/** Of the file, entry by entry: "passed" or not. */
	readonly audit: string;
	readonly reason: string;
	/** What the ledger's own check has against the books; null for nothing. */
	readonly finding: string | null;
	readonly entries: number;
	/** POSTs that two processes were sent. */
	readonly repeatedPosts: number;
	readonly p99Ms: number;
	readonly maxMs: number;
	/** The worst p99 of a second with an event, or of the one after it. */
	readonly eventP99Ms: number | null;
	readonly backMsMedian: number | null;
	readonly backMsMax: number | null;
}

/** What the balancer and the ledger answer when they can't do better. */
const toldStatuses = [502, 503, 504];
const acceptedStatuses = [200, 422];

export function figuresOf(
	{ connections }: Phase,
	judged: JudgeResult,
	/** Of the campaign's own making. */
	troubles: readonly ChaosEvent[],
	books: Books,
	repeatedPosts: number,
): Figures {
	const { summary, latency, statuses, consistency } = judged;
	const events = [...(judged.chaos?.events ?? []), ...troubles];
	const backs = events.flatMap(({ backMs }) => backMs ?? []).toSorted((a, b) => a - b);
	const p99s = events.flatMap(({ p99Ms }) => p99Ms ?? []);
	const audit = consistency.audit.find(({ source }) => source === "database");
	const audited = audit?.reason ?? "";
	const lost = countOf(audited, "acknowledged-then-lost");
	const twice = Math.max(countOf(audited, "applied-twice"), books.twice);
	const told = statuses.filter(({ status }) => toldStatuses.includes(status));
	const errors = summary.otherStatus + summary.failed + summary.unsent;
	const untold = statuses.filter(
		({ status }) => !toldStatuses.includes(status) && !acceptedStatuses.includes(status),
	);
	return {
		seconds: summary.elapsedSeconds,
		connections,
		events: events.length,
		eventErrors: events.flatMap(({ error }) => error ?? []),
		requests: summary.requests,
		errors,
		untoldErrors: Math.max(sum(untold), errors - sum(told)),
		statuses: Object.fromEntries(statuses.map(({ status, count }) => [status, count])),
		lost,
		twice,
		otherViolations: Math.max(0, consistency.violationsTotal - lost - countOf(audited, "applied-twice")),
		consistency: consistency.verdict,
		audit: audit?.verdict ?? "missing",
		reason: consistency.reason,
		finding: books.finding,
		entries: books.entries,
		repeatedPosts,
		p99Ms: latency.response.percentiles.find(({ percentile }) => percentile === 99)?.ms ?? Number.NaN,
		maxMs: latency.response.maxMs,
		eventP99Ms: p99s.length === 0 ? null : Math.max(...p99s),
		backMsMedian: backs[Math.floor(backs.length / 2)] ?? null,
		backMsMax: backs.at(-1) ?? null,
	};
}

/** With what became of the second of a trouble, as the judge tells it of its own. */
export function withSeconds(judged: JudgeResult, atMs: number, backMs: number | null): ChaosEvent {
	const atSecond = (atMs - Date.parse(judged.startedAt)) / 1000;
	const first = Math.floor(atSecond);
	const p99s = judged.seconds.flatMap(({ second, p99Ms }) =>
		second === first || second === first + 1 ? (p99Ms ?? []) : [],
	);
	return {
		atSecond,
		backMs,
		error: backMs === null ? "it didn't come back" : null,
		p99Ms: p99s.length === 0 ? null : Math.max(...p99s),
	};
}

/** As the audit words it: "table entries has 3 applied-twice, 1 never-sent". */
function countOf(reason: string, violation: string): number {
	return Number(new RegExp(`\\b([0-9]+) ${violation}\\b`).exec(reason)?.[1] ?? 0);
}

function sum(rows: readonly { readonly count: number }[]): number {
	return rows.reduce((total, { count }) => total + count, 0);
}

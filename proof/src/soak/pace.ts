/** Whether a stack answers as fast in the end as in the beginning, as far as its judge can tell. */
import type { JudgeResult } from "./judge.ts";

const shareOfSeconds = 1 / 10;

/** Of the p99 of the last tenth of the seconds over that of the first. */
export function paceFindings(
	{ seconds, validity }: Pick<JudgeResult, "seconds" | "validity">,
	driftPercentMax: number,
): string[] {
	// Of latencies that are the generator's own, or of a target that had less to do, nothing can be said.
	if (validity.verdict !== "valid") return [`no drift can be told, ${validity.verdict}: ${validity.reason}`];
	const drift = p99DriftPercent(seconds);
	if (drift <= driftPercentMax) return [];
	return [`p99 of the last tenth is ${drift.toFixed(1)} % above that of the first`];
}

/** Of the median second's p99: one second in which the machine was busy otherwise is no drift. */
export function p99DriftPercent(seconds: JudgeResult["seconds"]): number {
	const tenth = Math.max(1, Math.floor(seconds.length * shareOfSeconds));
	return (100 * typicalMs(seconds.slice(-tenth))) / typicalMs(seconds.slice(0, tenth)) - 100;
}

/** NaN when nobody was answered. */
function typicalMs(seconds: JudgeResult["seconds"]): number {
	const sorted = seconds.flatMap(({ p99Ms }) => p99Ms ?? []).sort((one, other) => one - other);
	return sorted[sorted.length >> 1] ?? Number.NaN;
}

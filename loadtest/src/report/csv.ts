/**
 * One row for each whole second of the measured time, for spreadsheets and plots. The first row names the
 * columns as the JSON report does, in the same units; result.schema.json explains them:
 *
 *     second, asked, sent, answered, errors, p50Ms, p99Ms, p999Ms, latenessP99Ms, inFlight, cpuShare
 *
 * An empty field is a number that there is not: no answers, or a closed model. A last second that wasn't whole
 * has no row, so the columns' sums may be less than the totals. Lines end in a line feed; all fields are numbers.
 */
import type { Result, SecondRow } from "../result.ts";

const columns = [
	...(["second", "asked", "sent", "answered", "errors", "p50Ms", "p99Ms", "p999Ms"] as const),
	...(["latenessP99Ms", "inFlight", "cpuShare"] as const),
] satisfies (keyof SecondRow)[];

export function csvReport({ seconds }: Result): string {
	const rows = seconds.map((second) => columns.map((column) => fieldOf(second[column])).join(","));
	return `${[columns.join(","), ...rows].join("\n")}\n`;
}

/** Shares and times to the millionth: digits beyond that are noise. */
function fieldOf(value: number | null): string {
	return value === null || !Number.isFinite(value) ? "" : String(Math.round(value * 1e6) / 1e6);
}

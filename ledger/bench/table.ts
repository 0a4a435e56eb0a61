/** Tables, for a terminal and for Markdown. */
import type { PerProcess, Row } from "./row.ts";

interface Column {
	title: string;
	/** Undefined when the row doesn't know. */
	cell: (row: Row) => string | undefined;
	/** Left out in Markdown, where a table soon gets wider than the page. */
	terminalOnly?: boolean;
}

const whole = (value: number) => Math.round(value).toLocaleString("en-US");
const share = (value: number) => `${(100 * value).toFixed(0)} %`;
const ms = (us: number) => (us / 1000).toFixed(us < 9_950 ? 2 : 1);
/** The kernel's kB are 1024 bytes, an MB is a million. */
const mbOfKb = (kb: number) => (kb * 1.024e-3).toFixed(1);
const mb = (bytes: number) => (bytes / 1e6).toFixed(1);

function shown<T>(value: T | undefined, show: (value: T) => string): string | undefined {
	return value === undefined ? undefined : show(value);
}

/** "nginx / api-1 / api-2", without nginx where there is none. */
const each = (show: (value: number) => string) => (values: PerProcess) =>
	Object.values(values).map(show).join(" / ");

const range = (min: number | undefined, max: number | undefined) =>
	min === undefined || max === undefined ? undefined : `${whole(min)}–${whole(max)}`;

const columns: Column[] = [
	{ title: "contender", cell: (row) => row.name },
	{ title: "requests", cell: (row) => shown(row.requests, whole) },
	{ title: "requests/s", cell: (row) => shown(row.requestsPerSecond, whole) },
	{ title: "range", cell: (row) => range(row.requestsPerSecondMin, row.requestsPerSecondMax) },
	{ title: "p50 ms", cell: (row) => shown(row.p50Us, ms) },
	{ title: "p90 ms", cell: (row) => shown(row.p90Us, ms), terminalOnly: true },
	{ title: "p99 ms", cell: (row) => shown(row.p99Us, ms) },
	{ title: "p99.9 ms", cell: (row) => shown(row.p999Us, ms) },
	{ title: "max ms", cell: (row) => shown(row.maxUs, ms) },
	{ title: "422", cell: (row) => shown(row.refusedShare, share) },
	{ title: "errors", cell: (row) => shown(row.errors, whole) },
	{ title: "violations", cell: (row) => shown(row.violations, whole), terminalOnly: true },
	{ title: "measurement", cell: (row) => row.validity },
	{ title: "books", cell: (row) => row.consistency },
	{ title: "start ms", cell: (row) => shown(row.startMs, whole) },
	{ title: "range", cell: (row) => range(row.startMsMin, row.startMsMax) },
	{
		title: "CPU s",
		cell: (row) =>
			shown(
				row.cpuSeconds,
				each((seconds) => seconds.toFixed(2)),
			),
	},
	{
		title: "throttled s",
		cell: (row) =>
			shown(
				row.throttledSeconds,
				each((seconds) => seconds.toFixed(2)),
			),
	},
	{ title: "RSS MB", cell: (row) => shown(row.rssKb, each(mbOfKb)) },
	{ title: "peak MB", cell: (row) => shown(row.rssPeakKb, each(mbOfKb)) },
	{ title: "PSS MB", cell: (row) => shown(row.pssKb, each(mbOfKb)) },
	{ title: "private MB", cell: (row) => shown(row.privateKb, each(mbOfKb)) },
	{ title: "WAL MB", cell: (row) => shown(row.walBytes, mb), terminalOnly: true },
	{ title: "generator CPU", cell: (row) => shown(row.generatorCpuShare, share) },
];

/** The titles, then a line for each row. */
function cells(rows: Row[], wanted: Column[]): string[][] {
	const known = wanted.filter(({ cell }) => rows.some((row) => cell(row) !== undefined));
	return [known.map(({ title }) => title), ...rows.map((row) => known.map(({ cell }) => cell(row) ?? "–"))];
}

/** The first column to the left, numbers to the right. */
export function textTable(rows: Row[]): string {
	return textLines(cells(rows, columns));
}

export function textLines(lines: string[][]): string {
	const { lines: padded } = aligned(lines, (column) => column > 0);
	return padded.map((line) => line.join("  ")).join("\n");
}

export function markdownTable(rows: Row[]): string {
	const published = columns.filter(({ terminalOnly }) => !terminalOnly);
	return markdownLines(cells(rows, published), (column) => column > 0);
}

/** The first line holds the titles. Aligned in the source too, as Biome wants it. */
export function markdownLines(lines: string[][], isNumber: (column: number) => boolean): string {
	const { lines: padded, widths } = aligned(lines, isNumber);
	const rule = widths.map((width, i) => (isNumber(i) ? `${"-".repeat(width - 1)}:` : "-".repeat(width)));
	return padded
		.toSpliced(1, 0, rule)
		.map((line) => `| ${line.join(" | ")} |`)
		.join("\n");
}

/** Three wide at least, which Markdown's rule is. */
function aligned(
	lines: string[][],
	isNumber: (column: number) => boolean,
): { lines: string[][]; widths: number[] } {
	const widths = (lines[0] ?? []).map((_, i) => Math.max(3, ...lines.map((line) => line[i]?.length ?? 0)));
	const pad = (cell: string, i: number) =>
		isNumber(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0);
	return { lines: lines.map((line) => line.map(pad)), widths };
}

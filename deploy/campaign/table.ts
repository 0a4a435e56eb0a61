/** The outcomes as a table in Markdown, for the terminal as for the document. */
import type { Outcome } from "./outcome.ts";

const heads = [
	...["phase", "seconds", "connections", "events", "requests", "client errors", "lost", "twice"],
	...[
		"POSTs repeated",
		"p99",
		"worst p99 of an event's second",
		"longest wait",
		"back in service",
		"verdict",
	],
];

export function outcomeTable(outcomes: readonly Outcome[]): string {
	const rows = outcomes.map(cells);
	const widths = heads.map((head, column) =>
		Math.max(...[head, ...rows.map((row) => row[column] ?? "")].map((cell) => cell.length)),
	);
	const line = (row: readonly string[]) =>
		`| ${row.map((cell, i) => (isText(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(" | ")} |`;
	const rule = widths.map((width, i) => (isText(i) ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
	return [line(heads), line(rule), ...rows.map(line)].join("\n");
}

function cells({ phase, figures, verdict }: Outcome): string[] {
	const { backMsMedian, backMsMax } = figures;
	return [
		phase,
		figures.seconds.toFixed(0),
		...[figures.connections, figures.events, figures.requests].map(count),
		errorsText(figures.errors, figures.statuses),
		...[figures.lost, figures.twice, figures.repeatedPosts].map(count),
		ms(figures.p99Ms),
		ms(figures.eventP99Ms),
		ms(figures.maxMs),
		backMsMax === null ? "–" : `${ms(backMsMedian)}, at most ${ms(backMsMax)}`,
		verdict === "broken" || verdict === "not caught" ? `**${verdict}**` : verdict,
	];
}

/** Which ones, since a 503 is another thing than no answer. */
function errorsText(errors: number, statuses: Readonly<Record<string, number>>): string {
	const told = Object.entries(statuses).filter(([status]) => status !== "200" && status !== "422");
	if (errors === 0 || told.length === 0) return count(errors);
	return `${count(errors)} (${told.map(([status, n]) => `${count(n)} × ${status}`).join(", ")})`;
}

function isText(column: number): boolean {
	return column === 0 || column === heads.length - 1;
}

function count(value: number): string {
	return value.toLocaleString("en-US");
}

function ms(value: number | null): string {
	return value === null || Number.isNaN(value) ? "–" : `${count(Math.round(value))} ms`;
}

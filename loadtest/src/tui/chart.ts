/** Numbers as pictures: bars of eighths of a cell for what changes over time, a thin line for a share. */
import { type Line, type Style, span } from "./line.ts";

const upwards = " ▁▂▃▄▅▆▇█";
const rightwards = " ▏▎▍▌▋▊▉█";
/** What a chart has numbers of, at most. */
const chartSecondsMax = 60;

/**
 * The newest numbers at the right edge, 0 at the bottom, the largest at the top: so many lines of so many
 * columns. null leaves a gap. A number above 0 is seen, however small.
 */
export function chart(values: readonly (number | null)[], columns: number, rows: number): string[] {
	const wide = values.length > 0 && columns >= 2 * chartSecondsMax ? 2 : 1;
	const shown = values.slice(-Math.max(1, Math.floor(columns / wide)));
	const top = Math.max(...shown.map((value) => value ?? 0), Number.MIN_VALUE);
	const heights = shown.map((value) =>
		value === null || !(value > 0) ? 0 : Math.max(1, Math.round((value / top) * rows * 8)),
	);
	const lead = " ".repeat(Math.max(0, columns - shown.length * wide));
	return Array.from({ length: rows }, (_, row) => {
		const below = (rows - 1 - row) * 8;
		let line = lead;
		for (const height of heights) {
			const cell = upwards[Math.min(8, Math.max(0, height - below))] as string;
			line += wide === 2 ? cell + cell : cell;
		}
		return line;
	});
}

/** A share of so many columns, filled with spaces. A share above 0 is seen, however small. */
export function bar(share: number, columns: number): string {
	const eighths = cellsOf(share, columns, 8);
	const full = Math.floor(eighths / 8);
	const rest = full < columns ? (rightwards[eighths % 8] as string) : "";
	return ("█".repeat(full) + rest).padEnd(columns);
}

/** A share as a thin line of so many columns, on a track that shows the whole. */
export function gauge(share: number, columns: number, style: Style): Line {
	if (columns < 1) return [];
	const halves = cellsOf(share, columns, 2);
	const filled = "━".repeat(Math.floor(halves / 2)) + (halves % 2 === 1 ? "╸" : "");
	return [span(filled, style), span("─".repeat(columns - filled.length), "quiet")];
}

/** How many parts of cells a share fills, at least one if it is above 0. */
function cellsOf(share: number, columns: number, parts: number): number {
	const bounded = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0));
	return bounded > 0 ? Math.max(1, Math.round(bounded * columns * parts)) : 0;
}

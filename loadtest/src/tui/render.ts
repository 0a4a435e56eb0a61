/**
 * Draws the state: a pure function from numbers to lines of text, so that what people look at can be kept in
 * golden files. Three layouts, by the room that there is:
 *
 *     two columns of panels    80 × 24 and larger
 *     one column of panels     narrow and high
 *     plain lines              the rest; the less important ones are left out first
 */

import { gauge } from "./chart.ts";
import { compactLines } from "./compact.ts";
import { clockText, countText } from "./figures.ts";
import { lastEventText } from "./last-event.ts";
import {
	clean,
	cut,
	encode,
	fit,
	justified,
	type Line,
	lineColumns,
	type Span,
	type Style,
	span,
} from "./line.ts";
import {
	answersPanel,
	booksPanel,
	generatorPanel,
	latencyPanel,
	operationsPanel,
	type Panel,
	ratePanel,
} from "./panels.ts";
import type { ScreenState } from "./state.ts";

const twoColumnsMin = 72;
const oneColumnMin = 44;
const frameLines = 2;
const headerLines = 3;
const footerLines = 1;
/** Less of an event says nothing. */
const eventColumnsMin = 12;

/** Rows of left and right. */
const twoColumns: readonly (readonly Panel[])[] = [
	[ratePanel, latencyPanel],
	[operationsPanel, answersPanel],
	[booksPanel, generatorPanel],
];
const oneColumn = [ratePanel, latencyPanel, answersPanel, booksPanel, operationsPanel].map((panel) => [
	panel,
]);

/** At most `rows` lines, none wider than `columns`. */
export function render(state: ScreenState, columns: number, rows: number, isColoured = true): string[] {
	if (columns < 1 || rows < 1) return [];
	return layout(state, columns, rows).map((line) => encode(fit(line, columns), isColoured));
}

function layout(state: ScreenState, columns: number, rows: number): Line[] {
	const room = rows - headerLines - footerLines;
	for (const grid of columns >= twoColumnsMin
		? [twoColumns, oneColumn]
		: columns >= oneColumnMin
			? [oneColumn]
			: [])
		if (room >= sum(grid.map(rowMin))) {
			const body =
				grid.length > 3 ? drawGrid(grid, state, columns, room) : drawGrid(grid, state, columns, room);
			const blank: Line[] = Array.from({ length: room - body.length }, () => []);
			return [...header(state, columns), ...body, ...blank, indented(roomyFooter(state, columns - 2))];
		}
	return compactLines(
		state,
		columns,
		rows,
		heading(state, columns),
		progress(state, columns),
		footer(state, false),
	);
}

function drawGrid(
	grid: readonly (readonly Panel[])[],
	state: ScreenState,
	columns: number,
	room: number,
): Line[] {
	const heights = dealt(grid, state, columns, room);
	return grid.flatMap((panels, row) => {
		const lines = heights[row] as number;
		const boxes = panels.map((panel, at) => box(panel, state, widthOf(panels, at, columns), lines));
		return Array.from({ length: lines }, (_, line) => boxes.flatMap((lined) => lined[line] ?? []));
	});
}

/** Lines for each row of panels: what they need, then in turns what they want, the last row first. */
function dealt(
	grid: readonly (readonly Panel[])[],
	state: ScreenState,
	columns: number,
	room: number,
): number[] {
	const heights = grid.map(rowMin);
	const wanted = grid.map((panels) =>
		Math.max(...panels.map((panel, at) => panel.linesWanted(state, widthOf(panels, at, columns) - 4))),
	);
	let left = room - sum(heights);
	for (let isWanted = true; isWanted && left > 0; ) {
		isWanted = false;
		for (let row = grid.length - 1; row >= 0 && left > 0; row -= 1) {
			if ((heights[row] as number) >= (wanted[row] as number) + frameLines) continue;
			heights[row] = (heights[row] as number) + 1;
			left -= 1;
			isWanted = true;
		}
	}
	return heights;
}

function rowMin(panels: readonly Panel[]): number {
	return Math.max(...panels.map(({ linesMin }) => linesMin)) + frameLines;
}

/** The left panel of two is a little wider. */
function widthOf(panels: readonly Panel[], at: number, columns: number): number {
	if (panels.length === 1) return columns;
	const left = Math.ceil(columns * 0.55);
	return at === 0 ? left : columns - left;
}

function box(panel: Panel, state: ScreenState, columns: number, lines: number): Line[] {
	const inner = columns - 4;
	const drawn = panel.draw(state, inner, lines - frameLines);
	const rule = "─".repeat(Math.max(0, columns - panel.title.length - 5));
	const side = span("│", "quiet");
	return [
		[span("╭─ ", "quiet"), span(panel.title, "strong"), span(` ${rule}╮`, "quiet")],
		...Array.from({ length: lines - frameLines }, (_, line) => [
			side,
			span(" "),
			...fit(drawn[line] ?? [], inner),
			span(" "),
			side,
		]),
		[span(`╰${"─".repeat(columns - 2)}╯`, "quiet")],
	];
}

function header(state: ScreenState, columns: number): Line[] {
	const repetition =
		state.repetitions > 1 ? [span(`  run ${state.repetition} of ${state.repetitions}`, "quiet")] : [];
	const adjusted = state.isAdjusted ? [span("  adjusted by hand", "warning")] : [];
	return [
		indented(heading(state, columns - 2)),
		justified(
			[span(` ${state.model} model`, "quiet"), span(` · ${clean(state.shape)}`, "quiet")],
			[...adjusted, ...repetition, span(" ")],
			columns,
		),
		indented(progress(state, columns - 2)),
	];
}

function indented(line: Line): Line {
	return [span(" "), ...line, span(" ")];
}

function heading(state: ScreenState, columns: number): Line {
	return justified([span(clean(state.target), "strong")], [phaseSpan(state)], columns);
}

function phaseSpan({ phase, isPaused }: ScreenState): Span {
	if (isPaused) return span("‖ paused", "warning");
	const style: Style = phase === "measuring" ? "good" : "accent";
	return span(`● ${phase}`, style);
}

function progress(state: ScreenState, columns: number): Line {
	const { doneShare, elapsedSeconds, durationSeconds, iterations, counts } = state;
	const end = durationSeconds === null ? "" : ` of ${clockText(durationSeconds)}`;
	const done = iterations === null ? "" : `  ${countText(counts.sent)} of ${countText(iterations)}`;
	const clock = ` ${clockText(elapsedSeconds)}${end}${done}`;
	const room = Math.max(0, columns - clock.length);
	return [...gauge(doneShare ?? 0, room, state.isPaused ? "warning" : "good"), span(clock)];
}

/** The keys, and beside them what was done to the target, as far as there is room. */
function roomyFooter(state: ScreenState, columns: number): Line {
	const keys = footer(state, true);
	const room = columns - lineColumns(keys) - 1;
	if (state.lastEvent === null || room < eventColumnsMin) return keys;
	return justified(keys, [span(cut(lastEventText(state.lastEvent), room), "warning")], columns);
}

function footer(state: ScreenState, isRoomy: boolean): Line {
	const keys: [string, string][] = [["q", isRoomy ? "stop and report" : "stop"]];
	if (state.phase === "measuring") {
		keys.push(["p", state.isPaused ? "go on" : "pause"], ["+ −", "window"]);
		if (state.rate.asked !== null) keys.push(["[ ]", "rate"]);
	}
	const gap = isRoomy ? "   " : "  ";
	return keys.flatMap(([key, meaning]) => [span(key, "strong"), span(` ${meaning}${gap}`, "quiet")]);
}

function sum(numbers: readonly number[]): number {
	return numbers.reduce((total, number) => total + number, 0);
}

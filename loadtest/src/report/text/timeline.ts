/**
 * The window that no order explains, drawn: when each request was sent and its answer was there.
 *
 *       #19449     ├────────────────┄  debit of 9999: no answer
 *     > #19457          ├────────┤     statement: balance -3000
 */
import type { WindowRow } from "../../result.ts";
import { clean, type Line, span, wrapped } from "../../tui/line.ts";
import { momentText, plural } from "../units.ts";
import { paragraph } from "./layout.ts";

const barColumns = 24;
/** A longer window isn't looked at in a terminal. */
const rowsMax = 16;
const textLinesMax = 3;

export function timeline(window: readonly WindowRow[], width: number): Line[] {
	const rows = aroundUnexplained(window);
	const from = Math.min(...rows.map(({ sentAtMs }) => sentAtMs));
	const until = Math.max(...rows.map(({ sentAtMs, receivedAtMs }) => receivedAtMs ?? sentAtMs));
	const digits = Math.max(...rows.map(({ number }) => `#${number}`.length));
	const lead = digits + 8;
	const column = (ms: number) =>
		until > from ? Math.round(((ms - from) / (until - from)) * (barColumns - 1)) : 0;
	const drawn = rows.flatMap(({ number, sentAtMs, receivedAtMs, text, unexplained }): Line[] => {
		const bar =
			receivedAtMs === null ? openBar(column(sentAtMs)) : closedBar(column(sentAtMs), column(receivedAtMs));
		const said = wrapped(clean(text), width - lead - barColumns, textLinesMax);
		const style = unexplained ? "badStrong" : "plain";
		const first = [
			span(`    ${unexplained ? ">" : " "} `, "badStrong"),
			span(`#${number}`.padEnd(digits), unexplained ? "badStrong" : "quiet"),
			span(" "),
			span(bar.padEnd(barColumns), unexplained ? "bad" : "accent"),
			span(" "),
			span(said[0] ?? "", style),
		];
		const below = " ".repeat(lead + barColumns);
		return [first, ...said.slice(1).map((line) => [span(below), span(line, style)])];
	});
	const left = window.length - rows.length;
	const legend = `${momentText(from)} to ${momentText(until)}; > is the one for which no order is left`;
	return [
		...drawn,
		...paragraph(legend, width, "quiet", " ".repeat(lead)),
		...(left === 0
			? []
			: paragraph(`${plural(left, "more row")} in the other reports`, width, "quiet", " ".repeat(lead))),
	];
}

function aroundUnexplained(window: readonly WindowRow[]): readonly WindowRow[] {
	const at = window.findIndex(({ unexplained }) => unexplained);
	const end = Math.max(rowsMax, at + 1 + rowsMax / 4);
	return window.slice(Math.max(0, Math.min(end, window.length) - rowsMax), end);
}

function closedBar(from: number, to: number): string {
	return " ".repeat(from) + (to > from ? `├${"─".repeat(to - from - 1)}┤` : "│");
}

/** Without an answer it may take effect at any time. */
function openBar(from: number): string {
	return `${" ".repeat(from)}├${"─".repeat(Math.max(0, barColumns - from - 2))}┄`;
}

/** Columns, sentences and headings of the text report, as the screen's styled lines. */
import {
	clean,
	columnsOf,
	type Line,
	lineColumns,
	type Span,
	type Style,
	span,
	wrapped,
} from "../../tui/line.ts";

export interface Section {
	readonly title: string;
	readonly lines: readonly Line[];
}

export type Cell = string | Span;

const indent = "  ";
const gap = "  ";

/**
 * `alignments` has a letter for each column, l or r; the last column, if it is l, isn't filled, and goes on
 * below itself where a width is given.
 */
export function table(rows: readonly (readonly Cell[])[], alignments: string, width?: number): Line[] {
	const spans = rows.map((row) => row.map((cell) => (typeof cell === "string" ? span(cell) : cell)));
	const widths = [...alignments].map((_, column) =>
		Math.max(0, ...spans.map((row) => row[column]?.columns ?? 0)),
	);
	const isRight = (column: number) => alignments[column] === "r";
	const pad = (cell: Span, column: number): Span[] => {
		const filling = span(" ".repeat((widths[column] ?? 0) - cell.columns));
		const lead = span(column === 0 ? indent : gap);
		return isRight(column) ? [lead, filling, cell] : [lead, cell, filling];
	};
	return spans.flatMap((row) => {
		const last = row.at(-1);
		if (last === undefined || isRight(row.length - 1)) return [row.flatMap(pad)];
		const before = row.slice(0, -1).flatMap(pad);
		const start = lineColumns(before) + gap.length;
		const [first = "", ...rest] =
			width === undefined ? [last.text] : wrapped(last.text, width - start, Number.POSITIVE_INFINITY);
		return [
			[...before, span(before.length === 0 ? indent : gap), span(first, last.style)],
			...rest.map((text) => [span(" ".repeat(start)), span(text, last.style)]),
		];
	});
}

export function heading(...names: readonly string[]): Span[] {
	return names.map((name) => span(name, "quiet"));
}

/** All of a text of unknown origin, on as many lines as it takes. */
export function paragraph(text: string, width: number, style: Style = "plain", lead = indent): Line[] {
	const lines = wrapped(clean(text), width - columnsOf(lead), Number.POSITIVE_INFINITY);
	return lines.map((line) => [span(lead), span(line, style)]);
}

/** After a name in the margin, which its first line stands beside. */
export function labelled(label: Span, text: string, width: number, style: Style = "plain"): Line[] {
	const lead = indent + " ".repeat(label.columns) + gap;
	const [first, ...rest] = paragraph(text, width, style, lead);
	return [[span(indent), label, span(gap), ...(first ?? []).slice(1)], ...rest];
}

export const emptyLine: Line = [];

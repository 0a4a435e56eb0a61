/** Columns, sentences and headings of the text report, as the screen's styled lines. */
import { clean, columnsOf, type Line, type Span, type Style, span, wrapped } from "../../tui/line.ts";

export interface Section {
	readonly title: string;
	readonly lines: readonly Line[];
}

export type Cell = string | Span;

const indent = "  ";
const gap = "  ";

/** `alignments` has a letter for each column, l or r; the last column, if it is l, isn't filled. */
export function table(rows: readonly (readonly Cell[])[], alignments: string): Line[] {
	const spans = rows.map((row) => row.map((cell) => (typeof cell === "string" ? span(cell) : cell)));
	const widths = [...alignments].map((_, column) =>
		Math.max(0, ...spans.map((row) => row[column]?.columns ?? 0)),
	);
	return spans.map((row) =>
		row.flatMap((cell, column) => {
			const filling = " ".repeat((widths[column] ?? 0) - cell.columns);
			const isRight = alignments[column] === "r";
			const lead = column === 0 ? indent : gap;
			if (isRight) return [span(lead + filling), cell];
			return column === row.length - 1 ? [span(lead), cell] : [span(lead), cell, span(filling)];
		}),
	);
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

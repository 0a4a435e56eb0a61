/**
 * A line of the screen as styled pieces whose width is known: so a line is cut, filled and joined by what it
 * takes of the terminal's columns, and never by its characters or escape codes.
 */

/** The parameters of ECMA-48's SGR. Only the sixteen colours that the terminal's own theme defines. */
const styles = {
	plain: "",
	strong: "1",
	quiet: "2",
	good: "32",
	warning: "33",
	bad: "31",
	badStrong: "1;31",
	accent: "36",
	accentQuiet: "2;36",
} as const;

export type Style = keyof typeof styles;

export interface Span {
	readonly text: string;
	readonly style: Style;
	readonly columns: number;
}

export type Line = readonly Span[];

const textMax = 2000;
const narrow = /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u2013-\u2026\u2190-\u2199\u2400-\u2426\u2500-\u259f]*$/;

/** How many columns it takes. Without control characters. */
export function columnsOf(text: string): number {
	return narrow.test(text) ? text.length : Bun.stringWidth(text);
}

export function span(text: string, style: Style = "plain"): Span {
	return { text, style, columns: columnsOf(text) };
}

export function lineColumns(line: Line): number {
	let columns = 0;
	for (const piece of line) columns += piece.columns;
	return columns;
}

/**
 * Text of unknown origin for one line of a terminal: nothing in it moves the cursor, changes a colour, turns
 * the direction of writing or stacks upon its neighbour. Control codes are shown as their pictures, ␛ for one.
 */
export function clean(text: string): string {
	const cut = text.length > textMax ? text.slice(0, textMax) : text;
	if (narrow.test(cut)) return cut;
	return cut
		.normalize("NFC")
		.replaceAll(/\p{M}/gu, "")
		.replaceAll(/\p{Zs}/gu, " ")
		.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, picture);
}

function picture(character: string): string {
	const code = character.charCodeAt(0);
	if (code < 0x20) return String.fromCharCode(0x2400 + code);
	return code === 0x7f ? "␡" : "·";
}

/** The first columns of a text; a cut is marked. */
export function cut(text: string, columns: number): string {
	if (columnsOf(text) <= columns) return text;
	return columns < 1 ? "" : `${beginning(text, columns - 1)}…`;
}

/** As many of its characters as fit. */
function beginning(text: string, columns: number): string {
	let left = columns;
	let kept = "";
	for (const character of text) {
		left -= columnsOf(character);
		if (left < 0) break;
		kept += character;
	}
	return kept;
}

/** Exactly so many columns wide, cut or filled with spaces. */
export function fit(line: Line, columns: number): Line {
	const fitted: Span[] = [];
	let left = columns;
	for (const piece of line) {
		if (piece.columns <= left) {
			fitted.push(piece);
			left -= piece.columns;
			continue;
		}
		const short = span(cut(piece.text, left), piece.style);
		fitted.push(short);
		left -= short.columns;
		break;
	}
	if (left > 0) fitted.push(span(" ".repeat(left)));
	return fitted;
}

/** One part at either end, exactly so many columns wide; the left one is cut first. */
export function justified(left: Line, right: Line, columns: number): Line {
	const rightColumns = lineColumns(right);
	if (rightColumns + 2 > columns) return fit(right, columns);
	return [...fit(left, columns - rightColumns - 1), span(" "), ...right];
}

/** Words on as many lines as are allowed; the last one is cut. */
export function wrapped(text: string, columns: number, linesMax: number): string[] {
	const lines: string[] = [];
	let rest = text;
	while (rest !== "" && lines.length < linesMax) {
		if (lines.length === linesMax - 1 || columnsOf(rest) <= columns) {
			lines.push(cut(rest, columns));
			break;
		}
		const head = beginning(rest, columns);
		const space = rest[head.length] === " " ? head.length : head.lastIndexOf(" ");
		// A word that fills most of a line is cut, or the line would be nearly empty.
		const end = space > head.length / 2 ? space : head.length;
		if (end === 0) break;
		lines.push(rest.slice(0, end));
		rest = rest.slice(end).trimStart();
	}
	return lines;
}

/** As it is written to a terminal; colour is the only thing that is left out without it. */
export function encode(line: Line, isColoured: boolean): string {
	let encoded = "";
	let style: Style = "plain";
	for (const piece of line) {
		if (isColoured && piece.style !== style) {
			encoded += `\x1b[0${styles[piece.style] === "" ? "" : `;${styles[piece.style]}`}m`;
			style = piece.style;
		}
		encoded += piece.text;
	}
	return style === "plain" ? encoded : `${encoded}\x1b[0m`;
}

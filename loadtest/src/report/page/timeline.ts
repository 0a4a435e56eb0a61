/** The window that no order explains, as an SVG: a bar from each request's sending to its answer. */
import { kinds } from "../../operation.ts";
import type { WindowRow } from "../../result.ts";
import { momentText } from "../units.ts";
import { type Markup, markup } from "./markup.ts";

const width = 720;
const [left, right] = [12, 12];
const head = 26;
const rowHeight = 40;
const gridLines = 4;
const textMax = 110;

export function timeline(window: readonly WindowRow[]): Markup {
	const from = Math.min(...window.map(({ sentAtMs }) => sentAtMs));
	const until = Math.max(
		...window.map(({ sentAtMs, receivedAtMs }) => receivedAtMs ?? sentAtMs),
		from + 0.001,
	);
	const at = (ms: number) => round(left + ((ms - from) / (until - from)) * (width - left - right));
	const height = head + rowHeight * window.length + 6;
	const label = `${window.length} operations from ${momentText(from)} to ${momentText(until)} of the measured time, listed below`;
	const rows = window.map((found, index) => rowOf(found, head + index * rowHeight, at));
	return markup`<figure class="timeline"><div class="scroll"><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">
${grid(from, until, height, at)}${rows}</svg></div>
<figcaption>From sending to answer, since ${momentText(from)} of the measured time. No order of these explains the marked one; a dashed bar had no answer, and may take effect at any time.</figcaption></figure>
`;
}

function grid(from: number, until: number, height: number, at: (ms: number) => number): Markup[] {
	return Array.from({ length: gridLines + 1 }, (_, index) => {
		const ms = from + (index / gridLines) * (until - from);
		const x = at(ms);
		const anchor = index === 0 ? "start" : index === gridLines ? "end" : "middle";
		return markup`<line class="grid" x1="${x}" x2="${x}" y1="18" y2="${height}"/><text x="${x}" y="12" text-anchor="${anchor}">+${(ms - from).toFixed(3)} ms</text>
`;
	});
}

function rowOf(
	{ number, sentAtMs, receivedAtMs, text, unexplained }: WindowRow,
	y: number,
	at: (ms: number) => number,
): Markup {
	const kind = kinds.find((known) => text.startsWith(known)) ?? "other";
	const x = at(sentAtMs);
	const end = receivedAtMs === null ? width - right : at(receivedAtMs);
	const said = text.length > textMax ? `${text.slice(0, textMax)}…` : text;
	const state = `${unexplained ? " unexplained" : ""}${receivedAtMs === null ? " open" : ""}`;
	const background = unexplained
		? markup`<rect class="row" x="0" y="${y}" width="${width}" height="${rowHeight}" rx="4"/>`
		: markup``;
	return markup`<g class="${kind}${state}">${background}<text class="name" x="${left}" y="${y + 16}">${unexplained ? "▸ " : ""}#${number} ${said}</text><rect class="span" x="${x}" y="${y + 23}" width="${round(Math.max(2, end - x))}" height="9" rx="3"/></g>
`;
}

function round(value: number): number {
	return Math.round(value * 100) / 100;
}

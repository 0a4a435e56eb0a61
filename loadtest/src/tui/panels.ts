/**
 * What stands in each panel: lines for a given width and height, without the frame. A panel says how few
 * lines it can do with and how many it could use, and render.ts deals out the room.
 */
import { chart, gauge } from "./chart.ts";
import { countText, latencyText, plural, rateText, shareText } from "./figures.ts";
import {
	clean,
	cut,
	fit,
	justified,
	type Line,
	lineColumns,
	type Span,
	type Style,
	span,
	wrapped,
} from "./line.ts";
import type { Percentiles, ScreenState } from "./state.ts";

export interface Panel {
	readonly title: string;
	readonly linesMin: number;
	/** What it could use, when there is room. */
	linesWanted(state: ScreenState, columns: number): number;
	/** At most so many lines, none wider than that. */
	draw(state: ScreenState, columns: number, lines: number): Line[];
}

/** A generator that uses more of its only thread than this measures itself. */
const cpuShareWarning = 0.85;
/** Sends that are later than this are worth a look. */
export const latenessMsWarning = 1;

const chartLinesMax = 12;
const percentileRows: readonly { readonly name: string; readonly of: keyof Percentiles }[] = [
	{ name: "p50", of: "p50Ms" },
	{ name: "p90", of: "p90Ms" },
	{ name: "p99", of: "p99Ms" },
	{ name: "p99.9", of: "p999Ms" },
	{ name: "max", of: "maxMs" },
];

export const ratePanel: Panel = {
	title: "rate",
	linesMin: 5,
	linesWanted: () => 4 + chartLinesMax,
	draw({ rate, inFlight, window, waiting }, columns, lines) {
		const top = Math.max(0, ...rate.history);
		const asked = rate.asked === null ? [] : labelled("asked", `${rateText(rate.asked)}/s`);
		const left = justified(
			[span(`${rateText(rate.lastSecond)}/s`, "strong"), span(" last second", "quiet")],
			asked,
			columns,
		);
		const right = justified(
			[span(`${rateText(rate.mean)}/s`), span(" mean", "quiet")],
			rate.history.length === 0 ? [] : labelled("top", `${rateText(top)}/s`),
			columns,
		);
		const late = waiting === null || waiting === 0 ? "" : `, ${countText(waiting)} wait`;
		const places = `${countText(inFlight)} of ${countText(window)}${late}`;
		const room = columns - "in flight ".length - places.length - 1;
		return [
			left,
			right,
			[],
			...charted(rate.history, columns, lines - 4),
			[
				span("in flight ", "quiet"),
				...(room >= 4 ? [...gauge(inFlight / Math.max(1, window), room, "accent"), span(" ")] : []),
				span(places, waiting === null || waiting === 0 ? "plain" : "warning"),
			],
		];
	},
};

export const latencyPanel: Panel = {
	title: "latency",
	linesMin: 7,
	linesWanted: () => 7 + chartLinesMax,
	draw({ latency }, columns, lines) {
		const cell = Math.min(16, Math.floor((columns - 6) / 2));
		const rows = percentileRows.map(({ name, of }) => [
			span(name.padEnd(columns - 2 * cell), "quiet"),
			toTheRight(latencyText(latency.recent?.[of]), cell, of === "p99Ms" ? "strong" : "plain"),
			toTheRight(latencyText(latency.overall?.[of]), cell),
		]);
		const heading = [
			span("".padEnd(columns - 2 * cell)),
			toTheRight("last 5 s", cell, "quiet"),
			toTheRight("all", cell, "quiet"),
		];
		const top = Math.max(0, ...latency.p99HistoryMs.map((ms) => ms ?? 0));
		const chartLines = lines - 8;
		if (chartLines < 1) return [heading, ...rows, ...charted(latency.p99HistoryMs, columns, lines - 6)];
		return [
			heading,
			...rows,
			justified([span("p99 by second", "quiet")], top > 0 ? labelled("top", latencyText(top)) : [], columns),
			...charted(latency.p99HistoryMs, columns, chartLines + 1),
		].slice(0, lines);
	},
};

export const operationsPanel: Panel = {
	title: "operations",
	linesMin: 4,
	linesWanted: () => 4,
	draw({ operations }, columns) {
		const spare = Math.max(0, columns - 40);
		const widths = [8, 7, 8, 8].map((width) => width + Math.floor(spare / 4));
		const name = columns - widths.reduce((sum, width) => sum + width, 0);
		const heading = ["count", "/s", "p50", "p99"];
		return [
			[span("".padEnd(name)), ...heading.map((text, at) => toTheRight(text, widths[at] ?? 0, "quiet"))],
			...operations.map(({ kind, count, rate, p50Ms, p99Ms }) => [
				...fit([span(kind)], name),
				...[countText(count), rateText(rate), latencyText(p50Ms), latencyText(p99Ms)].map((text, at) =>
					toTheRight(text, widths[at] ?? 0),
				),
			]),
		];
	},
};

export const answersPanel: Panel = {
	title: "answers",
	linesMin: 4,
	linesWanted: ({ statuses, errors }) => Math.max(4, statuses.length + errors.length),
	draw({ statuses, errors }, columns, lines) {
		const total = statuses.reduce((sum, { count }) => sum + count, 0);
		const statusLines = statuses.map(({ status, count }) => {
			const style = statusStyle(status);
			const head = [span(String(status).padEnd(4), style), toTheRight(countText(count), 9), span(" ")];
			const share = toTheRight(shareText(total > 0 ? count / total : 0), 8, "quiet");
			const room = columns - lineColumns(head) - share.columns;
			return room < 2 ? head : [...head, ...gauge(total > 0 ? count / total : 0, room, style), share];
		});
		const errorLines = errors.map(({ kind, message, count }) => [
			...fit([span(kind, "bad")], 9),
			toTheRight(countText(count), 7, "bad"),
			span(` ${cut(clean(message), Math.max(0, columns - 17))}`),
		]);
		return shared(statusLines, errorLines, lines);
	},
};

export const booksPanel: Panel = {
	title: "books",
	linesMin: 2,
	linesWanted: ({ consistency: { lastMessage } }, columns) =>
		lastMessage === null ? 2 : 1 + Math.min(4, Math.max(1, wrapped(clean(lastMessage), columns, 4).length)),
	draw({ consistency }, columns, lines) {
		const { responsesChecked, violations, lastMessage } = consistency;
		const checked = [span(countText(responsesChecked)), span(" answers checked", "quiet")];
		if (responsesChecked + violations === 0) return [[span("nothing to check yet", "quiet")]];
		if (violations === 0) return [checked, [span("✓ no violation", "good")]];
		return [
			justified([span(`✗ ${plural(violations, "violation")}`, "badStrong")], checked, columns),
			...wrapped(clean(lastMessage ?? ""), columns, lines - 1).map((text) => [span(text, "bad")]),
		];
	},
};

export const generatorPanel: Panel = {
	title: "generator",
	linesMin: 2,
	linesWanted: () => 2,
	draw({ model, generatorCpuShare, latenessP99Ms }, columns) {
		const cpuStyle = processorStyle(model, generatorCpuShare);
		const late: Line =
			model === "closed"
				? [span("sends as it is answered", "quiet")]
				: justified(
						[span("late, p99", "quiet")],
						[
							span(
								latencyText(latenessP99Ms),
								(latenessP99Ms ?? 0) > latenessMsWarning ? "warning" : "plain",
							),
						],
						columns,
					);
		const share = span(`${Math.round(generatorCpuShare * 100)} %`.padStart(6), cpuStyle);
		const label = span("processor ", "quiet");
		const room = columns - label.columns - share.columns;
		const used = gauge(generatorCpuShare, room, cpuStyle === "plain" ? "accent" : cpuStyle);
		return [[label, ...(room >= 4 ? used : []), share], late];
	},
};

/** In an open model it is busy waiting for the moment to send, and only its lateness tells whether it keeps up. */
export function processorStyle(model: ScreenState["model"], cpuShare: number): Style {
	return model === "closed" && cpuShare > cpuShareWarning ? "warning" : "plain";
}

/** 422 is how a debit over the limit is refused, which is as right an answer as any. */
export function statusStyle(status: number): Style {
	if (status >= 200 && status < 300) return "good";
	return status === 422 ? "accent" : "bad";
}

function labelled(label: string, value: string): Span[] {
	return [span(`${label} `, "quiet"), span(value)];
}

function toTheRight(text: string, columns: number, style: Style = "plain"): Span {
	return span(text.padStart(columns), style);
}

function charted(values: readonly (number | null)[], columns: number, lines: number): Line[] {
	return lines < 1 ? [] : chart(values, columns, lines).map((text) => [span(text, "accentQuiet")]);
}

/** Both lists, cut so that neither hides the other; what is left out is counted. */
function shared(first: readonly Line[], second: readonly Line[], lines: number): Line[] {
	if (first.length + second.length <= lines) return [...first, ...second];
	const secondLines = Math.min(second.length, Math.max(Math.floor(lines / 2), lines - first.length));
	const firstLines = Math.min(first.length, lines - secondLines);
	const shown = [...shortened(first, firstLines), ...shortened(second, secondLines)];
	return shown.slice(0, lines);
}

function shortened(list: readonly Line[], lines: number): Line[] {
	if (list.length <= lines) return [...list];
	return [...list.slice(0, Math.max(0, lines - 1)), [span(`… ${list.length - lines + 1} more`, "quiet")]];
}

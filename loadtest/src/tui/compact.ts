/** The state in plain lines, for a terminal that has no room for panels: the most important lines that fit. */
import { chart } from "./chart.ts";
import { countText, latencyText, plural, rateText } from "./figures.ts";
import { lastEventText } from "./last-event.ts";
import { clean, type Line, type Span, span } from "./line.ts";
import { latenessMsWarning, processorStyle, statusStyle } from "./panels.ts";
import type { ScreenState } from "./state.ts";

interface Ranked {
	/** 0 stays longest. */
	readonly rank: number;
	readonly line: Line;
}

const labelColumns = 11;

export function compactLines(
	state: ScreenState,
	columns: number,
	rows: number,
	heading: Line,
	progress: Line,
	footer: Line,
): Line[] {
	const { rate, latency, consistency, lastEvent } = state;
	const charts = Math.max(0, columns - labelColumns);
	const history = (values: readonly (number | null)[]) => [
		span("".padEnd(labelColumns)),
		span(chart(values, charts, 1)[0] ?? "", "accentQuiet"),
	];
	const all: Ranked[] = [
		{ rank: 3, line: heading },
		{ rank: 5, line: progress },
		{ rank: 0, line: row("rate", rateSpans(state)) },
		{ rank: 9, line: history(rate.history) },
		{ rank: 2, line: row("latency", latencySpans(state)) },
		{ rank: 10, line: history(latency.p99HistoryMs) },
		{ rank: 6, line: row("in flight", [span(`${countText(state.inFlight)} of ${countText(state.window)}`)]) },
		{
			rank: 8,
			line: row(
				"answers",
				state.statuses.map(({ status, count }) =>
					span(`${status}: ${countText(count)}  `, statusStyle(status)),
				),
			),
		},
		{ rank: 1, line: row("failures", failureSpans(state)) },
		...(lastEvent === null ? [] : [{ rank: 7, line: row("chaos", [span(lastEventText(lastEvent))]) }]),
		{ rank: 11, line: row("generator", generatorSpans(state)) },
		...(consistency.violations > 0 && consistency.lastMessage !== null
			? [{ rank: 7, line: [span(clean(consistency.lastMessage), "bad")] } as const]
			: []),
		{ rank: 4, line: footer },
	];
	const kept = new Set(all.toSorted((a, b) => a.rank - b.rank).slice(0, rows));
	return all.filter((ranked) => kept.has(ranked)).map(({ line }) => line);
}

function row(label: string, spans: readonly Span[]): Line {
	return [span(label.padEnd(labelColumns), "quiet"), ...spans];
}

function rateSpans({ rate }: ScreenState): Span[] {
	const asked = rate.asked === null ? [] : [span(`  asked ${rateText(rate.asked)}`, "quiet")];
	return [span(`${rateText(rate.lastSecond)}/s`, "strong"), ...asked];
}

function latencySpans({ latency }: ScreenState): Span[] {
	return [
		span("p50 ", "quiet"),
		span(latencyText(latency.recent?.p50Ms)),
		span("  p99 ", "quiet"),
		span(latencyText(latency.recent?.p99Ms), "strong"),
	];
}

function failureSpans({ counts, consistency: { violations } }: ScreenState): Span[] {
	const errors = counts.otherStatus + counts.failed;
	return [
		span(plural(errors, "error"), errors > 0 ? "bad" : "plain"),
		span("  "),
		span(plural(violations, "violation"), violations > 0 ? "badStrong" : "good"),
	];
}

function generatorSpans({ model, generatorCpuShare, latenessP99Ms }: ScreenState): Span[] {
	const processor = `${Math.round(generatorCpuShare * 100)} % CPU`;
	const spans = [span(processor, processorStyle(model, generatorCpuShare))];
	if (latenessP99Ms !== null)
		spans.push(
			span(`  ${latencyText(latenessP99Ms)} late`, latenessP99Ms > latenessMsWarning ? "warning" : "plain"),
		);
	return spans;
}

/** The run on one line, for where there is no terminal to draw on: a log of CI, a file, a pipe. */
import { countText, latencyText, rateText } from "./figures.ts";
import { lastEventText } from "./last-event.ts";
import { clean } from "./line.ts";
import type { ScreenState } from "./state.ts";

function percentText(share: number): string {
	return `${Math.round(100 * share)} %`;
}

export function statusLine(state: ScreenState): string {
	const { rate, latency, counts, consistency, lastEvent } = state;
	const asked = rate.asked === null ? "" : ` (asked ${rateText(rate.asked)})`;
	const phase = state.isPaused ? "paused" : state.phase;
	if (state.phase === "checking the books") return `checking the books  ${percentText(state.doneShare ?? 0)}`;
	return clean(
		[
			`${Math.floor(state.elapsedSeconds)} s`,
			...(phase === "measuring" ? [] : [phase]),
			`${rateText(rate.lastSecond)}/s${asked}`,
			`p50 ${latencyText(latency.recent?.p50Ms)}`,
			`p99 ${latencyText(latency.recent?.p99Ms)}`,
			`errors ${countText(counts.otherStatus + counts.failed)}`,
			`violations ${countText(consistency.violations)}`,
			...(lastEvent === null ? [] : [lastEventText(lastEvent)]),
		].join("  "),
	);
}

/** What was done to the target on purpose, in the text report. */
import type { ChaosEvent } from "../../chaos-record.ts";
import type { Result } from "../../result.ts";
import { clean, type Line, span } from "../../tui/line.ts";
import { countText, latencyText, plural } from "../units.ts";
import { heading, paragraph, type Section, table } from "./layout.ts";

export function chaos({ chaos: found }: Result, width: number): Section | undefined {
	if (found === null) return undefined;
	const { events, victims } = found;
	const actions = (["kill", "pause", "restart"] as const).filter((action) =>
		events.some((event) => event.action === action),
	);
	const names = ["action", "events", "errors/s", "worst p99", "back median", "back max"];
	const rows = actions.map((action) =>
		rowOf(
			action,
			events.filter((event) => event.action === action),
		),
	);
	const lines: Line[] = table([heading(...names), ...rows], "lrrrrr");
	const failures = new Map<string, number>();
	for (const { error, victim } of events)
		if (error !== null) failures.set(`${victim}: ${error}`, (failures.get(`${victim}: ${error}`) ?? 0) + 1);
	return {
		title: "Chaos",
		lines: [
			...paragraph(`${plural(events.length, "event")} on ${victims.map(clean).join(", ")}`, width),
			...(rows.length > 0 ? lines : []),
			...[...failures].flatMap(([text, count]) =>
				paragraph(`${countText(count)} × ${text}`, width, "warning"),
			),
		],
	};
}

function rowOf(action: string, events: readonly ChaosEvent[]) {
	const back = events
		.map(({ backMs }) => backMs)
		.filter((ms) => ms !== null)
		.sort((a, b) => a - b);
	const p99s = events.map(({ p99Ms }) => p99Ms).filter((ms) => ms !== null);
	const errors = Math.max(0, ...events.map((event) => event.errors));
	return [
		action,
		countText(events.length),
		span(countText(errors), errors > 0 ? "badStrong" : "plain"),
		p99s.length === 0 ? "–" : latencyText(Math.max(...p99s)),
		back.length === 0 ? "–" : latencyText(back[back.length >> 1] as number),
		back.length === 0 ? "–" : latencyText(back.at(-1) as number),
	];
}

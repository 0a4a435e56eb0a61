/** The charts over time: what each shows, and its numbers for the page's script, which draws them. */
import type { ChaosEvent } from "../../chaos-record.ts";
import type { Result, SecondRow } from "../../result.ts";
import { countText, latencyText, rateText, shareText } from "../units.ts";
import { embeddedJson, type Markup, markup, nothing } from "./markup.ts";

interface Series {
	readonly label: string;
	/** A custom property of the style sheet's, without its dashes. */
	readonly colour: string;
	readonly unit: "count" | "rate" | "ms" | "share";
	readonly look: "line" | "dashed" | "bars";
	readonly values: readonly (number | null)[];
}

interface Chart {
	readonly id: string;
	readonly title: string;
	readonly isLogarithmic: boolean;
	/** At most two units: the first one's axis is on the left. */
	readonly series: readonly Series[];
	/** What it shows, for those who don't see it. */
	readonly description: string;
	/** Instead of a chart that would be empty. */
	readonly absence: string | undefined;
}

export function charts(result: Result): Markup {
	if (result.seconds.length === 0)
		return markup`<p class="empty">The run was over before its first whole second: there is nothing over time.</p>`;
	const all = [rates(result), latencies(result), errors(result), generator(result)];
	const figures = all.map(
		({ id, title, description, absence }) => markup`<figure class="card chart">
<figcaption>${title}</figcaption>
${absence === undefined ? markup`<div class="plot" id="${id}" role="img" aria-label="${description}"></div>` : markup`<p class="empty">${absence}</p>`}
</figure>
`,
	);
	const drawn = all.filter(({ absence }) => absence === undefined);
	const events = result.chaos?.events ?? [];
	const data = {
		seconds: result.seconds.map(({ second }) => second),
		charts: drawn.map(({ id, isLogarithmic, series }) => ({ id, isLogarithmic, series })),
		marks: events.map(markOf),
	};
	return markup`<div class="charts">${figures}</div>
${legendOf(events)}<noscript><p class="empty">The charts need scripts; the numbers below don't.</p></noscript>
<script type="application/json" id="data">${embeddedJson(data)}</script>
`;
}

/** What was done to the target, as the page's script marks it: a line, or a band for as long as it lasted. */
function markOf({ atSecond, action, lastedMs }: ChaosEvent): object {
	return {
		from: Math.round(atSecond * 1000) / 1000,
		until: Math.round(atSecond * 1000 + (lastedMs ?? 0)) / 1000,
		colour: markColours[action],
	};
}

const markColours: Readonly<Record<ChaosEvent["action"], string>> = {
	kill: "bad",
	pause: "third",
	restart: "quiet",
};

function legendOf(events: readonly ChaosEvent[]): Markup {
	if (events.length === 0) return nothing;
	const actions = [...new Set(events.map(({ action }) => action))];
	return markup`<p class="note">What was done to the target: ${actions.map(
		(action) => markup`<span class="mark ${action}">${action}</span> `,
	)}</p>
`;
}

function rates({ seconds }: Result): Chart {
	const asked = read(seconds, ({ asked }) => asked);
	const answered = read(seconds, ({ answered }) => answered);
	return {
		id: "rate",
		title: isMeasured(asked) ? "Rate asked and reached" : "Rate",
		isLogarithmic: false,
		series: [
			...(isMeasured(asked)
				? [{ label: "asked", colour: "quiet", unit: "rate", look: "dashed", values: asked } as const]
				: []),
			{ label: "answered", colour: "accent", unit: "rate", look: "line", values: answered },
		],
		description: `Answers in each second: ${range(answered, rateText)}${isMeasured(asked) ? `; asked were ${range(asked, rateText)}` : ""}`,
		absence: undefined,
	};
}

function latencies({ seconds }: Result): Chart {
	const [p50, p99, p999] = [
		read(seconds, ({ p50Ms }) => p50Ms),
		read(seconds, ({ p99Ms }) => p99Ms),
		read(seconds, ({ p999Ms }) => p999Ms),
	];
	return {
		id: "latency",
		title: "Response time, on a logarithmic scale",
		isLogarithmic: true,
		series: [
			{ label: "p50", colour: "first", unit: "ms", look: "line", values: p50 },
			{ label: "p99", colour: "second", unit: "ms", look: "line", values: p99 },
			{ label: "p99.9", colour: "third", unit: "ms", look: "line", values: p999 },
		],
		description: `Response times in each second: p50 ${range(p50, latencyText)}; p99 ${range(p99, latencyText)}; p99.9 ${range(p999, latencyText)}`,
		absence: isMeasured(p50) ? undefined : "No answers in any second.",
	};
}

function errors({ seconds }: Result): Chart {
	const values = read(seconds, ({ errors }) => errors);
	return {
		id: "errors",
		title: "Requests that failed",
		isLogarithmic: false,
		series: [{ label: "errors", colour: "bad", unit: "count", look: "bars", values }],
		description: `Failed requests in each second: ${range(values, countText)}`,
		absence: values.some((value) => value !== null && value > 0) ? undefined : "None, in any second.",
	};
}

function generator({ seconds }: Result): Chart {
	const late = read(seconds, ({ latenessP99Ms }) => latenessP99Ms);
	const cpu = read(seconds, ({ cpuShare }) => cpuShare);
	return {
		id: "generator",
		title: "Health of the generator",
		isLogarithmic: false,
		series: [
			{ label: "processor", colour: "second", unit: "share", look: "line", values: cpu },
			...(isMeasured(late)
				? [{ label: "lateness p99", colour: "accent", unit: "ms", look: "line", values: late } as const]
				: []),
		],
		description: `The generator's own processor time in each second: ${range(cpu, shareText)}${isMeasured(late) ? `; its lateness p99 ${range(late, latencyText)}` : ""}`,
		absence: undefined,
	};
}

function read(seconds: readonly SecondRow[], of: (row: SecondRow) => number | null): (number | null)[] {
	return seconds.map((row) => {
		const value = of(row);
		return value === null || !Number.isFinite(value) ? null : Math.round(value * 1e4) / 1e4;
	});
}

function isMeasured(values: readonly (number | null)[]): boolean {
	return values.some((value) => value !== null);
}

function range(values: readonly (number | null)[], text: (value: number | undefined) => string): string {
	let [low, high]: [number | undefined, number | undefined] = [undefined, undefined];
	for (const value of values) {
		if (value === null) continue;
		if (low === undefined || value < low) low = value;
		if (high === undefined || value > high) high = value;
	}
	return low === undefined ? "nothing measured" : `from ${text(low)} to ${text(high)}`;
}

const listedMax = 600;

/** The same numbers as a list, for those who read charts otherwise. */
export function listedSeconds({ seconds }: Result): Markup {
	if (seconds.length === 0) return nothing;
	if (seconds.length > listedMax)
		return markup`<p class="empty">${countText(seconds.length)} seconds are too many to list here; the CSV report has them.</p>`;
	const names = [
		"Second",
		"Asked",
		"Sent",
		"Answered",
		"Errors",
		"p50",
		"p99",
		"p99.9",
		"Lateness p99",
		"In flight",
		"Processor",
	];
	const rows = seconds.map((row) =>
		[
			...[row.second, row.asked, row.sent, row.answered, row.errors].map(countText),
			...[row.p50Ms, row.p99Ms, row.p999Ms, row.latenessP99Ms].map(latencyText),
			countText(row.inFlight),
			shareText(row.cpuShare),
		].map((cell, index) => (index === 0 ? markup`<th scope="row">${cell}</th>` : markup`<td>${cell}</td>`)),
	);
	return markup`<details class="card"><summary>Every second as a list</summary><div class="scroll tall"><table><caption>Every second</caption>
<thead><tr>${names.map((name) => markup`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows.map(
		(cells) => markup`<tr>${cells}</tr>
`,
	)}</tbody></table></div></details>
`;
}

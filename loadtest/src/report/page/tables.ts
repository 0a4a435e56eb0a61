/** The page's tables: operations, statuses, errors, thresholds, the baseline, repetitions, the conditions. */
import type { Comparison, Figures, Latency, Result, Simulation } from "../../result.ts";
import { parseThreshold } from "../../threshold.ts";
import { mixText } from "../text/counts.ts";
import {
	absent,
	bytesText,
	changeText,
	countText,
	figureNames,
	figureText,
	latencyText,
	percentileText,
	rateText,
	secondsText,
	shareText,
	usdText,
} from "../units.ts";
import { type Markup, markup, nothing, row, table } from "./markup.ts";
import { tag } from "./verdicts.ts";

export function operations({ operations: rows }: Result): Markup {
	const cells = rows.map((found) => {
		const latency = (ms: number) => latencyText(found.p50Ms > 0 ? ms : null);
		return row(found.kind, [
			...[found.requests, found.succeeded, found.refused].map(countText),
			failing(found.failed),
			rateText(found.rate),
			...[found.p50Ms, found.p99Ms, found.maxMs].map(latency),
		]);
	});
	const names = ["", "Requests", "Accepted", "Refused", "Failed", "Rate", "p50", "p99", "Max"];
	return table("Operations", names, cells);
}

export function totals({ summary, latency }: Result): Markup {
	const { requests, succeeded, otherStatus, failed, unsent, bytesSent, bytesReceived, elapsedSeconds } =
		summary;
	const perSecond = (amount: number) => (elapsedSeconds > 0 ? amount / elapsedSeconds : 0);
	const count = (name: string, amount: number, rate = perSecond(amount)) =>
		row(name, [countText(amount), rateText(rate)]);
	const bytes = (name: string, amount: number) =>
		row(name, [bytesText(amount), `${bytesText(perSecond(amount))}/s`]);
	return table(
		"Totals",
		["", "Total", "Rate"],
		[
			row("Requests", [
				countText(requests),
				summary.rateAsked === null ? "" : `${rateText(summary.rateAsked)} asked`,
			]),
			count("Answers", latency.response.count, summary.rate),
			count("Accepted answers", succeeded),
			count("Answers not accepted", otherStatus),
			count("Without an answer", failed),
			count("Never sent", unsent),
			bytes("Sent", bytesSent),
			bytes("Received", bytesReceived),
		],
	);
}

export function statuses({ statuses: rows, summary }: Result): Markup {
	if (rows.length === 0) return markup`<p class="empty">No answers: no statuses.</p>`;
	const cells = rows.map(({ status, count }) =>
		row(String(status), [countText(count), shareText(count / summary.requests)]),
	);
	return table("Statuses", ["Status", "Answers", "Of all requests"], cells);
}

export function errors({ errors: rows }: Result): Markup {
	if (rows.length === 0) return nothing;
	const cells = rows.map(({ kind, message, count }) =>
		row(kind, [countText(count), markup`<span class="long">${message}</span>`]),
	);
	return markup`<div class="words">${table("Errors: requests without a whole answer", ["Kind", "Requests", "Message"], cells)}</div>`;
}

export function percentiles({ response, service, lateness }: Latency, isClosed: boolean): Markup {
	const columns = [
		{ name: isClosed ? "Latency" : "Response", found: response },
		...(isClosed ? [] : [{ name: "Service", found: service }]),
		...(lateness === null ? [] : [{ name: "Lateness", found: lateness }]),
	];
	const rowOf = (name: string, values: readonly (number | undefined)[]) => row(name, values.map(latencyText));
	const measured = (read: (found: typeof response) => number) =>
		columns.map(({ found }) => (found.count === 0 ? undefined : read(found)));
	return table(
		"Percentiles",
		["", ...columns.map(({ name }) => name)],
		[
			rowOf(
				"Minimum",
				measured(({ minMs }) => minMs),
			),
			...response.percentiles.map(({ percentile }, index) =>
				rowOf(
					percentileText(percentile),
					columns.map(({ found }) => found.percentiles[index]?.ms),
				),
			),
			rowOf(
				"Maximum",
				measured(({ maxMs }) => maxMs),
			),
			rowOf(
				"Mean",
				measured(({ meanMs }) => meanMs),
			),
			rowOf(
				"Standard deviation",
				measured(({ stdevMs }) => stdevMs),
			),
		],
	);
}

export function thresholds({ thresholds: rows }: Result): Markup {
	if (rows.length === 0) return nothing;
	const cells = rows.map(({ threshold, actual, met }) =>
		row(threshold, [
			figureText(parseThreshold(threshold).figure, actual),
			met ? tag("met", "good") : tag("missed", "bad"),
		]),
	);
	return table("Thresholds", ["Threshold", "Measured", "Verdict"], cells);
}

/** What was done to the target on purpose. */
export function chaos({ chaos: found }: Result): Markup {
	if (found === null) return nothing;
	const cells = found.events.map(
		({ atSecond, action, victim, lastedMs, backMs, error, errors: failed, p99Ms }) =>
			row(`${atSecond.toFixed(1)} s`, [
				lastedMs === null ? action : `${action}, ${latencyText(lastedMs)}`,
				victim,
				countText(failed),
				p99Ms === null ? absent : latencyText(p99Ms),
				backMs === null ? absent : latencyText(backMs),
				error === null ? absent : tag(error, "bad"),
			]),
	);
	const titles = ["At", "What", "Victim", "Errors/s", "p99", "Back after", "Failed"];
	return markup`<section aria-labelledby="chaos"><h2 id="chaos">Chaos</h2>
<p class="lead">Done to the target on purpose. Errors and p99 are those of the second of the event and the one after it, the worse.</p>
<div class="card panel">${table("Events", titles, cells)}</div></section>
`;
}

export function comparison(found: Comparison | null): Markup {
	if (found === null) return nothing;
	const { baseline, baselineStartedAt, method, rows, verdict } = found;
	const cells = rows.map(({ figure, before, after, ratio, ratioLow, ratioHigh, verdict: judged }) =>
		row(figureNames[figure], [
			figureText(figure, before),
			figureText(figure, after),
			changeText(ratio),
			ratioLow === null || ratioHigh === null ? absent : `${changeText(ratioLow)} … ${changeText(ratioHigh)}`,
			tag(judged),
		]),
	);
	const noise = method === "repeats" ? "whole runs" : "blocks of one run";
	return markup`<section aria-labelledby="baseline"><h2 id="baseline">Comparison with the baseline</h2>
<p class="lead">${tag(verdict)} against ${baseline} of ${dateText(baselineStartedAt)}. How much the figures vary by themselves was estimated from ${noise}.</p>
<div class="card panel">${table("Before and after", ["Figure", "Before", "After", "Change", "95 % interval", "Verdict"], cells)}</div></section>
`;
}

const repeatFigures = [
	"rate",
	"mean",
	"p50",
	"p90",
	"p99",
	"p999",
	"max",
	"errors",
] as const satisfies (keyof Figures)[];

export function repeats({ repeats: runs }: Result): Markup {
	if (runs.length < 2) return nothing;
	const rows = runs.map((figures, index) =>
		row(
			String(index + 1),
			repeatFigures.map((figure) => figureText(figure, figures[figure])),
		),
	);
	return table(
		"Repetitions, the last one of which this page is about",
		["Run", ...repeatFigures.map((figure) => figureNames[figure])],
		rows,
	);
}

export function simulation(found: Simulation | null): Markup {
	if (found === null) return nothing;
	const rows = found.validations.map(({ name, passed, failed, firstFailure }) =>
		row(name, [
			failed > 0 ? tag("failed") : passed > 0 ? tag("passed") : tag("not asked", "warning"),
			countText(passed),
			failing(failed),
			markup`<span class="long">${firstFailure ?? ""}</span>`,
		]),
	);
	const isFull = found.timeScale === 1 && found.multiply === 1;
	return markup`<section aria-labelledby="simulation"><h2 id="simulation">The official simulation</h2>
<p class="lead">${countText(found.requests)} of ${countText(found.requestsExpected)} requests were sent${isFull ? "" : `, at ${found.timeScale} of the time and ${found.multiply} times the load: this is not the official run`}.</p>
<div class="card panel">${table(
		"The verdict in money",
		["", "Measured", "USD"],
		[
			row("Answered within 250 ms", [shareText(found.shareWithin250Ms), usdText(-found.fineLatencyUsd)]),
			row("Inconsistent balances", [
				countText(found.inconsistentBalances),
				usdText(-found.fineConsistencyUsd),
			]),
			row("Verdict", ["", markup`<b>${usdText(found.verdictUsd)}</b>`]),
		],
	)}</div>
<div class="card panel words">${table("Validations", ["Validation", "Verdict", "Held", "Failed", "First failure"], rows)}</div></section>
`;
}

export function conditions(result: Result): Markup {
	const { shape, machine, program, seed, command, summary } = result;
	const rows: [string, string | Markup][] = [
		["Command", markup`<code>${command}</code>`],
		["Target", markup`<code>${result.target}</code>`],
		["Started", dateText(result.startedAt)],
		["Took", `${secondsText(summary.elapsedSeconds)}, after ${shape.warmUpSeconds} s of warm-up`],
		["Model", shape.schedule === null ? shape.model : `${shape.model}, ${shape.schedule}`],
		[
			"Concurrency",
			`${countText(shape.concurrency)}, ${shape.connections === "shared" ? "shared connections" : "a connection for each request"}`,
		],
		["Mix", shape.model === "simulation" ? "the official one" : mixText(shape.mix)],
		["Accounts", shape.accountIds.join(", ")],
		["Time limit", latencyText(shape.timeoutMs)],
		["Seed", String(seed)],
		[
			"Generator",
			`${program.name} ${program.version} on ${program.runtime}, ${shareText(summary.generatorCpuShare)} of a processor, ${Math.round(summary.generatorMemoryMb)} MB`,
		],
		[
			"Machine",
			`${machine.processors} × ${machine.processor}, ${countText(machine.memoryMb)} MB, ${machine.system}`,
		],
	];
	return markup`<div class="words">${table(
		"What was run, and where",
		[],
		rows.map(([name, value]) => row(name, [value])),
	)}</div>`;
}

export function dateText(iso: string): string {
	return `${iso.slice(0, 19).replace("T", " ")} UTC`;
}

function failing(count: number): Markup {
	return count === 0 ? markup`0` : markup`<b class="bad">${countText(count)}</b>`;
}

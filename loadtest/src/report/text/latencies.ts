/** How long it took, in the text report: of answered requests only, since an error has no latency. */
import type { Distribution, Result } from "../../result.ts";
import { bar } from "../../tui/chart.ts";
import { type Line, span } from "../../tui/line.ts";
import { mergedBuckets } from "../buckets.ts";
import { countText, latencyText, percentileText, plural, shareText } from "../units.ts";
import { type Cell, emptyLine, heading, paragraph, type Section, table } from "./layout.ts";

const barsMax = 12;

interface Column {
	readonly name: string;
	readonly distribution: Distribution;
}

export function latencies(result: Result, width: number): Section {
	const { response, service } = result.latency;
	if (response.count === 0)
		return { title: "Latencies", lines: paragraph("no answers: nothing has a latency", width, "bad") };
	const isClosed = result.shape.model === "closed";
	const columns: Column[] = isClosed
		? [{ name: "Latency", distribution: response }]
		: [
				{ name: "Response", distribution: response },
				{ name: "Service", distribution: service },
			];
	const note = isClosed
		? []
		: paragraph(
				"Response counts from when a request was due, service from when it was sent.",
				width,
				"quiet",
			);
	return {
		title: "Latencies",
		lines: [
			...caution(result, width),
			...stats(columns),
			emptyLine,
			...percentiles(columns),
			...note,
			...(result.validity.verdict === "target failing" ? [] : histogram(response, width)),
		],
	};
}

/** What the numbers leave out is said before them. */
function caution({ latency, summary, validity }: Result, width: number): Line[] {
	const { count } = latency.response;
	const without = summary.requests - count;
	const parts = [
		...(without > 0
			? [
					`Of ${plural(count, "answer")}; ${countText(without)} requests had none, and aren't in these numbers.`,
				]
			: []),
		...(summary.otherStatus > 0
			? [`${countText(summary.otherStatus)} of the answers had a status that isn't accepted, or were wrong.`]
			: []),
		...(validity.verdict === "target failing"
			? ["The target was failing: these are the latencies of whatever is broken."]
			: []),
	];
	return parts.length === 0 ? [] : paragraph(parts.join(" "), width, "warning");
}

function stats(columns: readonly Column[]): Line[] {
	return table(
		[
			heading("", "Avg", "Min", "Med", "Max", "Stdev"),
			...columns.map(({ name, distribution: { meanMs, minMs, medianMs, maxMs, stdevMs } }) => [
				name,
				...[meanMs, minMs, medianMs, maxMs, stdevMs].map(latencyText),
			]),
		],
		"lrrrrr",
	);
}

function percentiles(columns: readonly Column[]): Line[] {
	const [first] = columns;
	if (first === undefined) return [];
	const rows: Cell[][] = first.distribution.percentiles.map(({ percentile }, index) => [
		percentileText(percentile),
		...columns.map(({ distribution }) => latencyText(distribution.percentiles[index]?.ms)),
	]);
	return table([heading("Percentile", ...columns.map(({ name }) => name)), ...rows], "rrr");
}

/** The columns' steps are those of the logarithm; a count above 0 is seen, however small. */
function histogram({ buckets, count }: Distribution, width: number): Line[] {
	const bars = mergedBuckets(buckets, barsMax);
	const most = Math.max(...bars.map((bucket) => bucket.count), 1);
	const barColumns = Math.max(10, Math.min(40, width - 44));
	const rows = bars.map((bucket) => [
		`${latencyText(bucket.fromMs)} –`,
		latencyText(bucket.toMs),
		countText(bucket.count),
		span(shareText(bucket.count / count), "quiet"),
		span(bar(bucket.count / most, barColumns).trimEnd(), "accent"),
	]);
	return [emptyLine, ...table(rows, "rrrrl")];
}

export function lateness({ latency }: Result, width: number): Section | undefined {
	if (latency.lateness === null) return undefined;
	const { count, medianMs, meanMs, maxMs } = latency.lateness;
	const lines =
		count === 0
			? paragraph("nothing was sent", width, "bad")
			: table(
					[
						heading("Avg", "Med", ...tail(latency.lateness).map(({ name }) => name), "Max"),
						[meanMs, medianMs, ...tail(latency.lateness).map(({ ms }) => ms), maxMs].map(latencyText),
					],
					"rrrrrr",
				);
	return { title: "Lateness of the generator itself", lines };
}

function tail({ percentiles }: Distribution): { readonly name: string; readonly ms: number }[] {
	return percentiles
		.filter(({ percentile }) => percentile >= 99)
		.slice(0, 3)
		.map(({ percentile, ms }) => ({ name: percentileText(percentile), ms }));
}

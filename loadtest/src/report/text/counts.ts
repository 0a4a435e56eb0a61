/** How much and what came of it, in the text report: the summary, statuses, errors and operations. */
import { type Kind, kinds } from "../../operation.ts";
import type { Result, Shape } from "../../result.ts";
import { clean, type Line, span } from "../../tui/line.ts";
import { bytesText, countText, latencyText, plural, rateText, secondsText, shareText } from "../units.ts";
import { type Cell, emptyLine, heading, paragraph, type Section, table } from "./layout.ts";

export function summary(result: Result, width: number): Section {
	const { shape, summary: found, simulation } = result;
	const success = `${shareText(found.successShare)} success`;
	const took = secondsText(found.elapsedSeconds);
	const sentence =
		simulation === null
			? `Benchmark took ${took} with concurrency ${countText(shape.concurrency)} (${success})`
			: `The simulation's load took ${took} (${success})`;
	return {
		title: "Summary",
		lines: [
			...paragraph(sentence, width, found.successShare === 1 ? "plain" : "warning"),
			...(found.interrupted ? paragraph("It was interrupted before its end.", width, "warning") : []),
			...(shape.adjusted
				? paragraph("Its load was changed by hand: it compares with nothing.", width, "warning")
				: []),
			...paragraph(`${result.target}, ${shapeText(shape)}, seed ${result.seed}`, width, "quiet"),
			emptyLine,
			...totals(result),
		],
	};
}

function shapeText({ model, schedule, connections, mix, warmUpSeconds }: Shape): string {
	const parts = [
		model === "simulation" ? "official simulation" : `${model} model`,
		...(schedule === null || model === "simulation" ? [] : [schedule]),
		...(model === "simulation" ? [] : [mixText(mix)]),
		connections === "shared" ? "shared connections" : "a connection for each request",
		...(warmUpSeconds > 0 ? [`after ${warmUpSeconds} s of warm-up`] : []),
	];
	return parts.join(", ");
}

export function mixText(mix: Readonly<Record<Kind, number>>): string {
	return kinds.map((kind) => plural(mix[kind], kind)).join(" : ");
}

function totals({ summary: found, latency }: Result): Line[] {
	const { requests, succeeded, refused, otherStatus, failed, unsent, elapsedSeconds } = found;
	const perSecond = (amount: number) => (elapsedSeconds > 0 ? amount / elapsedSeconds : 0);
	const bad = (name: string, count: number): Cell[][] =>
		count === 0 ? [] : [[span(name, "bad"), span(countText(count), "bad"), rateText(perSecond(count))]];
	return table(
		[
			heading("", "Total", "Rate"),
			["Requests", countText(requests), found.rateAsked === null ? "" : `${rateText(found.rateAsked)} asked`],
			["Answers", countText(latency.response.count), rateText(found.rate)],
			["  accepted", countText(succeeded), rateText(perSecond(succeeded))],
			...(refused > 0 ? [["    refused debits", countText(refused), rateText(perSecond(refused))]] : []),
			...bad("  not accepted", otherStatus),
			...bad("No answer", failed),
			...bad("Never sent", unsent),
			["Sent", bytesText(found.bytesSent), `${bytesText(perSecond(found.bytesSent))}/s`],
			["Received", bytesText(found.bytesReceived), `${bytesText(perSecond(found.bytesReceived))}/s`],
		],
		"lrr",
	);
}

export function statuses({ statuses: rows }: Result, width: number): Section {
	return {
		title: "Status distribution",
		lines:
			rows.length === 0
				? paragraph("no answers", width, "bad")
				: counted(
						rows.map(({ status, count }) => ({ count, text: String(status) })),
						width,
					),
	};
}

export function errors({ errors: rows }: Result, width: number): Section | undefined {
	if (rows.length === 0) return undefined;
	return {
		title: "Error distribution",
		lines: counted(
			rows.map(({ kind, message, count }) => ({ count, text: `${kind}: ${message}` })),
			width,
		),
	};
}

/** [350,059] 200 */
function counted(rows: readonly { readonly count: number; readonly text: string }[], width: number): Line[] {
	const digits = Math.max(...rows.map(({ count }) => countText(count).length));
	return rows.flatMap(({ count, text }) => {
		const lead = `  [${countText(count).padStart(digits)}] `;
		const [first, ...rest] = paragraph(text, width, "plain", " ".repeat(lead.length));
		return [[span(lead), ...(first ?? []).slice(1)], ...rest];
	});
}

export function operations({ operations: rows }: Result): Section | undefined {
	if (rows.length === 0) return undefined;
	const cells = rows.map((row) => {
		const isAnswered = row.p50Ms > 0;
		return [
			clean(row.kind),
			...[row.requests, row.refused].map(countText),
			span(countText(row.failed), row.failed > 0 ? "bad" : "plain"),
			rateText(row.rate),
			...[row.p50Ms, row.p99Ms, row.maxMs].map((ms) => latencyText(isAnswered ? ms : null)),
		];
	});
	const names = ["Requests", "Refused", "Failed", "Rate", "p50", "p99", "Max"];
	return { title: "Operations", lines: table([heading("", ...names), ...cells], "lrrrrrrr") };
}

/** What the run proved, in the text report: validity, the books, thresholds, the baseline, the simulation. */
import type { Consistency, Figures, Result, Violation } from "../../result.ts";
import { parseThreshold } from "../../threshold.ts";
import { clean, type Line, type Style, span } from "../../tui/line.ts";
import {
	changeText,
	countText,
	figureNames,
	figureText,
	momentText,
	plural,
	shareText,
	usdText,
} from "../units.ts";
import { emptyLine, heading, labelled, paragraph, type Section, table } from "./layout.ts";
import { timeline } from "./timeline.ts";

const violationsShown = 3;
const quotedMax = 400;

type Verdict =
	| Result["validity"]["verdict"]
	| Consistency["verdict"]
	| Consistency["accounts"][number]["verdict"]
	| Consistency["audit"][number]["verdict"]
	| "improved"
	| "regressed"
	| "unchanged";

const verdictStyles: Readonly<Record<Verdict, Style>> = {
	valid: "good",
	consistent: "good",
	linearizable: "good",
	passed: "good",
	improved: "good",
	unchanged: "plain",
	unknown: "warning",
	"not possible": "warning",
	"target saturated": "warning",
	"generator late": "badStrong",
	"target failing": "badStrong",
	inconsistent: "badStrong",
	"not linearizable": "badStrong",
	failed: "badStrong",
	regressed: "badStrong",
};

function verdictStyle(verdict: Verdict): Style {
	return verdictStyles[verdict];
}

function verdictLines(verdict: Verdict, reason: string, width: number): Line[] {
	return labelled(span(verdict, verdictStyle(verdict)), reason, width);
}

export function validity({ validity: { verdict, reason } }: Result, width: number): Section {
	return { title: "Validity of the numbers", lines: verdictLines(verdict, reason, width) };
}

export function consistency({ consistency: found }: Result, width: number): Section {
	const { verdict, reason, accounts, audit, violations } = found;
	const open = accounts
		.filter((account) => account.verdict !== "linearizable")
		.map((account) => ({ ...account, text: `account ${account.accountId}: ${account.reason ?? ""}` }))
		.filter(({ text }) => text !== reason);
	const shown = violations.slice(0, violationsShown);
	// The one window there is says more than the first three answers.
	const drawn = violations.slice(violationsShown).find(({ window }) => window.length > 0);
	return {
		title: "Consistency of the books",
		lines: [
			...verdictLines(verdict, reason, width),
			...open.flatMap((account) => verdictLines(account.verdict, account.text, width)),
			...audit.flatMap((row) => verdictLines(row.verdict, `${row.source}: ${row.reason}`, width)),
			...[...shown, ...(drawn === undefined ? [] : [drawn])].flatMap((violation) =>
				violationLines(violation, width),
			),
			...remaining(found, shown.length + (drawn === undefined ? 0 : 1), width),
		],
	};
}

function violationLines(violation: Violation, width: number): Line[] {
	const { name, message, request, response, window } = violation;
	const part = (label: string, text: string | null) =>
		text === null ? [] : labelled(span(label, "quiet"), quoted(text), width);
	return [
		emptyLine,
		...labelled(span(clean(name), "badStrong"), message, width),
		...part("when    ", whenText(violation)),
		...part("request ", request),
		...part("response", response),
		...(window.length === 0 ? [] : timeline(window, width)),
	];
}

function whenText({ sentAtMs, receivedAtMs }: Violation): string {
	if (sentAtMs === null) return "found after the run";
	const took = receivedAtMs === null ? "no answer" : `answered at ${momentText(receivedAtMs)}`;
	return `sent at ${momentText(sentAtMs)}, ${took}`;
}

function quoted(text: string): string {
	return text.length > quotedMax ? `${text.slice(0, quotedMax)}…` : text;
}

function remaining({ violationsTotal, violations }: Consistency, shown: number, width: number): Line[] {
	const rest = violationsTotal - shown;
	if (rest <= 0) return [];
	const counts = new Map<string, number>();
	for (const { name } of violations) counts.set(name, (counts.get(name) ?? 0) + 1);
	const names = [...counts].map(([name, count]) => `${countText(count)} ${name}`).join(", ");
	const among = violations.length < violationsTotal ? `of the first ${violations.length}: ` : "in all: ";
	return [emptyLine, ...paragraph(`and ${countText(rest)} more; ${among}${names}`, width, "bad")];
}

export function thresholds({ thresholds: rows }: Result): Section | undefined {
	if (rows.length === 0) return undefined;
	return {
		title: "Thresholds",
		lines: table(
			rows.map(({ threshold, actual, met }) => [
				span(met ? "met" : "missed", met ? "good" : "badStrong"),
				clean(threshold),
				figureText(parseThreshold(threshold).figure, actual),
			]),
			"llr",
		),
	};
}

export function comparison({ comparison: found }: Result, width: number): Section | undefined {
	if (found === null) return undefined;
	const { baseline, baselineStartedAt, method, rows, verdict } = found;
	const day = baselineStartedAt.slice(0, 16).replace("T", " ");
	const noise = method === "repeats" ? "whole runs" : "blocks of one run";
	const cells = rows.map(({ figure, before, after, ratio, ratioLow, ratioHigh, verdict: found }) => [
		figureNames[figure],
		figureText(figure, before),
		figureText(figure, after),
		changeText(ratio),
		ratioLow === null || ratioHigh === null ? "" : `${changeText(ratioLow)} … ${changeText(ratioHigh)}`,
		span(found, verdictStyle(found)),
	]);
	return {
		title: "Comparison with the baseline",
		lines: [
			...verdictLines(verdict, `against ${baseline} of ${day} UTC, the noise as ${noise} show it`, width),
			...table([heading("", "Before", "After", "Change", "95 % interval", ""), ...cells], "lrrrrl"),
		],
	};
}

const repeatFigures = [
	"rate",
	"mean",
	"p50",
	"p99",
	"p999",
	"max",
	"errors",
] as const satisfies (keyof Figures)[];

export function repeats({ repeats: runs }: Result): Section | undefined {
	if (runs.length < 2) return undefined;
	const rows = runs.map((figures, index) => [
		String(index + 1),
		...repeatFigures.map((figure) => figureText(figure, figures[figure])),
	]);
	const names = repeatFigures.map((figure) => figureNames[figure]);
	return { title: "Repeats", lines: table([heading("Run", ...names), ...rows], "rrrrrrrr") };
}

export function simulation({ simulation: found }: Result, width: number): Section | undefined {
	if (found === null) return undefined;
	const isFull = found.timeScale === 1 && found.multiply === 1;
	const scale = `at ${found.timeScale} of the time and ${found.multiply} times the load: not the official run`;
	const rows = found.validations.map(({ name, passed, failed }) => [
		failed > 0
			? span("failed", "badStrong")
			: passed > 0
				? span("passed", "good")
				: span("not asked", "warning"),
		countText(passed),
		span(countText(failed), failed > 0 ? "bad" : "quiet"),
		clean(name),
	]);
	const failures = found.validations.filter(({ firstFailure }) => firstFailure !== null);
	const fined = found.fineLatencyUsd + found.fineConsistencyUsd > 0;
	return {
		title: "Official simulation",
		lines: [
			...(isFull ? [] : paragraph(scale, width, "warning")),
			...paragraph(
				`${countText(found.requests)} of ${plural(found.requestsExpected, "request")} sent`,
				width,
				found.requests === found.requestsExpected ? "plain" : "warning",
			),
			emptyLine,
			...table([heading("Validation", "held", "failed", ""), ...rows], "lrrl", width),
			...failures.flatMap(({ name, firstFailure }) =>
				labelled(span("first failure", "bad"), `${name}: ${firstFailure}`, width),
			),
			emptyLine,
			...table(
				[
					["Answered within 250 ms", shareText(found.shareWithin250Ms), ""],
					["Fine for latency", "", usdText(-found.fineLatencyUsd)],
					["Inconsistent balances", countText(found.inconsistentBalances), ""],
					["Fine for inconsistency", "", usdText(-found.fineConsistencyUsd)],
					["Verdict", "", span(usdText(found.verdictUsd), fined ? "badStrong" : "good")],
				],
				"lrr",
			),
		],
	};
}

/**
 * The verdicts as JUnit's XML, which build servers show: a test case for each question that the exit code
 * depends on, and red exactly when it is about that question.
 */
import type { Comparison, Result, Simulation, ThresholdRow } from "../result.ts";
import { parseThreshold } from "../threshold.ts";
import { changeText, figureNames, figureText, plural, usdText } from "./units.ts";

const suiteName = "crebito load test";

interface TestCase {
	readonly group: string;
	readonly name: string;
	readonly outcome: "passed" | "failed" | "skipped";
	/** Why it failed or was skipped, or what there is to say though it passed. */
	readonly message: string;
	/** More than a line of it, if there is more. */
	readonly details?: string;
}

export function junitReport(result: Result): string {
	const cases = [
		completionCase(result),
		validityCase(result),
		consistencyCase(result),
		...result.thresholds.map(thresholdCase),
		...(result.comparison === null ? [] : comparisonCases(result.comparison)),
		...(result.simulation === null ? [] : simulationCases(result.simulation)),
	];
	const time = result.summary.elapsedSeconds.toFixed(3);
	const counts = {
		tests: cases.length,
		failures: cases.filter(({ outcome }) => outcome === "failed").length,
		errors: 0,
		skipped: cases.filter(({ outcome }) => outcome === "skipped").length,
		time,
	};
	return [
		'<?xml version="1.0" encoding="UTF-8"?>',
		`<testsuites${attributes({ name: suiteName, ...counts })}>`,
		`  <testsuite${attributes({ name: suiteName, ...counts, timestamp: result.startedAt.replace(/(\.\d+)?Z$/, "") })}>`,
		...propertiesOf(result),
		...cases.flatMap(caseLines),
		"  </testsuite>",
		"</testsuites>",
		"",
	].join("\n");
}

function completionCase({ summary }: Result): TestCase {
	const message = summary.interrupted
		? `interrupted after ${summary.elapsedSeconds.toFixed(1)} s`
		: plural(summary.requests, "request");
	return {
		group: "run",
		name: "ran to its end",
		outcome: summary.interrupted ? "failed" : "passed",
		message,
	};
}

/** A saturated target is a finding, and no failure of the measurement: the exit code says the same. */
function validityCase({ validity: { verdict, reason } }: Result): TestCase {
	const isUsable = verdict === "valid" || verdict === "target saturated";
	return {
		...{ group: "validity", name: "validity", outcome: isUsable ? "passed" : "failed" },
		message: `${verdict}: ${reason}`,
	};
}

function consistencyCase({ consistency }: Result): TestCase {
	const { verdict, reason, violations, audit } = consistency;
	const found = violations.map(({ name, message, request, response }) =>
		[`${name}: ${message}`, ...[request, response].filter((text) => text !== null)].join("\n  "),
	);
	const failed = audit
		.filter((row) => row.verdict !== "passed")
		.map((row) => `${row.source}, ${row.verdict}: ${row.reason}`);
	return {
		...{ group: "consistency", name: "consistency" },
		outcome: verdict === "consistent" ? "passed" : "failed",
		message: `${verdict}: ${reason}`,
		details: [...found, ...failed].join("\n"),
	};
}

function thresholdCase({ threshold, actual, met }: ThresholdRow): TestCase {
	const { figure } = parseThreshold(threshold);
	return {
		...{ group: "thresholds", name: threshold, outcome: met ? "passed" : "failed" },
		message: `${figureNames[figure]} is ${figureText(figure, actual)}`,
	};
}

/** A figure that is for the reader only, and didn't decide about the whole, fails nothing by itself. */
function comparisonCases({ baseline, rows, verdict: whole }: Comparison): TestCase[] {
	return rows.map(({ figure, before, after, ratio, ratioLow, ratioHigh, verdict }) => {
		const interval =
			ratioLow === null || ratioHigh === null
				? ""
				: `, 95 % interval ${changeText(ratioLow)} to ${changeText(ratioHigh)}`;
		const change = ratio === null ? "" : ` (${changeText(ratio)}${interval})`;
		return {
			...{ group: "baseline", name: `${figureNames[figure]} against ${baseline}` },
			outcome: whole === "regressed" && verdict === "regressed" ? "failed" : "passed",
			message: `${verdict}: ${figureText(figure, before)} before, ${figureText(figure, after)} after${change}`,
		};
	});
}

function simulationCases({ validations }: Simulation): TestCase[] {
	return validations.map(({ name, passed, failed, firstFailure }) => ({
		...{ group: "simulation", name },
		outcome: failed > 0 ? "failed" : passed > 0 ? "passed" : "skipped",
		message:
			failed > 0
				? `failed ${failed} of ${failed + passed} times, first: ${firstFailure ?? "no reason"}`
				: passed > 0
					? `held ${plural(passed, "time")}`
					: "never asked",
	}));
}

function propertiesOf({ target, command, simulation }: Result): string[] {
	const properties = {
		...{ target, command },
		...(simulation === null ? {} : { verdict: usdText(simulation.verdictUsd) }),
	};
	return [
		"    <properties>",
		...Object.entries(properties).map(([name, value]) => `      <property${attributes({ name, value })}/>`),
		"    </properties>",
	];
}

function caseLines({ group, name, outcome, message, details = "" }: TestCase): string[] {
	const inside =
		outcome === "failed"
			? `<failure${attributes({ message, type: group })}>${escaped(details)}</failure>`
			: outcome === "skipped"
				? `<skipped${attributes({ message })}/>`
				: `<system-out>${escaped(message)}</system-out>`;
	return [
		`    <testcase${attributes({ classname: `${suiteName}.${group}`, name, time: "0" })}>`,
		`      ${inside}`,
		"    </testcase>",
	];
}

function attributes(values: Readonly<Record<string, string | number>>): string {
	return Object.entries(values)
		.map(
			([name, value]) =>
				` ${name}="${escaped(String(value)).replace(/[\n\t]/g, (found) => `&#${found.charCodeAt(0)};`)}"`,
		)
		.join("");
}

/**
 * Characters that XML 1.0 can't hold at all, escaped or not, become the replacement character, and with them the
 * other control codes, which would be orders for a terminal.
 */
function escaped(text: string): string {
	return (
		text
			.toWellFormed()
			// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
			.replaceAll(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]/g, "\ufffd")
			.replaceAll("&", "&amp;")
			.replaceAll("<", "&lt;")
			.replaceAll(">", "&gt;")
			.replaceAll('"', "&quot;")
			.replaceAll("\r", "&#13;")
	);
}

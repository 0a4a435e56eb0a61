/** What the canonical runs amount to, and the section of docs/benchmarks.md that shows it: ratios first. */

import type { Result } from "./comparison.ts";
import { type JudgedTrial, judgedRowOf } from "./judged-trial.ts";
import { type Ratio, ratioCells, ratiosOf } from "./ratio.ts";
import type { Row } from "./row.ts";
import { circumstances, type Run } from "./run.ts";
import { markdownLines, markdownTable, textLines, textTable } from "./table.ts";
import { aboutVariants } from "./variant.ts";
import { asExpected, remarks, type Verdicts } from "./verdict.ts";

/** One of the two loads. */
export interface CanonicalLoad {
	title: string;
	connections: number;
	/** Requests a second; null is flat out. */
	rate: number | null;
	/** What the reference published of its own run like this. */
	reference: string;
}

/** What docs/benchmarks/canonical.json keeps. */
export interface CanonicalRecord {
	run: Run;
	loads: LoadRecord[];
}

export interface LoadRecord extends CanonicalLoad {
	ratios: Ratio[];
	rows: Row[];
	/** What isn't in order, in sentences. */
	remarks: string[];
	/** Of so many trials, how often the judge said of the books what it has to. */
	verdicts: { right: number; trials: number };
}

const about = `The two runs that the reference made with its own tester, here with [the judge](../loadtest): it loads, checks every
answer, and looks for one order of the requests that explains them all, the database's file included. nginx and two
API processes, each held to half a processor by cgroup quota unless a name says otherwise; the judge on the same
machine without a quota. Of 34 requests 22 are debits, 11 credits and 1 a statement, over 5 accounts. Contenders take
turns, and each number is the median of their trials; in brackets the least and the greatest ratio of the rounds.`;

const columns = `A latency counts from when the request was due. Errors are requests without an answer of 200 or 422; measurement
is what the judge thinks of the numbers, books what it thinks of the answers. CPU, throttling and memory are those of
nginx / api-1 / api-2; throttled is how long the quota stopped them; the generator is the judge.`;

export function loadRecord(
	load: CanonicalLoad,
	results: Result<JudgedTrial>[],
	keepsBooks: (name: string) => boolean,
): LoadRecord {
	const verdicts: Verdicts[] = results.map((result) => ({ ...result, keepsBooks: keepsBooks(result.name) }));
	return {
		...load,
		ratios: ratiosOf(results),
		rows: results.map(judgedRowOf),
		remarks: verdicts.flatMap(remarks),
		verdicts: asExpected(verdicts),
	};
}

/** For a terminal. */
export function loadText({ title, ratios, rows, remarks }: LoadRecord): string {
	return [
		`\n${title}`,
		textLines(ratioCells(ratios)),
		"",
		textTable(rows),
		...remarks.map((line) => `! ${line}`),
	].join("\n");
}

export function canonicalMarkdown({ run, loads }: CanonicalRecord): string {
	return [
		about,
		controlSentence(loads),
		...loads.flatMap(loadMarkdown),
		"### The contenders, and the columns",
		aboutVariants,
		columns,
		"### Where, when and how the judge measured",
		circumstances(run, "the judge of the same commit"),
	].join("\n\n");
}

/** The first thing to know: whether the judge sees what is wrong, and nothing else. */
export function controlSentence(loads: readonly LoadRecord[]): string {
	const right = loads.reduce((sum, { verdicts }) => sum + verdicts.right, 0);
	const trials = loads.reduce((sum, { verdicts }) => sum + verdicts.trials, 0);
	return right === trials
		? `The ceiling is the control: a constant keeps no books, and the judge has to see it. It did, and found all others consistent: ${trials} of ${trials} trials were judged as they have to be.`
		: `**Only ${right} of ${trials} trials were judged as they have to be**: the books of a constant are inconsistent, all others consistent.`;
}

function loadMarkdown({ title, reference, ratios, rows, remarks }: LoadRecord): string[] {
	return [
		`### ${title}`,
		markdownLines(ratioCells(ratios), (column) => column > 0),
		markdownTable(rows),
		...(remarks.length > 0 ? [remarks.map((line) => `- ${line}`).join("\n")] : []),
		reference,
	];
}

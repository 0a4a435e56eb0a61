/** docs/benchmarks.md: the section of it that the ledger's benchmark writes, and nobody else. */
import { type Claim, claimCells, isMet } from "./claim.ts";
import type { FigureRecord, FigureRecords } from "./record.ts";
import { circumstances, type Run } from "./run.ts";
import { writeSection } from "./section.ts";
import { markdownLines, markdownTable } from "./table.ts";
import { aboutVariants } from "./variant.ts";

const contenders = `nginx and two API processes, each held to half a processor by cgroup quota unless its name says otherwise, and
wrk on the same machine without a quota. Of 34 requests 22 are debits, 11 credits and 1 a statement, over 5
accounts. An answer that is neither 200 nor 422 spoils the trial. Contenders take turns, and each number is the
median of their trials; @14 is 14 connections.

${aboutVariants}

CPU, throttling and memory are those of nginx / api-1 / api-2, or of the API processes alone; throttled is how
long the quota stopped them. An MB is a million bytes. PSS counts shared pages in parts, private not at all.`;

export function writeDocument(file: string, records: FigureRecords): void {
	writeSection(file, { name: "ledger-bench", heading: "The ledger", markdown: markdown(records) });
}

function markdown(records: FigureRecords): string {
	const figures = Object.entries(records);
	return [
		"### Targets",
		markdownLines(
			[
				["figure", "what", "target", "reached", ""],
				...figures.flatMap(([number, { claims }]) =>
					claims.map((claim) => [number, ...markdownCells(claim)]),
				),
			],
			(column) => column !== 1 && column !== 4,
		),
		"### What was measured",
		contenders,
		...figures.flatMap(([number, { title, about, rows }]) => [
			`### ${number}. ${title}`,
			about,
			markdownTable(rows),
		]),
		"### Where, when and how",
		...runs(figures).map(measuredTogether),
	].join("\n\n");
}

/** A missed target is to be seen. */
function markdownCells(claim: Claim): string[] {
	return claimCells(claim).map((cell, i, cells) =>
		i === cells.length - 1 && !isMet(claim) ? `**${cell}**` : cell,
	);
}

/** Each run once, with the figures that are of it. */
function runs(figures: [string, FigureRecord][]): [string[], Run][] {
	const found = new Map<string, [string[], Run]>();
	for (const [number, { run }] of figures) {
		const key = JSON.stringify(run);
		const known = found.get(key) ?? [[], run];
		known[0].push(number);
		found.set(key, known);
	}
	return [...found.values()];
}

function measuredTogether([numbers, run]: [string[], Run]): string {
	const heading = `${numbers.length === 1 ? "Figure" : "Figures"} ${numbers.join(", ")}:`;
	return [heading, "", circumstances(run, `wrk ${run.machine.wrk}`)].join("\n");
}

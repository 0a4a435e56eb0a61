/**
 * The figures, from the measurement to the page.
 *
 * Each is written as soon as it is measured: a run of ten minutes that fails in the last one keeps the rest.
 */
import { join } from "node:path";
import type { Bench } from "./bench.ts";
import { claimCells, isMet } from "./claim.ts";
import { writeDocument } from "./document.ts";
import type { Figure, Measured } from "./figure.ts";
import { figures } from "./figures.ts";
import { writeHeadlines } from "./headline.ts";
import { type FigureRecords, readRecords, writeJson } from "./record.ts";
import { describeRun, publicArguments, type Run } from "./run.ts";
import { textTable } from "./table.ts";

const docs = join(import.meta.dir, "../../docs");
const documentFile = join(docs, "benchmarks.md");
const recordFile = join(docs, "benchmarks/ledger.json");

/** Measures the figures that were asked for, shows them, and writes what was to be written. */
export async function publish(bench: Bench): Promise<void> {
	const { options, progress } = bench;
	const command = ["bun ledger/bench/main.ts", ...publicArguments(process.argv.slice(2))].join(" ");
	const run = describeRun(bench, command);
	progress(`load average of the minute before: ${run.loadAverage}`);
	const measuredAll: Record<string, Measured & { run: Run }> = {};
	for (const number of options.figures) {
		const figure = figures.get(number);
		if (!figure) throw new Error(`there is no figure ${number}`);
		progress(`figure ${number}: ${figure.title}`);
		const measured = await figure.measure(bench);
		console.log(figureText(number, figure, measured));
		measuredAll[number] = { ...measured, run };
		if (options.jsonFile) writeJson(options.jsonFile, measuredAll);
		const { claims, rows } = measured;
		if (options.write) write({ [number]: { title: figure.title, about: figure.about, claims, rows, run } });
	}
}

/** The figures that weren't measured stay what they were. */
function write(measured: FigureRecords): void {
	const records = { ...readRecords(recordFile), ...measured };
	writeJson(recordFile, records);
	writeDocument(documentFile, records);
	writeHeadlines(records);
}

function figureText(number: number, { title }: Figure, { claims, rows }: Measured): string {
	const verdicts = claims.map((claim) => {
		const [what, target, reached, verdict] = claimCells(claim);
		return `${isMet(claim) ? " " : "!"} ${what}: ${reached} (${target}), ${verdict}`;
	});
	return [`\n${number}. ${title}`, ...verdicts, textTable(rows)].join("\n");
}

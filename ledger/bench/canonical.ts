/**
 * The canonical runs, `npm run bench`: the reference's two runs, with the judge as the load, against the ledger
 * and what it is compared with.
 */
import { join } from "node:path";
import { capNote } from "./bench.ts";
import {
	type CanonicalLoad,
	canonicalMarkdown,
	controlSentence,
	type LoadRecord,
	loadRecord,
	loadText,
} from "./canonical-document.ts";
import { type CanonicalOptions, canonicalHelp, readCanonicalOptions } from "./canonical-options.ts";
import { type Result, takeTurns } from "./comparison.ts";
import { type JudgedTrial, runJudgedTrial } from "./judged-trial.ts";
import { assertInstalled, lookForCaps, onDisk, runProgram, say } from "./program.ts";
import { writeJson } from "./record.ts";
import { describeRun, publicArguments } from "./run.ts";
import { writeSection } from "./section.ts";

const docs = join(import.meta.dir, "../../docs");
const connections = 14;

const loads: CanonicalLoad[] = [
	{
		title: "14 connections, flat out",
		connections,
		rate: null,
		reference:
			"For context, what the reference published of its own run: 2,917 requests/s, p50 0.56 ms, p99 85.7 ms. Another machine, and another load (its tester sends 32 debits to 1 credit and 1 statement, and resets the database all the while), so there is no ratio.",
	},
	{
		title: "14 connections, 340 requests/s",
		connections,
		rate: 340,
		reference:
			"For context, what the reference published of its own run: 340 requests/s, p99 4 ms, on another machine and with the load above, so there is no ratio.",
	},
];

interface Bench {
	options: CanonicalOptions;
	folder: string;
	capped: boolean;
	stop: AbortSignal;
}

async function measureLoad(bench: Bench, load: CanonicalLoad): Promise<Result<JudgedTrial>[]> {
	const { options, folder, capped, stop } = bench;
	const { variants, rounds, seconds, warmUpSeconds, seed } = options;
	say(load.title);
	const contenders = variants.map((variant) => {
		const { connections, rate } = load;
		const run = (round: number) => {
			const judgeLoad = { connections, rate, seconds, warmUpSeconds, seed: seed + round };
			return runJudgedTrial({ variant, folder, capped, load: judgeLoad }, stop);
		};
		return [nameOf(bench, variant), run] as const;
	});
	return takeTurns(new Map(contenders), rounds, say);
}

function nameOf({ capped }: Bench, variant: { name: string }): string {
	return `${variant.name}${capNote(capped)}`;
}

async function measure(options: CanonicalOptions, folder: string, stop: AbortSignal): Promise<void> {
	const bench: Bench = { options, folder, stop, capped: await lookForCaps() };
	const run = describeRun(bench, commandText(process.argv.slice(2)));
	say(`load average of the minute before: ${run.loadAverage}`);
	const keepers = new Set(
		options.variants.filter(({ keepsBooks }) => keepsBooks).map((variant) => nameOf(bench, variant)),
	);
	const records: LoadRecord[] = [];
	const measured: Record<string, Result<JudgedTrial>[]> = {};
	for (const load of loads) {
		const results = await measureLoad(bench, load);
		const record = loadRecord(load, results, (name) => keepers.has(name));
		console.log(loadText(record));
		records.push(record);
		measured[load.title] = results;
		if (options.jsonFile) writeJson(options.jsonFile, { run, results: measured });
	}
	if (options.write) {
		writeJson(join(docs, "benchmarks/canonical.json"), { run, loads: records });
		const markdown = canonicalMarkdown({ run, loads: records });
		const file = join(docs, "benchmarks.md");
		writeSection(file, { name: "judge-bench", heading: "The canonical runs, under the judge", markdown });
	}
	assertJudged(records);
}

/** After everything is told and written: a surprise is a result too. */
function assertJudged(records: LoadRecord[]): void {
	if (records.some(({ verdicts }) => verdicts.right < verdicts.trials))
		throw new Error(controlSentence(records).replaceAll("**", ""));
}

function commandText(args: string[]): string {
	const given = publicArguments(args);
	return given.length > 0 ? `npm run bench -- ${given.join(" ")}` : "npm run bench";
}

await runProgram(async () => {
	const options = readCanonicalOptions(process.argv.slice(2));
	if (options.help) return console.log(canonicalHelp.trimEnd());
	assertInstalled(["nginx"]);
	await onDisk((folder, stop) => measure(options, folder, stop));
});

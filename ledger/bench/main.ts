/** The ledger's benchmark: reads the options, measures, reports, and leaves nothing behind. */
import { type Bench, planOf } from "./bench.ts";
import { compare, rowOf } from "./comparison.ts";
import { accountsOwn, help, type Options, readOptions } from "./options.ts";
import { assertInstalled, lookForCaps, onDisk, runProgram, say } from "./program.ts";
import { publish } from "./publication.ts";
import { writeJson } from "./record.ts";
import { textTable } from "./table.ts";
import { Templates } from "./template.ts";
import type { TrialPlan } from "./trial.ts";
import type { Variant } from "./variant.ts";

async function compareVariants(bench: Bench, variants: Variant[]): Promise<void> {
	const { options, stop, progress } = bench;
	const { accounts, entries } = options;
	const size = accounts === accountsOwn && entries === 0 ? undefined : { accounts, entries };
	const contenders = new Map<string, TrialPlan>();
	for (const connections of options.connections)
		for (const variant of variants) contenders.set(...(await planOf(bench, { variant, connections, size })));
	const results = await compare(contenders, options.rounds, stop, progress);
	console.log(textTable(results.map(rowOf)));
	if (options.jsonFile) writeJson(options.jsonFile, results);
}

async function measure(options: Options, folder: string, stop: AbortSignal): Promise<void> {
	const capped = await lookForCaps();
	const templates = new Templates(folder, say);
	const bench: Bench = { options, folder, capped, templates, stop, progress: say };
	await (options.variants ? compareVariants(bench, options.variants) : publish(bench));
}

await runProgram(async () => {
	const options = readOptions(process.argv.slice(2));
	if (options.help) return console.log(help.trimEnd());
	assertInstalled(["nginx", "wrk"]);
	await onDisk((folder, stop) => measure(options, folder, stop));
});

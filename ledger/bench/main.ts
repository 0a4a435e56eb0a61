/** The ledger's benchmark: reads the options, measures, reports, and leaves nothing behind. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bench, planOf } from "./bench.ts";
import { capObstacle } from "./cgroup.ts";
import { compare, rowOf } from "./comparison.ts";
import { diskFileSystem } from "./machine.ts";
import { accountsOwn, help, type Options, readOptions } from "./options.ts";
import { publish } from "./publication.ts";
import { writeJson } from "./record.ts";
import { textTable } from "./table.ts";
import { Templates } from "./template.ts";
import type { TrialPlan } from "./trial.ts";
import type { Variant } from "./variant.ts";

const say = (line: string) => process.stderr.write(`${line}\n`);

function assertInstalled(): void {
	for (const [program, debianPackage] of [
		["nginx", "nginx"],
		["wrk", "wrk"],
	] as const)
		if (!Bun.which(program)) throw new Error(`${program} is missing: apt-get install ${debianPackage}`);
}

function assertDisk(folder: string): void {
	if (!diskFileSystem(folder))
		throw new Error(
			"the temporary folder isn't on ext4, xfs or btrfs, so a sync there says nothing: set TMPDIR to one that is",
		);
}

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
	const obstacle = await capObstacle();
	say(obstacle ? `NOT CAPPED: ${obstacle}. These numbers compare with nothing else.` : "3 × 0.5 processor");
	const templates = new Templates(folder, say);
	const bench: Bench = { options, folder, capped: obstacle === undefined, templates, stop, progress: say };
	await (options.variants ? compareVariants(bench, options.variants) : publish(bench));
}

async function main(): Promise<void> {
	const options = readOptions(process.argv.slice(2));
	if (options.help) return console.log(help.trimEnd());
	assertInstalled();
	assertDisk(tmpdir());
	const stop = new AbortController();
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
		process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
	const folder = mkdtempSync(join(tmpdir(), "crebito-bench-"));
	try {
		await measure(options, folder, stop.signal);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** The first thing that went wrong, and then what went wrong while cleaning up after it. */
function tell(error: unknown): void {
	if (error instanceof SuppressedError) {
		tell(error.suppressed);
		tell(error.error);
	} else say(error instanceof Error ? error.message : String(error));
}

await main().catch((error: unknown) => {
	tell(error);
	process.exit(1);
});

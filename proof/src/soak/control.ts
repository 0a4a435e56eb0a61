/** The same measurement of a stack that leaks, and whose log has no bound that it would reach: all of it has to be seen. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Control, Trial } from "../attack.ts";
import { RunningProgram } from "../program.ts";
import { Stack } from "../stack.ts";
import { type GrowthBounds, growthFindings } from "./growth.ts";
import { playLoad } from "./measured-load.ts";

const leakingStackPath = join(import.meta.dir, "leaking-stack.ts");
const readerPath = join(import.meta.dir, "staying-reader.ts");
const connections = 64;
const everyMs = 500;
const readerMsMax = 10_000;

export async function playControls(
	{ folder, seed, stop }: Trial,
	environment: Readonly<Record<string, string>>,
	bounds: GrowthBounds,
	seconds: number,
): Promise<Control[]> {
	const dataFolder = join(folder, "control");
	mkdirSync(dataFolder);
	await using stack = await Stack.start({
		dataFolder,
		environment: { ...environment, WAL_MAX_MB: "4096" },
		program: leakingStackPath,
	});
	const reader = new RunningProgram([process.execPath, readerPath, stack.databaseFile], {});
	try {
		await reader.says("reading", readerMsMax);
		const load = { target: stack.target, seconds, warmUpSeconds: 0, connections, seed, folder };
		const { samples } = await playLoad(stack, load, { everyMs, stop });
		const found = growthFindings(samples, bounds);
		return [
			control("ledgers that leak memory", found, /^the ledger \d memory grows/),
			control("ledgers that leak descriptors", found, /^the ledger \d descriptors grow/),
			control("a reader that stays, and no bound for the log (WAL_MAX_MB)", found, /^the log /),
		];
	} finally {
		await reader.kill();
	}
}

function control(about: string, found: readonly string[], pattern: RegExp): Control {
	const finding = found.find((sentence) => pattern.test(sentence));
	return { about, isCaught: finding !== undefined, detail: finding ?? "nothing was found" };
}

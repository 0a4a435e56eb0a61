/** The same rules for a stack that leaks, and whose log has no bound that it would reach: all of it has to be seen. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Control, Trial } from "../attack.ts";
import { RunningProgram } from "../program.ts";
import { Stack } from "../stack.ts";
import { type GrowthBounds, growthFindings } from "./growth.ts";
import { JudgeProcess } from "./judge.ts";
import { Samples } from "./samples.ts";

const leakingStackPath = join(import.meta.dir, "leaking-stack.ts");
const readerPath = join(import.meta.dir, "staying-reader.ts");
const connections = 64;
const everyMs = 500;
/** It ends as soon as all is found. */
const secondsMax = 60;
const readerMsMax = 10_000;
/** One commit for each posting, and no sync: what fills the log in seconds. */
const fillingLog = { WAL_MAX_MB: "4096", BATCH_MAX: "1", DURABILITY: "os" };

const wanted: readonly (readonly [about: string, finding: RegExp])[] = [
	["ledgers that leak memory", /^the ledger \d memory grows/],
	["ledgers that leak descriptors", /^the ledger \d descriptors grow/],
	["a reader that stays, and no bound for the log (WAL_MAX_MB)", /^the log had/],
];

export async function playControls(
	{ folder, seed, stop }: Trial,
	environment: Readonly<Record<string, string>>,
	bounds: GrowthBounds,
): Promise<Control[]> {
	const dataFolder = join(folder, "control");
	mkdirSync(dataFolder);
	await using stack = await Stack.start({
		dataFolder,
		environment: { ...environment, ...fillingLog },
		program: leakingStackPath,
	});
	const reader = new RunningProgram([process.execPath, readerPath, stack.databaseFile], {});
	try {
		await reader.says("reading", readerMsMax);
		const load = { target: stack.target, seconds: secondsMax, warmUpSeconds: 0, connections, seed, folder };
		await using judge = new JudgeProcess(load);
		return await watch(new Samples(stack, new Map()), judge, bounds, stop);
	} finally {
		await reader.kill();
	}
}

async function watch(
	samples: Samples,
	judge: JudgeProcess,
	bounds: GrowthBounds,
	stop: AbortSignal,
): Promise<Control[]> {
	for (;;) {
		await Bun.sleep(everyMs);
		stop.throwIfAborted();
		samples.take();
		const found = growthFindings(samples, bounds);
		const controls = wanted.map(([about, pattern]): Control => {
			const finding = found.find((sentence) => pattern.test(sentence));
			return { about, isCaught: finding !== undefined, detail: finding ?? "nothing was found" };
		});
		if (judge.hasEnded || controls.every(({ isCaught }) => isCaught)) return controls;
	}
}

/**
 * The same rules for a stack that leaks, and whose log has no bound that it would reach: all of it has to be seen. And for
 * one that does not: nothing may be.
 */
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
const secondsMax = 90;
/** After the first one, at a stack that holds. */
const soundLooks = 6;
const readerMsMax = 10_000;
/** One commit for each posting, and no sync: what fills the log in seconds. */
const fillingLog = { WAL_MAX_MB: "4096", BATCH_MAX: "1", DURABILITY: "os" };

const wanted: readonly (readonly [about: string, finding: RegExp])[] = [
	["ledgers that leak memory", /^the ledger \d memory grows/],
	["ledgers that leak descriptors", /^the ledger \d descriptors grow/],
	["a reader that stays, and no bound for the log (WAL_MAX_MB)", /^the log had/],
];

export interface ControlPlan {
	readonly bounds: GrowthBounds;
	/** A process that has just started grows by right. */
	readonly warmUpMs: number;
	/** Before anything is called growing. */
	readonly samplesMin: number;
}

/** And the same rules for a stack that does not leak, in which they may see nothing. */
export async function playControls(
	trial: Trial,
	environment: Readonly<Record<string, string>>,
	plan: ControlPlan,
): Promise<Control[]> {
	return [...(await playLeaking(trial, environment, plan)), await playSound(trial, environment, plan)];
}

async function playLeaking(
	trial: Trial,
	environment: Readonly<Record<string, string>>,
	plan: ControlPlan,
): Promise<Control[]> {
	await using stack = await Stack.start({
		dataFolder: newFolder(trial, "leaking"),
		environment: { ...environment, ...fillingLog, LEAK_AFTER_MS: String(plan.warmUpMs) },
		program: leakingStackPath,
	});
	const reader = new RunningProgram([process.execPath, readerPath, stack.databaseFile], {});
	try {
		await reader.says("reading", readerMsMax);
		// Until there are samples enough, nothing is found; a load that ends before has caught none.
		let controls = wantedIn([]);
		await watch(stack, trial, plan, (found) => {
			controls = wantedIn(found);
			return controls.every(({ isCaught }) => isCaught);
		});
		return controls;
	} finally {
		await reader.kill();
	}
}

function wantedIn(found: readonly string[]): Control[] {
	return wanted.map(([about, pattern]) => {
		const finding = found.find((sentence) => pattern.test(sentence));
		return { about, isCaught: finding !== undefined, detail: finding ?? "nothing was found" };
	});
}

async function playSound(
	trial: Trial,
	environment: Readonly<Record<string, string>>,
	plan: ControlPlan,
): Promise<Control> {
	await using stack = await Stack.start({
		dataFolder: newFolder(trial, "sound"),
		environment: { ...environment, ...fillingLog },
	});
	let findings: readonly string[] = [];
	let looks = 0;
	await watch(stack, trial, plan, (found) => {
		findings = found;
		looks += 1;
		return looks === soundLooks || found.length > 0;
	});
	return {
		about: "the same stack without a leak and without the reader, which has to pass",
		isCaught: looks === soundLooks && findings.length === 0,
		detail: findings[0] ?? `nothing was found in ${plan.samplesMin + looks - 1} samples`,
	};
}

function newFolder({ folder }: Trial, name: string): string {
	const path = join(folder, name);
	mkdirSync(path);
	return path;
}

/** Under load, until `isEnough` of what is found, or the load is over. */
async function watch(
	stack: Stack,
	{ seed, folder, stop }: Trial,
	{ bounds, warmUpMs, samplesMin }: ControlPlan,
	isEnough: (found: readonly string[]) => boolean,
): Promise<void> {
	const load = { target: stack.target, seconds: secondsMax, warmUpSeconds: 0, connections, seed, folder };
	await using judge = new JudgeProcess(load);
	for (let leftMs = warmUpMs; leftMs > 0; leftMs -= everyMs) {
		stop.throwIfAborted();
		await Bun.sleep(Math.min(leftMs, everyMs));
	}
	const samples = new Samples(stack, new Map());
	for (let taken = 1; !judge.hasEnded; taken += 1) {
		await Bun.sleep(everyMs);
		stop.throwIfAborted();
		samples.take();
		if (taken >= samplesMin && isEnough(growthFindings(samples, bounds))) return;
	}
}

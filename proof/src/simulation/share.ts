/** A share of the seeds, played one after another in this process, and what it comes to. */
import type { Engine } from "./engine.ts";
import { type Trouble, troubleNames } from "./machine.ts";
import { type Count, countNames, type Run, runSeed } from "./run.ts";
import { Stage } from "./stage.ts";

/** Seeds are 32 bits: behind the last one comes 0. */
export const seedsMax = 2 ** 32;

export interface FailedSeed {
	readonly seed: number;
	/** The first thing that is wrong, and how many more there are. */
	readonly sentence: string;
}

export interface Share {
	readonly seeds: number;
	/** What happened in how many of them, or how often in all. */
	readonly counts: Readonly<Record<Count | Trouble, number>>;
	/** At most as many as were allowed. */
	readonly failed: readonly FailedSeed[];
	/** Of all traces in their order: the same for the same seeds, wherever they are played. */
	readonly trace: string;
}

export interface Wanted {
	readonly seed: number;
	readonly seeds: number;
	/** It ends with so many. */
	readonly failedMax: number;
}

/** Takes the runtime's timers and clocks away for its time. */
export function playShare({ seed: first, seeds, failedMax }: Wanted, engine: Engine): Share {
	const stage = new Stage();
	const counts = Object.fromEntries([...countNames, ...troubleNames].map((name) => [name, 0])) as Record<
		Count | Trouble,
		number
	>;
	const failed: FailedSeed[] = [];
	const traces: string[] = [];
	try {
		while (traces.length < seeds && failed.length < failedMax) {
			const seed = (first + traces.length) % seedsMax;
			const run = runOrError(seed, engine, stage);
			for (const [name, count] of Object.entries(run.counts)) counts[name as Count] += count;
			traces.push(run.trace);
			const [sentence, ...more] = run.findings;
			if (sentence !== undefined)
				failed.push({
					seed,
					sentence: more.length === 0 ? sentence : `${sentence} (and ${more.length} more)`,
				});
		}
	} finally {
		stage.restore();
	}
	return { seeds: traces.length, counts, failed, trace: joinedTrace(traces) };
}

/** A run that came to no end is a finding, too. */
function runOrError(
	seed: number,
	engine: Engine,
	stage: Stage,
): Pick<Run, "findings" | "trace"> & { readonly counts: Partial<Run["counts"]> } {
	try {
		return runSeed(seed, engine, stage);
	} catch (error) {
		return { findings: [`the run ended with ${error}`], counts: {}, trace: String(error) };
	}
}

export function joinedTrace(traces: readonly string[]): string {
	return Bun.hash.xxHash64(traces.join(" ")).toString(16).padStart(16, "0");
}

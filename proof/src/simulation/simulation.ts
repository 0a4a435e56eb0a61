/**
 * The ledger's engine in a simulated world, a million times: time, timers, disk, network, balancer and clients are
 * simulated and drawn from a seed, and so is all that happens to them. What fails once fails again with its seed.
 */
import type { Attack, Control, Form, Report, Trial } from "../attack.ts";
import type { Mutant } from "./mutants/mutant.ts";
import { mutants } from "./mutants.ts";
import { playTasks, type Task } from "./players.ts";
import { type FailedSeed, joinedTrace, type Share, seedsMax } from "./share.ts";

interface Plan {
	readonly seeds: number;
	readonly shareSeeds: number;
	/** Within which a mutant has to be found. */
	readonly mutantSeedsMax: number;
}

const plans: Readonly<Record<Form, Plan>> = {
	quick: { seeds: 4000, shareSeeds: 500, mutantSeedsMax: 20_000 },
	full: { seeds: 1_000_000, shareSeeds: 10_000, mutantSeedsMax: 40_000 },
};
/** Seeds that are played a second time, in another process. */
const againSeeds = 200;
const failedMax = 5;

export const simulation: Attack = {
	name: "simulation",
	promise:
		"Whatever happens to processes, disk, clock and connections, and in whatever order: what was answered is so, once, and stays",
	about:
		"plays the ledger's engine, two processes of it behind a balancer, in a simulated world with eleven kinds of trouble, a million seeds of it",
	needs: [],
	play,
};

async function play(trial: Trial): Promise<Report> {
	const plan = plans[trial.form];
	const startedAt = performance.now();
	const shares = await playSeeds(trial, plan);
	const seconds = (performance.now() - startedAt) / 1000;
	const broken = [...failedSentences(shares), ...(await differences(trial))];
	return { ...reportOf(shares, seconds), broken, controls: await playMutants(trial, plan) };
}

/** From the trial's seed on: so the one that is named is played first. */
async function playSeeds({ seed, stop, say }: Trial, { seeds, shareSeeds }: Plan): Promise<Share[]> {
	const tasks: Task[] = Array.from({ length: Math.ceil(seeds / shareSeeds) }, (_, index) => ({
		seed: (seed + index * shareSeeds) % seedsMax,
		seeds: Math.min(shareSeeds, seeds - index * shareSeeds),
		failedMax,
	}));
	let played = 0;
	let failed = 0;
	return playTasks(tasks, stop, (share) => {
		played += share.seeds;
		failed += share.failed.length;
		for (const one of share.failed) say(sentenceOf(one));
		say(`${played.toLocaleString("en-US")} seeds, ${failed} failed`);
		return failed >= failedMax;
	});
}

function failedSentences(shares: readonly Share[]): string[] {
	return shares.flatMap(({ failed }) => failed).map(sentenceOf);
}

function sentenceOf({ seed, sentence }: FailedSeed): string {
	return `${sentence}: npm run proof -- simulation --quick --seed ${seed}`;
}

/** The same seeds are the same runs, also in another process. */
async function differences({ seed, stop }: Trial): Promise<string[]> {
	const task = { seed, seeds: againSeeds, failedMax: againSeeds };
	const traces = (await playTasks([task, task], stop)).map(({ trace }) => trace);
	return new Set(traces).size === 1
		? []
		: [`${againSeeds} seeds from ${seed} on were two different runs: ${traces.join(", ")}`];
}

async function playMutants({ seed, stop, say }: Trial, { mutantSeedsMax }: Plan): Promise<Control[]> {
	const tasks = mutants.map(({ name }) => ({ seed, seeds: mutantSeedsMax, failedMax: 1, mutantName: name }));
	const shares = await playTasks(tasks, stop);
	const controls = mutants.map((mutant, index) => controlOf(mutant, shares[index] as Share));
	say(`${controls.filter(({ isCaught }) => isCaught).length} of ${controls.length} mutants found`);
	return controls;
}

function controlOf({ about }: Mutant, { seeds, failed }: Share): Control {
	const [first] = failed;
	if (first === undefined) return { about, isCaught: false, detail: `not found within ${seeds} seeds` };
	return { about, isCaught: true, detail: `found by seed ${first.seed}, number ${seeds}: ${first.sentence}` };
}

function reportOf(shares: readonly Share[], seconds: number): Pick<Report, "tried" | "figures"> {
	const seeds = shares.reduce((sum, share) => sum + share.seeds, 0);
	const counts: Record<string, number> = {};
	for (const share of shares)
		for (const [name, count] of Object.entries(share.counts)) counts[name] = (counts[name] ?? 0) + count;
	const { requests = 0, powerCut = 0 } = counts;
	const [thousands, cuts, asked] = [seeds, powerCut, requests].map((count) => count.toLocaleString("en-US"));
	return {
		tried: `${thousands} seeds, ${cuts} power cuts, ${asked} requests, trace ${joinedTrace(shares.map(({ trace }) => trace))}`,
		figures: { seeds, ...counts, seedsPerSecond: seeds / seconds },
	};
}

/** The simulation of the ledger's engine: that its seeds repeat, that the engine holds, and that no mutant does. */
import { describe, expect, test } from "bun:test";
import { realEngine } from "../src/simulation/engine.ts";
import { troubleNames } from "../src/simulation/machine.ts";
import { mutants } from "../src/simulation/mutants.ts";
import { playTasks } from "../src/simulation/players.ts";
import { runSeed } from "../src/simulation/run.ts";
import { joinedTrace, playShare, seedsMax } from "../src/simulation/share.ts";
import { simulation } from "../src/simulation/simulation.ts";
import { Stage } from "../src/simulation/stage.ts";

const seed = 1;
/** As in the quick form. */
const mutantSeedsMax = 20_000;
/** From here on the rarest one is found early. */
const mutantSeed = 5000;
const untilItEndsMs = 300_000;

function traceOf(one: number): string {
	const stage = new Stage();
	try {
		return runSeed(one, realEngine, stage).trace;
	} finally {
		stage.restore();
	}
}

describe(`the simulation (seed ${seed})`, () => {
	test(
		"plays a seed the same way twice, also in another process, and another one differently",
		async () => {
			const wanted = { seed, seeds: 20, failedMax: 20 };
			const here = playShare(wanted, realEngine);
			const [there] = await playTasks([wanted], new AbortController().signal);
			expect(playShare(wanted, realEngine)).toEqual(here);
			expect(there).toEqual(here);
			expect(playShare({ ...wanted, seed: seed + 1 }, realEngine).trace).not.toBe(here.trace);
		},
		untilItEndsMs,
	);

	test(
		"meets every kind of trouble, and the engine holds",
		() => {
			const { seeds, counts, failed } = playShare({ seed, seeds: 400, failedMax: 1 }, realEngine);
			expect(failed).toEqual([]);
			expect(seeds).toBe(400);
			expect(Object.entries(counts).filter(([, count]) => count === 0)).toEqual([]);
			expect(Object.keys(counts)).toEqual(expect.arrayContaining([...troubleNames]));
		},
		untilItEndsMs,
	);

	test("goes on with 0 behind the last seed", () => {
		const traces = [seedsMax - 1, 0].map(traceOf);
		const both = playShare({ seed: seedsMax - 1, seeds: 2, failedMax: 2 }, realEngine);
		expect(both.trace).toBe(joinedTrace(traces));
	});

	test("ends its processes when it is stopped", async () => {
		const stop = new AbortController();
		const reason = new Error("enough");
		const playing = simulation.play({
			...{ form: "full", seed, folder: "/nowhere", stop: stop.signal, say: () => undefined },
		});
		stop.abort(reason);
		await expect(playing).rejects.toBe(reason);
	});

	test("says so when a run comes to no end, and gives back clocks and timers", () => {
		const now = Date.now;
		const engine = {
			...realEngine,
			newStore: () => {
				throw new Error("no store");
			},
		};
		const { failed } = playShare({ seed, seeds: 1, failedMax: 1 }, engine);
		expect(failed).toEqual([{ seed, sentence: "the run ended with Error: no store" }]);
		expect(Date.now).toBe(now);
	});
});

describe(`mutants within ${mutantSeedsMax} seeds from ${mutantSeed} on:`, () => {
	test.each(mutants.map(({ name, about, engine }) => [name, about, engine] as const))(
		"%s is found (%s)",
		(_name, _about, engine) => {
			const { failed } = playShare({ seed: mutantSeed, seeds: mutantSeedsMax, failedMax: 1 }, engine);
			expect(failed).toHaveLength(1);
			// The seed alone finds it again, and blames the mutant only.
			const again = { seed: failed[0]?.seed ?? 0, seeds: 1, failedMax: 1 };
			expect(playShare(again, engine).failed).toEqual(failed);
			expect(playShare(again, realEngine).failed).toEqual([]);
		},
		untilItEndsMs,
	);

	test("have names of their own", () => {
		expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
	});
});

/** The attack `kill`: what it kills, how it measures silence, and a short life of it. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { LastingStack } from "../src/kill/lasting-stack.ts";
import { playRound } from "../src/kill/round.ts";
import { median, Silences } from "../src/kill/silences.ts";
import { drawVictims, pidsOf, type Victim } from "../src/kill/victims.ts";
import { makeProofFolder, missing } from "../src/place.ts";
import { Random } from "../src/random.ts";

const lacking = missing(["linux", "nginx", "setpriv"]);
const victims: readonly Victim[] = [
	"one ledger",
	"both ledgers",
	"nginx",
	"nginx's worker",
	"the supervisor",
];

describe("silences", () => {
	test("a kill's silence is the longest between two good answers, also one that it found", () => {
		const silences = new Silences(0);
		for (const atMs of [10, 20]) silences.answered(atMs);
		silences.killed("nginx", 25);
		for (const atMs of [125, 130]) silences.answered(atMs);
		silences.end(131);
		expect(silences.byVictim.get("nginx")).toEqual([105]);
	});

	test("one that no answer ends counts until the end", () => {
		const silences = new Silences(0);
		silences.killed("nginx", 5);
		silences.end(305);
		expect(silences.byVictim.get("nginx")).toEqual([305]);
	});

	test("what comes after the end of the last kill is no fault of it", () => {
		const silences = new Silences(0);
		silences.killed("nginx", 5);
		silences.answered(10);
		silences.end(11);
		silences.end(9000);
		expect(silences.byVictim.get("nginx")).toEqual([10]);
	});

	test("the median is the one in the middle", () => {
		expect(median([9, 1, 5])).toBe(5);
		expect(median([])).toBeNaN();
	});
});

describe("victims", () => {
	test("each of them comes up in every nine draws, in an order that the seed repeats", () => {
		const draw = (seed: number) => {
			const drawn = drawVictims(new Random(seed));
			return Array.from({ length: 27 }, () => drawn.next().value);
		};
		for (const from of [0, 9, 18]) expect(new Set(draw(1).slice(from, from + 9))).toEqual(new Set(victims));
		expect(draw(1)).toEqual(draw(1));
		expect(draw(1)).not.toEqual(draw(2));
	});
});

describe.skipIf(lacking !== undefined && !process.env.CI_ALL_PARTS)("a stack", () => {
	test("serves again after each of its processes was killed, and has lost nothing", async () => {
		const seed = crypto.getRandomValues(new Uint32Array(1))[0] as number;
		console.log(`seed ${seed}`);
		const folder = makeProofFolder();
		try {
			const temporary = join(folder, "tmp");
			mkdirSync(temporary);
			const environment = { TMPDIR: temporary, LOG_LEVEL: "warn" };
			await using stack = await LastingStack.start({ dataFolder: join(folder, "data"), environment });
			const random = new Random(seed);
			for (const victim of victims) expect(pidsOf(victim, stack.stack, random)).not.toEqual([]);
			const round = await playRound(stack, {
				...{ random, victims: endless(victims), seconds: 60, kills: victims.length },
				...{ waitMsMin: 100, waitMsMax: 400, stop: new AbortController().signal },
			});
			expect(round.findings).toEqual([]);
			expect(round.acknowledged).toBeGreaterThan(0);
			expect(round.kills.size).toBeGreaterThan(1);
		} finally {
			rmSync(folder, { recursive: true, force: true });
		}
	}, 60_000);
});

function* endless(dealt: readonly Victim[]): Generator<Victim, never> {
	for (;;) yield* dealt;
}

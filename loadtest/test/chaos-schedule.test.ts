/** When trouble comes, of which kind and to whom: a function of what was typed and of the seed, and of nothing else. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type ChaosRule, parseChaos, scheduleOf } from "../src/chaos-schedule.ts";
import { runJudge } from "./running-judge.ts";

setDefaultTimeout(60_000);

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));

describe("a rule", () => {
	const kill = { action: "kill", pauseMs: 0 } as const;
	const rules: [string, Omit<ChaosRule, "text">][] = [
		["kill every 2s", { ...kill, repeats: true, timeMs: 2000 }],
		["kill at 500ms", { ...kill, repeats: false, timeMs: 500 }],
		["kill at 0s", { ...kill, repeats: false, timeMs: 0 }],
		["kill every 100ms", { ...kill, repeats: true, timeMs: 100 }],
		["pause  4s every 10s", { action: "pause", pauseMs: 4000, repeats: true, timeMs: 10_000 }],
		["pause 30s at 1m", { action: "pause", pauseMs: 30_000, repeats: false, timeMs: 60_000 }],
		["restart every 1.5s", { action: "restart", pauseMs: 0, repeats: true, timeMs: 1500 }],
		["restart at 168h", { action: "restart", pauseMs: 0, repeats: false, timeMs: 604_800_000 }],
	];
	test.each(rules)("is taken: %s", (text, rule) => {
		expect(parseChaos(`  ${text} `)).toEqual({ text, ...rule });
	});

	test.each([
		...["", "kill", "kill 2s", "kill every", "pause every 2s", "pause 4s", "burn every 2s", "kill every 2"],
		...["kill 4s every 2s", "restart every 2s every 3s", "kill every -2s", "KILL every 2s", "pause x at 2s"],
	])("is refused, in one line: %p", (text) => {
		expect(() => parseChaos(text)).toThrow(/^[^\n]*(give|is no length)[^\n]*$/);
	});

	test.each([
		["kill every 50ms", "too often"],
		["pause 0s every 2s", "is none"],
		["pause 4s every 4s", "would never end"],
		["kill at 169h", "over a week"],
		["pause 169h at 1s", "over a week"],
	])("that makes no sense is refused: %s", (text, reason) => {
		expect(() => parseChaos(text)).toThrow(reason);
	});

	test.each([
		[["--chaos", "kill every 1s"], "--chaos needs --victim"],
		[["--victim", "x.pid"], "--victim needs --chaos"],
		[["--chaos", "kill often", "--victim", "x.pid"], "--chaos: give something like"],
		[["--chaos", "kill every 1s", "--victim", "container:"], "--victim: give the path"],
		[["--chaos", "kill every 1s", "--victim", "container:a b"], "--victim: give the path"],
	])("without the rest is told before anything is sent: %p", async (args, message) => {
		// Nobody listens there: a request would be told as well.
		const { code, stdout, stderr } = await runJudge(["load", "http://127.0.0.1:1", ...args]);
		expect([code, stdout]).toEqual([1, ""]);
		expect(stderr).toStartWith(`crebito: ${message}`);
		expect(stderr.trimEnd()).not.toContain("\n");
	});
});

describe(`the schedule (SEED=${seed})`, () => {
	const rules = (...texts: readonly string[]) => texts.map(parseChaos);
	const times = (texts: readonly string[], endMs: number) =>
		[...scheduleOf(rules(...texts), 1, seed, endMs)].map(({ atMs, rule }) => `${atMs} ${rule.action}`);

	test("has every rule at its times, in the order of time, and nothing at the end or after it", () => {
		expect(times(["kill every 2s", "pause 1s every 3s", "restart at 5s"], 8000)).toEqual([
			...["2000 kill", "3000 pause", "4000 kill", "5000 restart", "6000 kill", "6000 pause"],
		]);
		expect(times(["kill at 2s"], 2000)).toEqual([]);
		expect(times(["kill at 2s", "restart at 0s"], 2001)).toEqual(["0 restart", "2000 kill"]);
		expect(times(["kill every 100ms"], 0)).toEqual([]);
	});

	test("has those at the same time in the order in which they were given", () => {
		expect(times(["restart every 1s", "kill every 1s"], 2500)).toEqual([
			...["1000 restart", "1000 kill", "2000 restart", "2000 kill"],
		]);
	});

	test("goes on for as long as a load without an end", () => {
		const endless = scheduleOf(rules("kill every 1s"), 1, seed, Number.POSITIVE_INFINITY);
		expect(endless.take(5000).toArray().at(-1)?.atMs).toBe(5_000_000);
	});

	test("is the same for the same seed, and another for another", () => {
		const victims = (ofSeed: number) =>
			[...scheduleOf(rules("kill every 1s", "pause 1s every 4s"), 3, ofSeed, 60_000)].map(
				({ victim }) => victim,
			);
		expect(victims(seed)).toEqual(victims(seed));
		expect(victims(seed)).not.toEqual(victims(seed + 1));
	});

	test("takes every victim about as often as any other", () => {
		const counts = [0, 0, 0];
		for (const { victim } of scheduleOf(rules("kill every 1s"), 3, seed, 3_000_000))
			counts[victim] = (counts[victim] as number) + 1;
		expect(counts.reduce((sum, count) => sum + count)).toBe(2999);
		// Six standard deviations.
		for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(155);
	});
});

/**
 * Chaos on purpose: what is asked for is done to the right process at the right time, told truly, and undone on
 * every way out. The victims are small processes that a supervisor in here starts again.
 */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChaosRule, parseChaos } from "../src/chaos.ts";
import { parseVictim } from "../src/victim.ts";
import { resultOf, runJudge, startJudge } from "./running-judge.ts";
import { startPlain } from "./servers/plain.ts";

setDefaultTimeout(120_000);

const folder = mkdtempSync(join(tmpdir(), "crebito-chaos-"));
const victims: Supervised[] = [];
const target = await startPlain();
afterAll(async () => {
	for (const victim of victims) victim.stop();
	await target.stop();
	rmSync(folder, { recursive: true, force: true });
});

/** A process that is started again whenever it ends, and says who it is in a pid file. */
class Supervised {
	readonly pidFile = join(folder, `victim-${victims.length}.pid`);
	readonly pids: number[] = [];
	#process: Bun.Subprocess | undefined;
	#stopped = false;
	readonly #backMs: number;

	constructor(backMs = 50) {
		this.#backMs = backMs;
		victims.push(this);
		void this.#run();
	}

	stop(): void {
		this.#stopped = true;
		this.#process?.kill("SIGKILL");
	}

	async #run(): Promise<void> {
		while (!this.#stopped) {
			this.#process = Bun.spawn(["sleep", "300"], { stdio: ["ignore", "ignore", "ignore"] });
			this.pids.push(this.#process.pid);
			writeFileSync(this.pidFile, `${this.#process.pid}\n`);
			await this.#process.exited;
			rmSync(this.pidFile, { force: true });
			await Bun.sleep(this.#backMs);
		}
	}
}

function stateOf(pid: number): string {
	return /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";
}

const load = ["load", target.url, "-c", "2", "-o", "json", "--quiet", "--reset"];

async function judged(...args: readonly string[]) {
	const ended = await runJudge([...load, ...args]);
	expect([ended.stderr, ended.code]).toEqual(["", 0]);
	const { chaos, consistency } = resultOf(ended);
	expect(consistency.verdict).toBe("consistent");
	if (chaos === null) throw new Error("no chaos in the result");
	return chaos;
}

describe("a rule", () => {
	const rules: [string, ChaosRule][] = [
		["kill every 2s", { text: "kill every 2s", action: "kill", pauseMs: 0, repeats: true, timeMs: 2000 }],
		["kill at 500ms", { text: "kill at 500ms", action: "kill", pauseMs: 0, repeats: false, timeMs: 500 }],
		[
			"  pause  4s every 10s ",
			{ text: "pause  4s every 10s", action: "pause", pauseMs: 4000, repeats: true, timeMs: 10_000 },
		],
		[
			"pause 30s at 1m",
			{ text: "pause 30s at 1m", action: "pause", pauseMs: 30_000, repeats: false, timeMs: 60_000 },
		],
		[
			"restart every 1.5s",
			{ text: "restart every 1.5s", action: "restart", pauseMs: 0, repeats: true, timeMs: 1500 },
		],
	];
	test.each(rules)("is taken: %s", (text, rule) => {
		expect(parseChaos(text)).toEqual(rule);
	});

	test.each([
		"",
		"kill",
		"kill 2s",
		"kill every",
		"pause every 2s",
		"pause 4s",
		"burn every 2s",
		"kill every 2",
	])("is refused: %s", (text) => {
		expect(() => parseChaos(text)).toThrow();
	});

	test.each([
		["kill every 50ms", "too often"],
		["pause 0s every 2s", "is none"],
		["pause 4s every 4s", "would never end"],
	])("that makes no sense is refused: %s", (text, reason) => {
		expect(() => parseChaos(text)).toThrow(reason);
	});

	test.each([
		[["--chaos", "kill every 1s"], "--chaos needs --victim"],
		[["--victim", "x.pid"], "--victim needs --chaos"],
		[["--chaos", "kill often", "--victim", "x.pid"], "--chaos: give something like"],
		[["--chaos", "kill every 1s", "--victim", "container:"], "--victim: give the path"],
	])("without the rest is told before anything is sent: %p", async (args, message) => {
		const { code, stdout, stderr } = await runJudge([...load, ...args]);
		expect([code, stdout]).toEqual([1, ""]);
		expect(stderr).toStartWith(`crebito: ${message}`);
	});
});

describe("a victim by its pid file", () => {
	test("is killed as often as asked, each time the process that serves, and its way back is measured", async () => {
		const victim = new Supervised();
		const chaos = await judged("-d", "2100ms", "--chaos", "kill every 500ms", "--victim", victim.pidFile);
		expect(chaos.events.map(({ action }) => action)).toEqual(["kill", "kill", "kill", "kill"]);
		expect(chaos.events.map(({ pid }) => pid as number)).toEqual(victim.pids.slice(0, 4));
		for (const { backMs, error } of chaos.events) {
			expect(error).toBeNull();
			expect(backMs).toBeGreaterThan(40);
		}
	});

	test("is stopped for as long as asked, and goes on", async () => {
		const victim = new Supervised();
		const chaos = await judged("-d", "2s", "--chaos", "pause 600ms at 300ms", "--victim", victim.pidFile);
		const [event] = chaos.events;
		expect(chaos.events).toHaveLength(1);
		expect(event?.lastedMs).toBeGreaterThanOrEqual(600);
		expect([event?.pid, event?.backMs, event?.error]).toEqual([victim.pids[0] as number, null, null]);
		expect(stateOf(victim.pids[0] as number)).toBe("S");
	});

	test("that is ended while it is stopped is seen to be back before the pause is over", async () => {
		const victim = new Supervised();
		const chaosful = judged("-d", "4s", "--chaos", "pause 3s at 100ms", "--victim", victim.pidFile);
		while (victim.pids[0] === undefined || stateOf(victim.pids[0]) !== "T") await Bun.sleep(20);
		process.kill(victim.pids[0], "SIGKILL");
		const chaos = await chaosful;
		expect(victim.pids.length).toBe(2);
		expect(chaos.events[0]?.backMs).toBeLessThan(2900);
		expect(chaos.events[0]?.lastedMs).toBeGreaterThanOrEqual(3000);
	});

	test("is asked to end, and comes back", async () => {
		const victim = new Supervised();
		const chaos = await judged("-d", "1s", "--chaos", "restart at 300ms", "--victim", victim.pidFile);
		expect(chaos.events[0]?.backMs).toBeGreaterThan(40);
	});

	test("that isn't there from the beginning is a slip of the pen", async () => {
		const missing = join(folder, "missing.pid");
		const { code, stderr } = await runJudge([...load, "--chaos", "kill every 300ms", "--victim", missing]);
		expect([code, stderr]).toEqual([5, `crebito: --victim ${missing} isn't there\n`]);
	});

	test("that is gone when its time comes is told, and the run goes on", async () => {
		const victim = new Supervised(600_000);
		const chaos = await judged(
			...["-d", "1s", "--chaos", "kill at 100ms", "--chaos", "restart at 500ms"],
			...["--victim", victim.pidFile],
		);
		expect(chaos.events.map(({ error }) => error)).toEqual(["it didn't come back", "it wasn't there"]);
	});

	test.each(["1", "0", "-5", "4294967296", "x", ""])("that says %p is nobody", async (text) => {
		const path = join(folder, "odd.pid");
		writeFileSync(path, text);
		expect(await parseVictim(path).pid()).toBeUndefined();
		writeFileSync(path, String(process.pid));
		expect(await parseVictim(path).pid()).toBeUndefined();
	});

	test.each(["SIGINT", "SIGTERM", "SIGQUIT", "SIGUSR1"] as const)(
		"that is stopped when %s ends the run goes on",
		async (signal) => {
			const victim = new Supervised();
			const judge = await startJudge([
				...load,
				"-d",
				"1m",
				"--chaos",
				"pause 50s at 200ms",
				"--victim",
				victim.pidFile,
			]);
			while (victim.pids[0] === undefined || stateOf(victim.pids[0]) !== "T") await Bun.sleep(20);
			judge.kill(signal);
			expect((await judge.ended).code).toBe(130);
			expect(stateOf(victim.pids[0])).toBe("S");
		},
	);

	test("is drawn by the seed: the same one, the same victims", async () => {
		const both = [new Supervised(), new Supervised()];
		const rule = ["-d", "1500ms", "--chaos", "kill every 200ms"];
		const names = both.flatMap(({ pidFile }) => ["--victim", pidFile]);
		const drawn = async () =>
			(await judged(...rule, ...names, "--seed", "5")).events.map(({ victim }) => victim);
		const first = await drawn();
		expect(new Set(first).size).toBe(2);
		expect(await drawn()).toEqual(first);
	});
});

test("a container is killed from outside, and paused and restarted by its engine", async () => {
	const [calls, state] = [join(folder, "calls"), new Supervised()];
	const engine = join(folder, "engine");
	writeFileSync(
		engine,
		`#!/bin/sh\necho "$@" >> ${calls}\ncase $1 in inspect) cat ${state.pidFile} ;; nothing) ;; esac\n`,
	);
	chmodSync(engine, 0o755);
	const rules = ["kill at 200ms", "pause 200ms at 600ms", "restart at 1s"].flatMap((rule) => [
		"--chaos",
		rule,
	]);
	const ended = await runJudge([...load, "-d", "1500ms", ...rules, "--victim", "container:api01"], {
		environment: { CONTAINER_ENGINE: engine },
	});
	const { chaos } = resultOf(ended);
	expect(chaos?.events.map(({ action }) => action)).toEqual(["kill", "pause", "restart"]);
	const orders = readFileSync(calls, "utf8")
		.split("\n")
		.filter((line) => line && !line.startsWith("inspect"));
	expect(orders).toEqual(["pause api01", "unpause api01", "restart api01"]);
	expect(state.pids.length).toBe(2);
	expect(existsSync(state.pidFile)).toBe(true);
	// The engine's restart did nothing here.
	expect(chaos?.events[2]?.error).toBe("it didn't come back");
});

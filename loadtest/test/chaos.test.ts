/**
 * Chaos on purpose: what is asked for is done to the right process at the right time, told truly, and undone on
 * every way out. The victims are small processes that a supervisor starts again.
 */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runLoadTest } from "../src/load-test.ts";
import { type LoadOptions, readOptions } from "../src/options.ts";
import { Progress } from "../src/progress.ts";
import { parseVictim } from "../src/victim.ts";
import { resultOf, runJudge, startJudge } from "./running-judge.ts";
import { startPlain } from "./servers/plain.ts";
import { isStopped, Supervised, untilStopped } from "./supervised.ts";

setDefaultTimeout(120_000);

const folder = mkdtempSync(join(tmpdir(), "crebito-chaos-"));
const started: Supervised[] = [];
const target = await startPlain();
afterAll(async () => {
	await Promise.all(started.map((victim) => victim.stop()));
	await target.stop();
	rmSync(folder, { recursive: true, force: true });
});

async function startVictim(backMs?: number): Promise<Supervised> {
	const pidFile = join(folder, `victim-${started.length}.pid`);
	const victim = new Supervised({ pidFile, ...(backMs === undefined ? {} : { backMs }) });
	started.push(victim);
	await victim.serves();
	return victim;
}

const load = ["load", target.url, "-c", "2", "-o", "json", "--quiet", "--reset"];

function rules(...texts: readonly string[]): string[] {
	return texts.flatMap((text) => ["--chaos", text]);
}

async function judged(...args: readonly string[]) {
	const ended = await runJudge([...load, ...args]);
	expect(ended.stderr).toBe("");
	// 5 is for numbers that a busy machine has spoiled: not what is asked here.
	expect([0, 5]).toContain(ended.code as number);
	const { chaos, consistency } = resultOf(ended);
	expect(consistency.verdict).toBe("consistent");
	if (chaos === null) throw new Error("no chaos in the result");
	return chaos;
}

/** It is waited for so long that the other tests run meanwhile. */
const gone = withoutVictim();
gone.catch(() => undefined);

async function withoutVictim() {
	const victim = await startVictim(600_000);
	const other = await startPlain();
	const some = rules("kill at 100ms", "restart at 500ms");
	const args = ["load", other.url, "-c", "2", "-d", "1s", ...some, "--victim", victim.pidFile];
	const ended = await runJudge([...args, "-o", "json", "--quiet"]);
	await other.stop();
	return resultOf(ended);
}

describe("a victim by its pid file", () => {
	test("is killed as often as asked, each time the process that serves, and its way back is measured", async () => {
		const victim = await startVictim();
		const chaos = await judged("-d", "2400ms", ...rules("kill every 500ms"), "--victim", victim.pidFile);
		expect(chaos.events.map(({ action }) => action)).toEqual(["kill", "kill", "kill", "kill"]);
		expect(chaos.events.map(({ pid }) => pid as number)).toEqual(victim.pids.slice(0, 4));
		for (const { backMs, error } of chaos.events) {
			expect(error).toBeNull();
			expect(backMs).toBeGreaterThan(40);
		}
	});

	test("is stopped for as long as asked, and goes on", async () => {
		const victim = await startVictim();
		const chaos = await judged("-d", "1200ms", ...rules("pause 600ms at 300ms"), "--victim", victim.pidFile);
		const [event] = chaos.events;
		expect(chaos.events).toHaveLength(1);
		expect(event?.lastedMs).toBeGreaterThanOrEqual(600);
		expect([event?.pid, event?.backMs, event?.error]).toEqual([victim.pids[0] as number, null, null]);
		expect(isStopped(victim.pid)).toBe(false);
	});

	test.each([
		["time", ["-d", "1s"]],
		["requests", ["-n", "1000"]],
	])("that is stopped goes on at the end of the load, which comes by %s", async (_, end) => {
		const victim = await startVictim();
		// The pace makes the requests last until the pause has begun.
		const paced = [...end, "-r", "1000"];
		const chaos = await judged(...paced, ...rules("pause 50s at 200ms"), "--victim", victim.pidFile);
		expect(chaos.events[0]?.lastedMs).toBeLessThan(20_000);
		expect(isStopped(victim.pid)).toBe(false);
	});

	test("that is ended while it is stopped is seen to be back before the pause is over", async () => {
		const victim = await startVictim();
		const first = victim.pid;
		const chaosful = judged("-d", "2s", ...rules("pause 1500ms at 100ms"), "--victim", victim.pidFile);
		await untilStopped(first);
		process.kill(first, "SIGKILL");
		const chaos = await chaosful;
		expect(victim.pids.length).toBe(2);
		expect(chaos.events[0]?.backMs).toBeLessThan(1400);
		expect(chaos.events[0]?.lastedMs).toBeGreaterThanOrEqual(1500);
	});

	test("that is killed while it is stopped may be stopped again as the one that came back", async () => {
		const victim = await startVictim();
		const some = rules("pause 1s at 200ms", "kill at 400ms", "pause 300ms at 800ms");
		const chaos = await judged("-d", "1500ms", ...some, "--victim", victim.pidFile);
		expect(chaos.events.map(({ error }) => error)).toEqual([null, null, null]);
		expect(chaos.events.map(({ pid }) => pid as number)).toEqual([0, 0, 1].map((at) => victim.pids[at] ?? 0));
		expect(isStopped(victim.pid)).toBe(false);
	});

	test("is asked to end, and comes back", async () => {
		const victim = await startVictim();
		const chaos = await judged("-d", "1s", ...rules("restart at 300ms"), "--victim", victim.pidFile);
		expect(chaos.events[0]?.backMs).toBeGreaterThan(40);
	});

	test("has its peace in the warm-up", async () => {
		const victim = await startVictim();
		const chaos = await judged(
			...["-w", "700ms", "-d", "600ms", ...rules("kill at 300ms"), "--victim", victim.pidFile],
		);
		expect([chaos.events.length, victim.pids.length]).toEqual([1, 2]);
		expect(chaos.events[0]?.atSecond).toBeWithin(0.3, 0.6);
	});

	test("that isn't there from the beginning is a slip of the pen", async () => {
		const missing = join(folder, "missing.pid");
		const { code, stderr } = await runJudge([...load, ...rules("kill every 300ms"), "--victim", missing]);
		expect([code, stderr]).toEqual([5, `crebito: --victim ${missing} isn't there\n`]);
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
			const victim = await startVictim();
			const pause = rules("pause 50s at 200ms");
			const judge = await startJudge([...load, "-d", "1m", ...pause, "--victim", victim.pidFile]);
			await untilStopped(victim.pid);
			judge.kill(signal);
			expect((await judge.ended).code).toBe(130);
			expect(isStopped(victim.pid)).toBe(false);
		},
	);

	test("is drawn by the seed: the same one, the same victims", async () => {
		const both = [await startVictim(), await startVictim()];
		const names = both.flatMap(({ pidFile }) => ["--victim", pidFile]);
		const some = rules("kill every 300ms", "pause 50ms every 600ms");
		const drawn = async () =>
			(await judged("-d", "1150ms", ...some, ...names, "--seed", "5")).events.map(({ victim }) => victim);
		const first = await drawn();
		expect(new Set(first).size).toBe(2);
		expect(await drawn()).toEqual(first);
	});

	test("waits with the load while somebody pauses that by hand", async () => {
		const victim = await startVictim();
		const args = ["load", target.url, "-c", "2", "-d", "1s", ...rules("kill at 500ms")];
		const options = readOptions([...args, "--victim", victim.pidFile, "--reset"]) as LoadOptions;
		const progress = new Progress();
		const running = runLoadTest(options, "", progress, []);
		while (progress.phase !== "measuring") await Bun.sleep(5);
		progress.togglePause();
		await Bun.sleep(700);
		expect([victim.pids.length, progress.chaos?.lastEvent]).toEqual([1, undefined]);
		progress.togglePause();
		const { chaos } = await running;
		expect(chaos?.events[0]?.atSecond).toBeWithin(0.5, 1);
		expect(progress.chaos?.lastEvent?.pid).toBe(victim.pids[0] as number);
	});

	test("that is gone when its time comes is told, and the run goes on", async () => {
		const { chaos, consistency } = await gone;
		expect(chaos?.events.map(({ error }) => error)).toEqual(["it didn't come back", "it wasn't there"]);
		expect(consistency.verdict).toBe("consistent");
	});
});

describe("a container", () => {
	/** Does to the process of the pid file what an engine does to a container's, and writes down each call. */
	async function startEngine(cases = "") {
		const victim = await startVictim();
		const [engine, calls] = [`${victim.pidFile}.engine`, `${victim.pidFile}.calls`];
		const script = `#!/bin/sh
echo "$@" >> '${calls}'
pid=$(cat '${victim.pidFile}')
case $1 in
${cases}
inspect) echo "$pid" ;;
pause) kill -STOP "$pid" ;;
unpause) kill -CONT "$pid" ;;
restart) kill -TERM "$pid" ;;
esac
`;
		writeFileSync(engine, script);
		chmodSync(engine, 0o755);
		const called = (name: string) => readFileSync(calls, "utf8").match(new RegExp(`^${name} .*`, "gm")) ?? [];
		const args = (...texts: readonly string[]) => [
			...load,
			...rules(...texts),
			"--victim",
			"container:api01",
		];
		return { victim, called, args, options: { environment: { CONTAINER_ENGINE: engine } }, calls };
	}

	test("is killed from outside, and paused and restarted by its engine", async () => {
		const { victim, args, options, calls } = await startEngine();
		const some = args("kill at 200ms", "pause 200ms at 800ms", "restart at 1400ms");
		const { chaos } = resultOf(await runJudge([...some, "-d", "2s"], options));
		const told = chaos?.events.map(({ action, pid, error }) => ({ action, pid, error }));
		const [first = 0, second = 0] = victim.pids;
		expect(told).toEqual([
			{ action: "kill", pid: first, error: null },
			{ action: "pause", pid: second, error: null },
			{ action: "restart", pid: second, error: null },
		]);
		const lines = readFileSync(calls, "utf8").trimEnd().split("\n");
		expect(lines.filter((line) => !line.startsWith("inspect"))).toEqual([
			...["pause api01", "unpause api01", "restart api01"],
		]);
		expect(new Set(lines.filter((line) => line.startsWith("inspect")))).toEqual(
			new Set(["inspect --format {{.State.Pid}} api01"]),
		);
		expect([victim.pids.length, existsSync(victim.pidFile)]).toEqual([3, true]);
	});

	test("costs the engine no call while it is stopped", async () => {
		const { args, options, called } = await startEngine();
		const { chaos } = resultOf(await runJudge([...args("pause 500ms at 200ms"), "-d", "1s"], options));
		expect(chaos?.events[0]?.lastedMs).toBeGreaterThanOrEqual(500);
		// Before the run, at the event, and when it goes on.
		expect(called("inspect")).toHaveLength(3);
	});

	test("that is being stopped when the run ends at once goes on", async () => {
		const { victim, args, options, called } = await startEngine('pause) kill -STOP "$pid"; sleep 2 ;;');
		const judge = await startJudge([...args("pause 50s at 200ms"), "-d", "1m"], options);
		await untilStopped(victim.pid);
		judge.kill("SIGQUIT");
		expect((await judge.ended).code).toBe(130);
		expect([isStopped(victim.pid), called("unpause")]).toEqual([false, ["unpause api01"]]);
	});

	test("that the engine fails to continue is told, and asked for again at the end", async () => {
		const fails =
			"unpause) if mkdir \"$0.failed\" 2>/dev/null; then echo 'no such luck' >&2; exit 1; fi; kill -CONT $pid ;;";
		const { victim, args, options, called } = await startEngine(fails);
		const { chaos } = resultOf(await runJudge([...args("pause 200ms at 200ms"), "-d", "1s"], options));
		expect(chaos?.events[0]?.error).toBe("no such luck");
		expect([isStopped(victim.pid), called("unpause").length]).toEqual([false, 2]);
	});

	test("that the engine doesn't know is told before the load", async () => {
		const { args, options } = await startEngine("inspect) echo 'No such object: api01' >&2; exit 1 ;;");
		const { code, stderr } = await runJudge([...args("kill at 1s"), "-d", "2s"], options);
		expect([code, stderr]).toEqual([5, "crebito: No such object: api01\n"]);
	});

	test("without an engine is told before the load", async () => {
		const { args } = await startEngine();
		const environment = { CONTAINER_ENGINE: "", PATH: folder };
		const { code, stderr } = await runJudge([...args("kill at 1s"), "-d", "2s"], { environment });
		expect([code, stderr]).toEqual([
			5,
			"crebito: neither docker nor podman is in PATH (CONTAINER_ENGINE names another)\n",
		]);
	});
});

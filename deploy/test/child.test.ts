/** One supervised process: when it comes back, what it is given to end, what is passed on of its words. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child, type Program } from "../child.ts";
import { until } from "./running-stack.ts";

setDefaultTimeout(30_000);

const folder = mkdtempSync(join(tmpdir(), "child-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function shell(script: string, program: Partial<Program> = {}): { child: Child; lines: string[] } {
	const lines: string[] = [];
	const child = new Child(
		{
			name: "shell",
			command: ["sh", "-c", script],
			environment: { PATH: process.env.PATH },
			stopSignal: "SIGTERM",
			drainMsMax: 5000,
			isReady: async () => true,
			...program,
		},
		(line) => lines.push(line),
	);
	return { child, lines };
}

test("the wait before a restart doubles as long as it doesn't help", async () => {
	const { child, lines } = shell("sleep 0.05; exit 3", { isReady: async () => false });
	child.start();
	child.supervise();
	await until(() => lines.filter((line) => line.includes("again in")).length >= 4);
	await child.stop();
	expect(lines.filter((line) => line.includes("again in")).slice(0, 4)).toEqual(
		[0.1, 0.2, 0.4, 0.8].map((s) => `shell ended unasked (exit code 3), starting it again in ${s} s`),
	);
});

test("what served, if only for a moment, is never waited for longer than half a second", async () => {
	const { child, lines } = shell("sleep 0.05; exit 3");
	child.start();
	child.supervise();
	await until(() => lines.filter((line) => line.includes("again in")).length >= 6);
	await child.stop();
	const waits = lines.flatMap((line) => /again in ([0-9.]+) s/.exec(line)?.[1] ?? []);
	expect(waits.slice(0, 6)).toEqual(["0.1", "0.2", "0.4", "0.5", "0.5", "0.5"]);
});

test("after a healthy life it is started again at once", async () => {
	const { child, lines } = shell("sleep 1.2; exit 3");
	child.start();
	child.supervise();
	await until(() => lines.filter((line) => line.includes("serves again")).length === 2);
	child.kill();
	expect(lines.filter((line) => line.includes("ended unasked"))).toEqual(
		Array(2).fill("shell ended unasked (exit code 3), starting it again at once"),
	);
});

test("its id is in the file while it serves, and only then", async () => {
	const pidFile = join(folder, "serving.pid");
	writeFileSync(pidFile, "1\n");
	let isReady = false;
	const { child } = shell("sleep 60", { pidFile, isReady: async () => isReady });
	child.start();
	expect(existsSync(pidFile)).toBe(false);
	isReady = true;
	await child.ready;
	const pid = Number(readFileSync(pidFile, "utf8"));
	expect(readFileSync(pidFile, "utf8")).toBe(`${pid}\n`);
	child.supervise();
	process.kill(pid, "SIGKILL");
	await until(() => existsSync(pidFile) && Number(readFileSync(pidFile, "utf8")) !== pid);
	await child.stop();
	expect(existsSync(pidFile)).toBe(false);
});

test("a restart resolves when another process serves, and is no death", async () => {
	const { child, lines } = shell("echo $$ >&2; sleep 60");
	child.start();
	child.supervise();
	await until(() => lines.length === 1);
	await child.restart();
	expect(lines.filter((line) => line.includes("unasked"))).toEqual([]);
	await until(() => lines.filter((line) => /^shell: \d+$/.test(line)).length === 2);
	expect(new Set(lines).size).toBe(lines.length);
	await child.stop();
});

test("a restart that doesn't come to serve waits longer and longer, as any start does", async () => {
	const gone = join(folder, "gone");
	const isReady = async () => !existsSync(gone);
	const { child, lines } = shell(`[ -e ${gone} ] && exit 4; sleep 60`, { isReady });
	child.start();
	child.supervise();
	await child.ready;
	writeFileSync(gone, "");
	const restarted = child.restart();
	await until(() => lines.some((line) => line.includes("in 0.2 s")));
	rmSync(gone);
	await restarted;
	await child.stop();
});

test("a start that hangs is given up when it isn't the first, and another one is tried", async () => {
	let isHanging = false;
	const { child, lines } = shell("sleep 60", { restartMsMax: 300, isReady: async () => !isHanging });
	child.start();
	await child.ready;
	child.supervise();
	isHanging = true;
	const restarted = child.restart();
	await until(() => lines.includes("shell did not serve within 0.3 s: killed"));
	isHanging = false;
	await restarted;
	await until(() => lines.some((line) => line.includes("unasked (signal SIGKILL)")));
	await child.stop();
});

test("a first start takes as long as it takes", async () => {
	let isReady = false;
	const { child, lines } = shell("sleep 60", { restartMsMax: 100, isReady: async () => isReady });
	child.start();
	await Bun.sleep(400);
	isReady = true;
	await child.ready;
	expect(lines).toEqual([]);
	await child.stop();
});

test("a program that can't be run is lost, with the system's reason", async () => {
	const { child } = shell("", { command: ["/nonexistent"] });
	child.start();
	expect(await child.lost).toMatch(/^shell ended before it was ready \(.*ENOENT.*\)$/);
});

test("a stop during the wait before a restart is the end of it", async () => {
	const { child, lines } = shell("echo $$ >&2; exit 3");
	child.start();
	child.supervise();
	await until(() => lines.some((line) => line.includes("again in 0.4 s")));
	await child.stop();
	const said = lines.length;
	await Bun.sleep(600);
	expect(lines.length).toBe(said);
});

test("a process that doesn't end when asked is killed after its time, and that is said", async () => {
	const { child, lines } = shell("trap '' TERM; echo up >&2; sleep 60 & wait; wait", { drainMsMax: 300 });
	child.start();
	child.supervise();
	await until(() => lines.includes("shell: up"));
	const askedAt = performance.now();
	await child.stop();
	expect(performance.now() - askedAt).toBeGreaterThanOrEqual(290);
	expect(lines.slice(1)).toEqual([
		"shell did not end within 0.3 s: killed",
		"shell was stopped, and ended with signal SIGKILL",
	]);
});

test("what a dead process had started ends with it", async () => {
	const { child, lines } = shell("sleep 60 & echo $! >&2; sleep 0.1");
	child.start();
	child.supervise();
	await until(() => lines.some((line) => line.includes("ended unasked")));
	await child.stop();
	const sleeper = Number(lines[0]?.replace("shell: ", ""));
	const { stdout } = Bun.spawnSync(["ps", "-o", "stat=", "-p", String(sleeper)]);
	expect(stdout.toString().trim()).toBeOneOf(["", "Z", "Z+", "Zs"]);
});

test("of a failed start the last words are the reason, and at most fifty lines are kept", async () => {
	const { child, lines } = shell("seq 200 >&2; exit 1", { isReady: async () => false });
	child.start();
	expect(await child.lost).toBe("shell ended before it was ready (exit code 1): 200");
	expect(lines.length).toBeLessThan(50);
	expect(lines.at(-1)).toBe("shell: 199");
});

test("a line without an end is passed on in pieces", async () => {
	const { child, lines } = shell("head -c 100000 /dev/zero | tr '\\0' x >&2; sleep 60");
	child.start();
	child.supervise();
	await until(() => lines.length > 0);
	await child.stop();
	expect(lines[0]).toMatch(/^shell: x{8192}/);
});

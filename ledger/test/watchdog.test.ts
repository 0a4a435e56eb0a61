/**
 * A process that stands still is ended by the kernel, whatever it holds, and the other one serves again; one that
 * is only busy, or that does work of which it is known that it takes long, is not.
 */
import { Database } from "bun:sqlite";
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readBooks } from "./books.ts";
import { check } from "./checker.ts";
import { Clients, postOnce } from "./clients.ts";
import { Connection } from "./connection.ts";
import { durableFolder, removeDurableFolders } from "./durable-folder.ts";
import { History } from "./history.ts";
import { killLivingProcesses, LedgerProcess } from "./process.ts";
import { Random, seed } from "./random.ts";
import { ask, dropConnections, request } from "./raw-http.ts";
import { changes, post, told } from "./tries.ts";

// Most take a second; a crowded machine may take many.
setDefaultTimeout(60_000);

afterEach(async () => {
	dropConnections();
	await killLivingProcesses();
	removeDurableFolders();
});

const killed = { code: null, signal: "SIGKILL" } as const;

interface Place {
	readonly databasePath: string;
	start(name: string, environment: Record<string, string>): Promise<LedgerProcess>;
}

function freshPlace(): Place {
	const folder = durableFolder();
	const databasePath = join(folder, "ledger.db");
	return {
		databasePath,
		start: (name, environment) =>
			LedgerProcess.start({ socket: join(folder, `${name}.sock`), databasePath, environment }),
	};
}

/** Makes the event loop stand still whenever that is done: some 10 ns for each of so many rows. */
function slowDown(databasePath: string, event: string, rows: number): void {
	const db = new Database(databasePath);
	db.run("PRAGMA busy_timeout = 5000");
	db.run(`CREATE TRIGGER slow BEFORE ${event} BEGIN
		SELECT count(*) FROM (
			WITH RECURSIVE count (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < ${rows}) SELECT n FROM count
		);
	END`);
	db.close();
}

describe("a process that is stopped", () => {
	test("is dead after WATCHDOG_MS, 2.5 s by default, and one without a watchdog goes on when it is continued", async () => {
		const place = freshPlace();
		const [watched, preset, free] = [
			await place.start("watched", { WATCHDOG_MS: "1000" }),
			await place.start("preset", {}),
			await place.start("free", { WATCHDOG_MS: "0" }),
		];
		// Wound up more than once.
		await Bun.sleep(600);
		const stoppedAt = performance.now();
		for (const ledger of [watched, preset, free]) ledger.signal("SIGSTOP");
		expect(await watched.end()).toEqual(killed);
		const ms = performance.now() - stoppedAt;
		expect(ms).toBeGreaterThan(400);
		expect(ms).toBeLessThan(5000);
		expect(preset.running).toBe(true);
		expect(await preset.end()).toEqual(killed);
		expect(free.running).toBe(true);
		const answer = post(free.socket, 7);
		await Bun.sleep(100);
		free.signal("SIGCONT");
		expect(told(await answer)).toEqual([200, 7]);
		console.log(`stopped with WATCHDOG_MS=1000: dead after ${Math.round(ms)} ms`);
	});

	test("for less than WATCHDOG_MS, again and again, goes on", async () => {
		const ledger = await freshPlace().start("api", { WATCHDOG_MS: "1500" });
		for (let stop = 0; stop < 6; stop += 1) {
			ledger.signal("SIGSTOP");
			await Bun.sleep(300);
			ledger.signal("SIGCONT");
			expect((await post(ledger.socket, 1)).status).toBe(200);
		}
		expect(ledger.running).toBe(true);
	});
});

describe("a process that is stopped while it holds the write lock", () => {
	const watchdogMs = 500;
	const stopsInAll = 20;
	/** Two pairs of processes at once, since most of the time is spent waiting for the watchdog. */
	const pairs = 2;

	function isLocked(databasePath: string): boolean {
		const db = new Database(databasePath);
		try {
			// Longer than the other process holds it, and shorter than its watchdog lets the stopped one live.
			db.run("PRAGMA busy_timeout = 60");
			db.run("BEGIN IMMEDIATE");
			db.run("ROLLBACK");
			return false;
		} catch {
			return true;
		} finally {
			db.close();
		}
	}

	/** Stops it at random moments until one of them is within a transaction. @returns whether it lives still. */
	async function stopWithLock(victim: LedgerProcess, databasePath: string, random: Random): Promise<boolean> {
		while (victim.running) {
			await Bun.sleep(random.between(1, 40));
			victim.signal("SIGSTOP");
			if (isLocked(databasePath)) return true;
			victim.signal("SIGCONT");
		}
		return false;
	}

	interface Scene {
		readonly databasePath: string;
		readonly start: () => Promise<LedgerProcess>;
		readonly victim: LedgerProcess;
		readonly other: LedgerProcess;
		readonly toOther: Connection;
		readonly clients: Clients;
		readonly history: History;
	}

	/** Two processes, a crowd at the one, and entries that take milliseconds to post, to be stopped in one. */
	async function scene(random: Random, victimsWatchdogMs: number): Promise<Scene> {
		const place = freshPlace();
		const start = () => place.start("victim", { WATCHDOG_MS: String(victimsWatchdogMs) });
		const [victim, other] = [await start(), await place.start("other", { WATCHDOG_MS: "0" })];
		slowDown(place.databasePath, "INSERT ON entries", 15_000);
		const history = new History();
		const clients = new Clients({ sockets: [victim.socket], count: 6, history, random });
		const toOther = await Connection.open(other.socket);
		return { databasePath: place.databasePath, start, victim, other, toOther, clients, history };
	}

	/** @returns milliseconds from each stop to the next answer of the other process. */
	async function stopAgainAndAgain(random: Random, stops: number): Promise<number[]> {
		const { databasePath, start, other, toOther, clients, history, ...first } = await scene(
			random,
			watchdogMs,
		);
		let victim = first.victim;
		const silences: number[] = [];
		while (silences.length < stops) {
			if (await stopWithLock(victim, databasePath, random)) {
				const stoppedAt = performance.now();
				expect((await postOnce(toOther, history, 1, 10)).status).toBe(200);
				silences.push(Math.round(performance.now() - stoppedAt));
			}
			expect(await victim.end()).toEqual(killed);
			victim = await start();
		}
		await clients.stop();
		expect(other.running).toBe(true);
		expect(clients.surprises).toEqual([]);
		for (const ledger of [victim, other]) await ledger.kill();
		expect(check(history, readBooks(databasePath))).toEqual([]);
		return silences;
	}

	test(`${stopsInAll} times at random moments is dead soon, and the other one serves again`, async () => {
		const silences = await Promise.all(
			Array.from({ length: pairs }, (_, index) =>
				stopAgainAndAgain(new Random(seed + index), stopsInAll / pairs),
			),
		);
		const all = silences.flat().toSorted((one, other) => one - other);
		console.log(`stopped with the write lock, WATCHDOG_MS=${watchdogMs}: ms until an answer: ${all}`);
		expect(all).toHaveLength(stopsInAll);
		expect(all.at(-1)).toBeLessThan(watchdogMs + 2000);
	});

	test("stops the other one for good where there is no watchdog (control)", async () => {
		const random = new Random(seed);
		const { databasePath, victim, other, toOther, clients, history } = await scene(random, 0);
		expect(await stopWithLock(victim, databasePath, random)).toBe(true);
		const refused = await postOnce(toOther, history, 1, 10);
		expect([refused.status, JSON.parse(refused.body).type]).toEqual([
			503,
			"urn:crebito:problema:indisponivel",
		]);
		expect(isLocked(databasePath)).toBe(true);
		victim.signal("SIGCONT");
		await clients.stop();
		expect((await postOnce(toOther, history, 1, 10)).status).toBe(200);
		for (const ledger of [victim, other]) await ledger.kill();
		expect(check(history, readBooks(databasePath))).toEqual([]);
	});
});

test("a process under load is not killed", async () => {
	const place = freshPlace();
	const ledger = await place.start("busy", { WATCHDOG_MS: "1000" });
	const clients = new Clients({
		sockets: [ledger.socket],
		count: 32,
		history: new History(),
		random: new Random(seed),
	});
	await Bun.sleep(1500);
	await clients.stop();
	expect(ledger.running).toBe(true);
	expect(clients.tally.unanswered).toBe(0);
	expect(clients.answers).toBeGreaterThan(100);
});

describe("work that takes longer than WATCHDOG_MS", () => {
	const environment = { WATCHDOG_MS: "400" };
	/** Which take a second or more. */
	const rows = 10_000_000;

	test("is let finish when it is a reset", async () => {
		const place = freshPlace();
		const ledger = await place.start("api", environment);
		await post(ledger.socket, 5);
		slowDown(place.databasePath, "UPDATE ON resets", rows);
		const startedAt = performance.now();
		const response = await fetch("http://ledger/reset", { unix: ledger.socket, method: "POST" });
		expect(response.status).toBe(200);
		expect(performance.now() - startedAt).toBeGreaterThan(400);
		expect(changes(place.databasePath)).toEqual([]);
		expect(told(await post(ledger.socket, 7))).toEqual([200, 7]);
		// And what is allowed to it is allowed no longer.
		ledger.signal("SIGSTOP");
		expect(await ledger.end()).toEqual(killed);
	});

	test("is the end when it is anything else, as slow as that (control)", async () => {
		const place = freshPlace();
		const ledger = await place.start("api", environment);
		slowDown(place.databasePath, "UPDATE ON probe", rows);
		const health = ask(ledger.socket, request("GET", "/health")).catch(() => undefined);
		expect(await ledger.end()).toEqual(killed);
		expect(await health).toBeUndefined();
	});

	const watchdogPath = fileURLToPath(new URL("../src/watchdog.ts", import.meta.url));

	test.concurrent.each([
		["watchdog.patiently(() => Bun.sleepSync(1000)); await Bun.sleep(300);", 0, null],
		["Bun.sleepSync(1000);", null, "SIGKILL"],
		["try { watchdog.patiently(() => { throw 0; }); } catch {} Bun.sleepSync(1000);", null, "SIGKILL"],
		["watchdog.patiently(() => 0); Bun.sleepSync(1000);", null, "SIGKILL"],
		["while (true) {}", null, "SIGKILL"],
		["for (let n = 0; n < 20; n += 1) { Bun.sleepSync(50); await Bun.sleep(1); }", 0, null],
	])("alone in a process: %s", async (script, code, signal) => {
		const start = `import { Watchdog } from "${watchdogPath}"; const watchdog = Watchdog.start(400);`;
		const child = Bun.spawn([process.execPath, "-e", `${start} ${script} process.exit(0);`], {
			env: { PATH: process.env.PATH ?? "" },
		});
		await child.exited;
		expect([child.exitCode, child.signalCode]).toEqual([code, signal as NodeJS.Signals | null]);
	});
});

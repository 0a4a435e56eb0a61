/**
 * Real ledger processes, one or two on one file, under what happens to processes: kill -9, a first boot at
 * once, SIGTERM under load, SIGSTOP, a full disk, a WAL taken away, a disk that fails, a WAL that can't be
 * begun anew. After each, the checker holds what the clients saw against the books.
 *
 * Figures are printed. Parts that need root or strace are skipped where those are missing; CI_ALL_PARTS=1
 * makes them fail instead.
 */
import { Database } from "bun:sqlite";
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openExistingLedger } from "../src/store/sqlite-file.ts";
import { type Books, readBooks } from "./books.ts";
import { check, type Seen } from "./checker.ts";
import { Clients, postOnce } from "./clients.ts";
import { type Answer, Connection } from "./connection.ts";
import { durableFolder, removeDurableFolders } from "./durable-folder.ts";
import { History } from "./history.ts";
import { killLivingProcesses, LedgerProcess, type LedgerProcessOptions } from "./process.ts";
import { Random, seed } from "./random.ts";
import { type DiskKind, diskKinds, SmallDisk, unmountSmallDisks } from "./small-disk.ts";

const everyPart = process.env.CI_ALL_PARTS === "1";
/** Installed, and allowed to trace: containers often are not. */
const hasStrace = Bun.which("strace") !== null && Bun.spawnSync(["strace", "-f", "-q", "true"]).success;

// Most take a second; a crowded machine may take many.
setDefaultTimeout(60_000);

console.log(`SEED=${seed} repeats the random choices, though not the machine's timing`);

afterEach(async () => {
	await killLivingProcesses();
	unmountSmallDisks();
	removeDurableFolders();
});

/** Two processes' options on one fresh file. */
interface Pair {
	readonly databasePath: string;
	readonly a: LedgerProcessOptions;
	readonly b: LedgerProcessOptions;
	readonly sockets: readonly [string, string];
}

function freshPair(environment: Record<string, string> = {}): Pair {
	const folder = durableFolder();
	const databasePath = join(folder, "ledger.db");
	const sockets = [join(folder, "a.sock"), join(folder, "b.sock")] as const;
	const [a, b] = sockets.map((socket) => ({ socket, databasePath, environment })) as [
		LedgerProcessOptions,
		LedgerProcessOptions,
	];
	return { databasePath, a, b, sockets };
}

function startBoth({ a, b }: Pair): Promise<[LedgerProcess, LedgerProcess]> {
	return Promise.all([LedgerProcess.start(a), LedgerProcess.start(b)]);
}

async function killBoth(ledgers: readonly LedgerProcess[]): Promise<void> {
	await Promise.all(ledgers.map((ledger) => ledger.kill()));
}

function expectSound(history: Seen, databasePath: string): Books {
	const books = readBooks(databasePath);
	expect(check(history, books)).toEqual([]);
	return books;
}

/** The write lock, held by this process until it is called. */
function holdWriteLock(databasePath: string): () => void {
	const db = openExistingLedger(databasePath);
	db.run("BEGIN IMMEDIATE");
	return () => {
		db.run("ROLLBACK");
		db.close();
	};
}

/** A read transaction of this process's, which keeps every checkpoint from emptying the WAL until it is called. */
function holdReadSnapshot(databasePath: string): () => void {
	const db = openExistingLedger(databasePath);
	db.run("BEGIN");
	db.query("SELECT count(*) FROM entries").get();
	return () => {
		db.run("ROLLBACK");
		db.close();
	};
}

/** The first 503: what fits the last block, or comes before the next look at the WAL, may be posted still. */
async function firstRefusal(ask: () => Promise<Answer>): Promise<Answer> {
	for (let tries = 1; ; tries += 1) {
		const answer = await ask();
		if (answer.status === 503 || tries === 100) return answer;
	}
}

function expectUnavailable({ status, headers, body }: Answer, detail: RegExp): void {
	expect(status).toBe(503);
	expect(headers.get("retry-after")).toBe("1");
	expect(headers.get("content-type")).toBe("application/problem+json");
	expect(JSON.parse(body)).toMatchObject({
		type: "urn:crebito:problema:indisponivel",
		detail: expect.stringMatching(detail),
	});
}

function figures(name: string, values: Record<string, unknown>): void {
	console.log(`${name}: ${JSON.stringify(values)}`);
}

/** Resolves when the condition holds, asked every few milliseconds. */
async function until(condition: () => boolean | Promise<boolean>, complaint: () => string): Promise<void> {
	const deadline = performance.now() + 20_000;
	while (!(await condition())) {
		if (performance.now() > deadline) throw new Error(`never: ${complaint()}`);
		await Bun.sleep(5);
	}
}

describe("kill -9", () => {
	const rounds = 30;

	test(`of one and of both processes at random moments, ${rounds} times, loses and doubles nothing`, async () => {
		const random = new Random(seed);
		const pair = freshPair();
		const history = new History();
		const clients = new Clients({ sockets: pair.sockets, count: 12, history, random });
		let kills = 0;
		let entries: Books["entries"] = [];
		for (let round = 0; round < rounds; round += 1) {
			const [a, b] = await startBoth(pair);
			const acknowledgedBefore = history.count("ok");
			await until(
				() => history.count("ok") > acknowledgedBefore,
				() => "an entry acknowledged in this round",
			);
			await Bun.sleep(random.between(0, 200));
			const [victim, other] = random.chance(0.5) ? [a, b] : [b, a];
			// Both are well until they are killed.
			expect([victim.running, other.running]).toEqual([true, true]);
			await victim.kill();
			// Its socket is still there, and the other process goes on while this one starts.
			expect(existsSync(victim.socket)).toBe(true);
			const restarted = new LedgerProcess(victim === a ? pair.a : pair.b);
			if (random.chance(0.3)) await Bun.sleep(random.between(0, 80));
			else await restarted.ready();
			await Bun.sleep(random.between(0, 150));
			expect(other.running).toBe(true);
			if (random.chance(0.5)) {
				await restarted.kill();
				await Bun.sleep(random.between(0, 30));
			}
			await killBoth([restarted, other]);
			kills += 3;
			entries = expectSound(history, pair.databasePath).entries;
		}
		await clients.stop();
		expect(clients.surprises).toEqual([]);
		expect([...clients.tally.statuses.keys()].toSorted()).toEqual([200, 422]);
		expect(clients.tally.unanswered).toBeGreaterThan(0);
		figures("kill -9", {
			rounds,
			kills,
			entries: entries.length,
			acknowledged: history.count("ok"),
			refused: history.count("refused"),
			unknown: history.count("unknown"),
			unknownButThere: entries.length - history.count("ok"),
			statements: history.statements.length,
		});
	}, 120_000);

	test("is caught by the checker when acknowledged entries really are lost (control)", async () => {
		const pair = freshPair();
		const history = new History();
		const ledgers = await startBoth(pair);
		const clients = new Clients({ sockets: pair.sockets, count: 12, history, random: new Random(seed) });
		await until(
			() => history.count("ok") > 100,
			() => "100 entries",
		);
		await killBoth(ledgers);
		await clients.stop();
		// What a power cut does to commits that nobody synced.
		writeFileSync(`${pair.databasePath}-wal`, "");
		const findings = check(history, readBooks(pair.databasePath));
		expect(findings.filter((finding) => finding.includes("acknowledged")).length).toBeGreaterThan(100);
	});

	test("is caught when one acknowledged entry is gone, and verify alone sees nothing wrong (control)", async () => {
		const pair = freshPair();
		const history = new History();
		const ledger = await LedgerProcess.start(pair.a);
		const connection = await Connection.open(pair.a.socket);
		for (let count = 0; count < 5; count += 1) await postOnce(connection, history, 1, 10);
		await ledger.kill();
		expectSound(history, pair.databasePath);
		forgetNewestEntry(pair.databasePath);
		const books = readBooks(pair.databasePath);
		expect(books.findings).toEqual([]);
		expect(check(history, books)).toEqual([expect.stringContaining("acknowledged, but is not in the books")]);
	});
});

/** Takes the newest entry out of the file, so that nothing left in it contradicts itself. */
function forgetNewestEntry(databasePath: string): void {
	const db = openExistingLedger(databasePath);
	const newest = "(SELECT max(position) FROM entries)";
	db.run(`
		UPDATE accounts SET (balance, sequence, last_position, last_posted_at) = (
			SELECT accounts.balance - newest.change, accounts.sequence - 1, newest.previous,
				coalesce((SELECT posted_at FROM entries WHERE position = newest.previous), 0)
			FROM entries AS newest WHERE position = ${newest}
		) WHERE id = (SELECT account_id FROM entries WHERE position = ${newest});
		DELETE FROM entries WHERE position = ${newest};`);
	db.close();
}

describe("the first boot", () => {
	const pairsAtOnce = 3;

	/** Boots a pair, has each post an entry, and reads the books. */
	async function bootPair(killsOne: boolean, random: Random): Promise<void> {
		const pair = freshPair();
		const ledgers = [new LedgerProcess(pair.a), new LedgerProcess(pair.b)];
		if (killsOne) {
			await Bun.sleep(random.between(20, 90));
			await ledgers[0]?.kill();
			await ledgers[1]?.ready();
			ledgers[0] = new LedgerProcess(pair.a);
		}
		for (const ledger of ledgers) await ledger.ready();
		const history = new History();
		for (const socket of pair.sockets) {
			const connection = await Connection.open(socket);
			expect((await postOnce(connection, history, 1, 100)).status).toBe(200);
			connection.close();
		}
		await killBoth(ledgers);
		expect(expectSound(history, pair.databasePath).entries).toHaveLength(2);
	}

	test.each([
		["", 200, false],
		[" (one of them killed on the way and started again)", 30, true],
	] as const)(
		"of two processes at once on no file%s leaves both serving one ledger",
		async (_, pairsTotal, killsOne) => {
			const startedAt = performance.now();
			const random = new Random(seed);
			let pairs = 0;
			const worker = async (): Promise<void> => {
				while (pairs < pairsTotal) {
					pairs += 1;
					await bootPair(killsOne, random);
				}
			};
			await Promise.all(Array.from({ length: pairsAtOnce }, worker));
			figures("first boot", { pairs, killsOne, ms: Math.round(performance.now() - startedAt) });
		},
		120_000,
	);

	test("waits for whoever is at the file, where SQLite itself would not (control)", async () => {
		const pair = freshPair();
		const creating = new Database(pair.databasePath);
		creating.run("BEGIN IMMEDIATE");
		const plain = new Database(pair.databasePath);
		plain.run("PRAGMA busy_timeout = 5000");
		const askedAt = performance.now();
		expect(() => plain.run("PRAGMA journal_mode = wal")).toThrow("database is locked");
		expect(performance.now() - askedAt).toBeLessThan(1000);
		plain.close();
		const ledger = new LedgerProcess(pair.a);
		await Bun.sleep(400);
		expect(ledger.running).toBe(true);
		expect(existsSync(pair.a.socket)).toBe(false);
		creating.run("ROLLBACK");
		creating.close();
		await ledger.ready();
	});
});

describe("a restart", () => {
	async function statements(socket: string): Promise<unknown[]> {
		const connection = await Connection.open(socket);
		const shown: unknown[] = [];
		for (const id of [1, 2, 3, 4, 5]) {
			const { body } = await connection.request("GET", `/clientes/${id}/extrato`);
			const statement = JSON.parse(body);
			delete statement.saldo.data_extrato;
			shown.push(statement);
		}
		connection.close();
		return shown;
	}

	test.each(["SIGTERM", "SIGKILL"] as const)("after %s shows the same statements", async (signal) => {
		const pair = freshPair();
		const ledgers = await startBoth(pair);
		const history = new History();
		const clients = new Clients({ sockets: pair.sockets, count: 4, history, random: new Random(seed) });
		await until(
			() => history.count("ok") > 200,
			() => "200 entries",
		);
		await clients.stop();
		const before = await statements(pair.a.socket);
		expect(await statements(pair.b.socket)).toEqual(before);
		for (const ledger of ledgers) ledger.signal(signal);
		for (const ledger of ledgers) await ledger.end();
		const books = expectSound(history, pair.databasePath);
		const restarted = await startBoth(pair);
		for (const socket of pair.sockets) expect(await statements(socket)).toEqual(before);
		await killBoth(restarted);
		expect(readBooks(pair.databasePath)).toEqual(books);
	});
});

describe("SIGTERM", () => {
	/** Ends before the next run begins, so the tally is of one drain. */
	async function drainUnderLoad(pair: Pair, history: History, random: Random, signal: "SIGTERM" | "SIGKILL") {
		const ledger = await LedgerProcess.start(pair.a);
		// Kept, and silent after one answer: it must not hold the drain up.
		const idle = await Connection.open(pair.a.socket);
		expect((await idle.request("GET", "/health")).status).toBe(200);
		const clients = new Clients({ sockets: [pair.a.socket], count: 32, history, random });
		await until(
			() => clients.answers > 200,
			() => "200 answers",
		);
		await Bun.sleep(random.between(0, 20));
		const signalledAt = performance.now();
		ledger.signal(signal);
		const end = await ledger.end();
		const ms = Math.round(performance.now() - signalledAt);
		await clients.stop();
		expect(idle.usable).toBe(false);
		return { end, ms, clients };
	}

	test("under load leaves no request that was received without an answer, and ends with 0", async () => {
		const pair = freshPair();
		const history = new History();
		const random = new Random(seed);
		const unread: number[] = [];
		const ms: number[] = [];
		for (let run = 0; run < 10; run += 1) {
			const drain = await drainUnderLoad(pair, history, random, "SIGTERM");
			expect(drain.end).toEqual({ code: 0, signal: null });
			expect(drain.ms).toBeLessThan(3000);
			expect(drain.clients.surprises).toEqual([]);
			expect(drain.clients.tally.unanswered).toBe(0);
			unread.push(drain.clients.tally.unread);
			ms.push(drain.ms);
		}
		expect(history.count("unknown")).toBe(0);
		expectSound(history, pair.databasePath);
		figures("SIGTERM under load of 32 connections", { ms, sentWhileItClosed: unread });
	});

	test("is told from a kill by what it leaves unanswered (control)", async () => {
		const pair = freshPair();
		const history = new History();
		const random = new Random(seed);
		let unanswered = 0;
		// On a crowded machine a process may be killed before it has read a thing.
		for (let kill = 0; kill < 10 && unanswered === 0; kill += 1) {
			const { clients } = await drainUnderLoad(pair, history, random, "SIGKILL");
			unanswered = clients.tally.unanswered;
		}
		expect(unanswered).toBeGreaterThan(0);
		expectSound(history, pair.databasePath);
	});

	test("of two processes one after the other, again and again, leaves no outcome unknown", async () => {
		const pair = freshPair();
		const history = new History();
		const ledgers = await startBoth(pair);
		const clients = new Clients({ sockets: pair.sockets, count: 32, history, random: new Random(seed) });
		let restarts = 0;
		for (let round = 0; round < 5; round += 1) {
			for (const [index, options] of [pair.a, pair.b].entries()) {
				await Bun.sleep(100);
				expect(await (ledgers[index] as LedgerProcess).stop()).toEqual({ code: 0, signal: null });
				ledgers[index] = await LedgerProcess.start(options);
				restarts += 1;
			}
		}
		await clients.stop();
		await killBoth(ledgers);
		expect(clients.surprises).toEqual([]);
		expect(clients.tally.unanswered).toBe(0);
		expect(history.count("unknown")).toBe(0);
		const { length: entries } = expectSound(history, pair.databasePath).entries;
		figures("rolling restarts", { restarts, entries, sentWhileItClosed: clients.tally.unread });
	});

	test("waits for a commit that waits for the lock", async () => {
		const pair = freshPair();
		const history = new History();
		const ledger = await LedgerProcess.start(pair.a);
		const connections = await Promise.all(Array.from({ length: 10 }, () => Connection.open(pair.a.socket)));
		const release = holdWriteLock(pair.databasePath);
		const answers = Promise.all(connections.map((connection) => postOnce(connection, history, 1, 10)));
		await Bun.sleep(100);
		ledger.signal("SIGTERM");
		await Bun.sleep(200);
		expect(ledger.running).toBe(true);
		release();
		for (const { status, headers } of await answers) {
			expect(status).toBe(200);
			expect(headers.get("connection")?.toLowerCase()).toBe("close");
		}
		expect(await ledger.end()).toEqual({ code: 0, signal: null });
		expect(expectSound(history, pair.databasePath).entries).toHaveLength(10);
	});

	test("ends with 0 although one client never asks and another never finishes its request", async () => {
		const pair = freshPair();
		const ledger = await LedgerProcess.start(pair.a);
		const silent = await Connection.open(pair.a.socket);
		const socket = await Bun.connect({ unix: pair.a.socket, socket: { data() {} } });
		socket.write("POST /clientes/1/transacoes HTTP/1.1\r\nhost: ledger\r\ncontent-length: 60\r\n\r\n{");
		await Bun.sleep(100);
		const signalledAt = performance.now();
		expect(await ledger.stop()).toEqual({ code: 0, signal: null });
		const ms = Math.round(performance.now() - signalledAt);
		expect(ms).toBeLessThan(8000);
		figures("SIGTERM with half a request", { ms });
		silent.close();
		socket.end();
	});
});

describe("a stopped process", () => {
	test("that was idle leaves the other serving, and answers once it continues", async () => {
		const pair = freshPair();
		const history = new History();
		const [a, b] = await startBoth(pair);
		const waiting = await Connection.open(pair.a.socket);
		a.signal("SIGSTOP");
		const late = postOnce(waiting, history, 1, 10);
		const clients = new Clients({ sockets: [b.socket], count: 8, history, random: new Random(seed) });
		await Bun.sleep(500);
		await clients.stop();
		const served = clients.answers;
		a.signal("SIGCONT");
		expect((await late).status).toBe(200);
		await killBoth([a, b]);
		expect(served).toBeGreaterThan(100);
		expect(clients.status(200) + clients.status(422)).toBe(served);
		expectSound(history, pair.databasePath);
		figures("other process stopped", { answersIn500Ms: served });
	});

	test("under load, stopped and continued at random moments, leaves every answer right", async () => {
		const random = new Random(seed);
		const pair = freshPair();
		const history = new History();
		const ledgers = await startBoth(pair);
		const clients = new Clients({ sockets: pair.sockets, count: 16, history, random });
		const stops = 12;
		for (let stop = 0; stop < stops; stop += 1) {
			await Bun.sleep(random.between(5, 80));
			const ledger = random.pick(ledgers);
			ledger.signal("SIGSTOP");
			await Bun.sleep(random.between(20, 150));
			ledger.signal("SIGCONT");
		}
		await clients.stop();
		for (const ledger of ledgers) expect(await ledger.stop()).toEqual({ code: 0, signal: null });
		expect(clients.surprises).toEqual([]);
		expect(clients.tally.unanswered).toBe(0);
		expect(clients.status(503)).toBe(0);
		expectSound(history, pair.databasePath);
		figures("stopped under load", { stops, answers: clients.answers });
	});
});

describe("a bound", () => {
	/** One request whose batch waits for the lock, and 39 behind it. */
	async function crowd(environment: Record<string, string>) {
		const pair = freshPair(environment);
		const history = new History();
		const ledger = await LedgerProcess.start(pair.a);
		const connections = await Promise.all(Array.from({ length: 40 }, () => Connection.open(pair.a.socket)));
		const release = holdWriteLock(pair.databasePath);
		const [first, ...rest] = connections as [Connection, ...Connection[]];
		const answers = [postOnce(first, history, 1, 10)];
		await Bun.sleep(50);
		for (const connection of rest) answers.push(postOnce(connection, history, 1, 10));
		await Bun.sleep(200);
		release();
		const all = await Promise.all(answers);
		await ledger.kill();
		const { length: entries } = expectSound(history, pair.databasePath).entries;
		return { refused: all.filter(({ status }) => status === 503), entries };
	}

	test("on waiting requests refuses the rest with 503 and Retry-After, and nothing of them is applied", async () => {
		const { refused, entries } = await crowd({ WAITING_MAX: "4", BATCH_MAX: "1" });
		expect(entries).toBe(5);
		expect(refused).toHaveLength(35);
		for (const { headers, body } of refused) {
			expect(headers.get("retry-after")).toBe("1");
			expect(headers.get("content-type")).toBe("application/problem+json");
			expect(JSON.parse(body)).toMatchObject({ status: 503, type: "urn:crebito:problema:sobrecarga" });
		}
	});

	test("on waiting requests is what refused them: without it all are posted (control)", async () => {
		const { refused, entries } = await crowd({ BATCH_MAX: "1" });
		expect(entries).toBe(40);
		expect(refused).toEqual([]);
	});

	test("on the wait for the lock refuses the batch with 503 after two seconds, and serves again", async () => {
		const pair = freshPair();
		const history = new History();
		const ledger = await LedgerProcess.start(pair.a);
		const connections = await Promise.all(Array.from({ length: 5 }, () => Connection.open(pair.a.socket)));
		const release = holdWriteLock(pair.databasePath);
		const startedAt = performance.now();
		const first = postOnce(connections[0] as Connection, history, 1, 10);
		expectUnavailable(await first, /lock/);
		const waitedMs = performance.now() - startedAt;
		expect(waitedMs).toBeGreaterThan(1900);
		expect(waitedMs).toBeLessThan(4000);
		release();
		for (const connection of connections)
			expect((await postOnce(connection, history, 1, 10)).status).toBe(200);
		await ledger.kill();
		expect(expectSound(history, pair.databasePath).entries).toHaveLength(5);
	});

	test("on the WAL refuses with 503 while a reader keeps it from beginning anew, and no longer", async () => {
		const pair = freshPair({ WAL_MAX_MB: "1" });
		const history = new History();
		const ledgers = await startBoth(pair);
		const release = holdReadSnapshot(pair.databasePath);
		const clients = new Clients({ sockets: pair.sockets, count: 8, history, random: new Random(seed) });
		await until(
			() => clients.status(503) > 100,
			() => "a hundred refusals at the bound",
		);
		const walBytes = statSync(`${pair.databasePath}-wal`).size;
		const connection = await Connection.open(pair.a.socket);
		expectUnavailable(await firstRefusal(() => postOnce(connection, history, 1, 10)), /WAL_MAX_MB/);
		const { status, body } = await connection.request("GET", "/health");
		expect(status).toBe(503);
		expect(JSON.parse(body)).toMatchObject({ reason: expect.stringContaining("WAL_MAX_MB") });
		release();
		const acknowledged = history.count("ok");
		await until(
			() => history.count("ok") > acknowledged + 100,
			() => "entries after the reader has left",
		);
		const refused = clients.status(503);
		await until(
			() => history.count("ok") > acknowledged + 400,
			() => "more entries after the reader has left",
		);
		// At a bound this low, the other process's own transaction may be in the way of a checkpoint.
		expect(clients.status(503) - refused).toBeLessThan(100);
		await clients.stop();
		await killBoth(ledgers);
		expect(clients.surprises).toEqual([]);
		expect(expectSound(history, pair.databasePath).entries.length).toBe(history.count("ok"));
		// One look is some batches behind.
		expect(walBytes).toBeLessThan(1_500_000);
		figures("WAL at its bound of 1 MB", { walBytes, refused, acknowledged });
	});

	test("on the WAL is what held it: with the usual one it grows on (control)", async () => {
		const pair = freshPair();
		const history = new History();
		const ledgers = await startBoth(pair);
		const release = holdReadSnapshot(pair.databasePath);
		const clients = new Clients({ sockets: pair.sockets, count: 8, history, random: new Random(seed) });
		await until(
			() => statSync(`${pair.databasePath}-wal`).size > 2_000_000,
			() => "a WAL of 2 MB",
		);
		await clients.stop();
		release();
		await killBoth(ledgers);
		expect(clients.status(503)).toBe(0);
		expectSound(history, pair.databasePath);
	});
});

describe("a full disk", () => {
	const diskOf: Record<DiskKind, { durability: "os" | "fsync"; megabytes: number }> = {
		tmpfs: { durability: "os", megabytes: 6 },
		ext4: { durability: "fsync", megabytes: 20 },
	};

	for (const kind of diskKinds) {
		const { durability, megabytes } = diskOf[kind];
		test.skipIf(!everyPart && !SmallDisk.possible(kind))(
			`(${kind}, DURABILITY=${durability}) means 503 and nothing applied, until there is room again`,
			async () => {
				const disk = new SmallDisk(kind, megabytes);
				const folder = durableFolder();
				const databasePath = join(disk.folder, "ledger.db");
				const sockets = [join(folder, "a.sock"), join(folder, "b.sock")] as const;
				const ledgers = await Promise.all(
					sockets.map((socket) =>
						LedgerProcess.start({ socket, databasePath, environment: { DURABILITY: durability } }),
					),
				);
				const history = new History();
				const clients = new Clients({ sockets, count: 8, history, random: new Random(seed) });
				await until(
					() => history.count("ok") > 100,
					() => "100 entries before the disk is full",
				);
				disk.fill();
				await until(
					() => clients.status(503) > 200,
					() => `200 refusals on the full disk: ${JSON.stringify([...clients.tally.statuses])}`,
				);
				const connection = await Connection.open(sockets[0]);
				expectUnavailable(await firstRefusal(() => postOnce(connection, history, 1, 10)), /full/);
				const health = await firstRefusal(() => connection.request("GET", "/health"));
				expect(health.status).toBe(503);
				expect(JSON.parse(health.body)).toMatchObject({
					status: "unable to commit",
					reason: expect.stringContaining("full"),
				});
				for (const ledger of ledgers) expect(ledger.running).toBe(true);
				const refused = clients.status(503);
				const before = history.count("ok");
				disk.free();
				await until(
					() => history.count("ok") > before + 100,
					() => "entries after there was room again",
				);
				expect((await connection.request("GET", "/health")).status).toBe(200);
				await clients.stop();
				expect(clients.surprises).toEqual([]);
				expect(clients.tally.unanswered).toBe(0);
				expect(clients.status(500)).toBe(0);
				for (const ledger of ledgers) expect(await ledger.stop()).toEqual({ code: 0, signal: null });
				expect(expectSound(history, databasePath).entries.length).toBe(history.count("ok"));
				figures(`full disk, ${kind}`, { refused, acknowledged: history.count("ok") });
			},
		);
	}
});

describe("a WAL taken away under a running process", () => {
	const ways: [string, (walPath: string) => void][] = [
		["deleted", (walPath) => rmSync(walPath)],
		["left, but its db file deleted", (walPath) => rmSync(walPath.replace(/-wal$/, ""))],
		[
			"left, but its index, which has the locks, deleted",
			(walPath) => rmSync(walPath.replace(/-wal$/, "-shm")),
		],
		["moved away", (walPath) => renameSync(walPath, `${walPath}.old`)],
		[
			"replaced by a copy of itself",
			(walPath) => {
				copyFileSync(walPath, `${walPath}.copy`);
				renameSync(`${walPath}.copy`, walPath);
			},
		],
	];

	test.each(ways)("(%s) is followed by no 200, and ends both processes with 70", async (_, takeAway) => {
		const pair = freshPair();
		const history = new History();
		const ledgers = await startBoth(pair);
		const connections = await Promise.all(pair.sockets.map((socket) => Connection.open(socket)));
		for (const connection of connections) {
			for (let count = 0; count < 5; count += 1)
				expect((await postOnce(connection, history, 1, 10)).status).toBe(200);
		}
		takeAway(`${pair.databasePath}-wal`);
		for (const connection of connections) {
			const { status, body } = await postOnce(connection, history, 1, 10);
			expect(status).toBe(500);
			expect(JSON.parse(body)).toMatchObject({ type: "urn:crebito:problema:resultado-desconhecido" });
		}
		for (const ledger of ledgers) {
			expect(await ledger.end()).toEqual({ code: 70, signal: null });
			expect(ledger.output).toContain("the store failed");
		}
	});
});

describe("an index of the log that is taken away, with the locks in it,", () => {
	test("lets no process write over what another one has acknowledged since", async () => {
		const pair = freshPair();
		const history = new History();
		const [one, other] = await startBoth(pair);
		const [first, second] = await Promise.all(pair.sockets.map((socket) => Connection.open(socket)));
		for (const connection of [first, second] as Connection[])
			expect((await postOnce(connection, history, 1, 10)).status).toBe(200);
		rmSync(`${pair.databasePath}-shm`);
		await one.kill();
		const again = await LedgerProcess.start(pair.a);
		const third = await Connection.open(pair.a.socket);
		for (let count = 0; count < 20; count += 1)
			expect((await postOnce(third, history, 1, 10)).status).toBe(200);
		expect((await postOnce(second as Connection, history, 1, 10)).status).toBe(500);
		expect(await other.end()).toEqual({ code: 70, signal: null });
		for (let count = 0; count < 20; count += 1)
			expect((await postOnce(third, history, 1, 10)).status).toBe(200);
		await again.kill();
		expectSound(history, pair.databasePath);
	});
});

describe("a disk that fails", () => {
	/**
	 * strace -D makes itself the grandchild, so that the process id is the ledger's own. It counts the calls
	 * of each thread by itself; those that come before the process listens are fewer than `nth`.
	 */
	function failing(call: string, nth: number, log: string): string[] {
		const inject = `inject=${call}:error=EIO:when=${nth}+`;
		const traced = `trace=${call},sendto`;
		return ["strace", "-D", "-f", "-q", "--seccomp-bpf", "-o", log, "-e", traced, "-e", inject];
	}

	/** What the ledger did to its files, and what it told, in lines of strace. */
	function watched(log: string, inject: string): string[] {
		const traced = "trace=fdatasync,fsync,pwrite64,ftruncate,exit_group";
		return ["strace", "-D", "-f", "-y", "-q", "-o", log, "-e", traced, "-e", `inject=${inject}:error=EIO`];
	}

	test.skipIf(!everyPart && !hasStrace)("is not asked again by a store that has failed", async () => {
		const pair = freshPair();
		const log = join(pair.databasePath, "..", "strace.log");
		const ledger = await LedgerProcess.start({ ...pair.a, wrapper: watched(log, "fdatasync:when=12") });
		const connection = await Connection.open(pair.a.socket);
		const history = new History();
		let status = 200;
		while (status === 200) ({ status } = await postOnce(connection, history, 1, 10));
		expect(status).toBe(500);
		expect(await ledger.end()).toEqual({ code: 70, signal: null });
		const [, afterwards] = readFileSync(log, "utf8").split("(INJECTED)");
		expect(afterwards).toContain("exit_group(70)");
		// Neither by Bun, which closes SQLite at process.exit(), nor by SQLite, which then copies the WAL.
		expect(afterwards).not.toMatch(/(fdatasync|fsync|pwrite64|ftruncate)\(/);
	});

	test.skipIf(!everyPart && !hasStrace)("is not asked again by a ledger that can't start", async () => {
		const pair = freshPair();
		const first = await LedgerProcess.start(pair.a);
		await first.kill();
		const log = join(pair.databasePath, "..", "strace.log");
		const ledger = new LedgerProcess({ ...pair.a, wrapper: watched(log, "fdatasync:when=1") });
		expect(await ledger.end()).toEqual({ code: 1, signal: null });
		expect(ledger.output).toContain("EIO");
		const [, afterwards] = readFileSync(log, "utf8").split("(INJECTED)");
		expect(afterwards).toContain("exit_group(1)");
		expect(afterwards).not.toMatch(/(fdatasync|fsync|pwrite64|ftruncate)\(/);
	});

	test.skipIf(!everyPart && !hasStrace)("has the names of all folders that a ledger has made", async () => {
		const pair = freshPair();
		const folder = join(pair.databasePath, "..");
		const databasePath = join(folder, "one", "two", "ledger.db");
		const log = join(folder, "strace.log");
		const wrapper = ["strace", "-D", "-f", "-y", "-q", "-o", log, "-e", "trace=fsync"];
		const ledger = await LedgerProcess.start({ ...pair.a, databasePath, wrapper });
		await ledger.kill();
		const synced = readFileSync(log, "utf8");
		for (const made of [folder, join(folder, "one"), join(folder, "one", "two")])
			expect(synced).toMatch(new RegExp(`<${made}>\\) += 0`));
	});

	const calls: [call: string, nth: number, clients: number][] = [
		["fdatasync", 12, 1],
		["fdatasync", 12, 8],
		["pwrite64", 60, 1],
		["pwrite64", 60, 8],
	];

	test.skipIf(!everyPart && !hasStrace).each(calls)(
		"(EIO at %s, call %d, %d clients) is followed by no 200, the process ends with 70, and a restart finds all",
		async (call, nth, count) => {
			const pair = freshPair();
			const history = new History();
			const log = join(pair.databasePath, "..", "strace.log");
			const ledger = await LedgerProcess.start({ ...pair.a, wrapper: failing(call, nth, log) });
			const clients = new Clients({
				sockets: [pair.a.socket],
				count,
				history,
				random: new Random(seed),
			});
			expect(await ledger.end()).toEqual({ code: 70, signal: null });
			await clients.stop();
			expect(ledger.output).toContain("the store failed");
			expect(clients.surprises).toEqual([]);
			expect(clients.status(500)).toBeGreaterThan(0);
			const [beforeFailure, ...afterwards] = readFileSync(log, "utf8").split("(INJECTED)");
			expect(beforeFailure).toContain("HTTP/1.1 200");
			expect(afterwards.length).toBeGreaterThan(0);
			// With more than one client, answers to the batch before may still be on their way out.
			if (count === 1) expect(afterwards.join()).not.toContain("HTTP/1.1 200");
			const acknowledged = history.count("ok");
			const restarted = await LedgerProcess.start(pair.a);
			const connection = await Connection.open(pair.a.socket);
			expect((await postOnce(connection, history, 1, 10)).status).toBe(200);
			await restarted.kill();
			expectSound(history, pair.databasePath);
			figures(`EIO at ${call}`, {
				clients: count,
				acknowledged,
				unknown: clients.status(500),
				refusedAfterwards: clients.status(503),
			});
		},
	);

	test.skipIf(!everyPart && !hasStrace)(
		"goes unnoticed by who does not wait for it (control: DURABILITY=os)",
		async () => {
			const pair = freshPair({ DURABILITY: "os" });
			const history = new History();
			const log = join(pair.databasePath, "..", "strace.log");
			const ledger = await LedgerProcess.start({ ...pair.a, wrapper: failing("fdatasync", 12, log) });
			const connection = await Connection.open(pair.a.socket);
			for (let count = 0; count < 100; count += 1)
				expect((await postOnce(connection, history, 1, 10)).status).toBe(200);
			await ledger.kill();
		},
	);
});

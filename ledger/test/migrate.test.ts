/**
 * Books that move to the other kind of database and back are the same; a copy that was broken off goes on, is served by
 * nobody until it is whole, and one that differs is found.
 */
import { Database } from "bun:sqlite";
import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SQL } from "bun";
import type { Command } from "../src/ledger.ts";
import { Metrics } from "../src/metrics.ts";
import { PostgresStore } from "../src/store/postgres.ts";
import { parsePostgresUrl } from "../src/store/postgres-address.ts";
import { SqliteStore } from "../src/store/sqlite.ts";
import { openSqliteBooks, openSqliteCopy } from "../src/store/sqlite-transfer.ts";
import { transfer } from "../src/transfer.ts";
import { durableFolder, removeDurableFolders } from "./durable-folder.ts";
import { killLivingProcesses, LedgerProcess } from "./process.ts";
import { property, type Random } from "./random.ts";
import { randomBatch } from "./store/model.ts";
import { accounts, close, closedLater, closeStores, post, statementOf } from "./store/place.ts";
import { endPostgres, sharedPostgres } from "./store/postgres-server.ts";

// Most take a second; a crowded machine may take many.
setDefaultTimeout(180_000);

afterEach(async () => {
	closeStores();
	await killLivingProcesses();
});
afterAll(removeDurableFolders);
afterAll(endPostgres);

const tools = fileURLToPath(import.meta.resolve("../src/tools.ts"));

interface Ended {
	readonly code: number | null;
	readonly isKilled: boolean;
	readonly out: string;
	readonly err: string;
}

async function migrate(from: string, to: string, killAfterMs = 60_000): Promise<Ended> {
	const child = Bun.spawn([process.execPath, tools, "migrate", "--from", from, "--to", to], {
		env: { PATH: process.env.PATH ?? "" },
		stdio: ["ignore", "pipe", "pipe"],
	});
	const overdue = setTimeout(() => child.kill("SIGKILL"), killAfterMs);
	const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
	await child.exited;
	clearTimeout(overdue);
	return { code: child.exitCode, isKilled: child.signalCode === "SIGKILL", out, err };
}

function sqliteStore(path: string, seedPath?: string): SqliteStore {
	const options = {
		path,
		seedPath,
		durability: "os",
		walBytesMax: 64_000_000,
		metrics: new Metrics(),
	} as const;
	return closedLater(new SqliteStore(options));
}

function postgresStore(url: string): PostgresStore {
	const address = parsePostgresUrl(url);
	const options = { address, seedPath: undefined, durability: "os", metrics: new Metrics() } as const;
	return closedLater(new PostgresStore(options));
}

function named(random: Random, command: Command, index: number): Command {
	if (command.type !== "post") return command;
	const requestId = index.toString(16).padStart(32, "0");
	return {
		...command,
		...(random.chance(0.7) && {
			attempt: { requestId, startedAt: Date.now() * 1000, isRepeat: random.chance(0.1) },
		}),
		...(random.chance(0.2) && { idempotencyKey: `key ${index} "\\` }),
	};
}

/**
 * The same books in a file that nobody has open: SQLite lets go of one when the last statement on it is collected,
 * whenever that is, or when its process ends.
 */
function left(store: SqliteStore, path: string): string {
	const copy = join(durableFolder(), "ledger.db");
	for (const suffix of ["", "-wal"]) copyFileSync(path + suffix, copy + suffix);
	close(store);
	return copy;
}

/** A ledger with a random past in a file. */
async function pastOf(random: Random, batches: number): Promise<string> {
	const folder = durableFolder();
	const seedPath = join(folder, "seed.json");
	await Bun.write(seedPath, JSON.stringify(accounts));
	const path = join(folder, "ledger.db");
	const store = sqliteStore(path, seedPath);
	await store.commit([post(3, 5), { type: "reset" }]);
	let commands = 0;
	for (let round = 0; round < batches; round += 1) {
		const batch = randomBatch(random, false);
		await store.commit(batch.map((command, index) => named(random, command, commands + index)));
		commands += batch.length;
	}
	return left(store, path);
}

/** A file with so many entries that a copy takes a while. */
async function longPast(): Promise<string> {
	const path = join(durableFolder(), "ledger.db");
	const store = sqliteStore(path);
	for (let round = 0; round < 30; round += 1)
		await store.commit(Array.from({ length: 1000 }, (_, index) => post(1 + (index % 5), 1, `${round}`)));
	return left(store, path);
}

function freshDatabase(): Promise<string> {
	return sharedPostgres().then((server) => server.createDatabase());
}

/** All rows of a file, without what only a place in it means. */
function rowsOf(path: string): unknown[] {
	const db = new Database(path, { readonly: true });
	try {
		return [
			'SELECT id, "limit", initial_balance, balance, sequence, last_posted_at FROM accounts ORDER BY id',
			"SELECT account_id, sequence, change, balance, description, posted_at, request_id FROM entries ORDER BY account_id, sequence",
			"SELECT account_id, key, change, description, refusal, balance, answered_at FROM answers ORDER BY id",
			"SELECT reset_at FROM resets",
		].map((query) => db.query(query).values());
	} finally {
		db.close();
	}
}

describe("books that move", () => {
	property("from SQLite to PostgreSQL and back are the same, row by row", async (random) => {
		const path = await pastOf(random, 120);
		const before = rowsOf(path);
		const url = await freshDatabase();
		const there = await migrate(`sqlite://${path}`, url);
		expect([there.code, there.err]).toEqual([0, expect.stringContaining("entries")]);
		expect(there.out).toMatch(/5 accounts, \d+ entries, \d+ keys, the copy is right\n$/);
		const back = join(durableFolder(), "back.db");
		expect((await migrate(url, `sqlite://${back}`)).code).toBe(0);
		expect(rowsOf(back)).toEqual(before);
		// Both go on from there alike, keys and request ids included.
		const batch = Array.from({ length: 30 }, (_, index) => named(random, post(1, 1), 20 + index));
		const [sqlite, postgres] = [sqliteStore(back), postgresStore(url)];
		expect(await postgres.commit(batch)).toEqual(await sqlite.commit(batch));
	});

	test("and hold nothing are the seed's accounts", async () => {
		const empty = join(durableFolder(), "ledger.db");
		const path = left(sqliteStore(empty), empty);
		const url = await freshDatabase();
		expect((await migrate(`sqlite://${path}`, url)).code).toBe(0);
		expect(await statementOf(postgresStore(url), 3)).toMatchObject({
			balance: 0,
			limit: 1_000_000,
			entries: [],
		});
	});
});

describe("a copy that is killed", () => {
	test.each(["to PostgreSQL", "to SQLite"])(
		"at any moment goes on with the next run, %s",
		async (direction) => {
			const path = await longPast();
			const before = rowsOf(path);
			const url = await freshDatabase();
			const back = join(durableFolder(), "back.db");
			let [from, to] = [`sqlite://${path}`, url];
			if (direction === "to SQLite") {
				expect((await migrate(from, to)).code).toBe(0);
				[from, to] = [url, `sqlite://${back}`];
			}
			let kills = 0;
			let resumed = 0;
			// The further it comes, the longer it takes to find out where it was.
			for (let ms = 250; ; ms *= 1.25) {
				const { code, isKilled, out, err } = await migrate(from, to, ms);
				if (/^[1-9][0-9,]* of/m.test(err.split("\n")[0] ?? "")) resumed += 1;
				if (code === 0) {
					expect(out).toContain("30000 entries, 0 keys, the copy is right");
					break;
				}
				// It may not fail by itself, whenever the one before it was killed.
				if (!isKilled) throw new Error(err);
				kills += 1;
			}
			expect(kills).toBeGreaterThan(1);
			expect(resumed).toBeGreaterThan(0);
			if (direction === "to PostgreSQL") expect((await migrate(url, `sqlite://${back}`)).code).toBe(0);
			expect(rowsOf(back)).toEqual(before);
		},
	);

	test.each(["to PostgreSQL", "to SQLite"])(
		"between its last step and its last word is told to be right, %s",
		async (direction) => {
			const path = await longPast();
			const to =
				direction === "to SQLite" ? `sqlite://${join(durableFolder(), "copy.db")}` : await freshDatabase();
			const first = await migrate(`sqlite://${path}`, to);
			expect([first.code, first.out]).toEqual([0, expect.stringContaining("the copy is right")]);
			expect(await migrate(`sqlite://${path}`, to)).toMatchObject({ code: 0, out: first.out });
			const other = await migrate(`sqlite://${await longPast()}`, to);
			expect([other.code, other.err]).toEqual([1, expect.stringContaining("holds entries already")]);
		},
	);

	test("is served by nobody", async () => {
		const path = await longPast();
		const url = await freshDatabase();
		const books = openSqliteBooks(path);
		const copyPath = join(durableFolder(), "copy.db");
		const copy = openSqliteCopy(copyPath);
		await copy.begin(books.name, await books.accounts());
		await copy.close();
		await books.close();
		const { code } = await migrate(`sqlite://${path}`, url, 700);
		expect(code).not.toBe(0);
		for (const database of [url, `sqlite://${copyPath}`]) {
			const ledger = new LedgerProcess({
				socket: join(durableFolder(), "x.sock"),
				databasePath: "",
				environment: { DATABASE_URL: database, DURABILITY: "os" },
			});
			expect((await ledger.end()).code).toBe(1);
			expect(ledger.output).toMatch(/^ledger: .*(unfinished copy|not a ledger).*\n$/);
		}
	});
});

describe("nothing is copied", () => {
	test("from, or to, books that are served", async () => {
		const [path, url] = [await longPast(), await freshDatabase()];
		const served = await longPast();
		sqliteStore(served);
		expect(await migrate(`sqlite://${served}`, url)).toMatchObject({
			code: 1,
			err: `${served} is being served: stop the ledger first\n`,
		});
		const server = postgresStore(url);
		await server.ready(10_000);
		const refused = await migrate(`sqlite://${path}`, url);
		expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("is being served")]);
		await server.commit([post(1, 1)]);
		close(server);
		await Bun.sleep(200);
		const full = await migrate(`sqlite://${path}`, url);
		expect([full.code, full.err]).toEqual([1, expect.stringContaining("holds entries already")]);
	});

	test.each([[[]], [["--from", "sqlite:///x.db"]], [["--from", "a", "--to", "a"]], [["--form", "x"]]])(
		"by %j, which is answered with how it is used",
		async (args) => {
			const child = Bun.spawn([process.execPath, tools, "migrate", ...args], {
				stdio: ["ignore", "pipe", "pipe"],
			});
			expect(await child.stderr.text()).toContain("usage:");
			expect(await child.exited).toBe(1);
		},
	);
});

describe("a copy that differs is found", () => {
	const tampering: [string, string][] = [
		["an entry", "UPDATE entries SET description = 'other' WHERE position = 7"],
		["an account", 'UPDATE accounts SET "limit" = "limit" + 1 WHERE id = 1'],
		["a reset", "UPDATE resets SET reset_at = reset_at + 1"],
	];
	test.each(tampering)("in %s", async (_, statement) => {
		const from = openSqliteBooks(await longPast());
		const copyPath = join(durableFolder(), "copy.db");
		const copy = openSqliteCopy(copyPath);
		const complete = copy.complete.bind(copy);
		copy.complete = async (...all) => {
			await complete(...all);
			const db = new Database(copyPath);
			db.run(statement);
			db.close();
		};
		const { findings } = await transfer(from, copy, () => undefined);
		expect(findings).toContainEqual(expect.stringContaining("not those of the source"));
		await copy.close();
		await from.close();
		expect(() => sqliteStore(copyPath)).toThrow();
	});

	test("and books in PostgreSQL that are wrong are, by verify", async () => {
		const url = await freshDatabase();
		const store = postgresStore(url);
		await store.commit([post(1, 5), post(1, 6)]);
		const verify = async () => {
			const child = Bun.spawn([process.execPath, tools, "verify"], {
				env: { PATH: process.env.PATH ?? "", DATABASE_URL: url },
				stdio: ["ignore", "pipe", "pipe"],
			});
			const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
			return [await child.exited, out + err];
		};
		expect(await verify()).toEqual([
			0,
			expect.stringContaining("5 accounts, 2 entries, the books are right"),
		]);
		const sql = new SQL({ url, max: 1 });
		await sql`UPDATE crebito.entries SET change = change + 1 WHERE sequence = 2`;
		await sql.close();
		expect(await verify()).toEqual([2, expect.stringContaining("account 1, entry 2")]);
	});
});

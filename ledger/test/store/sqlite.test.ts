/**
 * What only SQLite can get wrong: a lock that isn't given back, a log that can't shrink or is taken away,
 * files that are no ledger or are damaged, seeds that hold no accounts.
 */
import { Database } from "bun:sqlite";
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import {
	copyFileSync,
	existsSync,
	mkdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statfsSync,
	statSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Metrics } from "../../src/metrics.ts";
import { openExistingLedger } from "../../src/store/sqlite-file.ts";
import { RecentRequests } from "../../src/store/sqlite-recent.ts";
import { NothingApplied, OutcomeUnknown } from "../../src/store.ts";
import { removeDurableFolders } from "../durable-folder.ts";
import { accounts, close, closeStores, post, posted, statementOf } from "./place.ts";
import { SqlitePlace } from "./sqlite.ts";

/** Requests whose ids a process remembers. */
const rememberedMax = new RecentRequests().max;

afterEach(closeStores);
afterAll(removeDurableFolders);

describe("a SQLite ledger", () => {
	test("is set as the design says, read back from SQLite", () => {
		expect(new SqlitePlace(accounts).open().settings).toMatchObject({
			journal_mode: "wal",
			synchronous: 1,
			wal_autocheckpoint: 0,
			mmap_size: 0,
			foreign_keys: 1,
			busy_timeout: 0,
		});
	});

	test("keeps its WAL when the last one closes it: another process may be about to sync it", async () => {
		const place = new SqlitePlace(accounts);
		const store = place.open();
		await store.commit([post(1, 1)]);
		close(store);
		expect(existsSync(`${place.path}-wal`)).toBe(true);
		expect((await statementOf(place.open(), 1)).balance).toBe(1);
	});

	test("is made with its folders, from an empty file as well", async () => {
		const place = new SqlitePlace(accounts);
		const nested = join(place.path, "..", "a", "b", "ledger.db");
		expect((await statementOf(place.open({ path: nested }), 2)).balance).toBe(500);
		writeFileSync(place.path, "");
		expect((await statementOf(place.open(), 2)).balance).toBe(500);
	});

	test("takes a thousand accounts, with the balances that the seed gives or 0", async () => {
		const many = Array.from({ length: 1000 }, (_, index) => ({ id: index + 1, limit: index }));
		const place = new SqlitePlace(
			many.map((account) => (account.id % 2 ? account : { ...account, balance: account.id })),
		);
		const store = place.open();
		const outcomes = await store.commit([...many.map(({ id }) => post(id, -id)), post(1001, 1)]);
		expect(outcomes).toEqual([
			...many.map(({ id, limit }) =>
				id % 2 ? ({ type: "refused", reason: "limit" } as const) : posted(0, limit),
			),
			{ type: "unknown-account" },
		]);
		close(store);
		expect(place.verdict()).toEqual({ accounts: 1000, entries: 500, findings: [] });
	});

	test("keeps the last line of defence: a row that breaks a CHECK is never written", async () => {
		const place = new SqlitePlace(accounts);
		const store = place.open();
		place.tamper("UPDATE accounts SET last_position = 999 WHERE id = 1");
		await expect(store.commit([post(2, 1), post(1, 100)])).rejects.toBeInstanceOf(NothingApplied);
		expect((await statementOf(store, 2)).balance).toBe(500);
		expect(await store.commit([post(2, 1)])).toEqual([posted(501, 0)]);
	});

	test("waits for a lock that is given back soon, and counts its tries", async () => {
		const place = new SqlitePlace(accounts);
		const metrics = new Metrics();
		const store = place.open({ metrics });
		const other = place.open();
		const holder = new Database(place.path);
		holder.run("BEGIN IMMEDIATE");
		const answer = store.commit([post(1, 1)]);
		// Who only reads needs no lock.
		expect((await statementOf(other, 1)).balance).toBe(0);
		await Bun.sleep(50);
		holder.run("COMMIT");
		expect(await answer).toEqual([posted(1, 1000)]);
		expect(metrics.lockRetries).toBeGreaterThan(0);
		holder.close();
	});

	test("refuses a batch whose lock isn't given back in time, and takes the next", async () => {
		const place = new SqlitePlace(accounts);
		const store = place.open();
		const holder = new Database(place.path);
		holder.run("BEGIN IMMEDIATE");
		const startedAt = performance.now();
		await expect(store.commit([post(1, 1)])).rejects.toBeInstanceOf(NothingApplied);
		expect(performance.now() - startedAt).toBeWithin(1500, 4000);
		holder.run("ROLLBACK");
		holder.close();
		expect(await store.commit([post(1, 1)])).toEqual([posted(1, 1000)]);
	});

	test("refuses batches when its WAL is at the bound, and takes them again when a reader lets go", async () => {
		const place = new SqlitePlace(accounts);
		const walBytesMax = 1_000_000;
		const store = place.open({ walBytesMax });
		// A reader's snapshot keeps every later frame in the WAL.
		const reader = new Database(place.path);
		reader.run("BEGIN");
		reader.query("SELECT count(*) FROM accounts").get();
		const batch = Array.from({ length: 500 }, () => post(2, 1, "0123456789"));
		let taken = 0;
		const failure = await (async () => {
			for (; taken < 1000; taken += 1) await store.commit(batch);
		})().catch((error: unknown) => error);
		expect(failure).toBeInstanceOf(NothingApplied);
		expect((failure as Error).message).toContain("WAL_MAX_MB");
		expect(taken).toBeGreaterThan(5);
		// One look in so many commits: it may pass the bound by those between two looks, no more.
		expect(statSync(`${place.path}-wal`).size).toBeWithin(walBytesMax * 0.9, walBytesMax * 2);
		await expect(store.commit(batch)).rejects.toBeInstanceOf(NothingApplied);

		reader.run("COMMIT");
		reader.close();
		expect((await store.commit([post(2, 1)]))[0]).toEqual(posted(500 + taken * 500 + 1, 0));
		close(store);
		expect(place.verdict()).toMatchObject({ entries: taken * 500 + 1, findings: [] });
	});

	test("refuses a repeated request where more entries were posted meanwhile than it remembers", async () => {
		const place = new SqlitePlace(accounts);
		const [asleep, awake] = [place.open(), place.open()];
		const first = { requestId: "a".repeat(32), startedAt: Date.now() * 1000, isRepeat: false };
		expect(await awake.commit([{ ...post(1, 300), attempt: first }])).toEqual([posted(300, 1000)]);
		const many = Array.from({ length: 4096 }, () => post(3, 1));
		for (let batch = 0; batch <= rememberedMax / many.length; batch += 1) await awake.commit(many);
		const again = { ...post(1, 300), attempt: { ...first, isRepeat: true } };
		expect(await asleep.commit([again])).toEqual([{ type: "expired" }]);
		expect((await statementOf(asleep, 1)).balance).toBe(300);
	});

	test("doesn't grow its WAL without end", async () => {
		const place = new SqlitePlace(accounts);
		const metrics = new Metrics();
		const store = place.open({ metrics });
		const batch = Array.from({ length: 200 }, () => post(2, 1, "0123456789"));
		const walBytes = () => statSync(`${place.path}-wal`).size;
		let longest = 0;
		for (let round = 0; round < 1000; round += 1) {
			await store.commit(batch);
			longest = Math.max(longest, walBytes());
		}
		expect(metrics.checkpointSeconds.snapshot().sum).toBeGreaterThan(0);
		// Some 4000 frames, and what comes between two looks.
		expect(longest).toBeLessThan(10_000_000);
	}, 30_000);

	describe("whose WAL is", () => {
		const swaps: [string, (wal: string) => void][] = [
			["deleted by somebody", (wal) => rmSync(wal)],
			[
				"replaced by somebody",
				(wal) => {
					copyFileSync(wal, `${wal}.copy`);
					renameSync(`${wal}.copy`, wal);
				},
			],
		];
		test.each(swaps)("%s acknowledges nothing more", async (_, swap) => {
			const place = new SqlitePlace(accounts, "fsync");
			const store = place.open();
			await store.commit([post(1, 1)]);
			swap(`${place.path}-wal`);
			const failure = await (async () => {
				for (let round = 0; round < 100; round += 1) await store.commit([post(1, 1)]);
			})().catch((error: unknown) => error);
			expect(failure).toBeInstanceOf(OutcomeUnknown);
			await expect(store.commit([post(1, 1)])).rejects.toBeInstanceOf(OutcomeUnknown);
		});
	});
});

describe("a SQLite ledger isn't opened when", () => {
	test("the file is text", () => {
		const place = new SqlitePlace(accounts);
		writeFileSync(place.path, "id,limit,balance\n".repeat(100));
		expect(place.refusal()).toContain(place.path);
	});

	test("the file is somebody else's SQLite file, which stays as it was", () => {
		const place = new SqlitePlace(accounts);
		place.tamper("CREATE TABLE notes (text TEXT)", "INSERT INTO notes VALUES ('keep me')");
		expect(place.refusal()).toContain(`${place.path} is a SQLite file, but not a ledger`);
		const db = new Database(place.path);
		expect(db.query("SELECT text FROM notes").values()).toEqual([["keep me"]]);
		expect(db.query("SELECT count(*) FROM sqlite_schema").values()).toEqual([[1]]);
		db.close();
	});

	const marks = ["user_version = 3", "user_version = 0", "application_id = 0"];
	test.each(marks.map((mark) => [mark]))("its mark is another: %s", (mark) => {
		const place = new SqlitePlace(accounts);
		close(place.open());
		place.tamper(`PRAGMA ${mark}`);
		expect(place.refusal()).toContain("not a ledger of schema version");
	});

	test("there is a folder in its place", () => {
		const place = new SqlitePlace(accounts);
		mkdirSync(place.path);
		expect(place.refusal()).toContain(place.path);
	});

	test("its folder would lie in a file", () => {
		const place = new SqlitePlace(accounts);
		const path = join(place.seedPath, "ledger.db");
		expect(() => place.open({ path })).toThrow(path);
	});

	test("the tools open one that doesn't exist, and they don't make it", () => {
		const { path } = new SqlitePlace(accounts);
		expect(() => openExistingLedger(path)).toThrow(path);
		expect(existsSync(path)).toBe(false);
	});

	test("the tools open somebody else's file", () => {
		const place = new SqlitePlace(accounts);
		place.tamper("CREATE TABLE notes (text TEXT)");
		expect(() => openExistingLedger(place.path)).toThrow("not a crebito ledger");
	});

	test.skipIf(process.platform !== "linux")(
		"its folder is a tmpfs, unless durability doesn't matter",
		async () => {
			const tmpfs = "/dev/shm";
			expect(statfsSync(tmpfs).type).toBe(0x01021994);
			const path = join(tmpfs, `crebito-${process.pid}`, "ledger.db");
			try {
				const place = new SqlitePlace(accounts, "fsync");
				expect(() => place.open({ path })).toThrow("DURABILITY=os");
				expect(existsSync(path)).toBe(false);
				expect((await statementOf(place.open({ path, durability: "os" }), 2)).balance).toBe(500);
			} finally {
				rmSync(join(path, ".."), { recursive: true, force: true });
			}
		},
	);
});

describe("a damaged SQLite ledger isn't opened when", () => {
	/** A ledger of many pages, closed, with all of it in the db file. */
	async function filled(): Promise<SqlitePlace> {
		const place = new SqlitePlace(accounts);
		const store = place.open();
		for (let round = 0; round < 10; round += 1) {
			await store.commit(Array.from({ length: 300 }, () => post(2, 1, "0123456789")));
		}
		close(store);
		place.tamper("PRAGMA wal_checkpoint(TRUNCATE)");
		return place;
	}

	test("its end is missing", async () => {
		const place = await filled();
		truncateSync(place.path, Math.floor(statSync(place.path).size / 2));
		rmSync(`${place.path}-wal`, { force: true });
		expect(place.refusal()).toContain(place.path);
	});

	test("pages are overwritten", async () => {
		const place = await filled();
		const bytes = readFileSync(place.path);
		bytes.fill(0xa5, bytes.length / 2, bytes.length / 2 + 8192);
		writeFileSync(place.path, bytes);
		expect(place.refusal()).toContain(place.path);
	});

	test("its header is overwritten", async () => {
		const place = await filled();
		const bytes = readFileSync(place.path);
		bytes.fill(0, 0, 100);
		writeFileSync(place.path, bytes);
		expect(place.refusal()).toContain(place.path);
	});

	test("an account's balance is not its newest entry's", async () => {
		const place = await filled();
		place.tamper("UPDATE accounts SET balance = balance + 1 WHERE id = 2");
		expect(place.refusal()).toContain("account 2: its balance is not that of its newest entry");
	});

	test("an account without entries has another balance than its first", async () => {
		const place = await filled();
		place.tamper("UPDATE accounts SET balance = 1 WHERE id = 1");
		expect(place.refusal()).toContain("account 1");
	});
});

describe("a seed is refused when", () => {
	const whole = { id: 1, limit: 100 };
	const bad: [string, unknown][] = [
		["it is empty text", ""],
		["it is no JSON", "[{]"],
		["it is no list", { accounts: [whole] }],
		["it is null", "null"],
		["it is an empty list", []],
		["an account is no object", [1]],
		["an account is null", [null]],
		["an id is missing", [{ limit: 1 }]],
		["an id is 0", [{ ...whole, id: 0 }]],
		["an id is below zero", [{ ...whole, id: -1 }]],
		["an id has eleven digits", [{ ...whole, id: 10_000_000_000 }]],
		["an id is text", [{ ...whole, id: "1" }]],
		["an id is a fraction", [{ ...whole, id: 1.5 }]],
		["an id is given twice", [whole, { id: 2, limit: 0 }, whole]],
		["a limit is missing", [{ id: 1 }]],
		["a limit is null", [{ id: 1, limit: null }]],
		["a limit is below zero", [{ ...whole, limit: -1 }]],
		["a limit is a fraction", [{ ...whole, limit: 0.5 }]],
		["a limit is past the safe integers", [{ ...whole, limit: 2 ** 53 }]],
		["a balance is below the limit", [{ ...whole, balance: -101 }]],
		["a balance is null", [{ ...whole, balance: null }]],
		["a balance is past the safe integers", [{ ...whole, balance: 2 ** 53 }]],
		["a balance is text", [{ ...whole, balance: "0" }]],
	];
	test.each(bad)("%s", (_, seed) => {
		const place = new SqlitePlace(seed);
		const message = place.refusal();
		expect(message).toContain("SEED_FILE");
		expect(message).toContain(place.seedPath);
		// Nothing half-made stays behind: with a right seed the same place can be opened.
		writeFileSync(place.seedPath, JSON.stringify(accounts));
		place.open();
	});

	test("it doesn't exist", () => {
		const place = new SqlitePlace(accounts);
		rmSync(place.seedPath);
		expect(place.refusal()).toContain("SEED_FILE");
	});

	test("the message says which account is wrong", () => {
		expect(new SqlitePlace([whole, { id: 2, limit: -1 }]).refusal()).toContain("account 2");
	});
});

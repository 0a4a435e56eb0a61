/**
 * verify: right books are right, and each kind of damage is found. And what a start reads: a small file whole, a
 * large one once in a boot.
 */
import { Database } from "bun:sqlite";
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import {
	closeSync,
	copyFileSync,
	existsSync,
	openSync,
	readFileSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { removeDurableFolders } from "../durable-folder.ts";
import { accounts, close, closeStores, post } from "./place.ts";
import { SqlitePlace } from "./sqlite.ts";

afterEach(closeStores);
afterAll(removeDurableFolders);

describe("verify", () => {
	const entries = 60;
	let template: SqlitePlace | undefined;
	/** A copy of a ledger with right books: 20 entries in each of the accounts 1, 2 and 3, in turns. */
	async function written(): Promise<SqlitePlace> {
		if (template === undefined) {
			template = new SqlitePlace(accounts);
			const store = template.open();
			for (let index = 0; index < entries; index += 1) {
				await store.commit([post(1 + (index % 3), index % 4 === 3 ? -10 : 20, `n${index}`)]);
			}
			close(store);
			template.tamper("PRAGMA wal_checkpoint(TRUNCATE)");
		}
		const place = new SqlitePlace(accounts);
		copyFileSync(template.path, place.path);
		return place;
	}

	test("finds nothing wrong with right books, and counts them", async () => {
		expect((await written()).verdict()).toEqual({ accounts: accounts.length, entries, findings: [] });
	});

	test("finds nothing wrong with a ledger that was never used, nor with one that was reset", async () => {
		const place = new SqlitePlace(accounts);
		const store = place.open();
		expect(place.verdict()).toEqual({ accounts: accounts.length, entries: 0, findings: [] });
		await store.commit([post(1, 1), { type: "reset" }, post(1, 1), post(2, 1)]);
		expect(place.verdict()).toEqual({ accounts: accounts.length, entries: 2, findings: [] });
	});

	test("finds nothing wrong with many requests that were applied once each", async () => {
		const place = await written();
		place.tamper("UPDATE entries SET request_id = 'id' || position WHERE position % 3 > 0");
		expect(place.verdict().findings).toEqual([]);
	});

	// Account 1 has the positions 1, 4, … 58, account 2 the positions 2, 5, … 59.
	const damages: [what: string, finding: RegExp, statements: string[]][] = [
		[
			"an entry is missing from the middle",
			/entry 16 of account 1: number 6 follows 4/,
			["DELETE FROM entries WHERE position = 13"],
		],
		[
			"an account's first entry is missing",
			/entry 4 of account 1: number 2 follows 0/,
			["DELETE FROM entries WHERE position = 1"],
		],
		[
			"an account's newest entry is missing",
			/account 1: counts 20 entries, has 19/,
			["DELETE FROM entries WHERE position = 58"],
		],
		["all entries are missing", /account 2: counts 20 entries, has 0/, ["DELETE FROM entries"]],
		[
			"an account's balance was changed",
			/account 1: balance \d+, its entries sum to/,
			["UPDATE accounts SET balance = balance + 1 WHERE id = 1"],
		],
		[
			"an amount was changed",
			/entry 13 of account 1: says balance \d+, the sum is/,
			["UPDATE entries SET change = change + 1 WHERE position = 13"],
		],
		[
			"a running balance was changed",
			/entry 13 of account 1: says balance \d+, the sum is/,
			["UPDATE entries SET balance = balance + 1 WHERE position = 13"],
		],
		[
			"an amount and all balances after it were changed but for the account's",
			/its balance is not that of its newest entry/,
			[
				"UPDATE entries SET change = change + 1 WHERE position = 13",
				"UPDATE entries SET balance = balance + 1 WHERE account_id = 1 AND position >= 13",
			],
		],
		[
			"a sequence has a gap",
			/entry 13 of account 1: number 7 follows 4/,
			[
				"UPDATE entries SET sequence = sequence + 2 WHERE account_id = 1 AND position >= 13",
				"UPDATE accounts SET sequence = sequence + 2 WHERE id = 1",
			],
		],
		[
			"a number is given twice",
			/entry 16 of account 1: number 5 follows 5/,
			["UPDATE entries SET sequence = 5 WHERE position = 16"],
		],
		[
			"an entry points past its predecessor",
			/entry 13 of account 1: points to 7, not 10/,
			["UPDATE entries SET previous = 7 WHERE position = 13"],
		],
		[
			"an entry points into another account",
			/entry 13 of account 1: points to 11, not 10/,
			["UPDATE entries SET previous = 11 WHERE position = 13"],
		],
		[
			"an account points to an older entry",
			/account 1: its balance is not that of its newest entry/,
			["UPDATE accounts SET last_position = 55 WHERE id = 1"],
		],
		[
			"an entry was moved to another account",
			/of account 2/,
			["UPDATE entries SET account_id = 2 WHERE position = 13"],
		],
		[
			"an entry is of an account that doesn't exist",
			/entry 13 of account 77: there is no such account/,
			["UPDATE entries SET account_id = 77 WHERE position = 13"],
		],
		[
			"an entry is dated before its predecessor",
			/entry 13 of account 1: is dated before its predecessor/,
			["UPDATE entries SET posted_at = posted_at - 1000000000 WHERE position = 13"],
		],
		[
			"an account's newest date was changed",
			/account 1: its balance is not that of its newest entry/,
			["UPDATE accounts SET last_posted_at = last_posted_at + 1 WHERE id = 1"],
		],
		[
			"the limit was passed in between, though all sums are right",
			/entry 14 of account 2: passes the limit/,
			[
				"UPDATE entries SET change = change - 5000 WHERE position = 14",
				"UPDATE entries SET balance = balance - 5000 WHERE position = 14",
				"UPDATE entries SET change = change + 5000 WHERE position = 17",
			],
		],
		[
			"an initial balance was changed",
			/entry 2 of account 2: says balance 520, the sum is 519/,
			["UPDATE accounts SET initial_balance = 499 WHERE id = 2"],
		],
		[
			"an account without entries has a balance of its own",
			/account 4/,
			["UPDATE accounts SET balance = 7 WHERE id = 4"],
		],
		[
			"an account without entries counts some",
			/account 4/,
			["UPDATE accounts SET sequence = 1 WHERE id = 4"],
		],
		[
			"a request was applied twice, though all sums are right",
			/^request 4bf9: was applied 2 times$/,
			["UPDATE entries SET request_id = '4bf9' WHERE position IN (13, 41)"],
		],
		["a row breaks a CHECK", /quick_check/, ["UPDATE entries SET change = 0 WHERE position = 13"]],
		["a description is empty", /quick_check/, ["UPDATE entries SET description = '' WHERE position = 13"]],
	];
	test.each(damages)("finds that %s", async (_, finding, statements) => {
		const place = await written();
		place.tamper(...statements);
		expect(place.verdict().findings.join("\n")).toMatch(finding);
	});

	test("finds that pages are overwritten, and goes no further", async () => {
		const place = await written();
		const bytes = readFileSync(place.path);
		const pageBytes = 2048;
		const db = new Database(place.path);
		const tables = db
			.query("SELECT rootpage FROM sqlite_schema WHERE name IN ('entries', 'accounts')")
			.values();
		db.close();
		for (const [page] of tables as [number][])
			bytes.fill(0xa5, (page - 1) * pageBytes, (page - 1) * pageBytes + 500);
		writeFileSync(place.path, bytes);
		expect(place.verdict().findings.join("\n")).toMatch(/quick_check/);
	});

	test("shows twenty findings and not thousands", async () => {
		const place = await written();
		place.tamper("UPDATE entries SET balance = balance + 7", "UPDATE accounts SET balance = balance + 3");
		expect(place.verdict().findings).toHaveLength(20);
	});
});

describe("a start", () => {
	const bootPath = "/proc/sys/kernel/random/boot_id";
	const largeBytes = 33_000_000;

	/** A ledger of so many bytes, most of them in a table of nobody's, whose first page is damaged or not. */
	async function damaged(bytes: number): Promise<SqlitePlace> {
		const place = await weighted(bytes);
		const page = read(place, "SELECT rootpage FROM sqlite_schema WHERE name = 'ballast'") as number;
		const file = openSync(place.path, "r+");
		writeSync(file, Buffer.alloc(500, 0xa5), 0, 500, (page - 1) * 2048);
		closeSync(file);
		return place;
	}

	async function weighted(bytes: number): Promise<SqlitePlace> {
		const place = new SqlitePlace(accounts);
		const store = place.open();
		await store.commit([post(1, 5)]);
		close(store);
		place.tamper(
			"CREATE TABLE ballast (bytes BLOB)",
			`INSERT INTO ballast VALUES (zeroblob(${bytes}))`,
			"PRAGMA wal_checkpoint(TRUNCATE)",
		);
		return place;
	}

	function read({ path }: SqlitePlace, sql: string): unknown {
		const db = new Database(path);
		try {
			return db.query(sql).values()[0]?.[0];
		} finally {
			db.close();
		}
	}

	const checkedIn = (place: SqlitePlace) => read(place, "SELECT boot_id FROM checks");
	const damage = /is damaged: quick_check: /;

	test("of a new ledger notes the machine's boot, on Linux", () => {
		const place = new SqlitePlace(accounts);
		close(place.open());
		expect(checkedIn(place)).toBe(existsSync(bootPath) ? readFileSync(bootPath, "utf8").trim() : "");
	});

	test("reads a small file whole, in every boot", async () => {
		const place = await damaged(1_000_000);
		for (let start = 0; start < 2; start += 1) expect(place.refusal()).toMatch(damage);
		place.tamper("UPDATE checks SET boot_id = 'another'");
		expect(place.refusal()).toMatch(damage);
		expect(checkedIn(place)).toBe("another");
	});

	test.skipIf(!existsSync(bootPath))(
		"reads a large file whole in the first start of a boot only",
		async () => {
			const place = await damaged(largeBytes);
			// This boot's was before the damage.
			close(place.open());
			place.tamper("UPDATE checks SET boot_id = 'another'");
			for (let start = 0; start < 2; start += 1) expect(place.refusal()).toMatch(damage);
			expect(checkedIn(place)).toBe("another");
			place.tamper(
				"DROP TABLE checks",
				"CREATE TABLE checks (boot_id TEXT)",
				"INSERT INTO checks VALUES ('')",
			);
			expect(place.refusal()).toMatch(damage);
		},
	);

	test("of a large file that is right is noted, and the next one of another boot too", async () => {
		const place = await weighted(largeBytes);
		const boot = checkedIn(place);
		place.tamper("UPDATE checks SET boot_id = 'another'");
		close(place.open());
		expect(checkedIn(place)).toBe(boot);
	});

	test("compares the accounts with their newest entries, however large the file, in every boot", async () => {
		const place = await weighted(largeBytes);
		place.tamper("UPDATE accounts SET balance = balance + 1 WHERE id = 1");
		expect(place.refusal()).toMatch(/is damaged: account 1: its balance is not that of its newest entry/);
	});
});

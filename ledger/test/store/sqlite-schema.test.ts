/**
 * The versions of the schema: a ledger of version 1 becomes one of today and loses nothing, its backups are still
 * good, a later one is left alone.
 */
import { Database } from "bun:sqlite";
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import version1 from "../../src/store/sqlite.sql" with { type: "text" };
import { schemaVersion, versionOf } from "../../src/store/sqlite-schema.ts";
import { backupLedger, restoreLedger, verifyLedger } from "../../src/store/sqlite-tools.ts";
import { removeDurableFolders } from "../durable-folder.ts";
import { killLivingProcesses, LedgerProcess } from "../process.ts";
import { Random } from "../random.ts";
import { accounts, closeStores, post, posted, stateOf } from "./place.ts";
import { SqlitePlace } from "./sqlite.ts";

afterEach(async () => {
	closeStores();
	await killLivingProcesses();
});
afterAll(removeDurableFolders);

const entriesTotal = 500;

/** A ledger as the first version left it: made by its SQL alone, with right books of `entriesTotal` entries. */
function ofVersion1(): SqlitePlace {
	const place = new SqlitePlace(accounts);
	const db = new Database(place.path);
	db.run("PRAGMA page_size = 2048");
	db.run("PRAGMA journal_mode = WAL");
	db.run(version1);
	db.run(`PRAGMA application_id = ${0x63726274}`);
	db.run("PRAGMA user_version = 1");
	db.transaction(() => writeBooks(db))();
	db.close();
	return place;
}

function writeBooks(db: Database): void {
	for (const { id, limit, balance } of accounts)
		db.run('INSERT INTO accounts (id, "limit", initial_balance, balance) VALUES (?, ?, ?, ?)', [
			id,
			limit,
			balance,
			balance,
		]);
	const random = new Random(2);
	for (let position = 1; position <= entriesTotal; position += 1) {
		const id = random.pick([1, 2, 3]);
		const postedAt = 1_705_459_201_217_753 + position;
		db.run(
			`INSERT INTO entries SELECT ?, id, sequence + 1, last_position, ?, balance + ?, ?, ? FROM accounts WHERE id = ?`,
			[position, 10 + position, 10 + position, `n${position}`, postedAt, id],
		);
		db.run(
			`UPDATE accounts SET sequence = sequence + 1, last_position = ?, last_posted_at = ?,
				balance = (SELECT balance FROM entries WHERE position = ?) WHERE id = ?`,
			[position, postedAt, position, id],
		);
	}
}

/** What the file at `path` holds, read without a ledger's own code. */
function read<T = unknown[]>(path: string, sql: string): T[] {
	const db = new Database(path);
	try {
		return db.query(sql).values() as T[];
	} finally {
		db.close();
	}
}

function versionAt(path: string): number | undefined {
	const db = new Database(path);
	try {
		return versionOf(db);
	} finally {
		db.close();
	}
}

type PostCredit = (valor: number, headers: Record<string, string> | undefined) => Promise<unknown>;

/** Has a process serve it behind a balancer, and end: a store closed in this one would not let go of its file. */
async function served(
	{ path, seedPath }: SqlitePlace,
	use: (post: PostCredit) => Promise<void>,
): Promise<void> {
	const socket = join(dirname(path), "api.sock");
	const environment = { BEHIND_BALANCER: "on", SEED_FILE: seedPath };
	const ledger = await LedgerProcess.start({ socket, databasePath: path, environment });
	await use(async (valor, headers) => {
		const response = await fetch("http://ledger/clientes/1/transacoes", {
			unix: socket,
			method: "POST",
			headers: { "Content-Type": "application/json", ...headers },
			body: JSON.stringify({ valor, tipo: "c", descricao: "x" }),
		});
		return response.json();
	});
	await ledger.stop();
}

const entriesOf = (path: string) =>
	read(
		path,
		"SELECT position, account_id, sequence, previous, change, balance, description, posted_at FROM entries",
	);
const accountsOf = (path: string) => read(path, "SELECT * FROM accounts");
const rightBooks = { accounts: accounts.length, entries: entriesTotal, findings: [] };

describe("a ledger of version 1", () => {
	test("is of version 1, and its books are right, to begin with", () => {
		const { path } = ofVersion1();
		expect(versionAt(path)).toBe(1);
		expect(entriesOf(path)).toHaveLength(entriesTotal);
		expect(verifyLedger(path)).toEqual(rightBooks);
	});

	test("is upgraded in place by two processes that start at once, and nothing in it changes", async () => {
		const place = ofVersion1();
		const [entries, held] = [entriesOf(place.path), accountsOf(place.path)];
		const sockets = ["a.sock", "b.sock"].map((name) => join(dirname(place.path), name));
		const ledgers = await Promise.all(
			sockets.map((socket) => LedgerProcess.start({ socket, databasePath: place.path })),
		);
		for (const socket of sockets) {
			const response = await fetch("http://ledger/clientes/3/extrato", { unix: socket });
			const { saldo, ultimas_transacoes: shown } = (await response.json()) as {
				saldo: { total: number };
				ultimas_transacoes: { valor: number; descricao: string }[];
			};
			const expected = entries.filter(([, accountId]) => accountId === 3).toReversed();
			expect(saldo.total).toBe(expected[0]?.[5] as number);
			expect(shown.map(({ valor, descricao }) => [valor, descricao])).toEqual(
				expected.slice(0, 10).map((entry) => [entry[4] as number, entry[6] as string]),
			);
		}
		for (const ledger of ledgers) await ledger.stop();
		expect(versionAt(place.path)).toBe(schemaVersion);
		expect(entriesOf(place.path)).toEqual(entries);
		expect(accountsOf(place.path)).toEqual(held);
		expect(verifyLedger(place.path)).toEqual(rightBooks);
	});

	test("is upgraded under a store that posts to it, and a second one follows", async () => {
		const place = ofVersion1();
		const one = place.open();
		const [[balance]] = read<[number]>(place.path, "SELECT balance FROM accounts WHERE id = 2") as [[number]];
		expect(await one.commit([post(2, 5)])).toEqual([posted(balance + 5, 0)]);
		const other = place.open();
		expect(await stateOf(other, 2)).toEqual(await stateOf(one, 2));
		expect(place.verdict()).toEqual({ ...rightBooks, entries: entriesTotal + 1 });
	});

	test("is verified and backed up without being upgraded, and so is its backup", () => {
		const { path } = ofVersion1();
		const backup = join(dirname(path), "backup.db");
		expect(backupLedger(path, backup)).toEqual(rightBooks);
		expect(verifyLedger(path)).toEqual(rightBooks);
		expect([versionAt(path), versionAt(backup)]).toEqual([1, 1]);
		expect(entriesOf(backup)).toEqual(entriesOf(path));
	});

	test("is found wrong when it is", () => {
		const place = ofVersion1();
		place.tamper("UPDATE entries SET change = change + 1 WHERE position = 77");
		expect(verifyLedger(place.path).findings.join("\n")).toContain("entry 77 of account");
		expect(backupLedger(place.path, join(dirname(place.path), "backup.db")).findings).not.toEqual([]);
	});

	test.each([
		["where there was none", false],
		["over one of today", true],
	])("is restored from its backup %s, as a ledger of today", async (_, isThere) => {
		const from = ofVersion1();
		const backup = join(dirname(from.path), "backup.db");
		backupLedger(from.path, backup);
		const to = new SqlitePlace(accounts);
		if (isThere)
			await served(to, async (post) => {
				await post(77, { "Idempotency-Key": "k" });
				await fetch("http://ledger/reset", { unix: join(dirname(to.path), "api.sock"), method: "POST" });
				await post(78, { "Idempotency-Key": "k" });
			});
		expect(restoreLedger(to.path, backup)).toEqual(rightBooks);
		expect(versionAt(to.path)).toBe(schemaVersion);
		expect(entriesOf(to.path)).toEqual(entriesOf(from.path));
		// What the other ledger had answered is no answer of this one's.
		expect(read(to.path, "SELECT * FROM answers")).toEqual([]);
		expect(read(to.path, "SELECT reset_at, position FROM resets")).toEqual([[0, 0]]);
		const [outcome] = await to.open().commit([{ ...post(3, 1), idempotencyKey: "k" }]);
		expect(outcome?.type).toBe("posted");
		expect(to.verdict().findings).toEqual([]);
	});
});

test("a backup of today keeps what was answered, so that a repeat after its restoration is found", async () => {
	const place = new SqlitePlace(accounts);
	const backup = join(dirname(place.path), "backup.db");
	const start = (Date.now() / 1000).toFixed(3);
	const tries = [1, 2].map((number) => ({
		"X-Request-Id": "e".repeat(32),
		"X-Request-Start": start,
		"X-Request-Try": String(number),
	}));
	await served(place, async (post) => {
		expect(await post(5, tries[0])).toMatchObject({ saldo: 5 });
		expect(await post(6, { "Idempotency-Key": "k" })).toMatchObject({ saldo: 11 });
		expect(backupLedger(place.path, backup).findings).toEqual([]);
		expect(await post(100, {})).toMatchObject({ saldo: 111 });
	});
	restoreLedger(place.path, backup);
	// And the next start reads it whole, though the backup's ledger was checked in this boot.
	expect(read(place.path, "SELECT boot_id FROM checks")).toEqual([[""]]);
	await served(place, async (post) => {
		expect(await post(5, tries[1])).toMatchObject({ saldo: 5 });
		expect(await post(6, { "Idempotency-Key": "k" })).toMatchObject({ saldo: 11 });
		expect(await post(1, {})).toMatchObject({ saldo: 12 });
	});
	expect(place.verdict()).toEqual({ ...rightBooks, entries: 3 });
});

test("a ledger of a later version is refused with one line, and left alone", () => {
	const place = ofVersion1();
	place.tamper(`PRAGMA user_version = ${schemaVersion + 1}`);
	const bytes = readFileSync(place.path);
	expect(place.refusal()).toEndWith(
		`not a ledger of schema version 1 to ${schemaVersion}, or an unfinished copy`,
	);
	expect(() => verifyLedger(place.path)).toThrow(
		`not a crebito ledger of schema version 1 to ${schemaVersion}, or an unfinished copy`,
	);
	const backup = join(dirname(place.path), "backup.db");
	expect(() => backupLedger(place.path, backup)).toThrow("not a crebito ledger");
	expect(existsSync(backup)).toBe(false);
	expect(() => restoreLedger(new SqlitePlace(accounts).path, place.path)).toThrow("not a crebito ledger");
	expect(readFileSync(place.path).equals(bytes)).toBe(true);
});

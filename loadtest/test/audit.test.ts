/**
 * The audit of a database: three implementations' schemas, each way a ledger can be wrong about its entries,
 * and the files that can't be audited; and that whoever serves a file doesn't notice.
 */
import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { auditDatabase, type Sent } from "../src/audit.ts";
import type { Operation } from "../src/operation.ts";

let folder: string;
let files = 0;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "audit-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const opened: Database[] = [];
afterEach(() => {
	for (const db of opened.splice(0)) db.close();
});

/** Each third operation is a credit, each fifth a statement; each eleventh debit was refused, each 13th unknown. */
const count = 300;

function operation(number: number): Operation {
	const kind = number % 5 === 4 ? "statement" : number % 3 === 0 ? "credit" : "debit";
	return { number, kind, accountId: 1 + (number % 4), amount: kind === "statement" ? 0 : 10 + number };
}

function outcome(number: number): ReturnType<Sent["outcome"]> {
	if (operation(number).kind === "statement") return "never sent";
	if (number % 11 === 1) return "refused";
	return number % 13 === 1 ? "unknown" : "posted";
}

const sent: Sent = {
	count,
	operation,
	outcome,
	numberOf: (description) => (/^Run1\d{6}$/.test(description) ? Number(description.slice(4)) : undefined),
};

function tag(number: number): string {
	return `Run1${String(number).padStart(6, "0")}`;
}

function firstOf(wanted: ReturnType<Sent["outcome"]>): number {
	return Array.from({ length: count }, (_, number) => number).findIndex(
		(number) => outcome(number) === wanted,
	);
}

interface Schema {
	readonly name: string;
	readonly sql: string;
	/** With the entry's values in the order account, signed change, description. */
	readonly insert: (db: Database, accountId: number, change: number, description: string) => void;
	/** Statements that spoil the entry that has been put in for $description. */
	readonly otherAmount: string;
	readonly otherAccount: string;
	readonly otherKind: string;
	readonly table: string;
}

const schemas: Schema[] = [
	{
		name: "the challenge's usual one",
		table: "transacoes",
		sql: `CREATE TABLE clientes (id INTEGER PRIMARY KEY, limite INTEGER, saldo INTEGER);
			CREATE TABLE transacoes (id INTEGER PRIMARY KEY AUTOINCREMENT, cliente_id INTEGER NOT NULL,
				valor INTEGER NOT NULL, tipo CHAR(1) NOT NULL, descricao VARCHAR(10) NOT NULL, realizada_em TEXT)`,
		insert: (db, accountId, change, description) =>
			db
				.query("INSERT INTO transacoes (cliente_id, valor, tipo, descricao) VALUES (?, ?, ?, ?)")
				.run(accountId, Math.abs(change), change > 0 ? "c" : "d", description),
		otherAmount: "UPDATE transacoes SET valor = valor + 1 WHERE descricao = ?",
		otherAccount: "UPDATE transacoes SET cliente_id = cliente_id + 1 WHERE descricao = ?",
		otherKind: "UPDATE transacoes SET tipo = CASE tipo WHEN 'c' THEN 'd' ELSE 'c' END WHERE descricao = ?",
	},
	{
		name: "a signed change in one log",
		table: "entries",
		sql: `CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER);
			CREATE TABLE entries (position INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, change INTEGER NOT NULL,
				balance INTEGER, description TEXT NOT NULL) STRICT`,
		insert: (db, accountId, change, description) =>
			db
				.query("INSERT INTO entries (account_id, change, description) VALUES (?, ?, ?)")
				.run(accountId, change, description),
		otherAmount: "UPDATE entries SET change = change + 1 WHERE description = ?",
		otherAccount: "UPDATE entries SET account_id = account_id + 1 WHERE description = ?",
		otherKind: "UPDATE entries SET change = -change WHERE description = ?",
	},
	{
		name: "English words in camel case, quoted, without a rowid",
		table: "Client Transactions",
		sql: `CREATE TABLE "Client Transactions" ("uuid" TEXT PRIMARY KEY, "clientId" TEXT, "Amount" BIGINT, "type" TEXT,
				"Description" TEXT) WITHOUT ROWID`,
		insert: (db, accountId, change, description) =>
			db
				.query('INSERT INTO "Client Transactions" VALUES (?, ?, ?, ?, ?)')
				.run(
					crypto.randomUUID(),
					String(accountId),
					Math.abs(change),
					change > 0 ? "CREDIT" : "DEBIT",
					description,
				),
		otherAmount: 'UPDATE "Client Transactions" SET "Amount" = "Amount" + 1 WHERE "Description" = ?',
		otherAccount: 'UPDATE "Client Transactions" SET "clientId" = \'9\' WHERE "Description" = ?',
		otherKind: `UPDATE "Client Transactions" SET "type" = 'x' WHERE "Description" = ?`,
	},
];

function newFile(): string {
	files += 1;
	return join(folder, `${files}.db`);
}

function change({ kind, amount }: Operation): number {
	return kind === "credit" ? amount : -amount;
}

/** A ledger with another run's entries, and all of this one's that were posted. */
function fill(schema: Schema, file = newFile(), pragma = ""): { db: Database; file: string } {
	const db = new Database(file);
	opened.push(db);
	db.run(`${pragma};${schema.sql}`);
	db.transaction(() => {
		for (let number = 0; number < 20; number += 1) schema.insert(db, 1, 5, `toma${number}`);
		for (let number = 0; number < count; number += 1)
			if (outcome(number) === "posted")
				schema.insert(db, operation(number).accountId, change(operation(number)), tag(number));
	})();
	return { db, file };
}

const posted = firstOf("posted");

for (const schema of schemas)
	describe(`with ${schema.name}`, () => {
		function tampered(tamper: (db: Database) => void) {
			const { db, file } = fill(schema);
			tamper(db);
			return auditDatabase(file, sent);
		}
		const putIn = (number: number) => (db: Database) =>
			schema.insert(db, operation(number).accountId, change(operation(number)), tag(number));
		const spoil = (sql: string) => (db: Database) => db.query(sql).run(tag(posted));
		const remove = schema.otherAmount.replace(/UPDATE (.*?) SET .* WHERE/, "DELETE FROM $1 WHERE");

		test("right books pass, and the sums by account are those of the entries", () => {
			const { row, violations, violationsTotal, changes } = tampered(() => {});
			const numbers = Array.from({ length: count }, (_, number) => number);
			const acknowledged = numbers.filter((number) => outcome(number) === "posted");
			expect(row).toEqual({
				source: "database",
				verdict: "passed",
				reason: `all ${acknowledged.length} acknowledged entries are among the ${acknowledged.length + 20} of table ${schema.table}, each once and as sent`,
			});
			expect([violations, violationsTotal]).toEqual([[], 0]);
			for (const accountId of [1, 2, 3, 4])
				expect(changes.get(accountId)).toBe(
					acknowledged
						.map(operation)
						.filter((posting) => posting.accountId === accountId)
						.reduce((sum, posting) => sum + change(posting), 0),
				);
		});

		test("an entry without an answer may be there once", () => {
			expect(tampered(putIn(firstOf("unknown"))).row.verdict).toBe("passed");
		});

		const tamperings: [string, string, (db: Database) => void][] = [
			["an acknowledged entry that is missing", "acknowledged-then-lost", spoil(remove)],
			["an acknowledged entry that is there twice", "applied-twice", putIn(posted)],
			["a refused entry that is there", "refused-but-applied", putIn(firstOf("refused"))],
			["a tag beyond the last operation", "never-sent", (db) => schema.insert(db, 1, 5, tag(count))],
			["a statement's number", "never-sent", (db) => schema.insert(db, 1, 5, tag(4))],
			["another amount", "entry-differs", spoil(schema.otherAmount)],
			["another account", "entry-differs", spoil(schema.otherAccount)],
			["another kind", "entry-differs", spoil(schema.otherKind)],
		];
		for (const [what, name, tamper] of tamperings)
			test(`finds ${what}`, () => {
				const { row, violations, violationsTotal } = tampered(tamper);
				expect(violations.map((violation) => violation.name)).toEqual([name]);
				expect([row.verdict, violationsTotal]).toEqual(["failed", 1]);
				expect(row.reason).toBe(`table ${schema.table} has 1 ${name}`);
			});

		test("finds an entry without an answer that is there twice", () => {
			const unknown = firstOf("unknown");
			const { violations } = tampered((db) => {
				putIn(unknown)(db);
				putIn(unknown)(db);
			});
			expect(violations.map(({ name }) => name)).toEqual(["applied-twice"]);
		});
	});

const [usual] = schemas as [Schema];

test("of many violations the first hundred are kept and all are counted", () => {
	const { db, file } = fill(usual);
	db.run("DELETE FROM transacoes");
	const { row, violations, violationsTotal } = auditDatabase(file, sent);
	expect(violations).toHaveLength(100);
	expect(violationsTotal).toBeGreaterThan(150);
	expect(row.reason).toBe(`table transacoes has ${violationsTotal} acknowledged-then-lost`);
});

test("an entry that is there hundreds of times is still one violation", () => {
	const { db, file } = fill(usual);
	for (let copy = 0; copy < 300; copy += 1) usual.insert(db, operation(posted).accountId, 10, tag(posted));
	const { violations, violationsTotal } = auditDatabase(file, sent);
	expect([violations.map(({ name }) => name), violationsTotal]).toEqual([["applied-twice"], 1]);
	expect(violations[0]?.message).toEndWith("255 times or more");
});

describe("whoever serves the file", () => {
	const wal = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0";
	/** The files beside it, and what the file and its log hold. */
	function look(file: string) {
		const beside = readdirSync(folder).filter((name) => join(folder, name).startsWith(`${file}-`));
		const contents = [file, `${file}-wal`].map((path) =>
			statSync(path, { throwIfNoEntry: false }) === undefined ? "none" : Bun.hash(readFileSync(path)),
		);
		return { beside: beside.sort(), contents };
	}

	test("finds its log as it was, whose entries were seen, and goes on writing", () => {
		const { db, file } = fill(usual, newFile(), wal);
		expect(statSync(file).size).toBeLessThan(statSync(`${file}-wal`).size);
		const before = look(file);
		expect(auditDatabase(file, sent).row.verdict).toBe("passed");
		expect(look(file)).toEqual(before);
		db.run("DELETE FROM transacoes WHERE descricao LIKE 'Run1%'");
		expect(auditDatabase(file, sent).row.verdict).toBe("failed");
	});

	test("and was killed finds its log as it was, whose entries were seen", () => {
		const file = newFile();
		const { db } = fill(usual, file, wal);
		const killed = newFile();
		// What a killed process leaves: the file and its log, the index or not.
		for (const suffix of ["", "-wal"]) writeFileSync(killed + suffix, readFileSync(file + suffix));
		db.close();
		const { contents } = look(killed);
		expect(auditDatabase(killed, sent).row.verdict).toBe("passed");
		expect(look(killed).contents).toEqual(contents);
		// Anybody else who looks in and closes moves the log into the file.
		const other = new Database(killed);
		other.query("SELECT count(*) FROM transacoes").get();
		other.close();
		expect(look(killed).contents).not.toEqual(contents);
	});

	test("and has closed it finds nothing beside it", () => {
		const { db, file } = fill(usual, newFile(), wal);
		db.run("PRAGMA wal_checkpoint(TRUNCATE)");
		db.close();
		expect(look(file).beside).toEqual([]);
		expect(auditDatabase(file, sent).row.verdict).toBe("passed");
		expect(look(file).beside).toEqual([]);
	});
});

describe("not possible, and not passed, is the audit of", () => {
	function reasonOf(file: string): string {
		const { row, violations, changes } = auditDatabase(file, sent);
		expect([row.verdict, violations, changes.size]).toEqual(["not possible", [], 0]);
		return row.reason;
	}
	function withSql(sql: string): string {
		const file = newFile();
		const db = new Database(file);
		db.run(sql);
		db.close();
		return file;
	}

	test("a file that isn't there, which isn't made either", () => {
		const file = newFile();
		expect(reasonOf(file)).toBe(`there is no file ${file}`);
		expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined();
	});

	test("a folder", () => {
		const file = newFile();
		mkdirSync(file);
		expect(reasonOf(file)).toBe(`${file} is not a file`);
	});

	test("a file of another kind", () => {
		const file = newFile();
		writeFileSync(file, "these are not the books that you are looking for\n".repeat(100));
		expect(reasonOf(file)).toBe(`${file} is not a SQLite file`);
	});

	test("an empty file", () => {
		const file = newFile();
		writeFileSync(file, "");
		expect(reasonOf(file)).toEndWith("there are no tables");
	});

	test("a file cut in the middle", () => {
		const { db, file } = fill(usual);
		db.close();
		writeFileSync(file, readFileSync(file).subarray(0, 4096 + 1000));
		expect(reasonOf(file)).toBe(`${file} can't be read: database disk image is malformed`);
	});

	test("a file that somebody keeps locked", () => {
		const { db, file } = fill(usual);
		db.run("PRAGMA locking_mode = EXCLUSIVE");
		db.run("BEGIN EXCLUSIVE");
		db.run("DELETE FROM transacoes");
		expect(reasonOf(file)).toBe(`${file} stayed locked for 2 s`);
	});

	test("tables without what an entry has", () => {
		const file = withSql("CREATE TABLE a (descricao TEXT, cliente_id INT, valor INT); CREATE TABLE b (x)");
		expect(reasonOf(file)).toEndWith("there are a, b");
	});

	test("several tables of entries, of which each might be the one", () => {
		const columns = "(descricao TEXT, cliente_id INT, valor INT, tipo TEXT)";
		const file = withSql(`CREATE TABLE a ${columns}; CREATE TABLE b ${columns}`);
		expect(reasonOf(file)).toBe("several tables look like the entries: a, b");
	});

	test("but one of them is called what it is, and the others may be answers that were given", () => {
		const columns = "(descricao TEXT, cliente_id INT, valor INT, tipo TEXT)";
		const file = withSql(`CREATE TABLE answers ${columns}; CREATE TABLE entries ${columns}`);
		expect(auditDatabase(file, sent).row.verdict).not.toBe("not possible");
	});

	test("kinds and accounts that don't go by the API's names", () => {
		const table = "CREATE TABLE a (descricao TEXT, cliente_id, valor INT, tipo)";
		expect(reasonOf(withSql(`${table}; INSERT INTO a VALUES ('${tag(0)}', 1, 10, 0)`))).toBe(
			"the entries' kinds are not text: 0",
		);
		expect(reasonOf(withSql(`${table}; INSERT INTO a VALUES ('${tag(0)}', 'b-7', 10, 'c')`))).toBe(
			`the entries' accounts are not numbers: "b-7"`,
		);
	});
});

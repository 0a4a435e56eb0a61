/**
 * A ledger's file as one side of a transfer. Out of WAL mode it has one user only, and a transaction keeps it so.
 */
import type { Database } from "bun:sqlite";
import type { Verdict } from "../store.ts";
import type { AccountRow, AnswerRow, Beginning, Books, Copy, EntryRow, Page } from "../transfer.ts";
import { verify } from "./sqlite-check.ts";
import { isBusy, LedgerFileError, openAnyFile, openExistingLedger, openLedgerFile } from "./sqlite-file.ts";
import { markUnfinished, schemaVersion, upgrade, versionOf } from "./sqlite-schema.ts";

const pageRows = 5000;

const entryColumns = `account_id AS accountId, sequence, change, balance, description, posted_at AS postedAt,
	request_id AS requestId`;

class SqliteBooks implements Books {
	readonly name: string;
	protected readonly db: Database;

	constructor(path: string, db: Database) {
		this.name = `sqlite://${path}`;
		this.db = db;
	}

	async accounts(): Promise<readonly AccountRow[]> {
		const query = this.db.query(`SELECT id, "limit", initial_balance AS initialBalance, balance, sequence,
			last_posted_at AS lastPostedAt FROM accounts ORDER BY id`);
		return query.all() as AccountRow[];
	}

	async *entries(cursor: string | undefined): AsyncIterable<Page> {
		const query = this.db.query(
			`SELECT position, ${entryColumns} FROM entries WHERE position > ? ORDER BY position LIMIT ${pageRows}`,
		);
		for (let position = Number(cursor ?? 0); ; ) {
			const rows = query.all(position) as (EntryRow & { position: number })[];
			const last = rows.at(-1);
			if (last === undefined) return;
			position = last.position;
			yield { entries: rows.map(({ position: _, ...entry }) => entry), cursor: String(position) };
		}
	}

	async *entriesByAccount(): AsyncIterable<readonly EntryRow[]> {
		const query = this.db.query(`SELECT ${entryColumns} FROM entries ORDER BY account_id, sequence`);
		for (const entry of query.iterate() as Iterable<EntryRow>) yield [entry];
	}

	async countEntries(): Promise<number> {
		return (this.db.query("SELECT count(*) FROM entries").values()[0] as [number])[0];
	}

	async *answers(): AsyncIterable<readonly AnswerRow[]> {
		yield this.db
			.query(
				`SELECT account_id AS accountId, key, change, description, refusal, balance, answered_at AS answeredAt
				FROM answers ORDER BY id`,
			)
			.all() as AnswerRow[];
	}

	async resetAt(): Promise<number> {
		return (this.db.query("SELECT reset_at FROM resets").values()[0] as [number])[0];
	}

	async verify(): Promise<Verdict> {
		return verify(this.db);
	}

	async close(): Promise<void> {
		if (this.db.inTransaction) this.db.run("ROLLBACK");
		this.db.run("PRAGMA journal_mode = WAL");
		this.db.close();
	}
}

/** @throws {LedgerFileError} there is none, or it is being served. */
export function openSqliteBooks(path: string): Books {
	const db = openExistingLedger(path);
	beSoleUser(db, path);
	// As long as this reads, nobody can open it to serve it.
	db.run("BEGIN");
	db.query("SELECT count(*) FROM accounts").get();
	return new SqliteBooks(path, db);
}

class SqliteCopy extends SqliteBooks implements Copy {
	readonly #path: string;
	/** Position of each account's newest entry. */
	readonly #newest = new Map<number, number>();
	#position = 0;

	constructor(path: string, db: Database) {
		super(path, db);
		this.#path = path;
	}

	async begin(source: string, accounts: readonly AccountRow[]): Promise<Beginning> {
		if (versionOf(this.db) === undefined) return this.#goOn(source);
		if ((await this.countEntries()) > 0) return { isFinished: true };
		this.#inTransaction(() => {
			this.db.run("CREATE TABLE transfer (source TEXT NOT NULL, cursor TEXT) STRICT");
			this.db.run("INSERT INTO transfer (source) VALUES (?)", [source]);
			for (const table of ["answers", "accounts"]) this.db.run(`DELETE FROM ${table}`);
			const insert = this.db.query(
				'INSERT INTO accounts (id, "limit", initial_balance, balance) VALUES (?, ?, ?, ?)',
			);
			for (const { id, limit, initialBalance } of accounts)
				insert.run(id, limit, initialBalance, initialBalance);
			markUnfinished(this.db);
		});
		return { isFinished: false, cursor: undefined };
	}

	#goOn(source: string): Beginning {
		const table = this.db.query("SELECT 1 FROM sqlite_schema WHERE name = 'transfer'").get();
		if (table === null) throw new LedgerFileError(`${this.#path} is no ledger`);
		const found = this.db.query("SELECT source, cursor FROM transfer").get() as Unfinished;
		if (found.source !== source)
			throw new LedgerFileError(`${this.#path} holds an unfinished copy of ${found.source}`);
		const newest = this.db
			.query("SELECT account_id, max(position) FROM entries GROUP BY account_id")
			.values();
		for (const [accountId, position] of newest as [number, number][]) {
			this.#newest.set(accountId, position);
			this.#position = Math.max(this.#position, position);
		}
		return { isFinished: false, cursor: found.cursor ?? undefined };
	}

	async append({ entries, cursor }: Page): Promise<void> {
		const insert = this.db.query(`INSERT INTO entries
			(position, account_id, sequence, previous, change, balance, description, posted_at, request_id)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
		this.#inTransaction(() => {
			for (const { accountId, sequence, change, balance, description, postedAt, requestId } of entries) {
				this.#position += 1;
				const previous = this.#newest.get(accountId) ?? 0;
				insert.run(
					...[
						this.#position,
						accountId,
						sequence,
						previous,
						change,
						balance,
						description,
						postedAt,
						requestId,
					],
				);
				this.#newest.set(accountId, this.#position);
			}
			this.db.run("UPDATE transfer SET cursor = ?", [cursor]);
		});
	}

	async complete(
		accounts: readonly AccountRow[],
		answers: readonly AnswerRow[],
		resetAt: number,
	): Promise<void> {
		this.#inTransaction(() => {
			const update = this.db.query(
				"UPDATE accounts SET balance = ?, sequence = ?, last_position = ?, last_posted_at = ? WHERE id = ?",
			);
			for (const { id, balance, sequence, lastPostedAt } of accounts)
				update.run(balance, sequence, this.#newest.get(id) ?? 0, lastPostedAt, id);
			this.db.run("DELETE FROM answers");
			const insert = this.db.query(`INSERT INTO answers
				(account_id, key, change, description, refusal, balance, answered_at) VALUES (?, ?, ?, ?, ?, ?, ?)`);
			for (const { accountId, key, change, description, refusal, balance, answeredAt } of answers)
				insert.run(accountId, key, change, description, refusal, balance, answeredAt);
			this.db.run("UPDATE resets SET reset_at = ?", [resetAt]);
		});
	}

	async release(): Promise<void> {
		this.#inTransaction(() => {
			this.db.run("DROP TABLE transfer");
			// Nothing to add, but the marks of a ledger.
			upgrade(this.db, schemaVersion);
		});
	}

	#inTransaction(work: () => void): void {
		this.db.transaction(work).immediate();
	}
}

interface Unfinished {
	readonly source: string;
	readonly cursor: string | null;
}

/** Made if there is none. @throws {LedgerFileError} it is being served. */
export function openSqliteCopy(path: string): Copy {
	let db = openAnyFile(path);
	if (versionOf(db) === 0) {
		db.close();
		db = openLedgerFile(path, undefined, "fsync");
	}
	beSoleUser(db, path);
	db.run("PRAGMA synchronous = FULL");
	return new SqliteCopy(path, db);
}

function beSoleUser(db: Database, path: string): void {
	try {
		db.run("PRAGMA journal_mode = DELETE");
	} catch (error) {
		db.close();
		if (!isBusy(error)) throw error;
		throw new LedgerFileError(`${path} is being served: stop the ledger first`);
	}
}

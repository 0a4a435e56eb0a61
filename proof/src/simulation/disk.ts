/**
 * The disk with the ledger's file on it, as SQLite in WAL mode and fdatasync make it: commits of both processes in one
 * order, of which a power cut leaves a prefix that holds at least what a sync has covered.
 *
 *     commits    1 ── 2 ── 3 ── 4 ── 5        written by either process
 *     synced               ▲                  began after 3: a cut leaves 3, 4 or 5 of them
 *
 * The tables are real ones, in memory, so that the ledger's own SQL runs on them. What each commit has changed is
 * written down beside them, from the tables and not from what anyone says of it: these are the books.
 */
import { Database, type Statement } from "bun:sqlite";
import { type PreparedSql, prepareSql } from "../../../ledger/src/store/sqlite-batch.ts";
import { upgrade } from "../../../ledger/src/store/sqlite-schema.ts";

export interface Account {
	readonly accountId: number;
	readonly limit: number;
	readonly balance: number;
}

export interface LoggedEntry {
	readonly position: number;
	readonly accountId: number;
	readonly sequence: number;
	readonly change: number;
	readonly balance: number;
	readonly description: string;
	readonly postedAt: number;
}

/** What one transaction has changed. */
export interface Commit {
	readonly atMs: number;
	/** A reset comes before the entries. */
	readonly isReset: boolean;
	readonly entries: readonly LoggedEntry[];
}

type EntryRow = [number, number, number, number, number, string, number];

const entriesSql =
	"SELECT position, account_id, sequence, change, balance, description, posted_at FROM entries WHERE position > ? ORDER BY position";

export class Disk {
	/** In their order; a power cut shortens it. */
	readonly commits: Commit[] = [];
	/** Commits that no power cut takes away any more. */
	synced = 0;
	db!: Database;
	sql!: PreparedSql;
	/** The tables behind each commit from the last synced one on. */
	readonly #images = new Map<number, Uint8Array>();
	#entriesAfter!: Statement;
	#newestReset!: Statement;
	/** Up to which the entries are in `commits`, and the reset that is. */
	#position = 0;
	#reset = "";

	constructor(template: Uint8Array) {
		this.#images.set(0, template);
		this.#open(template);
	}

	/** An empty ledger with these accounts. */
	static template(accounts: readonly Account[]): Uint8Array {
		const db = new Database(":memory:");
		// Small pages, since each commit copies them all.
		db.run("PRAGMA page_size = 512");
		db.transaction(() => upgrade(db, 0))();
		const insert = db.prepare(
			'INSERT INTO accounts (id, "limit", initial_balance, balance) VALUES (?, ?, ?, ?)',
		);
		for (const { accountId, limit, balance } of accounts) insert.run(accountId, limit, balance, balance);
		return db.serialize();
	}

	/** After each COMMIT: what it has changed, if anything. */
	committed(atMs: number): void {
		const reset = this.#resetText();
		const isReset = reset !== this.#reset;
		this.#reset = reset;
		const entries = (this.#entriesAfter.values(this.#position) as EntryRow[]).map(
			([position, accountId, sequence, change, balance, description, postedAt]) => ({
				...{ position, accountId, sequence, change, balance, description, postedAt },
			}),
		);
		this.#position = entries.at(-1)?.position ?? this.#position;
		this.commits.push({ atMs, isReset, entries });
		this.#images.set(this.commits.length, this.db.serialize());
	}

	/** A sync that began behind so many commits has ended well. */
	syncedUpTo(commits: number): void {
		for (; this.synced < commits; this.synced += 1) this.#images.delete(this.synced);
	}

	/** Leaves so many commits, between the synced ones and all; who had the tables open is gone. */
	cutPower(left: number): void {
		const image = this.#images.get(left);
		if (image === undefined) throw new Error(`a power cut can't leave ${left} commits`);
		for (let number = left + 1; number <= this.commits.length; number += 1) this.#images.delete(number);
		this.commits.length = left;
		this.db.close();
		this.#open(image);
		this.#reset = this.#resetText();
		const positions = this.commits.flatMap(({ entries }) => entries.map(({ position }) => position));
		this.#position = Math.max(0, ...positions);
		this.syncedUpTo(left);
	}

	close(): void {
		this.db.close();
	}

	#open(image: Uint8Array): void {
		this.db = Database.deserialize(image);
		this.sql = prepareSql(this.db);
		this.#entriesAfter = this.db.prepare(entriesSql);
		this.#newestReset = this.db.prepare("SELECT reset_at, position FROM resets");
		this.#reset = this.#resetText();
	}

	#resetText(): string {
		return String(this.#newestReset.values()[0]);
	}
}

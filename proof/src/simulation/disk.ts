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

/** One thing that a transaction has done. */
export type Step = ({ readonly type: "entry" } & LoggedEntry) | { readonly type: "reset" };

/** What one transaction has done, in its order. */
export interface Commit {
	readonly atMs: number;
	readonly steps: readonly Step[];
}

/** The account is null where it is a reset. */
type StepRow = [number, number | null, number, number, number, string, number];

/**
 * Outside of the ledger's own tables, and not in their image, but part of the same transactions: an entry is here even
 * if a reset of the same batch has taken it away again.
 */
const stepsSql = `
	CREATE TEMP TABLE steps (position, account_id, sequence, change, balance, description, posted_at);
	CREATE TEMP TRIGGER entry_step AFTER INSERT ON main.entries BEGIN
		INSERT INTO steps VALUES (new.position, new.account_id, new.sequence, new.change, new.balance,
			new.description, new.posted_at);
	END;
	CREATE TEMP TRIGGER reset_step AFTER UPDATE ON main.resets BEGIN
		INSERT INTO steps (account_id) VALUES (NULL);
	END`;

export class Disk {
	/** In their order; a power cut shortens it. */
	readonly commits: Commit[] = [];
	/** Commits that no power cut takes away any more. */
	synced = 0;
	db!: Database;
	sql!: PreparedSql;
	/** The tables behind each commit from the last synced one on. */
	readonly #images = new Map<number, Uint8Array>();
	#steps!: Statement;
	#forgetSteps!: Statement;

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

	/** After each COMMIT: what it has done, if anything. */
	committed(atMs: number): void {
		const steps = (this.#steps.values() as StepRow[]).map(stepOf);
		if (steps.length > 0) this.#forgetSteps.run();
		this.commits.push({ atMs, steps });
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
		this.syncedUpTo(left);
	}

	close(): void {
		this.db.close();
	}

	#open(image: Uint8Array): void {
		this.db = Database.deserialize(image);
		this.sql = prepareSql(this.db);
		this.db.run(stepsSql);
		this.#steps = this.db.prepare("SELECT * FROM temp.steps ORDER BY rowid");
		this.#forgetSteps = this.db.prepare("DELETE FROM temp.steps");
	}
}

function stepOf([position, accountId, sequence, change, balance, description, postedAt]: StepRow): Step {
	if (accountId === null) return { type: "reset" };
	return { type: "entry", position, accountId, sequence, change, balance, description, postedAt };
}

/**
 * One batch inside its transaction: accounts are loaded once, folded in memory by ledger.post, and saved once.
 */
import type { Database } from "bun:sqlite";
import {
	type Account,
	type Attempt,
	type Command,
	type Outcome,
	type Posting,
	post,
	type Statement,
	statementEntriesMax,
} from "../ledger.ts";
import { changeOf, type Repeats } from "./sqlite-repeats.ts";

interface WorkingAccount extends Account {
	/** Position of the account's newest entry, 0 before the first. */
	lastPosition: number;
	changed: boolean;
}

type AccountRow = [
	limit: number,
	balance: number,
	sequence: number,
	lastPosition: number,
	lastPostedAt: number,
];
type StatementRow = [change: number, description: string, postedAt: number];

export type PreparedSql = ReturnType<typeof prepareSql>;

export function prepareSql(db: Database) {
	return {
		begin: db.prepare("BEGIN"),
		beginImmediate: db.prepare("BEGIN IMMEDIATE"),
		commit: db.prepare("COMMIT"),
		rollback: db.prepare("ROLLBACK"),
		account: db.prepare(
			'SELECT "limit", balance, sequence, last_position, last_posted_at FROM accounts WHERE id = ?',
		),
		// Positions go on after a reset.
		lastPosition: db.prepare(
			"SELECT coalesce((SELECT max(position) FROM entries), (SELECT position FROM resets))",
		),
		append: db.prepare(
			`INSERT INTO entries
				(position, account_id, sequence, previous, change, balance, description, posted_at, request_id)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		),
		saveAccount: db.prepare(
			"UPDATE accounts SET balance = ?, sequence = ?, last_position = ?, last_posted_at = ? WHERE id = ?",
		),
		statement: db.prepare(
			`WITH RECURSIVE newest (previous, change, description, posted_at) AS (
				SELECT previous, change, description, posted_at FROM entries WHERE position = ?
				UNION ALL
				SELECT entry.previous, entry.change, entry.description, entry.posted_at
				FROM newest CROSS JOIN entries AS entry ON entry.position = newest.previous
				LIMIT ${statementEntriesMax}
			) SELECT change, description, posted_at FROM newest`,
		),
		deleteEntries: db.prepare("DELETE FROM entries"),
		deleteAnswers: db.prepare("DELETE FROM answers"),
		recordReset: db.prepare("UPDATE resets SET reset_at = ?, position = ?"),
		resetAccounts: db.prepare(
			"UPDATE accounts SET balance = initial_balance, sequence = 0, last_position = 0, last_posted_at = 0 WHERE sequence > 0",
		),
		probe: db.prepare("UPDATE probe SET probed_at = ?"),
		walSize: db.prepare("PRAGMA wal_checkpoint(NOOP)"),
		checkpointPassive: db.prepare("PRAGMA wal_checkpoint(PASSIVE)"),
		checkpointRestart: db.prepare("PRAGMA wal_checkpoint(RESTART)"),
	};
}

export class Batch {
	readonly #sql: PreparedSql;
	readonly #repeats: Repeats;
	readonly #accounts = new Map<number, WorkingAccount | undefined>();
	readonly #now = microsNow();
	#lastPosition = -1;
	/** Repeated requests, by what became of them. */
	readonly repeats = { answeredAgain: 0, applied: 0, expired: 0 };

	constructor(sql: PreparedSql, repeats: Repeats) {
		this.#sql = sql;
		this.#repeats = repeats;
	}

	/** What each command of the batch comes to, in its order. The caller has begun, and commits or rolls back. */
	apply(batch: readonly Command[]): Outcome[] {
		const outcomes = batch.map((command) => this.#fold(command));
		for (const account of this.#accounts.values()) if (account?.changed) this.#save(account);
		for (const [index, command] of batch.entries()) {
			if (command.type === "statement") outcomes[index] = this.#statement(command.accountId);
		}
		return outcomes;
	}

	/** To be called after the COMMIT. */
	committed(): void {
		if (this.#lastPosition >= 0) this.#repeats.committed(this.#lastPosition);
	}

	#fold(command: Command): Outcome {
		switch (command.type) {
			case "post":
				return this.#postOnce(command);
			case "reset":
				return this.#reset(command.attempt);
			case "probe":
				this.#sql.probe.run(this.#now);
				return { type: "done" };
			case "statement":
				// Read after the last entry of the batch.
				return { type: "done" };
		}
	}

	#postOnce(posting: Posting): Outcome {
		const account = this.#account(posting.accountId);
		if (account === undefined) return { type: "unknown-account" };
		this.#begin();
		const found = this.#repeats.find(posting, account.limit, this.#now);
		if (found !== undefined) this.repeats[found.type === "expired" ? "expired" : "answeredAgain"] += 1;
		else if (posting.attempt?.isRepeat) this.repeats.applied += 1;
		return found ?? this.#post(posting, account);
	}

	#post(posting: Posting, account: WorkingAccount): Outcome {
		const entry = post(account, posting, this.#now);
		if ("type" in entry) {
			this.#repeats.refused(posting, entry.reason, this.#now);
			return entry;
		}
		this.#lastPosition += 1;
		this.#sql.append.run(
			this.#lastPosition,
			entry.accountId,
			entry.sequence,
			account.lastPosition,
			changeOf(entry),
			entry.balance,
			entry.description,
			entry.postedAt,
			posting.idempotencyKey === undefined ? (posting.attempt?.requestId ?? null) : null,
		);
		this.#repeats.posted(posting, this.#lastPosition, entry.balance, this.#now);
		account.lastPosition = this.#lastPosition;
		account.changed = true;
		return { type: "posted", balance: account.balance, limit: account.limit };
	}

	/** Before the first entry of the batch: where the log ends, and what others have appended. */
	#begin(): void {
		if (this.#lastPosition >= 0) return;
		this.#lastPosition = firstRow(this.#sql.lastPosition)[0];
		this.#repeats.catchUp(this.#lastPosition);
	}

	#reset(attempt: Attempt | undefined): Outcome {
		const found = attempt && this.#repeats.findReset(attempt, this.#now);
		if (found !== undefined) return found;
		this.#begin();
		this.#sql.deleteEntries.run();
		this.#sql.deleteAnswers.run();
		this.#sql.resetAccounts.run();
		this.#sql.recordReset.run(this.#now, this.#lastPosition);
		this.#accounts.clear();
		return { type: "done" };
	}

	#statement(accountId: number): Statement | { type: "unknown-account" } {
		const account = this.#account(accountId);
		if (account === undefined) return { type: "unknown-account" };
		const rows = this.#sql.statement.values(account.lastPosition) as StatementRow[];
		return {
			type: "statement",
			balance: account.balance,
			limit: account.limit,
			issuedAt: Math.max(this.#now, account.lastPostedAt),
			entries: rows.map(([change, description, postedAt]) => ({
				kind: change > 0 ? "credit" : "debit",
				amount: Math.abs(change),
				description,
				postedAt,
			})),
		};
	}

	#account(id: number): WorkingAccount | undefined {
		if (this.#accounts.has(id)) return this.#accounts.get(id);
		const row = this.#sql.account.values(id)[0] as AccountRow | undefined;
		let account: WorkingAccount | undefined;
		if (row !== undefined) {
			const [limit, balance, sequence, lastPosition, lastPostedAt] = row;
			account = { id, limit, balance, sequence, lastPosition, lastPostedAt, changed: false };
		}
		this.#accounts.set(id, account);
		return account;
	}

	#save(account: WorkingAccount): void {
		const { balance, sequence, lastPosition, lastPostedAt, id } = account;
		this.#sql.saveAccount.run(balance, sequence, lastPosition, lastPostedAt, id);
	}
}

/** The row of a statement that always has one. */
export function firstRow(statement: { values(): unknown[][] }): [number, number, number] {
	return statement.values()[0] as [number, number, number];
}

/** Microseconds since 1970 UTC. */
function microsNow(): number {
	return Number(Temporal.Now.instant().epochNanoseconds / 1000n);
}

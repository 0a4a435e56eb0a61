/**
 * The books as they are in a file of the ledger's, read without the ledger: its tables are public
 * (ledger/src/store/sqlite.sql), and what is read is a copy, so that the evidence stays as it was found.
 */
import { Database } from "bun:sqlite";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface BookAccount {
	readonly accountId: number;
	readonly limit: number;
	readonly initialBalance: number;
	readonly balance: number;
	/** Entries ever posted. */
	readonly sequence: number;
}

export interface BookEntry {
	readonly accountId: number;
	readonly sequence: number;
	readonly change: number;
	/** With this entry. */
	readonly balance: number;
	readonly description: string;
	/** Microseconds since 1970 UTC. */
	readonly postedAt: number;
}

export interface Books {
	readonly accounts: readonly BookAccount[];
	/** Account by account, each in the order in which they were posted. */
	readonly entries: readonly BookEntry[];
	/** What SQLite's integrity_check says, if it says anything but "ok". */
	readonly problems: readonly string[];
}

/**
 * Of a file that nobody writes to meanwhile; what is in its log counts.
 * @throws {SQLiteError} it is no ledger's file, or damaged beyond reading.
 */
export function readBooks(databaseFile: string): Books {
	const folder = mkdtempSync(join(tmpdir(), "crebito-books-"));
	try {
		const copy = join(folder, "ledger.db");
		for (const suffix of ["", "-wal"])
			if (existsSync(databaseFile + suffix)) copyFileSync(databaseFile + suffix, copy + suffix);
		return readTables(copy);
	} finally {
		rmSync(folder, { recursive: true });
	}
}

/** Of a file that may be changed by being opened. @throws {SQLiteError} */
export function readTables(file: string): Books {
	const db = new Database(file, { readwrite: true, create: false });
	try {
		const rows = <T>(query: string): T[] => {
			// Finalized, or the connection would hold the file until it is collected.
			using statement = db.prepare(query);
			return statement.all() as T[];
		};
		return {
			accounts: rows<BookAccount>(
				'SELECT id AS accountId, "limit", initial_balance AS initialBalance, balance, sequence FROM accounts ORDER BY id',
			),
			entries: rows<BookEntry>(
				`SELECT account_id AS accountId, sequence, change, balance, description, posted_at AS postedAt
				FROM entries ORDER BY account_id, sequence`,
			),
			problems: rows<{ integrity_check: string }>("PRAGMA integrity_check")
				.map(({ integrity_check: line }) => line)
				.filter((line) => line !== "ok"),
		};
	} finally {
		db.close();
	}
}

/** What the books' own arithmetic says: the sequence has no gap, the balance runs, the limit holds at every prefix. */
export function arithmeticFindings({ accounts, entries, problems }: Books): string[] {
	const found = problems.map((problem) => `integrity_check: ${problem}`);
	let next = 0;
	for (const account of accounts) {
		let balance = account.initialBalance;
		let sequence = 0;
		for (; entries[next]?.accountId === account.accountId; next += 1) {
			const entry = entries[next] as BookEntry;
			balance += entry.change;
			sequence += 1;
			if (entry.sequence !== sequence)
				found.push(
					`${entry.description} is number ${entry.sequence} of account ${account.accountId}, not ${sequence}`,
				);
			if (entry.balance !== balance)
				found.push(`${entry.description} makes the balance ${balance}, the books say ${entry.balance}`);
			if (balance < -account.limit && entry.change < 0)
				found.push(`${entry.description} passes the limit of account ${account.accountId}`);
		}
		if (account.balance !== balance || account.sequence !== sequence)
			found.push(
				`account ${account.accountId} has ${account.balance} after ${account.sequence} entries, its entries make ${balance} after ${sequence}`,
			);
	}
	if (next < entries.length)
		found.push(`there are entries of account ${entries[next]?.accountId}, which is none`);
	return found;
}

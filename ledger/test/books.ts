/**
 * What the database holds once its processes have ended.
 *
 * It is read from a copy, without the -shm file: opening the ledger itself would recover its WAL and
 * checkpoint it, and so do the work that the next start is to be tested on.
 */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verify } from "../src/store/sqlite-check.ts";
import { openExistingLedger } from "../src/store/sqlite-file.ts";

export interface BookAccount {
	readonly id: number;
	readonly limit: number;
	readonly initialBalance: number;
	readonly balance: number;
}

export interface BookEntry {
	readonly accountId: number;
	readonly sequence: number;
	readonly change: number;
	readonly balance: number;
	readonly description: string;
}

export interface Books {
	readonly accounts: readonly BookAccount[];
	/** In the order in which they were committed. */
	readonly entries: readonly BookEntry[];
	/** What the ledger's own `verify` says is wrong. */
	readonly findings: readonly string[];
}

/** The caller has seen every process on it end. */
export function readBooks(databasePath: string): Books {
	const folder = mkdtempSync(join(tmpdir(), "crebito-books-"));
	try {
		const copy = join(folder, "ledger.db");
		for (const suffix of ["", "-wal"]) copyFileSync(databasePath + suffix, copy + suffix);
		return readCopy(copy);
	} finally {
		rmSync(folder, { recursive: true });
	}
}

function readCopy(path: string): Books {
	const db = openExistingLedger(path);
	try {
		const accounts = db.query(
			'SELECT id, "limit", initial_balance AS initialBalance, balance FROM accounts ORDER BY id',
		);
		const entries = db.query(
			"SELECT account_id AS accountId, sequence, change, balance, description FROM entries ORDER BY position",
		);
		return {
			accounts: accounts.all() as BookAccount[],
			entries: entries.all() as BookEntry[],
			findings: verify(db).findings,
		};
	} finally {
		db.close();
	}
}

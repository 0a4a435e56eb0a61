/** A folder in which one image after another lies as the ledger's files would, and is opened. */
import { Database, SQLiteError } from "bun:sqlite";
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Books, readTables } from "../books.ts";
import { suffixes } from "./disk-history.ts";
import type { Image } from "./image.ts";

/** A file with a table is longer than its first page, unless its tables are in the log only. */
const firstPageBytes = 2048;

/** The books of a file that is none yet: its creation did not reach the disk. */
export const blankBooks: Books = { accounts: [], entries: [], problems: [] };

export class ImageFolder {
	readonly databaseFile: string;

	/** Makes it. */
	constructor(folder: string) {
		mkdirSync(folder, { recursive: true });
		this.databaseFile = join(folder, "ledger.db");
	}

	/** What was there is gone, the index of the log with it. */
	lay({ contents }: Image): void {
		for (const suffix of suffixes) {
			const path = this.databaseFile + suffix;
			const file = contents.get(suffix);
			if (file === undefined) rmSync(path, { force: true });
			else writeFileSync(path, file.bytes);
		}
		rmSync(`${this.databaseFile}-shm`, { force: true });
	}

	/**
	 * As SQLite recovers them, which changes the files.
	 * @returns a sentence when it can't.
	 */
	read(): Books | string {
		try {
			return this.#isBlank() ? blankBooks : readTables(this.databaseFile);
		} catch (error) {
			if (!(error instanceof SQLiteError)) throw error;
			return `SQLite can't read it: ${error.message}`;
		}
	}

	/** No file, or one without a table: both are what a power cut leaves of a ledger that is being created. */
	#isBlank(): boolean {
		if (!existsSync(this.databaseFile)) return true;
		if (statSync(this.databaseFile).size > firstPageBytes) return false;
		const db = new Database(this.databaseFile, { readwrite: true, create: false });
		try {
			using statement = db.prepare("SELECT count(*) AS count FROM sqlite_schema");
			return (statement.get() as { count: number }).count === 0;
		} finally {
			db.close();
		}
	}
}

/**
 * A SQLite ledger in a folder of its own, with the means to do to its file what the ledger never would.
 */
import { Database } from "bun:sqlite";
import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Metrics } from "../../src/metrics.ts";
import type { Durability } from "../../src/settings.ts";
import { SqliteStore, type SqliteStoreOptions } from "../../src/store/sqlite.ts";
import { verify } from "../../src/store/sqlite-check.ts";
import { openExistingLedger } from "../../src/store/sqlite-file.ts";
import { StoreUnusable, type Verdict } from "../../src/store.ts";
import { durableFolder } from "../durable-folder.ts";
import { closedLater, type Place } from "./place.ts";

export class SqlitePlace implements Place {
	readonly path: string;
	readonly seedPath: string;
	readonly durability: Durability;

	constructor(seed: unknown, durability: Durability = "os") {
		const folder = durableFolder();
		this.path = join(folder, "ledger.db");
		this.seedPath = join(folder, "seed.json");
		this.durability = durability;
		writeFileSync(this.seedPath, typeof seed === "string" ? seed : JSON.stringify(seed));
	}

	open(options: Partial<SqliteStoreOptions> = {}): SqliteStore {
		const { path, seedPath, durability } = this;
		return closedLater(
			new SqliteStore({
				path,
				seedPath,
				durability,
				walBytesMax: 64_000_000,
				metrics: new Metrics(),
				...options,
			}),
		);
	}

	/** Opens it, and tells why it can't be opened. */
	refusal(): string {
		try {
			this.open();
		} catch (error) {
			expect(error).toBeInstanceOf(StoreUnusable);
			const { message } = error as Error;
			expect(message).not.toContain("\n");
			return message;
		}
		throw new Error("it was opened");
	}

	/** Does to the file what the ledger never would. */
	tamper(...statements: readonly string[]): void {
		const db = new Database(this.path);
		db.run("PRAGMA busy_timeout = 5000");
		db.run("PRAGMA ignore_check_constraints = ON");
		db.run("PRAGMA foreign_keys = OFF");
		for (const statement of statements) db.run(statement);
		db.close();
	}

	dateAhead(accountId: number, postedAt: number): void {
		this.tamper(
			`UPDATE entries SET posted_at = ${postedAt} WHERE position = (SELECT last_position FROM accounts WHERE id = ${accountId})`,
			`UPDATE accounts SET last_posted_at = ${postedAt} WHERE id = ${accountId}`,
		);
	}

	dateResetAhead(at: number): void {
		this.tamper(`UPDATE resets SET reset_at = ${at}`);
	}

	breakOn(description: string | undefined): void {
		this.tamper(
			description === undefined
				? "DROP TRIGGER broken"
				: `CREATE TRIGGER broken BEFORE INSERT ON entries WHEN new.description = '${description}'
					BEGIN SELECT RAISE(ABORT, 'broken'); END`,
		);
	}

	verdict(): Verdict {
		const db = openExistingLedger(this.path);
		try {
			return verify(db);
		} finally {
			db.close();
		}
	}
}

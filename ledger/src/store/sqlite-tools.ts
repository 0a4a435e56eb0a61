/**
 * What a person does to a ledger's file: verify it, copy it while it serves, put a copy back.
 */
import type { Database } from "bun:sqlite";
import { existsSync, renameSync, rmSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Verdict } from "../store.ts";
import { verify } from "./sqlite-check.ts";
import {
	explained,
	isBusy,
	LedgerFileError,
	openAnyFile,
	openBackup,
	openExistingLedger,
	syncPath,
} from "./sqlite-file.ts";
import { schemaVersion, tablesOf, upgrade, versionOf } from "./sqlite-schema.ts";

/** @throws {LedgerFileError} */
export function verifyLedger(path: string): Verdict {
	return closing(openExistingLedger(path), verify);
}

/**
 * A copy of the ledger as it stands at one moment, made while others write. It is verified and on disk
 * before it gets its name. Until then the ledger's WAL can't begin anew: see WAL_MAX_MB.
 * @returns what is wrong with the copy, and then leaves none.
 * @throws {LedgerFileError}
 */
export function backupLedger(path: string, file: string): Verdict {
	const target = resolve(file);
	if (existsSync(target)) throw new LedgerFileError(`${target} exists already: a backup replaces nothing`);
	const partial = `${target}.partial`;
	return explained(target, () => {
		rmSync(partial, { force: true });
		try {
			closing(openExistingLedger(path), (db) => db.run("VACUUM INTO ?", [partial]));
			const verdict = closing(openBackup(partial), verify);
			if (verdict.findings.length === 0) {
				syncPath(partial);
				renameSync(partial, target);
				syncPath(dirname(target));
			}
			return verdict;
		} finally {
			rmSync(partial, { force: true });
		}
	});
}

/**
 * Replaces the content of the ledger, which need not exist, by that of a backup. Done in one transaction
 * inside the ledger's own file, so that a crash leaves the one or the other, and a process that waits to
 * open the file doesn't end up with one that has lost its name.
 * @throws {LedgerFileError} among others when a process still serves the ledger.
 */
export function restoreLedger(path: string, file: string): Verdict {
	const source = resolve(file);
	if (source === path) throw new LedgerFileError(`${source} is the ledger itself`);
	const [backup, version] = closing(openBackup(source), (db) => [verify(db), versionOf(db) ?? 0] as const);
	if (backup.findings.length > 0)
		throw new LedgerFileError(`${source} is damaged: ${backup.findings.join("; ")}`);
	return explained(path, () => {
		return closing(openOrExplain(path), (db) => {
			makeSoleUser(db, path);
			db.run("ATTACH ? AS backup", [source]);
			replaceContent(db, version);
			db.run("DETACH backup");
			db.run("PRAGMA journal_mode = WAL");
			return verify(db);
		});
	});
}

function openOrExplain(path: string): Database {
	try {
		return openAnyFile(path);
	} catch (error) {
		throw unusable(path, error);
	}
}

function unusable(path: string, error: unknown): LedgerFileError {
	const reason = error instanceof Error ? error.message : error;
	return new LedgerFileError(
		`${path} can't be replaced in place (${reason}): move it, its -wal and its -shm away first`,
	);
}

/** Leaving WAL mode takes the only connection there is; the rollback journal then guards the replacement. */
function makeSoleUser(db: Database, path: string): void {
	try {
		db.run("PRAGMA journal_mode = DELETE");
		db.run("PRAGMA synchronous = FULL");
	} catch (error) {
		if (!isBusy(error)) throw unusable(path, error);
		throw new LedgerFileError(`${path} is being served: stop the ledger before restoring`);
	}
}

/** By what is attached as backup, which may be of an older version. */
function replaceContent(db: Database, version: number): void {
	db.run("PRAGMA foreign_keys = OFF");
	const replace = db.transaction(() => {
		for (const table of tablesOf(schemaVersion).toReversed()) db.run(`DROP TABLE IF EXISTS main.${table}`);
		upgrade(db, 0, version);
		for (const table of tablesOf(version)) {
			db.run(`DELETE FROM main.${table}`);
			db.run(`INSERT INTO main.${table} SELECT * FROM backup.${table}`);
		}
		upgrade(db, version);
		// What was checked was another file.
		db.run("UPDATE checks SET boot_id = ''");
	});
	replace.exclusive();
}

function closing<T>(db: Database, use: (db: Database) => T): T {
	try {
		return use(db);
	} finally {
		db.close();
	}
}

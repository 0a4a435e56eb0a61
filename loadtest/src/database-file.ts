/**
 * Reading somebody else's SQLite file, while it may be in use, and leaving it and its folder as they were.
 *
 * A file in WAL mode is three: what is committed may stand in its log (-wal) only, which readers find their way
 * in by an index (-shm). Opened for reading, SQLite sees the log, and can't be the one that empties it into the
 * file: closing the last connection does that, but needs a lock that takes the right to write.
 */
import { constants, Database, SQLiteError } from "bun:sqlite";
import { statSync } from "node:fs";
import { pathToFileURL } from "node:url";

const busyTimeoutMs = 2000;

/** Why the file can't be read, in one sentence. */
export class Unreadable extends Error {
	override readonly name = "Unreadable";
}

/**
 * What `read` makes of the file, in one snapshot of it. It may be called twice.
 * @throws {Unreadable} there is none, it isn't SQLite, or it stayed locked. Also what `read` throws.
 */
export function readDatabase<T>(file: string, read: (db: Database) => T): T {
	return readUnattended(file, read) ?? explained(file, () => snapshot(openLocking(file), read));
}

/**
 * Without locks and without a trace. Opened as usual, a closed file in WAL mode gets an empty log and an index
 * for company, which belong to whoever runs the judge, and keep out a ledger that runs as somebody else.
 * @returns undefined when somebody else was at it, before or meanwhile.
 */
function readUnattended<T>(file: string, read: (db: Database) => T): T | undefined {
	const before = modification(file);
	if (isAttended(file)) return undefined;
	try {
		const flags = constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI;
		const result = snapshot(new Database(`${pathToFileURL(file).href}?immutable=1`, flags), read);
		return isAttended(file) || modification(file) !== before ? undefined : result;
	} catch (error) {
		if (error instanceof SQLiteError) return undefined;
		throw error;
	}
}

/** Whether somebody has it open, or has left in the middle: then there is a log or a journal beside it. */
function isAttended(file: string): boolean {
	return ["-wal", "-shm", "-journal"].some(
		(suffix) => statSync(file + suffix, { throwIfNoEntry: false }) !== undefined,
	);
}

function modification(file: string): string {
	const found = statSync(file, { throwIfNoEntry: false, bigint: true });
	if (found === undefined) throw new Unreadable(`there is no file ${file}`);
	if (!found.isFile()) throw new Unreadable(`${file} is not a file`);
	return `${found.ino} ${found.size} ${found.mtimeNs}`;
}

function openLocking(file: string): Database {
	const db = new Database(file, { readonly: true });
	db.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
	return db;
}

function snapshot<T>(db: Database, read: (db: Database) => T): T {
	try {
		return db.transaction(() => read(db))();
	} finally {
		db.close();
	}
}

function explained<T>(file: string, read: () => T): T {
	try {
		return read();
	} catch (error) {
		if (!(error instanceof SQLiteError)) throw error;
		switch (error.code) {
			case "SQLITE_NOTADB":
				throw new Unreadable(`${file} is not a SQLite file`);
			case "SQLITE_BUSY":
				throw new Unreadable(`${file} stayed locked for ${busyTimeoutMs / 1000} s`);
			default:
				throw new Unreadable(`${file} can't be read: ${error.message}`);
		}
	}
}

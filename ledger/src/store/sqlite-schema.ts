/**
 * The schema of a ledger's file and its versions: how an empty file becomes a ledger, and an older one a ledger
 * of today. Each version is a file of SQL that adds to the one before.
 */
import type { Database } from "bun:sqlite";
import version1 from "./sqlite.sql" with { type: "text" };
import version2 from "./sqlite-2.sql" with { type: "text" };

const versions = [version1, version2];
export const schemaVersion = versions.length;

/** Marks a SQLite file as a ledger ("crbt"), in its header. */
const applicationId = 0x63726274;

/** Marks the copy of a ledger that isn't whole yet ("crbu"). */
const unfinishedId = 0x63726275;

/** The version of the ledger that the file holds: 0 if it is empty, undefined if it is something else. */
export function versionOf(db: Database): number | undefined {
	const version = headerField(db, "user_version");
	if (headerField(db, "application_id") === applicationId)
		return version >= 1 && version <= schemaVersion ? version : undefined;
	const tables = db.query("SELECT count(*) AS count FROM sqlite_schema").get() as { count: number };
	return version === 0 && tables.count === 0 ? 0 : undefined;
}

/** Adds what is missing between two versions, inside the caller's transaction. */
export function upgrade(db: Database, from: number, to: number = schemaVersion): void {
	for (const sql of versions.slice(from, to)) db.run(sql);
	db.run(`PRAGMA application_id = ${applicationId}`);
	db.run(`PRAGMA user_version = ${to}`);
}

/** Until upgrade() is called again, it is no ledger to anybody who would serve it. */
export function markUnfinished(db: Database): void {
	db.run(`PRAGMA application_id = ${unfinishedId}`);
}

/** The tables of a version, each after those that it refers to. */
export function tablesOf(version: number): readonly string[] {
	const added = [
		["accounts", "entries", "probe"],
		["answers", "resets", "checks"],
	];
	return added.slice(0, version).flat();
}

function headerField(db: Database, name: "user_version" | "application_id"): number {
	return (db.query(`PRAGMA ${name}`).values()[0] as [number])[0];
}

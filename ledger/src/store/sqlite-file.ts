/**
 * Opening the ledger's SQLite file so that two processes may write it and no acknowledgement is lost.
 *
 * Every setting here has bitten someone; docs/durability.md tells who, and what was measured.
 */
import { constants, Database, SQLiteError } from "bun:sqlite";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { readSeed } from "../seed.ts";
import type { Durability } from "../settings.ts";
import { StoreUnusable } from "../store.ts";
import { checkAtStart } from "./sqlite-check.ts";
import { schemaVersion, upgrade, versionOf } from "./sqlite-schema.ts";

/** The file can't be used as a ledger; the message is one line for the person who runs it. */
export class LedgerFileError extends StoreUnusable {
	override readonly name = "LedgerFileError";
}

/** Before 3.51.3, two connections could lose a commit when the WAL restarts (sqlite.org/wal.html, "WAL-reset bug"). */
const sqliteVersionMin = "3.51.3";

/** How long everything but the hot path may wait inside SQLite for a lock. */
const busyTimeoutMs = 5000;

/** How long two processes that create the file at once may get in each other's way. */
const openingMsMax = 10_000;

/**
 * What every connection is set to. The page is small because a commit writes whole pages: the log's last
 * one and the accounts'. The cache is bounded since the process is; mmap would make an I/O error a SIGBUS.
 */
const pragmas = {
	journal_mode: "wal",
	synchronous: 1,
	wal_autocheckpoint: 0,
	mmap_size: 0,
	cache_size: -1000,
	foreign_keys: 1,
	busy_timeout: busyTimeoutMs,
} as const;
const pageSize = 2048;

/** What is known of local file systems on which fdatasync means the disk, by statfs(2)'s type. */
const durableFileSystems = new Map([
	[0xef53, "ext4"],
	[0x58465342, "xfs"],
	[0x9123683e, "btrfs"],
]);

/** The settings as SQLite reports them, for the log. */
export type EffectiveSettings = Readonly<Record<string, string | number>>;

/**
 * The SQLite connection to the ledger at `path`, created and seeded when there is none, recovered and checked.
 * @throws {LedgerFileError}
 */
export function openLedgerFile(path: string, seedPath: string | undefined, durability: Durability): Database {
	return explained(path, () => {
		createFolder(dirname(path));
		refuseFileSystem(dirname(path), durability);
		const db = connect(path);
		try {
			createOrUpgrade(db, path, seedPath);
			// Recovery happened with the first read. What it found goes into the db file, which SQLite then syncs, as
			// far as no other process stands in the way: what stays in the WAL is for the caller to sync.
			db.run("PRAGMA wal_checkpoint(PASSIVE)");
			const findings = checkAtStart(db);
			if (findings.length > 0) throw new LedgerFileError(`${path} is damaged: ${findings.join("; ")}`);
		} catch (error) {
			// To close is to try again what the disk refused: sudden-end.ts.
			if (error instanceof LedgerFileError) db.close();
			throw error;
		}
		return db;
	});
}

/** A connection for tools: to an existing ledger, and never the one that creates it. */
export function openExistingLedger(path: string): Database {
	return openExisting(path, () => connect(path, { create: false }));
}

/** A connection to a backup, which is only read and leaves no file beside it. */
export function openBackup(path: string): Database {
	return openExisting(path, () => new Database(path, { readonly: true }));
}

function openExisting(path: string, open: () => Database): Database {
	return explained(path, () => {
		if (!existsSync(path)) throw new LedgerFileError(`there is no ledger at ${path}`);
		const db = open();
		if (versionOf(db)) return db;
		db.close();
		throw new LedgerFileError(
			`${path} is not a crebito ledger of schema version 1 to ${schemaVersion}, or an unfinished copy`,
		);
	});
}

export function effectiveSettings(db: Database): EffectiveSettings {
	const names = [...Object.keys(pragmas), "page_size"];
	return Object.fromEntries([
		["sqlite", sqliteVersion(db)],
		...names.map((name) => [name, pragma(db, name)]),
	]);
}

/** A connection for restoring, to whatever SQLite file is there, or to none yet. */
export function openAnyFile(path: string): Database {
	mkdirSync(dirname(path), { recursive: true });
	return connect(path);
}

/** Runs what opens, creates or copies, and tells its failures as one line. */
export function explained<T>(path: string, open: () => T): T {
	try {
		return open();
	} catch (error) {
		if (error instanceof LedgerFileError) throw error;
		throw new LedgerFileError(`can't open ${path}: ${error instanceof Error ? error.message : error}`);
	}
}

function connect(path: string, { create } = { create: true }): Database {
	const deadline = performance.now() + openingMsMax;
	for (;;) {
		const db = new Database(path, { create, readwrite: true });
		try {
			configure(db);
			return db;
		} catch (error) {
			db.close();
			// On a fresh file, PRAGMA journal_mode=WAL ignores busy_timeout: whoever loses that race tries again.
			if (!isBusy(error) || performance.now() > deadline) throw error;
			Bun.sleepSync(5 + Math.random() * 10);
		}
	}
}

function configure(db: Database): void {
	if (Bun.semver.order(sqliteVersion(db), sqliteVersionMin) < 0) {
		throw new LedgerFileError(
			`this Bun's SQLite is ${sqliteVersion(db)}, older than ${sqliteVersionMin}: use the pinned Bun`,
		);
	}
	db.run(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
	db.run(`PRAGMA page_size = ${pageSize}`);
	for (const [name, value] of Object.entries(pragmas)) db.run(`PRAGMA ${name} = ${value}`);
	// Without it, the last connection to close would delete the WAL that another process is about to sync.
	db.fileControl(constants.SQLITE_FCNTL_PERSIST_WAL, 1);
	for (const [name, value] of Object.entries(pragmas)) {
		const actual = pragma(db, name);
		if (actual !== value) throw new LedgerFileError(`SQLite keeps ${name} at ${actual}, not ${value}`);
	}
}

function createOrUpgrade(db: Database, path: string, seedPath: string | undefined): void {
	const run = db.transaction(() => {
		const found = versionOf(db);
		if (found === undefined) {
			throw new LedgerFileError(
				`${path} is a SQLite file, but not a ledger of schema version 1 to ${schemaVersion}, or an unfinished copy`,
			);
		}
		if (found < schemaVersion) upgrade(db, found);
		if (found === 0) seed(db, seedPath);
	});
	run.immediate();
}

function seed(db: Database, seedPath: string | undefined): void {
	const insert = db.prepare(
		'INSERT INTO accounts (id, "limit", initial_balance, balance) VALUES ($id, $limit, $balance, $balance)',
	);
	for (const { id, limit, balance } of readSeed(seedPath))
		insert.run({ $id: id, $limit: limit, $balance: balance });
}

function refuseFileSystem(folder: string, durability: Durability): void {
	if (durability === "os" || process.platform !== "linux") return;
	const type = statfsSync(folder).type;
	if (durableFileSystems.has(type)) return;
	const known = [...durableFileSystems.values()].join(", ");
	throw new LedgerFileError(
		`${folder} lies on a file system (type 0x${type.toString(16)}) that is not known to keep what it synced: ` +
			`put DATABASE_URL on ${known}, or set DURABILITY=os to do without`,
	);
}

/** And those above it; a folder whose own name is not on the disk is lost with all that is in it. */
function createFolder(folder: string): void {
	if (existsSync(folder)) return;
	createFolder(dirname(folder));
	mkdirSync(folder, { recursive: true });
	syncPath(dirname(folder));
}

/** Puts a file, or a folder's names, on disk. Never for a db that this process has open: closing it drops SQLite's locks. */
export function syncPath(path: string): void {
	const descriptor = openSync(path, "r");
	try {
		fsyncSync(descriptor);
	} finally {
		closeSync(descriptor);
	}
}

export function isBusy(error: unknown): boolean {
	return error instanceof SQLiteError && (error.errno & 0xff) === 5;
}

export function isFull(error: unknown): boolean {
	return error instanceof SQLiteError && (error.errno & 0xff) === 13;
}

function sqliteVersion(db: Database): string {
	return (db.query("SELECT sqlite_version() AS version").get() as { version: string }).version;
}

function pragma(db: Database, name: string): number | string {
	const row = db.query(`PRAGMA ${name}`).values()[0];
	return (row?.[0] ?? "") as number | string;
}

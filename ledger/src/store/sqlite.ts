/**
 * The store on SQLite: two processes, one file, no lost acknowledgement.
 *
 * With synchronous=FULL, SQLite would wait for the disk while it holds the write lock and blocks the event
 * loop. Here COMMIT only writes the WAL, and an asynchronous fdatasync of the WAL follows before anyone is
 * answered:
 *
 *     event loop   [BEGIN … COMMIT]            [BEGIN … COMMIT]
 *     thread pool                  [fdatasync]                 [fdatasync]
 *     answers                                 ▲                           ▲
 *
 * That is enough: the order of the commits is the order in the WAL, its checksums are chained, and
 * fdatasync works on the inode, so what is durable is always a prefix of the commits of both processes.
 * Nothing is awaited between BEGIN and COMMIT. docs/durability.md has the argument and the attacks.
 */
import { type Database, SQLiteError } from "bun:sqlite";
import { closeSync, fdatasync, fdatasyncSync, openSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Command, Outcome } from "../ledger.ts";
import type { StoreMetrics } from "../metrics.ts";
import type { Durability } from "../settings.ts";
import { NothingApplied, OutcomeUnknown, type Store } from "../store.ts";
import { Batch, firstRow, type PreparedSql, prepareSql } from "./sqlite-batch.ts";
import {
	type EffectiveSettings,
	effectiveSettings,
	isBusy,
	isFull,
	openLedgerFile,
	syncPath,
} from "./sqlite-file.ts";
import { Repeats } from "./sqlite-repeats.ts";

/** How long a batch may try for the write lock before it is refused. */
const lockWaitMsMax = 2000;
/**
 * A lock is held for some 50 µs, so the first tries are one turn of the event loop apart. If it isn't free
 * then, its holder has no CPU, and trying on would only keep it from getting some: a millisecond apart.
 */
const lockTriesAtOnce = 10;
const lockRetryMs = 1;
/** The WAL holds each page with a header of 24 bytes (sqlite.org/fileformat2.html#walformat). */
const frameHeaderBytes = 24;
/** Frames that wait to be checkpointed before one is made; some 8 MB of WAL. */
const checkpointFramesMax = 4000;
/** Commits between two looks at how long the WAL is; large batches count for more. */
const commitsBetweenLooks = 32;

export interface SqliteStoreOptions {
	readonly path: string;
	readonly seedPath: string | undefined;
	readonly durability: Durability;
	/** Over it, batches are refused until a checkpoint succeeds. */
	readonly walBytesMax: number;
	readonly metrics: StoreMetrics;
	/** Runs what may take longer than the process is otherwise allowed to stand still. */
	readonly patiently?: (<T>(work: () => T) => T) | undefined;
}

export class SqliteStore implements Store {
	readonly settings: EffectiveSettings;
	readonly #db: Database;
	readonly #walPath: string;
	/** Only for fdatasync. Nobody opens the db or the -shm file: closing those drops SQLite's locks. */
	readonly #walDescriptor: number;
	readonly #inodes: readonly (readonly [path: string, inode: number])[];
	readonly #durability: Durability;
	readonly #metrics: StoreMetrics;
	readonly #frameBytes: number;
	readonly #framesMax: number;
	readonly #checkpointFrames: number;
	readonly #sql: PreparedSql;
	readonly #repeats: Repeats;
	readonly #patiently: <T>(work: () => T) => T;
	#commitsUntilLook = commitsBetweenLooks;
	#atBound = false;
	#failed = false;

	/**
	 * Opens, recovers and checks the ledger; what was in the WAL is on disk when it returns.
	 * @throws {LedgerFileError}
	 */
	constructor(options: SqliteStoreOptions) {
		this.#durability = options.durability;
		this.#metrics = options.metrics;
		this.#patiently = options.patiently ?? ((work) => work());
		this.#db = openLedgerFile(options.path, options.seedPath, options.durability);
		this.#walPath = `${options.path}-wal`;
		this.#walDescriptor = openSync(this.#walPath, "r");
		const files = [options.path, this.#walPath, `${options.path}-shm`];
		this.#inodes = files.map((path) => [path, statSync(path).ino]);
		fdatasyncSync(this.#walDescriptor);
		// A file whose folder entry is lost is lost.
		syncPath(dirname(options.path));
		this.#sql = prepareSql(this.#db);
		this.#repeats = new Repeats(this.#db);
		// From here on the event loop waits for the lock, not SQLite's busy handler, which sleeps in growing steps.
		this.#db.run("PRAGMA busy_timeout = 0");
		this.settings = effectiveSettings(this.#db);
		this.#frameBytes = Number(this.settings.page_size) + frameHeaderBytes;
		this.#framesMax = Math.floor(options.walBytesMax / this.#frameBytes);
		// Long before the bound, since a checkpoint that meets the other process's transaction has to be tried again.
		this.#checkpointFrames = Math.min(checkpointFramesMax, this.#framesMax >> 2);
	}

	async commit(batch: readonly Command[]): Promise<Outcome[]> {
		if (this.#failed) throw new OutcomeUnknown("the store has failed before");
		this.#refuseForeignFiles();
		this.#lookAtWal(batch.length);
		const startedAt = performance.now();
		// BEGIN without a write needs no lock; then nobody waits for anybody.
		const writes = batch.some((command) => command.type !== "statement");
		for (let tries = 1; !this.#begin(writes); tries += 1) {
			if (performance.now() - startedAt > lockWaitMsMax) {
				throw new NothingApplied(`the write lock was not had within ${lockWaitMsMax} ms`);
			}
			this.#metrics.lockRetries += 1;
			if (tries <= lockTriesAtOnce) await new Promise<void>(setImmediate);
			else await Bun.sleep(lockRetryMs);
		}
		const isLong = batch.some(({ type }) => type === "reset");
		const outcomes = isLong ? this.#patiently(() => this.#transact(batch)) : this.#transact(batch);
		const committedAt = performance.now();
		this.#metrics.commitSeconds.observe((committedAt - startedAt) / 1000);
		this.#refuseForeignFiles();
		if (this.#durability === "fsync") {
			await this.#syncWal();
			this.#metrics.syncSeconds.observe((performance.now() - committedAt) / 1000);
		}
		return outcomes;
	}

	close(): void {
		this.#db.close();
		closeSync(this.#walDescriptor);
	}

	/** @returns whether the transaction has begun; false when another process holds the lock. */
	#begin(writes: boolean): boolean {
		try {
			if (writes) {
				this.#sql.beginImmediate.run();
			} else {
				// The transaction takes its locks with the first read, which is busy while another process recovers.
				this.#sql.begin.run();
				this.#sql.lastPosition.values();
			}
			return true;
		} catch (error) {
			if (!isBusy(error)) throw this.#abandoned(error);
			// Only a read finds out so late that it has begun.
			if (this.#db.inTransaction) this.#sql.rollback.run();
			return false;
		}
	}

	#transact(batch: readonly Command[]): Outcome[] {
		try {
			const applying = new Batch(this.#sql, this.#repeats);
			const outcomes = applying.apply(batch);
			this.#sql.commit.run();
			applying.committed();
			this.#metrics.countRepeats(applying.repeats);
			return outcomes;
		} catch (error) {
			throw this.#abandoned(error);
		}
	}

	/** Rolls back, and names what is known then. */
	#abandoned(error: unknown): NothingApplied | OutcomeUnknown {
		const message = error instanceof Error ? error.message : String(error);
		// A full disk stops SQLite before the commit's last frame is in the WAL: the batch is certainly not there.
		const harmless = !(error instanceof SQLiteError) || isFull(error) || isBusy(error) || isConstraint(error);
		try {
			if (this.#db.inTransaction) this.#sql.rollback.run();
		} catch (rollbackError) {
			return this.#fail(`rollback after "${message}": ${rollbackError}`, rollbackError);
		}
		return harmless ? new NothingApplied(message, { cause: error }) : this.#fail(message, error);
	}

	#fail(message: string, cause: unknown): OutcomeUnknown {
		this.#failed = true;
		return new OutcomeUnknown(message, { cause });
	}

	async #syncWal(): Promise<void> {
		await new Promise<void>((resolve, reject) => {
			fdatasync(this.#walDescriptor, (error) => {
				if (error) reject(this.#fail(`fdatasync of the WAL: ${error.message}`, error));
				else resolve();
			});
		});
	}

	/**
	 * Every so often, asks how long the WAL is, and checkpoints when it is worth it. Any process may, and one
	 * that is gone stops nobody: it is asked between two of its own batches.
	 */
	#lookAtWal(batchLength: number): void {
		this.#commitsUntilLook -= 1 + (batchLength >> 4);
		if (this.#commitsUntilLook > 0 && !this.#atBound) return;
		this.#commitsUntilLook = commitsBetweenLooks;
		try {
			const [, frames, checkpointed] = firstRow(this.#sql.walSize);
			const reset =
				frames - checkpointed < this.#checkpointFrames && frames < this.#framesMax
					? false
					: this.#checkpoint();
			this.#metrics.walBytes = reset ? 0 : frames * this.#frameBytes;
			this.#atBound = !reset && frames >= this.#framesMax;
		} catch (error) {
			// The WAL holds everything still, so a db file that can't grow is no loss, only a longer WAL.
			if (!isFull(error)) throw this.#fail(`checkpoint: ${error}`, error);
		}
		if (this.#atBound) throw new NothingApplied("the write-ahead log is at its bound, WAL_MAX_MB");
	}

	/**
	 * PASSIVE does the work without a lock, RESTART then only the rest under it: PASSIVE alone never finishes
	 * while the other process writes, and the WAL grows without end.
	 * @returns whether the next writer begins the WAL anew; else somebody was in the way, and it goes on.
	 */
	#checkpoint(): boolean {
		const startedAt = performance.now();
		this.#patiently(() => this.#sql.checkpointPassive.values());
		const [busy] = firstRow(this.#sql.checkpointRestart);
		this.#metrics.checkpointSeconds.observe((performance.now() - startedAt) / 1000);
		return busy === 0;
	}

	/**
	 * A WAL or a db file that was deleted or moved away under us takes the next acknowledgement with it: asked before
	 * the answers. The locks are in the -shm file: with another one, who has started since writes over what we write,
	 * and we over theirs, so it is asked before we write, too. To ask for an inode by name is safe; opening and
	 * closing the db would drop SQLite's locks.
	 */
	#refuseForeignFiles(): void {
		for (const [path, inode] of this.#inodes) {
			if (statSync(path, { throwIfNoEntry: false })?.ino !== inode)
				throw this.#fail(`${basename(path)} was deleted or replaced by somebody else`, undefined);
		}
	}
}

function isConstraint(error: SQLiteError): boolean {
	return (error.errno & 0xff) === 19;
}

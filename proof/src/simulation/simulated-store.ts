/**
 * The store of a simulated process: the order of steps of ledger/src/store/sqlite.ts – the lock, one transaction of
 * the ledger's own Batch, the sync, the answers – on a disk that the world owns.
 *
 * What SqliteStore does with files and descriptors is not here: that is for the power cuts, the crash images and the
 * I/O errors.
 */
import type { Command, Outcome } from "../../../ledger/src/ledger.ts";
import type { PreparedSql } from "../../../ledger/src/store/sqlite-batch.ts";
import { RecentRequests } from "../../../ledger/src/store/sqlite-recent.ts";
import type { Repeats } from "../../../ledger/src/store/sqlite-repeats.ts";
import { NothingApplied, OutcomeUnknown, type Store } from "../../../ledger/src/store.ts";
import type { Disk } from "./disk.ts";
import type { Engine } from "./engine.ts";
import type { World } from "./world.ts";

/** As in sqlite.ts. */
const lockWaitMsMax = 2000;
const lockTriesAtOnce = 10;
/** There it is 1 ms; so that a lock that is held for long costs fewer steps. */
const lockRetryMs = 20;

/** What a process meets outside of itself. */
export interface StoreSurroundings {
	readonly world: World;
	readonly disk: Disk;
	/** Whether another process holds the lock just then. */
	isLocked(): boolean;
	isFull(): boolean;
	syncMs(): number;
	/** Whether the sync that ends just then has failed. */
	failsSync(): boolean;
}

export class SimulatedStore implements Store {
	protected readonly around: StoreSurroundings;
	protected readonly repeats: Repeats;
	readonly #engine: Engine;
	#isFailed = false;

	/** Everything that is committed is synced when it returns, as SqliteStore's constructor sees to. */
	constructor(around: StoreSurroundings, engine: Engine) {
		this.around = around;
		this.#engine = engine;
		around.disk.syncedUpTo(around.disk.commits.length);
		this.repeats = engine.newRepeats(around.disk.db, new RecentRequests(engine.recentMax));
	}

	async commit(batch: readonly Command[]): Promise<Outcome[]> {
		if (this.#isFailed) throw new OutcomeUnknown("the store has failed before");
		// A BEGIN without a write needs no lock.
		if (writes(batch)) await this.#lock();
		return this.applyAndSync(batch);
	}

	close(): void {}

	protected get sql(): PreparedSql {
		return this.around.disk.sql;
	}

	protected async applyAndSync(batch: readonly Command[]): Promise<Outcome[]> {
		const outcomes = this.transact(batch);
		await this.sync();
		return outcomes;
	}

	protected transact(batch: readonly Command[]): Outcome[] {
		const { world, disk } = this.around;
		const { sql } = this;
		(writes(batch) ? sql.beginImmediate : sql.begin).run();
		try {
			const applying = this.#engine.newBatch(sql, this.repeats);
			const outcomes = applying.apply(batch);
			if (writes(batch) && this.around.isFull()) throw new NothingApplied("the disk is full");
			sql.commit.run();
			applying.committed();
			if (writes(batch)) disk.committed(world.nowMs);
			return outcomes;
		} catch (error) {
			if (disk.db.inTransaction) sql.rollback.run();
			throw new NothingApplied(String(error), { cause: error });
		}
	}

	protected async sync(): Promise<void> {
		try {
			await this.synced();
		} catch (error) {
			this.#isFailed = true;
			throw error;
		}
	}

	/** What was committed when it began is durable when it resolves. */
	protected async synced(): Promise<void> {
		const { disk } = this.around;
		const covered = disk.commits.length;
		await this.passing(this.around.syncMs());
		if (this.around.failsSync()) throw new OutcomeUnknown("fdatasync of the WAL: EIO");
		disk.syncedUpTo(covered);
	}

	protected passing(ms: number): Promise<void> {
		return new Promise((resolve) => this.around.world.after(ms, resolve));
	}

	async #lock(): Promise<void> {
		const startedAtMs = this.around.world.nowMs;
		for (let tries = 1; this.around.isLocked(); tries += 1) {
			if (this.around.world.nowMs - startedAtMs > lockWaitMsMax)
				throw new NothingApplied(`the write lock was not had within ${lockWaitMsMax} ms`);
			await this.passing(tries <= lockTriesAtOnce ? 0.01 : lockRetryMs);
		}
	}
}

function writes(batch: readonly Command[]): boolean {
	return batch.some(({ type }) => type !== "statement");
}

/** The parts of the engine that are under test, as a process is made of them; a mutant has another one of them. */
import type { Database } from "bun:sqlite";
import { GroupCommit } from "../../../ledger/src/group-commit.ts";
import { Batch, type PreparedSql } from "../../../ledger/src/store/sqlite-batch.ts";
import type { RecentRequests } from "../../../ledger/src/store/sqlite-recent.ts";
import { Repeats } from "../../../ledger/src/store/sqlite-repeats.ts";
import type { Store } from "../../../ledger/src/store.ts";
import { SimulatedStore, type StoreSurroundings } from "./simulated-store.ts";

export interface Engine {
	readonly newGroupCommit: (...parts: ConstructorParameters<typeof GroupCommit>) => GroupCommit;
	readonly newStore: (surroundings: StoreSurroundings, engine: Engine) => Store;
	readonly newBatch: (sql: PreparedSql, repeats: Repeats) => Batch;
	readonly newRepeats: (db: Database, recent: RecentRequests) => Repeats;
	/** Ids that a process remembers: few, so that some are forgotten while they may come again. */
	readonly recentMax: number;
}

export const realEngine: Engine = {
	newGroupCommit: (...parts) => new GroupCommit(...parts),
	newStore: (surroundings, engine) => new SimulatedStore(surroundings, engine),
	newBatch: (sql, repeats) => new Batch(sql, repeats),
	newRepeats: (db, recent) => new Repeats(db, recent),
	recentMax: 32,
};

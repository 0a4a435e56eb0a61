/**
 * What the ledger asks of a database. Defined by its user, the group commit, and implemented once per
 * technology under store/; test/store.test.ts is the contract, run against every implementation.
 */
import type { Command, Outcome } from "./ledger.ts";

export interface Store {
	/**
	 * Applies the batch in its order, in one transaction, and answers each command at its own index.
	 *
	 * When it resolves, the outcomes are durable as the store was told to be (see DURABILITY), and so is
	 * every state that they show, whoever wrote it. Statements are read after the batch's last entry.
	 *
	 * @throws {NothingApplied} certainly nothing of the batch was applied; a later batch may succeed.
	 * @throws {OutcomeUnknown} the batch may or may not have been applied; the store is closed for good.
	 */
	commit(batch: readonly Command[]): Promise<Outcome[]>;

	/** Gives back what the store holds. The caller has no commit under way. */
	close(): void;
}

/** Nothing was applied: the lock was not had in time, the disk is full, the log is at its bound. */
export class NothingApplied extends Error {
	override readonly name = "NothingApplied";
}

/** A commit or a sync failed half-way: the entries may survive or not, and only a restart can tell. */
export class OutcomeUnknown extends Error {
	override readonly name = "OutcomeUnknown";
}

/** It can't be opened as it is; the message is one line for the person who runs the process. */
export class StoreUnusable extends Error {
	override readonly name: string = "StoreUnusable";
}

/** What a check of all that was ever posted found. */
export interface Verdict {
	readonly accounts: number;
	readonly entries: number;
	/** A line for each thing that is wrong, none when the books are right. */
	readonly findings: readonly string[];
}

/** Engines whose store answers something else than what is on the disk. */
import type { Command, Outcome } from "../../../../ledger/src/ledger.ts";
import { NothingApplied, OutcomeUnknown } from "../../../../ledger/src/store.ts";
import type { Engine } from "../engine.ts";
import { SimulatedStore } from "../simulated-store.ts";
import { type Mutant, mutant } from "./mutant.ts";

class AnsweringBeforeSync extends SimulatedStore {
	protected override async sync(): Promise<void> {
		void this.synced().catch(() => undefined);
	}
}

class SyncingTooEarly extends SimulatedStore {
	protected override async applyAndSync(batch: readonly Command[]): Promise<Outcome[]> {
		const syncing = this.sync();
		syncing.catch(() => undefined);
		const outcomes = this.transact(batch);
		await syncing;
		return outcomes;
	}
}

class SyncingOnlyEntries extends SimulatedStore {
	protected override async applyAndSync(batch: readonly Command[]): Promise<Outcome[]> {
		if (batch.some(({ type }) => type !== "statement")) return super.applyAndSync(batch);
		return this.transact(batch);
	}
}

class TrustingFailedSync extends SimulatedStore {
	protected override async sync(): Promise<void> {
		await this.synced().catch(() => undefined);
	}
}

class DenyingFailedSync extends SimulatedStore {
	override async commit(batch: readonly Command[]): Promise<Outcome[]> {
		try {
			return await super.commit(batch);
		} catch (error) {
			throw error instanceof OutcomeUnknown ? new NothingApplied(error.message) : error;
		}
	}
}

class RotatingOutcomes extends SimulatedStore {
	protected override transact(batch: readonly Command[]): Outcome[] {
		const [first, ...rest] = super.transact(batch);
		return first === undefined ? rest : [...rest, first];
	}
}

class LosingOneOutcome extends SimulatedStore {
	override async commit(batch: readonly Command[]): Promise<Outcome[]> {
		const outcomes = await super.commit(batch);
		return outcomes.length > 2 ? [...outcomes.slice(0, -1), outcomes[0] as Outcome] : outcomes;
	}
}

function withStore(Store: typeof SimulatedStore): Partial<Engine> {
	return { newStore: (surroundings, engine) => new Store(surroundings, engine) };
}

export const carelessStores: readonly Mutant[] = [
	mutant("answered-before-sync", "the answer does not wait for the sync", withStore(AnsweringBeforeSync)),
	mutant("synced-before-commit", "the sync begins before the commit", withStore(SyncingTooEarly)),
	mutant(
		"statements-not-synced",
		"a batch of statements alone is answered without a sync",
		withStore(SyncingOnlyEntries),
	),
	mutant(
		"failed-sync-trusted",
		"a sync that has failed is taken for one that ended well",
		withStore(TrustingFailedSync),
	),
	mutant(
		"failed-sync-denied",
		"after a sync that has failed, it is said that nothing was applied",
		withStore(DenyingFailedSync),
	),
	mutant(
		"outcomes-rotated",
		"each gets the outcome of the next one in the batch",
		withStore(RotatingOutcomes),
	),
	mutant(
		"outcome-doubled",
		"the last of three or more in a batch gets the outcome of the first",
		withStore(LosingOneOutcome),
	),
];

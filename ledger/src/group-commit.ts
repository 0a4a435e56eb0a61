/**
 * Group commit: many requests, one fsync.
 *
 * A request is acknowledged only once its outcome is durable, and that costs a trip to the disk. So
 * requests that arrive during a commit wait, and travel together in the next one:
 *
 *     request   a  b c  d   e f g h
 *     commit    [a......][b c d....][e f g h..]
 *
 * A slow disk makes large batches, a fast one small. Left to itself this falls into two halves: who was
 * answered comes back while the others' batch is under way, waits for it to end, and each sync serves half of
 * the clients. So the next batch gathers: it leaves when most of those who are about have asked again, which
 * halves the syncs, or at the latest a millisecond after the last answers. docs/decisions.md has the numbers.
 */
import type { Command, Outcome } from "./ledger.ts";
import type { BatchMetrics } from "./metrics.ts";
import { NothingApplied, OutcomeUnknown, type Store } from "./store.ts";

/** As many requests as may be wait already: certainly not applied, and worth another try later. */
export class Overloaded extends NothingApplied {
	constructor(waitingMax: number) {
		super(`${waitingMax} requests are waiting already`);
	}
}

export interface GroupCommitBounds {
	/** Requests that may wait for a batch; one more is refused with Overloaded, unless it is the probe. */
	readonly waitingMax: number;
	/** Requests that travel in one batch; 1 is one transaction per request. */
	readonly batchMax: number;
}

/** Of the clients in hand, so many are waited for: with all of them, one that went elsewhere holds up the rest. */
const returnShare = 0.75;
/** A batch waits no longer than this after the last answers; no timer is finer. */
const returnMsMax = 1;
/** At most so many batches leave without gathering after it was in vain. */
const missesMax = 63;

interface Waiting {
	readonly command: Command;
	readonly resolve: (outcome: Outcome) => void;
	readonly reject: (reason: Error) => void;
}

export class GroupCommit {
	readonly #store: Store;
	readonly #bounds: GroupCommitBounds;
	readonly #metrics: BatchMetrics;
	/** Called once, when the store has failed for good: the process must end. */
	readonly #onFailure: (failure: OutcomeUnknown) => void;
	#waiting: Waiting[] = [];
	#running: Promise<void> | undefined;
	#failure: OutcomeUnknown | undefined;
	/** How many are to wait before a batch leaves: returnShare of all that were about when the last one ended. */
	#expected = 1;
	/** When the last batch was answered, by performance.now(). */
	#answeredAt = 0;
	/** Called when as many wait as are expected; only while a batch gathers. */
	#returned: (() => void) | undefined;
	/** Grows with each time that they did not come back in time, and shrinks when they do. */
	#misses = 0;
	/** Batches that leave without gathering, until it is tried again. */
	#hurried = 0;

	constructor(
		store: Store,
		bounds: GroupCommitBounds,
		metrics: BatchMetrics,
		onFailure: (failure: OutcomeUnknown) => void,
	) {
		this.#store = store;
		this.#bounds = bounds;
		this.#metrics = metrics;
		this.#onFailure = onFailure;
	}

	/** How many requests wait for a batch, without those in the one under way. */
	get waiting(): number {
		return this.#waiting.length;
	}

	/**
	 * Resolves once the outcome is durable.
	 *
	 * @throws {Overloaded | NothingApplied} certainly not applied; asking again later is right.
	 * @throws {OutcomeUnknown} applied or not, nobody can say; the process is about to end.
	 */
	submit(command: Command): Promise<Outcome> {
		return new Promise((resolve, reject) => {
			if (this.#failure !== undefined) {
				reject(new NothingApplied(`the store has failed: ${this.#failure.message}`));
			} else if (this.#waiting.length >= this.#bounds.waitingMax && command.type !== "probe") {
				reject(new Overloaded(this.#bounds.waitingMax));
			} else {
				this.#waiting.push({ command, resolve, reject });
				this.#running ??= this.#run();
				if (this.#waiting.length >= this.#expected) this.#returned?.();
			}
		});
	}

	/** Resolves when no request waits and no batch is under way. */
	async idle(): Promise<void> {
		while (this.#running !== undefined) await this.#running;
	}

	async #run(): Promise<void> {
		while (this.#waiting.length > 0) {
			await this.#gather();
			await this.#commitNext();
		}
		this.#running = undefined;
	}

	/** Resolves when the next batch is to leave. */
	async #gather(): Promise<void> {
		if (this.#waiting.length < this.#expected && performance.now() < this.#answeredAt + returnMsMax) {
			if (this.#hurried > 0) this.#hurried -= 1;
			else await this.#untilReturned();
		}
		// What else arrives in this turn of the event loop joins the batch.
		await new Promise<void>(setImmediate);
	}

	#untilReturned(): Promise<void> {
		return new Promise((resolve) => {
			const late = setTimeout(() => {
				// They went elsewhere, or think before they ask: so the next batches don't wait, more of them each time.
				this.#misses = Math.min(this.#misses * 2 + 1, missesMax);
				this.#hurried = this.#misses;
				this.#returned = undefined;
				resolve();
			}, returnMsMax);
			this.#returned = () => {
				clearTimeout(late);
				this.#misses >>= 1;
				this.#returned = undefined;
				resolve();
			};
		});
	}

	async #commitNext(): Promise<void> {
		const batch = this.#waiting.splice(0, this.#bounds.batchMax);
		this.#metrics.batchSize.observe(batch.length);
		try {
			const outcomes = await this.#store.commit(batch.map((waiting) => waiting.command));
			if (outcomes.length !== batch.length)
				throw new OutcomeUnknown(`the store gave ${outcomes.length} outcomes to ${batch.length} commands`);
			for (const [index, waiting] of batch.entries()) waiting.resolve(outcomes[index] as Outcome);
			this.#expected = Math.min(
				Math.ceil((batch.length + this.#waiting.length) * returnShare),
				this.#bounds.batchMax,
				this.#bounds.waitingMax,
			);
			this.#answeredAt = performance.now();
		} catch (error) {
			this.#fail(batch, error);
		}
	}

	#fail(batch: readonly Waiting[], error: unknown): void {
		if (error instanceof NothingApplied) {
			for (const waiting of batch) waiting.reject(error);
			return;
		}
		// Anything that a store did not name leaves the same doubt as what it did.
		const failure =
			error instanceof OutcomeUnknown ? error : new OutcomeUnknown(String(error), { cause: error });
		this.#failure = failure;
		for (const waiting of batch) waiting.reject(failure);
		const refusal = new NothingApplied(`the store has failed: ${failure.message}`);
		for (const waiting of this.#waiting.splice(0)) waiting.reject(refusal);
		this.#onFailure(failure);
	}
}

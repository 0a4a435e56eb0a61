/**
 * The model, with keys and attempts that it knows nothing of: each names one posting, which is answered the second
 * time as it was the first time.
 */
import type { Attempt, Command, Outcome, Posting } from "../../src/ledger.ts";
import type { Random } from "../random.ts";
import { Model, randomBatch } from "./model.ts";
import { withoutTimes } from "./place.ts";

export class RepeatingModel {
	readonly #random: Random;
	readonly #model = new Model();
	/** What was answered to a key, by its account. */
	readonly #answers = new Map<string, unknown>();
	/** Postings with a key. */
	readonly #keyed = new Map<string, Posting>();
	#keys = 0;

	constructor(random: Random) {
		this.#random = random;
	}

	/** Resets only with `resets`; those have no attempts, and a batch with one has none either. */
	batch(resets = true): Command[] {
		const batch = randomBatch(this.#random, resets);
		const hasReset = batch.some(({ type }) => type === "reset");
		return batch.map((command) => (command.type === "post" ? this.#named(command, !hasReset) : command));
	}

	/** The first outcome that is another than expected, and for what. */
	difference(batch: readonly Command[], outcomes: readonly Outcome[]): unknown {
		const decided = batch.map((command) =>
			command.type === "statement" ? undefined : this.#decide(command),
		);
		for (const [index, command] of batch.entries()) {
			const expected = command.type === "statement" ? this.#model.commit([command])[0] : decided[index];
			const outcome = withoutTimes(outcomes[index]);
			if (!Bun.deepEquals(outcome, expected, true)) return { command, outcome, expected };
		}
		return undefined;
	}

	#named(posting: Posting, withAttempts: boolean): Posting {
		const random = this.#random;
		if (random.chance(0.1) && this.#keyed.size > 0) return random.pick([...this.#keyed.values()]);
		const attempt = withAttempts && random.chance(0.7) ? { attempt: freshAttempt() } : {};
		if (random.chance(0.8)) return { ...posting, ...attempt };
		this.#keys += 1;
		// Without an attempt: a repetition is not a late one.
		const keyed = { ...posting, idempotencyKey: `key ${this.#keys}` };
		this.#keyed.set(keyed.idempotencyKey, keyed);
		return keyed;
	}

	#decide(command: Command): unknown {
		if (command.type === "reset") this.#answers.clear();
		const key = command.type === "post" ? command.idempotencyKey : undefined;
		if (key !== undefined && this.#answers.has(key)) return this.#answers.get(key);
		const [outcome] = this.#model.commit([command]);
		if (key !== undefined) this.#answers.set(key, outcome);
		return outcome;
	}
}

function freshAttempt(): Attempt {
	return {
		requestId: crypto.randomUUID().replaceAll("-", ""),
		startedAt: Date.now() * 1000,
		isRepeat: false,
	};
}

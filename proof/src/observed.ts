/**
 * What the clients of one run have seen: each posting with a tag of its own in its description, and what became of
 * it; each statement and what it showed; each reset.
 */
import { Tags } from "../../loadtest/src/tags.ts";

/**
 * - posted: answered with the balance after it. refused: answered that it would pass the limit.
 * - absent: certainly without effect; it was never sent, or answered that nothing was applied.
 * - unknown: no answer that tells; applied once or never.
 */
export type PostingFate = "posted" | "refused" | "absent" | "unknown";

export interface SeenPosting {
	readonly number: number;
	/** Its description. */
	readonly tag: string;
	readonly accountId: number;
	/** Above zero a credit. */
	readonly change: number;
	/** By performance.now(). */
	readonly invokedAtMs: number;
	/** Infinity while it has no answer. */
	endedAtMs: number;
	fate: PostingFate;
	/** posted: as answered. */
	balance: number;
	limit: number;
}

export interface ShownEntry {
	readonly description: string;
	readonly change: number;
}

export interface SeenStatement {
	readonly number: number;
	readonly accountId: number;
	readonly invokedAtMs: number;
	readonly endedAtMs: number;
	readonly balance: number;
	readonly limit: number;
	/** Newest first. */
	readonly entries: readonly ShownEntry[];
}

export interface SeenReset {
	readonly invokedAtMs: number;
	endedAtMs: number;
	fate: "done" | "absent" | "unknown";
}

export class Observed {
	readonly tags = new Tags();
	readonly postings: SeenPosting[] = [];
	readonly statements: SeenStatement[] = [];
	readonly resets: SeenReset[] = [];
	/** What an answer said that none may say. */
	readonly surprises: string[] = [];
	#numbers = 0;

	/** Unknown until its answer is noted in it. */
	invokePosting(accountId: number, change: number): SeenPosting {
		const number = this.nextNumber();
		const posting: SeenPosting = {
			number,
			tag: this.tags.tag(number),
			accountId,
			change,
			invokedAtMs: performance.now(),
			endedAtMs: Number.POSITIVE_INFINITY,
			fate: "unknown",
			balance: 0,
			limit: 0,
		};
		this.postings.push(posting);
		return posting;
	}

	invokeReset(): SeenReset {
		const reset: SeenReset = {
			invokedAtMs: performance.now(),
			endedAtMs: Number.POSITIVE_INFINITY,
			fate: "unknown",
		};
		this.resets.push(reset);
		return reset;
	}

	/** Of postings and statements, in the order in which they were invoked. */
	nextNumber(): number {
		return this.#numbers++;
	}

	count(fate: PostingFate): number {
		return this.postings.reduce((sum, posting) => sum + (posting.fate === fate ? 1 : 0), 0);
	}
}

/**
 * What the judge sends and what it learned of it: the vocabulary that scenario, sender, checks, history and
 * the linearizability checker share.
 *
 * All times are milliseconds of one monotonic clock (performance.now()), amounts whole cents.
 */

export type Kind = "credit" | "debit" | "statement";

export const kinds: readonly Kind[] = ["debit", "credit", "statement"];

/** One request, by what it means. */
export interface Operation {
	/** From 0, in the order of sending. */
	readonly number: number;
	readonly kind: Kind;
	readonly accountId: number;
	/** In cents; 0 for a statement. */
	readonly amount: number;
}

/**
 * How an entry looks in a statement, as one number. Ours that carry a tag of their own have the number of
 * their operation. Negative tokens stand for what can't be told apart or isn't ours: an entry from before
 * the run, or one of several that look the same on purpose.
 */
export type Token = number;

/**
 * What became of a request.
 *
 * - posted: a credit or debit was answered with its success status, and the new balance.
 * - refused: a debit was answered that it would pass the limit. Nothing has changed.
 * - shown: a statement was answered.
 * - unknown: a credit or debit got no answer that says whether it was applied (timeout, reset, 5xx, an answer
 *   that can't be read). It was applied once or never; twice is a violation.
 * - nothing: certainly without effect and without a view: never sent, or a statement without an answer.
 */
export type Outcome = "posted" | "refused" | "shown" | "unknown" | "nothing";

/** One operation on one account, as its client saw it. What the linearizability checker reads. */
export interface Observation {
	readonly number: number;
	/** posted, refused, shown or unknown. */
	readonly outcome: Exclude<Outcome, "nothing">;
	/** When its first byte was about to be sent. */
	readonly invokedAtMs: number;
	/** When the answer was there; Infinity for unknown. */
	readonly endedAtMs: number;
	/** posted, refused, unknown: the signed amount, above zero a credit. shown: 0. */
	readonly change: number;
	/** posted, refused, unknown: how it looks in a statement. */
	readonly token: Token;
	/** posted: the balance after it. shown: the balance. Otherwise 0. */
	readonly balance: number;
	/** shown: the newest entries, newest first, at most ten. Otherwise empty. */
	readonly entries: readonly Token[];
}

/** An account as it was before the first operation. */
export interface InitialAccount {
	readonly accountId: number;
	/** The account may go down to minus this many cents. */
	readonly limit: number;
	readonly balance: number;
	/** What a statement showed then, newest first, at most ten. */
	readonly entries: readonly Token[];
}

/**
 * The rules: what may be posted to an account, and what becomes of it. No I/O, no clock, no wire format.
 *
 * Everything that asks something of the ledger is a Command, everything it can answer is an Outcome. A
 * refusal is an Outcome like any other; an exception means that nothing is known.
 */

/** Amounts, balances and limits are whole cents, at most this in either direction: 2^53 − 1. */
export const centsMax = Number.MAX_SAFE_INTEGER;

/** How many entries a statement shows. */
export const statementEntriesMax = 10;

export type Kind = "credit" | "debit";

export interface Account {
	readonly id: number;
	/** How far below zero the balance may go, in cents, never negative. */
	readonly limit: number;
	/** Invariant: −limit ≤ balance ≤ centsMax. */
	balance: number;
	/** How many entries were posted; the next one is numbered one higher. */
	sequence: number;
	/** Microseconds since 1970 UTC of the newest entry, 0 before the first. Never decreases. */
	lastPostedAt: number;
}

/** One of the times that a request is sent, by a balancer that repeats what was not answered. */
export interface Attempt {
	/** The same in every attempt of one request, and in no other's. */
	readonly requestId: string;
	/** Microseconds since 1970 UTC when the balancer got the request, the same in every attempt. */
	readonly startedAt: number;
	/** Whether another process may have been given the request before. */
	readonly isRepeat: boolean;
}

/** What a request asks to have posted. */
export interface Posting {
	readonly type: "post";
	readonly accountId: number;
	readonly kind: Kind;
	/** 1 to centsMax. */
	readonly amount: number;
	/** 1 to 10 code points of well-formed Unicode, none of them a control character. */
	readonly description: string;
	/** Without it, every posting is one of its own. */
	readonly attempt?: Attempt | undefined;
	/** The client's own name for it, in this account: whatever comes with it is posted once, or not at all. */
	readonly idempotencyKey?: string | undefined;
}

export type Command =
	| Posting
	| { readonly type: "statement"; readonly accountId: number }
	/** Every account back to its initial balance, all entries and keys gone. */
	| { readonly type: "reset"; readonly attempt?: Attempt | undefined }
	/** Changes nothing that anyone sees, but takes the whole way to the disk that an entry takes. */
	| { readonly type: "probe" };

/** A posted entry, as the history keeps it for ever. */
export interface Entry {
	readonly accountId: number;
	/** 1 for the account's first entry, then without a gap. */
	readonly sequence: number;
	readonly kind: Kind;
	readonly amount: number;
	/** The account's balance with this entry. */
	readonly balance: number;
	readonly description: string;
	/** Microseconds since 1970 UTC. */
	readonly postedAt: number;
}

export type StatementEntry = Pick<Entry, "kind" | "amount" | "description" | "postedAt">;

export interface Statement {
	readonly type: "statement";
	readonly balance: number;
	readonly limit: number;
	/** Microseconds since 1970 UTC; not before any entry that the statement shows. */
	readonly issuedAt: number;
	/** Newest first, at most statementEntriesMax. */
	readonly entries: readonly StatementEntry[];
}

export interface Refusal {
	readonly type: "refused";
	/** "limit": the balance would pass below −limit. "range": it would leave what a number holds exactly. */
	readonly reason: "limit" | "range";
}

export type Outcome =
	| { readonly type: "posted"; readonly balance: number; readonly limit: number }
	| Refusal
	| Statement
	| { readonly type: "unknown-account" }
	/** The idempotency key names another posting, which was answered before. */
	| { readonly type: "key-reused" }
	/** Not applied, and not answered from memory either: the attempt is older than anything is kept for. */
	| { readonly type: "expired" }
	| { readonly type: "done" };

const limitPassed: Refusal = { type: "refused", reason: "limit" };
const rangePassed: Refusal = { type: "refused", reason: "range" };

/**
 * Posts to `account`, which is the caller's working copy and is changed, or refuses and leaves it alone.
 * `now` is in microseconds; an entry is never dated before its predecessor, whatever the clock says.
 */
export function post(account: Account, posting: Posting, now: number): Entry | Refusal {
	const balance = account.balance + (posting.kind === "credit" ? posting.amount : -posting.amount);
	if (posting.kind === "debit" && balance < -account.limit) return limitPassed;
	if (!Number.isSafeInteger(balance)) return rangePassed;
	account.balance = balance;
	account.sequence += 1;
	account.lastPostedAt = Math.max(now, account.lastPostedAt);
	return {
		accountId: account.id,
		sequence: account.sequence,
		kind: posting.kind,
		amount: posting.amount,
		balance,
		description: posting.description,
		postedAt: account.lastPostedAt,
	};
}

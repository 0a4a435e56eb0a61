/**
 * A request that comes twice is applied once: what was answered before is found, under the lock under which
 * entries are posted, and so exactly.
 *
 * Three kinds of memory, by what they cost:
 *
 *     the balancer's id of a posted entry      in the entry's row; found by way of memory (sqlite-recent.ts)
 *     the balancer's id of a refused repeat    a row of answers: a repeat is rare
 *     a client's idempotency key               a row of answers, for a day
 *
 * A refusal at a first, timely attempt is not kept: if it is repeated, nobody has heard of it, and a second
 * decision is as good. docs/decisions.md tells why that is enough, and what was measured.
 */
import type { Database } from "bun:sqlite";
import { idempotencyKeyMicros, isExpired, isLate, requestIdMicros } from "../attempt.ts";
import type { Attempt, Outcome, Posting } from "../ledger.ts";
import { RecentRequests } from "./sqlite-recent.ts";

type AnswerRow = [change: number, description: string, refusal: "limit" | "range" | null, balance: number];
type EntryRow = [accountId: number, change: number, description: string, balance: number];

interface LoadedRow {
	readonly position: number;
	readonly request_id: string | null;
	readonly posted_at: number;
}

type PreparedSql = ReturnType<typeof prepareSql>;

function prepareSql(db: Database) {
	return {
		entriesAfter: db.prepare(
			"SELECT position, request_id FROM entries WHERE position > ? AND request_id IS NOT NULL ORDER BY position",
		),
		entry: db.prepare(
			"SELECT account_id, change, description, balance FROM entries WHERE position = ? AND request_id = ?",
		),
		postedAt: db.prepare("SELECT posted_at FROM entries WHERE position >= ? ORDER BY position LIMIT 1"),
		resetAt: db.prepare("SELECT reset_at FROM resets"),
		answer: db.prepare(
			"SELECT change, description, refusal, balance FROM answers WHERE account_id = ? AND key = ?",
		),
		record: db.prepare(
			`INSERT INTO answers (account_id, key, change, description, refusal, balance, answered_at)
			VALUES (?, ?, ?, ?, ?, ?, ?)`,
		),
		// Two for each that comes: so they never pile up, and no request pays for many.
		forgetTwo: db.prepare(
			"DELETE FROM answers WHERE id IN (SELECT id FROM answers ORDER BY id LIMIT 2) AND answered_at < ?",
		),
	};
}

export class Repeats {
	readonly #sql: PreparedSql;
	readonly #recent: RecentRequests;
	/** Position up to which #recent holds all entries that are committed. */
	#known = 0;
	/** The date of the newest entry that was left out: what began before it may have been posted. */
	#leftOutAt = 0;

	constructor(db: Database, recent = new RecentRequests()) {
		this.#sql = prepareSql(db);
		this.#recent = recent;
		this.#load(db);
	}

	/** For each batch that posts, after its BEGIN IMMEDIATE: what others have appended, up to `lastPosition`. */
	catchUp(lastPosition: number): void {
		if (lastPosition <= this.#known) return;
		const from = Math.max(this.#known, lastPosition - this.#recent.max);
		if (from > this.#known) {
			// This process has slept through more than it can remember.
			const [row] = this.#sql.postedAt.values(from) as [number][];
			this.#leftOutAt = Math.max(this.#leftOutAt, row?.[0] ?? 0);
		}
		for (const [position, requestId] of this.#sql.entriesAfter.values(from) as [number, string][])
			this.#recent.add(requestId, position);
		this.#known = lastPosition;
	}

	/** After the batch's COMMIT: up to here, everything was seen or appended by this process. */
	committed(lastPosition: number): void {
		this.#known = lastPosition;
	}

	/** What is answered instead of posting: the first answer again, or that it is too late to tell. */
	find(posting: Posting, limit: number, now: number): Outcome | undefined {
		const { attempt } = posting;
		const mayBeForgotten = attempt !== undefined && isLate(attempt, now);
		const found = this.#findFirst(posting, limit, mayBeForgotten);
		if (found !== undefined || !mayBeForgotten) return found;
		return this.#isForgotten(attempt, now) ? { type: "expired" } : undefined;
	}

	#findFirst(posting: Posting, limit: number, isLate: boolean): Outcome | undefined {
		const { attempt, idempotencyKey } = posting;
		if (idempotencyKey !== undefined) return this.#findAnswer(posting, `client:${idempotencyKey}`, limit);
		if (attempt === undefined) return undefined;
		const posted = this.#findEntry(posting, attempt, limit);
		if (posted !== undefined || !isLate) return posted;
		return this.#findAnswer(posting, `balancer:${attempt.requestId}`, limit);
	}

	/** A posted entry, whose row is appended at `position`, is found again from here on. */
	posted(posting: Posting, position: number, balance: number, now: number): void {
		const { attempt, idempotencyKey } = posting;
		if (idempotencyKey !== undefined) this.#record(posting, `client:${idempotencyKey}`, null, balance, now);
		else if (attempt !== undefined) this.#recent.add(attempt.requestId, position);
	}

	/** A refusal, if it must hold. */
	refused(posting: Posting, reason: "limit" | "range", now: number): void {
		const { attempt, idempotencyKey } = posting;
		if (idempotencyKey !== undefined) this.#record(posting, `client:${idempotencyKey}`, reason, null, now);
		else if (attempt !== undefined && isLate(attempt, now))
			this.#record(posting, `balancer:${attempt.requestId}`, reason, null, now);
	}

	/** What is answered to a reset that was carried out, or overtaken, already. */
	findReset(attempt: Attempt, now: number): Outcome | undefined {
		if (!isLate(attempt, now)) return undefined;
		const resetAt = this.#resetAt();
		// The clock was set meanwhile: nobody can tell which of the two came first.
		if (isExpired(attempt, now) || resetAt > now) return { type: "expired" };
		return attempt.startedAt <= resetAt ? { type: "done" } : undefined;
	}

	/** Of a late attempt: whether its first outcome may be found no longer. */
	#isForgotten(attempt: Attempt, now: number): boolean {
		if (isExpired(attempt, now) || attempt.startedAt < this.#resetAt()) return true;
		if (attempt.startedAt <= this.#leftOutAt) return true;
		const { oldest } = this.#recent;
		if (oldest === undefined) return false;
		const [row] = this.#sql.postedAt.values(oldest) as [number][];
		return row !== undefined && attempt.startedAt < row[0];
	}

	#findEntry(posting: Posting, { requestId }: Attempt, limit: number): Outcome | undefined {
		if (!this.#recent.mayHold(requestId)) return undefined;
		for (const position of this.#recent.candidates(requestId)) {
			const [row] = this.#sql.entry.values(position, requestId) as EntryRow[];
			if (row === undefined) continue;
			const [accountId, change, description, balance] = row;
			const isSame = accountId === posting.accountId && isPostingOf(posting, change, description);
			return isSame ? { type: "posted", balance, limit } : { type: "key-reused" };
		}
		return undefined;
	}

	#findAnswer(posting: Posting, key: string, limit: number): Outcome | undefined {
		const [row] = this.#sql.answer.values(posting.accountId, key) as AnswerRow[];
		if (row === undefined) return undefined;
		const [change, description, refusal, balance] = row;
		if (!isPostingOf(posting, change, description)) return { type: "key-reused" };
		return refusal === null ? { type: "posted", balance, limit } : { type: "refused", reason: refusal };
	}

	#record(
		posting: Posting,
		key: string,
		refusal: "limit" | "range" | null,
		balance: number | null,
		now: number,
	): void {
		const { accountId, description } = posting;
		this.#sql.forgetTwo.run(now - idempotencyKeyMicros);
		this.#sql.record.run(accountId, key, changeOf(posting), description, refusal, balance, now);
	}

	#resetAt(): number {
		return (this.#sql.resetAt.values()[0] as [number])[0];
	}

	/**
	 * Counted back from the newest entry or from the clock, whichever is earlier: the clock may have been set since,
	 * and an entry is dated like its predecessor on the account, which may have met a clock that was ahead.
	 */
	#load(db: Database): void {
		const now = Date.now() * 1000;
		const newestFirst = db.query(
			"SELECT position, request_id, posted_at FROM entries ORDER BY position DESC",
		);
		const found: LoadedRow[] = [];
		for (const row of newestFirst.iterate() as Iterable<LoadedRow>) {
			const age = Math.min(now, (found[0] ?? row).posted_at) - row.posted_at;
			if (age > requestIdMicros || found.length === this.#recent.max) {
				this.#leftOutAt = Math.min(now, row.posted_at);
				break;
			}
			found.push(row);
		}
		for (const { position, request_id } of found.reverse())
			if (request_id !== null) this.#recent.add(request_id, position);
		this.#known = found.at(-1)?.position ?? 0;
	}
}

/** The signed amount: above zero a credit, below zero a debit. */
export function changeOf({ kind, amount }: Pick<Posting, "kind" | "amount">): number {
	return kind === "credit" ? amount : -amount;
}

function isPostingOf(posting: Posting, change: number, description: string): boolean {
	return changeOf(posting) === change && posting.description === description;
}

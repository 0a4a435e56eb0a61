/** Engines that forget something of what was answered before. */
import type { Database } from "bun:sqlite";
import type { Attempt, Outcome, Posting } from "../../../../ledger/src/ledger.ts";
import { Repeats } from "../../../../ledger/src/store/sqlite-repeats.ts";
import { type Mutant, mutant } from "./mutant.ts";

class FindingNothing extends Repeats {
	override find(): undefined {}
}

class RecordingNoPostedKey extends Repeats {
	override posted(posting: Posting, position: number, balance: number, now: number): void {
		if (posting.idempotencyKey === undefined) super.posted(posting, position, balance, now);
	}
}

class KnowingOnlyItself extends Repeats {
	override catchUp(): void {}
}

class RecordingNoRefusedRepeat extends Repeats {
	override refused(posting: Posting, reason: "limit" | "range", now: number): void {
		if (posting.idempotencyKey !== undefined) super.refused(posting, reason, now);
	}
}

class RecordingNoRefusedKey extends Repeats {
	override refused(posting: Posting, reason: "limit" | "range", now: number): void {
		if (posting.idempotencyKey === undefined) super.refused(posting, reason, now);
	}
}

class NeverTooLate extends Repeats {
	override find(posting: Posting, limit: number, now: number): Outcome | undefined {
		const found = super.find(posting, limit, now);
		return found?.type === "expired" ? undefined : found;
	}
}

class ComparingNothing extends Repeats {
	override find(posting: Posting, limit: number, now: number): Outcome | undefined {
		const found = super.find(posting, limit, now);
		return found?.type === "key-reused" ? { type: "posted", balance: 0, limit } : found;
	}
}

class ResettingTwice extends Repeats {
	override findReset(_attempt: Attempt, _now: number): undefined {}
}

/** What the start reads of the newest entries, without their ids. */
function withoutIds(db: Database): Database {
	const query = (sql: string) => ({
		*iterate() {
			for (const row of db.query(sql).iterate() as Iterable<object>) yield { ...row, request_id: null };
		},
	});
	return { prepare: db.prepare.bind(db), query } as unknown as Database;
}

export const forgetfulRepeats: readonly Mutant[] = [
	mutant("repeats-applied", "a request that is sent again is applied again", {
		newRepeats: (db, recent) => new FindingNothing(db, recent),
	}),
	mutant("posted-key-forgotten", "a posting under a client's key is not written down under it", {
		newRepeats: (db, recent) => new RecordingNoPostedKey(db, recent),
	}),
	mutant("other-process-unknown", "a process does not look at the ids that the other one has appended", {
		newRepeats: (db, recent) => new KnowingOnlyItself(db, recent),
	}),
	mutant("ids-not-loaded", "a process starts without the ids of the newest entries", {
		newRepeats: (db, recent) => new Repeats(withoutIds(db), recent),
	}),
	mutant("refused-repeat-forgotten", "the refusal of a repeat is not written down", {
		newRepeats: (db, recent) => new RecordingNoRefusedRepeat(db, recent),
	}),
	mutant("refused-key-forgotten", "a refusal under a client's key is not written down", {
		newRepeats: (db, recent) => new RecordingNoRefusedKey(db, recent),
	}),
	mutant("never-expired", "an attempt is applied however old it is", {
		newRepeats: (db, recent) => new NeverTooLate(db, recent),
	}),
	mutant("key-not-compared", "another posting under the same key is taken for the same one", {
		newRepeats: (db, recent) => new ComparingNothing(db, recent),
	}),
	mutant("reset-repeated", "a reset that is sent again is carried out again", {
		newRepeats: (db, recent) => new ResettingTwice(db, recent),
	}),
];

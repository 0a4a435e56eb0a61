/**
 * What became of requests that had no answer: the books tell. In some 2,000 of them in a round, any subset of which may
 * have taken effect at any later moment, nobody finds an order; with what the books say of each, the search is exact.
 */
import type { Books } from "../books.ts";
import type { Observed } from "../observed.ts";

/** An entry that is there was posted, at the latest by now, with the balance it has; one that isn't never was. */
export function settleUnknowns(observed: Observed, after: Books): void {
	const entries = new Map(after.entries.map((entry) => [entry.description, entry]));
	const endedAtMs = performance.now();
	for (const posting of observed.postings) {
		if (posting.fate !== "unknown") continue;
		const entry = entries.get(posting.tag);
		if (entry === undefined) posting.fate = "absent";
		else Object.assign(posting, { fate: "posted", balance: entry.balance, endedAtMs });
	}
}

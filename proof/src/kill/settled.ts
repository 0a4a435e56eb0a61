/**
 * What became of requests that had no answer: the books tell. In some 2,000 of them in a round, any subset of which may
 * have taken effect at any later moment, nobody finds an order; with what the books say of each, the search is exact.
 */
import type { Books } from "../books.ts";
import type { Observed } from "../observed.ts";

/** An entry that is there was posted at some moment, with the balance it has; one that isn't never was. */
export function settleUnknowns(observed: Observed, after: Books): void {
	const entries = new Map(after.entries.map((entry) => [entry.description, entry]));
	const endedAtMs = afterAll(observed);
	for (const posting of observed.postings) {
		if (posting.fate !== "unknown") continue;
		const entry = entries.get(posting.tag);
		if (entry === undefined) posting.fate = "absent";
		else Object.assign(posting, { fate: "posted", balance: entry.balance, endedAtMs });
	}
}

/** An instant after everything that was seen. */
function afterAll({ postings, statements }: Observed): number {
	return [...postings, ...statements].reduce(
		(latest, { invokedAtMs, endedAtMs }) =>
			Math.max(latest, invokedAtMs, Number.isFinite(endedAtMs) ? endedAtMs : 0),
		0,
	);
}

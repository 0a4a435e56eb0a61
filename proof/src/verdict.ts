/**
 * The one checker for all attacks: what the clients have seen against the books before and after.
 *
 * Every acknowledged entry is there exactly once, with the balance that its answer said; what was refused, or said
 * not to be applied, is not there; what had no answer is there once or never; nothing that a statement showed is gone;
 * the sequence has no gap and no prefix passes the limit. And the judge's own checker has to find an order of all
 * that was answered, in which each operation takes effect between its call and its return.
 *
 * A reset takes everything away at one instant. Where there was one, an order is not looked for; what was posted
 * before it, or while it was under way, may be gone.
 */
import { arithmeticFindings, type BookEntry, type Books } from "./books.ts";
import type { Observed, SeenPosting, SeenStatement } from "./observed.ts";
import { orderFindings } from "./order.ts";

/** Of one kind: a thousand lost entries are one finding. */
const findingsMax = 20;

/** A sentence for each thing that is wrong, at most a few dozen; `before` were the books when the clients began. */
export function findings(before: Books, observed: Observed, after: Books): string[] {
	const places = placesOf(after);
	const hasReset = observed.resets.some(({ fate }) => fate !== "absent");
	return [
		...observed.surprises,
		...arithmeticFindings(after),
		...(hasReset ? [] : pastFindings(before, after)),
		...postingFindings(observed, places),
		...strangerFindings(before, observed, after),
		...statementFindings(before, observed, places),
		...(hasReset ? [] : orderFindings(before, observed, after)),
	].slice(0, 5 * findingsMax);
}

/** By description: tags are never given twice. */
type Places = ReadonlyMap<string, readonly BookEntry[]>;

function placesOf({ entries }: Books): Places {
	return Map.groupBy(entries, ({ description }) => description);
}

/** What was there before is there still, at its place. */
function pastFindings(before: Books, after: Books): string[] {
	const place = ({ accountId, sequence }: BookEntry) => `${accountId} ${sequence}`;
	const found = new Map(after.entries.map((entry) => [place(entry), entry]));
	return before.entries
		.filter((entry) => !Bun.deepEquals(found.get(place(entry)), entry))
		.map(
			({ accountId, sequence }) =>
				`entry ${sequence} of account ${accountId}, from before, is gone or another`,
		)
		.slice(0, findingsMax);
}

function postingFindings(observed: Observed, places: Places): string[] {
	const found: string[] = [];
	for (const posting of observed.postings) {
		const entries = places.get(posting.tag) ?? [];
		const finding = postingFinding(
			posting,
			entries,
			mayBeReset(observed, posting),
			mustBeReset(observed, posting),
		);
		if (finding !== undefined) found.push(`${posting.tag} (${posting.change}) ${finding}`);
	}
	return found.slice(0, findingsMax);
}

function postingFinding(
	posting: SeenPosting,
	entries: readonly BookEntry[],
	mayBeGone: boolean,
	mustBeGone: boolean,
): string | undefined {
	const { fate, accountId, change, balance } = posting;
	const [entry] = entries;
	if (entries.length > 1) return `is there ${entries.length} times`;
	if (entry === undefined)
		return fate === "posted" && !mayBeGone ? "was acknowledged, and is lost" : undefined;
	if (entry.accountId !== accountId || entry.change !== change)
		return `is there as ${entry.change} on account ${entry.accountId}`;
	if (fate === "refused") return "was refused, and is there";
	if (fate === "absent") return "was said not to be applied, and is there";
	if (mustBeGone) return "is there in spite of a reset";
	if (fate === "posted" && entry.balance !== balance)
		return `made the balance ${entry.balance}, its answer said ${balance}`;
	return undefined;
}

function mayBeReset({ resets }: Observed, { invokedAtMs }: { readonly invokedAtMs: number }): boolean {
	return resets.some(({ fate, endedAtMs }) => fate !== "absent" && endedAtMs > invokedAtMs);
}

function mustBeReset({ resets }: Observed, { endedAtMs }: SeenPosting): boolean {
	return resets.some(({ fate, invokedAtMs }) => fate === "done" && invokedAtMs > endedAtMs);
}

/** Nothing is there that nobody sent. */
function strangerFindings(before: Books, observed: Observed, after: Books): string[] {
	const known = new Set(before.entries.map(({ description }) => description));
	for (const { tag } of observed.postings) known.add(tag);
	return after.entries
		.filter(({ description }) => !known.has(description))
		.map(({ description }) => `${JSON.stringify(description)} is there, and was never sent`)
		.slice(0, findingsMax);
}

/** What was shown is there, in that order, without a gap. */
function statementFindings(before: Books, observed: Observed, places: Places): string[] {
	const known = new Set(before.entries.map(({ description }) => description));
	const found: string[] = [];
	for (const statement of observed.statements) {
		if (mayBeReset(observed, statement)) continue;
		const finding = shownFinding(statement, places, known);
		if (finding !== undefined) found.push(`a statement of account ${statement.accountId} ${finding}`);
	}
	return found.slice(0, findingsMax);
}

function shownFinding(
	{ accountId, balance, entries }: SeenStatement,
	places: Places,
	earlier: ReadonlySet<string>,
): string | undefined {
	let newer: BookEntry | undefined;
	for (const { description, change } of entries) {
		// Those from before need not have a tag of their own.
		if (earlier.has(description) && places.get(description)?.length !== 1) return undefined;
		const entry = places.get(description)?.[0];
		if (entry === undefined) return `showed ${description}, which is gone`;
		if (entry.accountId !== accountId || entry.change !== change)
			return `showed ${description} as ${change}, it is ${entry.change} on account ${entry.accountId}`;
		if (newer === undefined && entry.balance !== balance)
			return `showed the balance ${balance}, with ${description} it was ${entry.balance}`;
		if (newer !== undefined && entry.sequence !== newer.sequence - 1)
			return `showed ${description} below ${newer.description}, which is not its successor`;
		newer = entry;
	}
	return undefined;
}

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
import { LinearizabilityChecker } from "../../loadtest/src/linearizability.ts";
import type { InitialAccount, Observation, Token } from "../../loadtest/src/operation.ts";
import { arithmeticFindings, type BookAccount, type BookEntry, type Books } from "./books.ts";
import type { Observed, SeenPosting, SeenStatement, ShownEntry } from "./observed.ts";

const shownMax = 10;
/** Of one kind: a thousand lost entries are one finding. */
const findingsMax = 20;

/** A sentence for each thing that is wrong, at most a few dozen; `before` were the books when the clients began. */
export function findings(before: Books, observed: Observed, after: Books): string[] {
	const places = placesOf(after);
	return [
		...observed.surprises,
		...arithmeticFindings(after),
		...(observed.resets.some(({ fate }) => fate !== "absent") ? [] : pastFindings(before, after)),
		...postingFindings(observed, places),
		...strangerFindings(before, observed, after),
		...statementFindings(before, observed, places),
		...orderFindings(before, observed, after),
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

/** The judge's search for an order, over each account, with the books that were left as its last statement. */
function orderFindings(before: Books, observed: Observed, after: Books): string[] {
	if (observed.resets.some(({ fate }) => fate !== "absent")) return [];
	const found: string[] = [];
	const endedAtMs = afterAll(observed);
	for (const account of before.accounts) {
		const earlier = newestOf(before, account.accountId);
		const tokenOf = tokens(observed, earlier);
		const checker = new LinearizabilityChecker(initialAccount(account, earlier, tokenOf));
		for (const observation of observationsOf(observed, account.accountId, tokenOf)) checker.add(observation);
		const left = after.accounts.find(({ accountId }) => accountId === account.accountId);
		checker.add({
			...{
				number: observed.postings.length + observed.statements.length,
				outcome: "shown",
				token: 0,
				change: 0,
			},
			...{ invokedAtMs: endedAtMs, endedAtMs, balance: left?.balance ?? Number.NaN },
			entries: newestOf(after, account.accountId).map(tokenOf),
		});
		checker.finish();
		if (checker.verdict !== "linearizable")
			found.push(`account ${account.accountId} is ${checker.verdict}: ${checker.reason}`);
	}
	return found;
}

/** An instant after everything that was seen. */
function afterAll({ postings, statements }: Observed): number {
	return [...postings, ...statements].reduce(
		(latest, { invokedAtMs, endedAtMs }) =>
			Math.max(latest, invokedAtMs + 1, Number.isFinite(endedAtMs) ? endedAtMs + 1 : 0),
		0,
	);
}

type TokenOf = (entry: ShownEntry) => Token;

/** Ours are their numbers; those from before count down from -1, and what looks the same is the same. */
function tokens({ tags }: Observed, earlier: readonly ShownEntry[]): TokenOf {
	const known = new Map<string, number>();
	const look = ({ description, change }: ShownEntry) => `${change} ${description}`;
	for (const entry of earlier) if (!known.has(look(entry))) known.set(look(entry), -1 - known.size);
	return (entry) => tags.numberOf(entry.description) ?? known.get(look(entry)) ?? Number.MIN_SAFE_INTEGER;
}

function initialAccount(
	{ accountId, limit, balance }: BookAccount,
	earlier: readonly ShownEntry[],
	tokenOf: TokenOf,
): InitialAccount {
	return { accountId, limit, balance, entries: earlier.map(tokenOf) };
}

/** Newest first. */
function newestOf({ entries }: Books, wantedId: number): ShownEntry[] {
	return entries
		.filter(({ accountId }) => accountId === wantedId)
		.slice(-shownMax)
		.toReversed();
}

function observationsOf(observed: Observed, wantedId: number, tokenOf: TokenOf): Observation[] {
	const postings = observed.postings
		.filter(({ accountId, fate }) => accountId === wantedId && fate !== "absent")
		.map(({ number, fate, invokedAtMs, endedAtMs, change, balance }) => ({
			...{ number, outcome: fate as Observation["outcome"], invokedAtMs, endedAtMs, change, balance },
			...{ token: number, entries: [] },
		}));
	const statements = observed.statements
		.filter(({ accountId }) => accountId === wantedId)
		.map(({ number, invokedAtMs, endedAtMs, balance, entries }) => ({
			...{ number, outcome: "shown" as const, invokedAtMs, endedAtMs, change: 0, balance, token: number },
			entries: entries.map(tokenOf),
		}));
	return [...postings, ...statements];
}

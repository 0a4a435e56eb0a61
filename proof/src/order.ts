/**
 * Whether there is one order of all that was answered, in which each operation takes effect between its call and its
 * return: the judge's own search, over each account.
 */
import { LinearizabilityChecker } from "../../loadtest/src/linearizability.ts";
import type { InitialAccount, Observation, Token } from "../../loadtest/src/operation.ts";
import type { BookAccount, Books } from "./books.ts";
import type { Observed, SeenPosting, SeenStatement, ShownEntry } from "./observed.ts";

const shownMax = 10;

/** A sentence for each account without an order; the books that were left are its last statement. */
export function orderFindings(before: Books, observed: Observed, after: Books): string[] {
	const found: string[] = [];
	const endedAtMs = afterAll(observed);
	const postings = settled(observed.postings, after, endedAtMs);
	for (const account of before.accounts) {
		const earlier = newestOf(before, account.accountId);
		const tokenOf = tokens(observed, earlier);
		const checker = new LinearizabilityChecker(initialAccount(account, earlier, tokenOf));
		for (const observation of observationsOf(postings, observed.statements, account.accountId, tokenOf))
			checker.add(observation);
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

/**
 * What became of postings that had no answer: the books tell. Any subset of some thousand of them may have taken effect
 * at any later moment, and nobody would find an order; with what the books say of each, the search is exact.
 */
function settled(postings: readonly SeenPosting[], after: Books, endedAtMs: number): SeenPosting[] {
	const entries = new Map(after.entries.map((entry) => [entry.description, entry]));
	return postings.map((posting) => {
		if (posting.fate !== "unknown") return posting;
		const entry = entries.get(posting.tag);
		if (entry === undefined) return { ...posting, fate: "absent" };
		return { ...posting, fate: "posted", balance: entry.balance, endedAtMs };
	});
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

function observationsOf(
	postings: readonly SeenPosting[],
	statements: readonly SeenStatement[],
	wantedId: number,
	tokenOf: TokenOf,
): Observation[] {
	const posted = postings
		.filter(({ accountId, fate }) => accountId === wantedId && fate !== "absent")
		.map(({ number, fate, invokedAtMs, endedAtMs, change, balance }) => ({
			...{ number, outcome: fate as Observation["outcome"], invokedAtMs, endedAtMs, change, balance },
			...{ token: number, entries: [] },
		}));
	const shown = statements
		.filter(({ accountId }) => accountId === wantedId)
		.map(({ number, invokedAtMs, endedAtMs, balance, entries }) => ({
			...{ number, outcome: "shown" as const, invokedAtMs, endedAtMs, change: 0, balance, token: number },
			entries: entries.map(tokenOf),
		}));
	return [...posted, ...shown];
}

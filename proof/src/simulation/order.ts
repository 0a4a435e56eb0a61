/**
 * A second opinion on a run: the judge's own search for an order that explains all answers of an account. It knows
 * nothing of commits and their instants, only what clients saw; but of a posting without an answer it is told what became
 * of it, and when: all subsets of many would be too much for any search. Resets are not in its vocabulary, nor the limits of a clock that is set.
 */
import { LinearizabilityChecker } from "../../../loadtest/src/linearizability.ts";
import type { Observation } from "../../../loadtest/src/operation.ts";
import type { Done, PostingDone, StatementDone } from "./clients.ts";
import type { Account, Commit, LoggedEntry } from "./disk.ts";

const shownMax = 10;

type TimedEntry = LoggedEntry & { readonly atMs: number };

/** A sentence for each account without an order; none for a run with resets. */
export function orderFindings(
	accounts: readonly Account[],
	done: readonly Done[],
	commits: readonly Commit[],
): string[] {
	if (done.some(({ type }) => type === "reset")) return [];
	const entries = commits.flatMap(({ atMs, steps }) =>
		steps.flatMap((step) => (step.type === "entry" ? [{ ...step, atMs }] : [])),
	);
	const endedAtMs = afterAll(done, commits);
	return accounts.flatMap((account) => {
		const own = entries.filter(({ accountId }) => accountId === account.accountId);
		const checker = new LinearizabilityChecker({ ...account, entries: [] });
		for (const observation of observationsOf(done, account, own, endedAtMs)) checker.add(observation);
		checker.finish();
		// "unknown" is no opinion: there were too many orders to try them all, some few times in a million.
		return checker.verdict === "not linearizable"
			? [`account ${account.accountId} has no order: ${checker.reason}`]
			: [];
	});
}

function observationsOf(
	done: readonly Done[],
	{ accountId, balance }: Account,
	own: readonly TimedEntry[],
	endedAtMs: number,
): Observation[] {
	const byTag = new Map(own.map((entry) => [entry.description, entry]));
	const seen = done.flatMap((one, number) => {
		if (one.type === "reset" || one.accountId !== accountId) return [];
		return one.type === "statement"
			? [statementSeen(one, number)]
			: postingSeen(one, number, byTag.get(one.tag));
	});
	const left = {
		...{ number: done.length, token: 0, change: 0, outcome: "shown" as const },
		...{ invokedAtMs: endedAtMs, endedAtMs, balance: own.at(-1)?.balance ?? balance },
		entries: own
			.slice(-shownMax)
			.toReversed()
			.map(({ description }) => tokenOf(description)),
	};
	return [...seen, left];
}

function postingSeen(
	{ tag, fate, change, invokedAtMs, ...posting }: PostingDone,
	number: number,
	entry: TimedEntry | undefined,
): Observation[] {
	const isSettled = fate === "posted" || fate === "refused";
	if (!isSettled && entry === undefined) return [];
	const { endedAtMs, balance } = isSettled
		? posting
		: { endedAtMs: entry?.atMs ?? 0, balance: entry?.balance ?? 0 };
	const outcome = isSettled ? fate : "posted";
	const token = tokenOf(tag);
	return [{ number, outcome, invokedAtMs, endedAtMs, change, token, balance, entries: [] }];
}

function statementSeen(
	{ invokedAtMs, endedAtMs, balance, entries }: StatementDone,
	number: number,
): Observation {
	const tokens = entries.map(({ description }) => tokenOf(description));
	return {
		...{ number, outcome: "shown", invokedAtMs, endedAtMs },
		...{ change: 0, token: 0, balance, entries: tokens },
	};
}

/** Tags are numbers with 36 digits. */
function tokenOf(tag: string): number {
	return Number.parseInt(tag, 36);
}

function afterAll(done: readonly Done[], commits: readonly Commit[]): number {
	const ends = done.flatMap(({ invokedAtMs, endedAtMs }) => [invokedAtMs, endedAtMs]).filter(Number.isFinite);
	return Math.max(0, ...ends, ...commits.map(({ atMs }) => atMs)) + 1;
}

/**
 * What the clients of a simulated run were told against what the disk holds in the end: the commits in their order,
 * with the instants at which they were made. So the order is known, and each answer has its place in it.
 */
import { statementEntriesMax } from "../../../ledger/src/ledger.ts";
import type { Done, PostingDone, ResetDone, StatementDone } from "./clients.ts";
import { type ClockSet, stepMsMax, wasSetALittle } from "./clock-sets.ts";
import type { Account, Commit, LoggedEntry } from "./disk.ts";

/** An account between two changes. */
interface State {
	readonly fromMs: number;
	/** Infinity for the last one, and `fromMs` for what was only seen by the rest of the same transaction. */
	untilMs: number;
	readonly balance: number;
	/** Newest last; all since the last reset. */
	readonly entries: readonly LoggedEntry[];
	/** Whether a transaction has ended with it, so that others can see it. */
	isCommitted: boolean;
}

interface Placed {
	readonly entry: LoggedEntry;
	readonly atMs: number;
}

/** Whether what began and ended then may have met a limit that is known. */
type Excuse = (fromMs: number, toMs: number) => boolean;

/** A sentence for each thing that is wrong. */
export function simulationFindings(
	accounts: readonly Account[],
	done: readonly Done[],
	commits: readonly Commit[],
	clockSets: readonly ClockSet[],
): string[] {
	const byTag = Map.groupBy(placesOf(commits), ({ entry }) => entry.description);
	const states = new Map(accounts.map((account) => [account.accountId, statesOf(account, commits)]));
	const limits = new Map(accounts.map(({ accountId, limit }) => [accountId, limit]));
	const isExcused: Excuse = (fromMs, toMs) => wasSetALittle(clockSets, fromMs, toMs);
	return [
		...accounts.flatMap((account) => historyFindings(account, commits)),
		...unsentFindings(done, byTag),
		...done.flatMap((one) => {
			if (one.type === "reset") return [];
			const seen = states.get(one.accountId) ?? [];
			if (one.type === "statement") return statementFindings(one, seen);
			return postingFindings(one, byTag.get(one.tag) ?? [], seen, limits.get(one.accountId) ?? 0, isExcused);
		}),
		...resetFindings(
			done.filter((one) => one.type === "reset"),
			commits,
			isExcused,
		),
	];
}

function placesOf(commits: readonly Commit[]): Placed[] {
	return commits.flatMap(({ atMs, steps }) =>
		steps.flatMap((step) => (step.type === "entry" ? [{ entry: step, atMs }] : [])),
	);
}

function statesOf({ accountId, balance: initial }: Account, commits: readonly Commit[]): State[] {
	const open = { untilMs: Number.POSITIVE_INFINITY, isCommitted: true };
	let last: State = { fromMs: Number.NEGATIVE_INFINITY, balance: initial, entries: [], ...open };
	const states = [last];
	for (const { atMs, steps } of commits) {
		let isFirst = true;
		for (const step of steps) {
			if (step.type === "entry" && step.accountId !== accountId) continue;
			last.untilMs = atMs;
			// What this transaction itself has made was seen by nobody else.
			if (!isFirst) last.isCommitted = false;
			isFirst = false;
			last =
				step.type === "reset"
					? { fromMs: atMs, balance: initial, entries: [], ...open }
					: { fromMs: atMs, balance: step.balance, entries: [...last.entries, step], ...open };
			states.push(last);
		}
	}
	return states;
}

/** The balance runs, the limit holds at each prefix, the sequence has no gap, and no date goes back. */
function historyFindings(
	{ accountId, limit, balance: initial }: Account,
	commits: readonly Commit[],
): string[] {
	const found: string[] = [];
	let [balance, sequence, postedAt] = [initial, 0, 0];
	for (const step of commits.flatMap(({ steps }) => steps)) {
		if (step.type === "reset") [balance, sequence, postedAt] = [initial, 0, 0];
		else if (step.accountId === accountId) {
			balance += step.change;
			sequence += 1;
			if (step.balance !== balance || step.sequence !== sequence)
				found.push(
					`${step.description} is number ${step.sequence} with ${step.balance}, not ${sequence} with ${balance}`,
				);
			if (step.change < 0 && balance < -limit) found.push(`${step.description} passes the limit`);
			if (step.postedAt < postedAt) found.push(`${step.description} is dated before its predecessor`);
			postedAt = step.postedAt;
		}
	}
	return found;
}

function unsentFindings(done: readonly Done[], byTag: ReadonlyMap<string, readonly Placed[]>): string[] {
	const sent = new Set(done.flatMap((one) => (one.type === "posting" ? one.tag : [])));
	return [...byTag.keys()]
		.filter((tag) => !sent.has(tag))
		.map((tag) => `${tag} is there, and was never sent`);
}

function postingFindings(
	posting: PostingDone,
	places: readonly Placed[],
	states: readonly State[],
	limit: number,
	isExcused: Excuse,
): string[] {
	const { tag, fate, accountId, change, invokedAtMs, endedAtMs, balance } = posting;
	const [place] = places;
	if (places.length > 1)
		return isOvertaken(places, states, (untilMs) => isExcused(invokedAtMs, untilMs))
			? []
			: [`${tag} was applied ${places.length} times`];
	if (fate === "refused") {
		if (place !== undefined)
			return isExcused(invokedAtMs, place.atMs) ? [] : [`${tag} was refused, and is there`];
		const seen = statesWithin(states, invokedAtMs, endedAtMs);
		const isRight = change < 0 && seen.some((state) => state.balance + change < -limit);
		return isRight ? [] : [`${tag} was refused without a reason`];
	}
	if (fate === "absent")
		return place === undefined ? [] : [`${tag} was said not to be applied, and is there`];
	if (place === undefined) return fate === "posted" ? [`${tag} was acknowledged, and is lost`] : [];
	const { entry, atMs } = place;
	if (entry.accountId !== accountId || entry.change !== change)
		return [`${tag} is there, but not as it was sent`];
	if (fate === "posted" && entry.balance !== balance)
		return [`${tag} was answered with ${balance}, and has ${entry.balance}`];
	if (atMs < invokedAtMs || atMs > endedAtMs) return [`${tag} was applied outside of its time`];
	return [];
}

/** By a reset that took the first one away, and by a clock that made the request look younger than that. */
function isOvertaken(
	places: readonly Placed[],
	states: readonly State[],
	isExcused: (untilMs: number) => boolean,
): boolean {
	const [firstMs, secondMs] = places.map(({ atMs }) => atMs) as [number, number];
	const isReset = states.some(
		({ entries, fromMs }) => entries.length === 0 && fromMs >= firstMs && fromMs <= secondMs,
	);
	return places.length === 2 && isReset && isExcused(secondMs);
}

/** One of the states that the account had between question and answer, and none that was taken back. */
function statementFindings(statement: StatementDone, states: readonly State[]): string[] {
	const { accountId, invokedAtMs, endedAtMs } = statement;
	const seen = statesWithin(states, invokedAtMs, endedAtMs);
	if (seen.some((state) => state.isCommitted && isShown(state, statement))) return [];
	return [
		`a statement of account ${accountId} between ${rounded(invokedAtMs)} and ${rounded(endedAtMs)} ms showed ${statement.balance} and ` +
			`${statement.entries.length} entries, which the account had not then, or no longer has`,
	];
}

function isShown(state: State, { balance, entries }: StatementDone): boolean {
	const newest = state.entries.slice(-statementEntriesMax).toReversed();
	return (
		state.balance === balance &&
		newest.length === entries.length &&
		newest.every(({ description, change, postedAt }, index) => {
			const shown = entries[index];
			const shownChange = shown?.kind === "credit" ? shown.amount : -(shown?.amount ?? 0);
			return shown?.description === description && shownChange === change && shown.postedAt === postedAt;
		})
	);
}

/** Who was told that it is done finds one in its time; and each one that there was, somebody had asked for. */
function resetFindings(
	resets: readonly ResetDone[],
	commits: readonly Commit[],
	isExcused: Excuse,
): string[] {
	const made = commits.flatMap(({ atMs, steps }) =>
		steps.flatMap(({ type }) => (type === "reset" ? atMs : [])),
	);
	const missed = resets.filter(
		({ fate, invokedAtMs, endedAtMs }) =>
			fate === "done" &&
			// By nginx's clock, which counts milliseconds, it is as old as another one of the same millisecond.
			!made.some((atMs) => atMs >= Math.floor(invokedAtMs) && atMs <= endedAtMs) &&
			// An earlier reset may be dated behind it, by a clock that was set back since.
			!isExcused(invokedAtMs - stepMsMax, endedAtMs),
	);
	return [
		...missed.map(() => "a reset was acknowledged, and not carried out"),
		...unaskedResets(resets, made)
			.filter((atMs) => !resets.some(({ invokedAtMs }) => isExcused(invokedAtMs, atMs)))
			.map((atMs) => `the reset at ${rounded(atMs)} ms is one more than was asked for`),
	];
}

/** Each reset takes the request among those open then that was answered first: if any assignment fits, this one does. */
function unaskedResets(resets: readonly ResetDone[], made: readonly number[]): number[] {
	const left = resets
		.filter(({ fate }) => fate !== "absent")
		.sort((one, other) => one.endedAtMs - other.endedAtMs);
	return made.filter((atMs) => {
		const index = left.findIndex(({ invokedAtMs, endedAtMs }) => invokedAtMs <= atMs && atMs <= endedAtMs);
		if (index >= 0) left.splice(index, 1);
		return index < 0;
	});
}

function rounded(ms: number): number {
	return Math.round(ms * 100) / 100;
}

/** Those that the account was in at some instant of that time. */
function statesWithin(states: readonly State[], fromMs: number, toMs: number): State[] {
	return states.filter((state) => state.fromMs <= toMs && state.untilMs >= fromMs);
}

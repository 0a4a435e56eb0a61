/**
 * What the clients of a simulated run were told against what the disk holds in the end: the commits in their order,
 * with the instants at which they were made. So the order is known, and each answer has its place in it.
 */
import type { Done, PostingDone, ResetDone, StatementDone } from "./clients.ts";
import type { Account, Commit, LoggedEntry } from "./disk.ts";

/** An account between two changes. */
interface State {
	/** When it began. */
	readonly fromMs: number;
	readonly balance: number;
	/** Newest last; all since the last reset. */
	readonly entries: readonly LoggedEntry[];
}

interface Placed {
	readonly entry: LoggedEntry;
	readonly atMs: number;
}

const shownMax = 10;

/** A sentence for each thing that is wrong. */
export function simulationFindings(
	accounts: readonly Account[],
	done: readonly Done[],
	commits: readonly Commit[],
): string[] {
	const placed = commits.flatMap(({ atMs, entries }) => entries.map((entry) => ({ entry, atMs })));
	const byTag = Map.groupBy(placed, ({ entry }) => entry.description);
	const states = new Map(accounts.map((account) => [account.accountId, statesOf(account, commits)]));
	const limits = new Map(accounts.map(({ accountId, limit }) => [accountId, limit]));
	const sent = new Set(done.flatMap((one) => (one.type === "posting" ? one.tag : [])));
	return [
		...accounts.flatMap((account) => historyFindings(account, commits)),
		...placed
			.filter(({ entry }) => !sent.has(entry.description))
			.map(({ entry }) => `${entry.description} is there, and was never sent`),
		...done.flatMap((one) => {
			if (one.type === "posting")
				return postingFindings(one, byTag.get(one.tag) ?? [], states, limits.get(one.accountId) ?? 0);
			return one.type === "statement"
				? statementFindings(one, states.get(one.accountId) ?? [])
				: resetFindings(one, commits);
		}),
		...resetCountFindings(done, commits),
	];
}

function statesOf({ accountId, balance: initial }: Account, commits: readonly Commit[]): State[] {
	const states: State[] = [{ fromMs: Number.NEGATIVE_INFINITY, balance: initial, entries: [] }];
	for (const { atMs, isReset, entries } of commits) {
		const before = states.at(-1) as State;
		const own = entries.filter((entry) => entry.accountId === accountId);
		if (!isReset && own.length === 0) continue;
		const all = [...(isReset ? [] : before.entries), ...own];
		states.push({ fromMs: atMs, balance: all.at(-1)?.balance ?? initial, entries: all });
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
	for (const { isReset, entries } of commits) {
		if (isReset) [balance, sequence, postedAt] = [initial, 0, 0];
		for (const entry of entries) {
			if (entry.accountId !== accountId) continue;
			balance += entry.change;
			sequence += 1;
			if (entry.balance !== balance || entry.sequence !== sequence)
				found.push(
					`${entry.description} is number ${entry.sequence} with ${entry.balance}, not ${sequence} with ${balance}`,
				);
			if (entry.change < 0 && balance < -limit) found.push(`${entry.description} passes the limit`);
			if (entry.postedAt < postedAt) found.push(`${entry.description} is dated before its predecessor`);
			postedAt = entry.postedAt;
		}
	}
	return found;
}

function postingFindings(
	posting: PostingDone,
	places: readonly Placed[],
	states: ReadonlyMap<number, readonly State[]>,
	limit: number,
): string[] {
	const { tag, fate, accountId, change, invokedAtMs, endedAtMs, balance } = posting;
	const [place] = places;
	if (places.length > 1) return [`${tag} was applied ${places.length} times`];
	if (fate === "refused") {
		if (place !== undefined) return [`${tag} was refused, and is there`];
		const seen = statesWithin(states.get(accountId) ?? [], invokedAtMs, endedAtMs);
		const isRight = seen.some((state) => state.balance + change < -limit);
		return isRight || change > 0 ? [] : [`${tag} was refused without a reason`];
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

/** One of the states that the account had between question and answer, and none that was taken back. */
function statementFindings(statement: StatementDone, states: readonly State[]): string[] {
	const { accountId, invokedAtMs, endedAtMs } = statement;
	const seen = statesWithin(states, invokedAtMs, endedAtMs);
	if (seen.some((state) => isShown(state, statement))) return [];
	return [
		`a statement of account ${accountId} between ${invokedAtMs} and ${endedAtMs} ms showed ${statement.balance} and ` +
			`${statement.entries.length} entries, which the account had not then, or no longer has`,
	];
}

function isShown(state: State, { balance, entries }: StatementDone): boolean {
	const newest = state.entries.slice(-shownMax).toReversed();
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

/** Somebody has reset it meanwhile: this one, or one that overtook it. */
function resetFindings({ fate, invokedAtMs, endedAtMs }: ResetDone, commits: readonly Commit[]): string[] {
	if (fate !== "done") return [];
	const isThere = commits.some(({ isReset, atMs }) => isReset && atMs >= invokedAtMs && atMs <= endedAtMs);
	return isThere ? [] : ["a reset was acknowledged, and not carried out"];
}

function resetCountFindings(done: readonly Done[], commits: readonly Commit[]): string[] {
	const asked = done.filter((one) => one.type === "reset" && one.fate !== "absent").length;
	const made = commits.filter(({ isReset }) => isReset).length;
	return made > asked ? [`there were ${made} resets, and ${asked} were asked for`] : [];
}

/** Those that the account was in at some instant of that time. */
function statesWithin(states: readonly State[], fromMs: number, toMs: number): State[] {
	return states.filter(
		(state, index) =>
			state.fromMs <= toMs && (states[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY) >= fromMs,
	);
}

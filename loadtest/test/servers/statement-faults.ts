/** Ways to be wrong about a statement, over books that are right. Each one can be seen by clients. */
import { type Account, changeOf, type Entry, statementOf } from "./books.ts";
import { precedes, type Visit } from "./visits.ts";
import { type ShownEntry, type Statement, shownMax } from "./wire.ts";

export interface StatementScene {
	readonly account: Account;
	readonly visit: Visit;
	/** Whose answer an entry was. */
	readonly visitOf: ReadonlyMap<Entry, Visit>;
	readonly random: () => number;
	/** A random while, in which others are served. */
	pause(): Promise<void>;
	/** The fault has happened. */
	commit(): void;
}

interface StatementFault {
	/** Whether it can happen to this request. */
	isPossible(scene: StatementScene): boolean;
	/** In place of the right statement. */
	statement(scene: StatementScene): Statement | Promise<Statement>;
}

export const statementFaults = {
	"stale-statement": {
		isPossible: (scene) => newestInHand(scene) >= 0,
		statement(scene) {
			const { account, commit } = scene;
			const index = newestInHand(scene);
			const missing = account.entries[index] as Entry;
			commit();
			return {
				balance: missing.balance - changeOf(missing),
				limit: account.limit,
				entries: account.entries.slice(Math.max(0, index - shownMax), index).reverse(),
			};
		},
	},
	"torn-statement": {
		isPossible: () => true,
		async statement({ account, pause, commit }) {
			const { balance } = account;
			await pause();
			if (account.balance !== balance) commit();
			return { ...statementOf(account), balance };
		},
	},
	"wrong-total-in-statement": {
		isPossible: () => true,
		statement({ account, commit }) {
			commit();
			const statement = statementOf(account);
			return { ...statement, balance: statement.balance + 1 };
		},
	},
	"statement-out-of-order": {
		isPossible: hasEntries(2),
		statement: ({ account, random, commit }) =>
			changed(account, commit, (entries) => {
				const at = below(random, entries.length - 1);
				const [newer, older] = entries.slice(at, at + 2) as [ShownEntry, ShownEntry];
				// The dates stay, so that it doesn't show in them.
				entries[at] = { ...older, postedAt: newer.postedAt };
				entries[at + 1] = { ...newer, postedAt: older.postedAt };
			}),
	},
	"statement-missing-entry": {
		isPossible: hasEntries(3),
		statement({ account, random, commit }) {
			commit();
			const { balance, limit, entries } = account;
			const candidates = entries.slice(-shownMax - 1).reverse();
			candidates.splice(1 + below(random, Math.min(candidates.length, shownMax) - 2), 1);
			return { balance, limit, entries: candidates.slice(0, shownMax) };
		},
	},
	"statement-too-long": {
		isPossible: hasEntries(shownMax + 1),
		statement({ account: { balance, limit, entries }, commit }) {
			commit();
			return { balance, limit, entries: entries.slice(-shownMax - 1).reverse() };
		},
	},
	"foreign-entry": {
		isPossible: hasEntries(1),
		statement: ({ account, random, commit }) =>
			changed(account, commit, (entries) => {
				const at = below(random, entries.length);
				const entry = entries[at] as ShownEntry;
				entries.splice(at, 0, { ...entry, description: similar(entry.description) });
				if (entries.length > shownMax) entries.pop();
			}),
	},
	"amount-off-in-statement": {
		isPossible: hasEntries(1),
		statement: ({ account, random, commit }) =>
			changed(account, commit, (entries) => {
				const at = below(random, entries.length);
				const entry = entries[at] as ShownEntry;
				entries[at] = { ...entry, amount: entry.amount + 1 };
			}),
	},
	"kind-swapped-in-statement": {
		isPossible: hasEntries(1),
		statement: ({ account, random, commit }) =>
			changed(account, commit, (entries) => {
				const at = below(random, entries.length);
				const entry = entries[at] as ShownEntry;
				entries[at] = { ...entry, kind: entry.kind === "credit" ? "debit" : "credit" };
			}),
	},
} satisfies Record<string, StatementFault>;

export type StatementFaultName = keyof typeof statementFaults;

function hasEntries(countMin: number): (scene: StatementScene) => boolean {
	return ({ account }) => account.entries.length >= countMin;
}

/** A right statement with its entries, newest first, changed. */
function changed(account: Account, commit: () => void, change: (entries: ShownEntry[]) => void): Statement {
	const statement = statementOf(account);
	const entries = [...statement.entries];
	change(entries);
	commit();
	return { ...statement, entries };
}

/** The index of the newest entry whose answer was in its client's hand before this statement was asked for; or −1. */
function newestInHand({ account, visit, visitOf }: StatementScene): number {
	return account.entries.findLastIndex((entry) => {
		const earlier = visitOf.get(entry);
		return earlier !== undefined && precedes(earlier, visit);
	});
}

/** Of the same length, with a last character that descriptions of a test don't have. */
function similar(description: string): string {
	const last = description.at(-1);
	return description.slice(0, -1) + (last === "~" ? "!" : "~");
}

function below(random: () => number, bound: number): number {
	return Math.floor(random() * bound);
}

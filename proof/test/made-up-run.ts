/** A run that never was: what clients of a right ledger would have seen, and its books, so that tests may bend either. */
import type { BookEntry, Books } from "../src/books.ts";
import { Observed } from "../src/observed.ts";
import { Random } from "../src/random.ts";

export interface MadeUpRun {
	readonly before: Books;
	readonly observed: Observed;
	readonly after: { accounts: Books["accounts"]; entries: BookEntry[]; problems: string[] };
}

const limit = 1000;
const stepMs = 10;

/** One client after another, half of it on each of two accounts; every seventh has no answer. */
export function madeUpRun(seed: number, operations = 60): MadeUpRun {
	const random = new Random(seed);
	const accountIds = [1, 2];
	const accounts = accountIds.map((accountId) => ({
		accountId,
		limit,
		initialBalance: 0,
		balance: 0,
		sequence: 0,
	}));
	const before: Books = { accounts: accounts.map((account) => ({ ...account })), entries: [], problems: [] };
	const observed = new Observed();
	const entries: BookEntry[] = [];
	for (let step = 0; step < operations; step += 1) {
		const account = accounts[random.below(2)] as (typeof accounts)[number];
		const { accountId } = account;
		const [invokedAtMs, endedAtMs] = [step * stepMs, step * stepMs + 5];
		if (random.chance(0.3)) {
			const newest = entries
				.filter((entry) => entry.accountId === accountId)
				.slice(-10)
				.toReversed();
			const shown = newest.map(({ description, change }) => ({ description, change }));
			const number = observed.nextNumber();
			const { balance } = account;
			observed.statements.push({ number, accountId, invokedAtMs, endedAtMs, balance, limit, entries: shown });
			continue;
		}
		const change = random.chance(0.7) ? -random.between(1, 400) : random.between(1, 400);
		const posting = Object.assign(observed.invokePosting(accountId, change), { invokedAtMs });
		const isRefused = account.balance + change < -limit;
		const isUnknown = step % 7 === 6;
		if (!isRefused) {
			account.balance += change;
			account.sequence += 1;
			const { balance, sequence } = account;
			entries.push({ accountId, sequence, change, balance, description: posting.tag, postedAt: step });
			Object.assign(posting, { balance, limit });
		}
		if (!isUnknown) Object.assign(posting, { endedAtMs, fate: isRefused ? "refused" : "posted" });
	}
	entries.sort((one, other) => one.accountId - other.accountId || one.sequence - other.sequence);
	return { before, observed, after: { accounts, entries, problems: [] } };
}

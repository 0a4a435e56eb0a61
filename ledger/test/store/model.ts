/**
 * The ledger a second time, as simple as can be and without a number that could round; and the random
 * commands by which a store is compared with it.
 */
import { type Command, centsMax, type Posting, type Statement } from "../../src/ledger.ts";
import type { Store } from "../../src/store.ts";
import type { Random } from "../random.ts";
import { accounts, post, posted, read, withoutTimes } from "./place.ts";

export class Model {
	readonly #accounts = new Map<number, { limit: bigint; balance: bigint; entries: Posting[] }>();

	constructor() {
		this.#reset();
	}

	#reset(): void {
		for (const { id, limit, balance } of accounts) {
			this.#accounts.set(id, { limit: BigInt(limit), balance: BigInt(balance), entries: [] });
		}
	}

	commit(batch: readonly Command[]): unknown[] {
		const outcomes = batch.map((command) =>
			command.type === "post" ? this.#post(command) : this.#other(command),
		);
		return outcomes.map((outcome, index) => {
			const command = batch[index];
			return command?.type === "statement" ? this.#read(command.accountId) : outcome;
		});
	}

	#post(posting: Posting): unknown {
		const account = this.#accounts.get(posting.accountId);
		if (account === undefined) return { type: "unknown-account" };
		const balance = account.balance + BigInt(posting.kind === "credit" ? posting.amount : -posting.amount);
		if (balance < -account.limit) return { type: "refused", reason: "limit" };
		if (balance > BigInt(centsMax)) return { type: "refused", reason: "range" };
		account.balance = balance;
		account.entries.unshift(posting);
		return posted(Number(balance), Number(account.limit));
	}

	#other(command: Command): unknown {
		if (command.type === "reset") this.#reset();
		return { type: "done" };
	}

	#read(accountId: number): unknown {
		const account = this.#accounts.get(accountId);
		if (account === undefined) return { type: "unknown-account" };
		const entries = account.entries
			.slice(0, 10)
			.map(({ kind, amount, description }) => ({ kind, amount, description }));
		return { type: "statement", balance: Number(account.balance), limit: Number(account.limit), entries };
	}
}

/** What a database may treat unlike a plain letter. */
export const descriptions = [
	"a",
	"0123456789",
	"😀".repeat(10),
	"e\u0301",
	"ação",
	"'; --",
	'"\\',
	"\u2028",
	"\u{10ffff}",
	"\ufeff",
	" ",
];

export function randomBatch(random: Random, resets: boolean): Command[] {
	return Array.from({ length: random.between(1, random.pick([1, 5, 40])) }, () =>
		randomCommand(random, resets),
	);
}

function randomCommand(random: Random, resets: boolean): Command {
	const accountId = random.chance(0.05) ? random.pick([6, 5, 9_999_999_998]) : random.pick(accounts).id;
	const roll = random.next();
	if (roll < 0.15) return read(accountId);
	if (roll < 0.17) return { type: "probe" };
	if (roll < 0.18 && resets) return { type: "reset" };
	const amount = random.pick([
		1,
		random.between(1, 10),
		random.between(1, 1500),
		random.between(1, centsMax),
		centsMax,
	]);
	return post(accountId, random.chance(0.5) ? amount : -amount, random.pick(descriptions));
}

/** Runs random batches through a store and through the model; tells the first answer that differs. */
export async function firstDifference(
	random: Random,
	batches: number,
	store: () => Store,
): Promise<string | undefined> {
	const model = new Model();
	for (let round = 0; round < batches; round += 1) {
		const batch = randomBatch(random, true);
		const outcomes = await store().commit(batch);
		const expected = model.commit(batch);
		for (const [index, command] of batch.entries()) {
			if (!Bun.deepEquals(withoutTimes(outcomes[index]), expected[index], true)) {
				return `${JSON.stringify(command)}: ${JSON.stringify(outcomes[index])}, not ${JSON.stringify(expected[index])}`;
			}
			const outcome = outcomes[index];
			if (outcome?.type === "statement" && !descends(outcome))
				return `times run backwards: ${JSON.stringify(outcome)}`;
		}
	}
	return undefined;
}

/** Issued last, then the entries from the newest to the oldest. */
function descends({ issuedAt, entries }: Statement): boolean {
	const times = [issuedAt, ...entries.map(({ postedAt }) => postedAt)];
	return times.every((time, index) => index === 0 || time <= (times[index - 1] as number));
}

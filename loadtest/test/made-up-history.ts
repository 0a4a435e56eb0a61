/**
 * Histories of an account that nobody ran: clients against a ledger in memory, in made-up time. Right ones,
 * and ones in which the ledger breaks one promise once, at a place where it can be seen.
 */
import type { InitialAccount, Observation, Token } from "../src/operation.ts";

/** From 0 up to, but without, 1: mulberry32 (Tommy Ettinger, public domain). */
export type Random = () => number;

export function randomOf(seed: number): Random {
	let state = seed | 0;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

export function below(random: Random, bound: number): number {
	return Math.floor(random() * bound);
}

/** One way for a ledger to be wrong. */
export const faults = [
	"lost update",
	"double apply",
	"stale statement",
	"wrong balance in an answer",
	"spurious refusal",
	"limit passed by one cent",
	"statement out of order",
	"acknowledged then lost",
	"statement without an entry",
	"future read",
	"unknown applied twice",
] as const;

type Fault = (typeof faults)[number];

export interface Making {
	readonly random: Random;
	readonly operations: number;
	readonly clients: number;
	readonly limit: number;
	readonly balance: number;
	readonly amountMax: number;
	/** Of credits and debits, how many get no answer; half of those are applied, some of them much later. */
	readonly unknownShare: number;
	/** Of everything, how many are statements; of the rest a third are credits. */
	readonly statementShare: number;
	readonly fault?: Fault;
}

export interface MadeUp {
	readonly account: InitialAccount;
	/** In the order in which they ended, those without an answer where their clients gave up. */
	readonly observations: Observation[];
	/** Whether the fault found a place. */
	readonly isFaulty: boolean;
}

interface Plan {
	readonly number: number;
	readonly kind: "credit" | "debit" | "statement";
	readonly change: number;
	readonly invokedAtMs: number;
	/** When it takes effect; Infinity for never. */
	readonly effectAtMs: number;
	/** When its client has the answer, or gives up. */
	readonly endedAtMs: number;
	readonly isAnswered: boolean;
}

/** The part of a ledger that can go wrong. */
interface State {
	balance: number;
	/** Newest first, one more than a statement shows. */
	entries: Token[];
	posted: number;
}

export function makeUp(making: Making): MadeUp {
	const { limit, balance } = making;
	const account: InitialAccount = { accountId: 1, limit, balance, entries: balance === 0 ? [] : [-1, -2] };
	const plans = plan(making);
	const ledger = new Ledger(making, account, plans);
	for (const planned of plans.filter(({ effectAtMs }) => effectAtMs < Number.POSITIVE_INFINITY))
		ledger.effect(planned);
	const ended = plans.toSorted((one, other) => one.endedAtMs - other.endedAtMs);
	return {
		account,
		observations: ended.flatMap((planned) => ledger.observations.get(planned.number) ?? []),
		isFaulty: ledger.faultyAt !== undefined,
	};
}

/** Each client sends, waits for the answer and sends again. In the order in which they take effect. */
function plan({ random, operations, clients, amountMax, unknownShare, statementShare }: Making): Plan[] {
	const readyAtMs = Array.from({ length: clients }, () => random());
	const plans: Plan[] = [];
	for (let number = 0; number < operations; number++) {
		const client = readyAtMs.indexOf(Math.min(...readyAtMs));
		const kind = random() < statementShare ? "statement" : random() < 1 / 3 ? "credit" : "debit";
		const amount = 1 + below(random, amountMax);
		const invokedAtMs = (readyAtMs[client] as number) + random() * 0.2;
		const durationMs = 0.2 + random() ** 4 * 8;
		const isAnswered = kind === "statement" || random() >= unknownShare;
		const endedAtMs = invokedAtMs + durationMs;
		const fate = random();
		const lateMs = fate < 0.5 ? durationMs * random() : fate < 0.6 ? 50 * random() : Number.POSITIVE_INFINITY;
		const change = kind === "statement" ? 0 : kind === "credit" ? amount : -amount;
		const effectAtMs = invokedAtMs + (isAnswered ? durationMs * random() : lateMs);
		plans.push({ number, kind, change, invokedAtMs, effectAtMs, endedAtMs, isAnswered });
		readyAtMs[client] = endedAtMs;
	}
	return plans.sort((one, other) => one.effectAtMs - other.effectAtMs);
}

class Ledger {
	readonly observations = new Map<number, Observation>();
	/** The operation that the fault befell. */
	faultyAt: number | undefined;
	readonly #making: Making;
	readonly #plans: readonly Plan[];
	#state: State;
	/** After each operation that took effect. */
	readonly #past: { readonly atMs: number; readonly state: State }[] = [];
	#effects = 0;

	constructor(making: Making, account: InitialAccount, plans: readonly Plan[]) {
		this.#making = making;
		this.#plans = plans;
		this.#state = { balance: account.balance, entries: [...account.entries], posted: 0 };
		for (const planned of plans) if (!planned.isAnswered) this.#observe(planned, "unknown", 0, []);
	}

	effect(planned: Plan): void {
		this.#effects += 1;
		const { fault, operations } = this.#making;
		// In the middle, so that there is something before it to contradict, and after it to notice.
		const isDue = this.#effects > operations * 0.4 && this.#effects < operations * 0.8;
		if (fault === undefined || this.faultyAt !== undefined || !isDue || !this.#misbehaves(planned, fault))
			this.#behave(planned);
		else this.faultyAt = planned.number;
		this.#past.push({ atMs: planned.effectAtMs, state: { ...this.#state } });
		if (this.#past.length > 1000) this.#past.splice(0, 500);
	}

	#behave(planned: Plan): void {
		const { balance, entries } = this.#state;
		if (planned.kind === "statement") this.#observe(planned, "shown", balance, entries);
		else if (this.#fits(planned)) this.#post(planned);
		else this.#observe(planned, "refused", 0, []);
	}

	#fits({ change }: Plan): boolean {
		return change > 0 || this.#state.balance + change >= -this.#making.limit;
	}

	#post(planned: Plan, from = this.#state.balance): void {
		const { entries, posted } = this.#state;
		this.#state = {
			balance: from + planned.change,
			entries: [planned.number, ...entries.slice(0, 10)],
			posted: posted + 1,
		};
		this.#observe(planned, "posted", this.#state.balance, []);
	}

	/** Breaks the promise if it can be broken here so that it shows. */
	#misbehaves(planned: Plan, fault: Fault): boolean {
		const { kind, change, isAnswered, invokedAtMs } = planned;
		const { balance, entries } = this.#state;
		if (!isAnswered) return false;
		switch (fault) {
			case "lost update": {
				const before = this.#past.at(-2)?.state.balance;
				if (change === 0 || before === undefined || before === balance || !this.#fits(planned)) return false;
				if (before + change < -this.#making.limit) return false;
				this.#post(planned, before);
				return true;
			}
			case "double apply":
				if (change === 0 || balance + 2 * change < -this.#making.limit) return false;
				this.#post(planned);
				this.#state.balance += change;
				return true;
			case "stale statement": {
				const earlier = this.#past.findLast(({ atMs }) => atMs < invokedAtMs)?.state;
				const stale = this.#past.findLast(({ state }) => state.posted < (earlier?.posted ?? 0))?.state;
				if (kind !== "statement" || stale === undefined || !this.#isAnswered(earlier?.entries[0]))
					return false;
				// Whoever was answered before the statement was asked must be in it.
				if ((this.#planOf(earlier?.entries[0])?.endedAtMs ?? Infinity) >= invokedAtMs) return false;
				this.#observe(planned, "shown", stale.balance, stale.entries);
				return true;
			}
			case "wrong balance in an answer":
				if (change === 0 || !this.#fits(planned)) return false;
				this.#post(planned);
				this.#observe(planned, "posted", this.#state.balance + 1, []);
				return true;
			case "spurious refusal":
				if (change >= 0 || balance + 64 * -this.#making.amountMax < -this.#making.limit) return false;
				this.#observe(planned, "refused", 0, []);
				return true;
			case "limit passed by one cent": {
				if (change >= 0) return false;
				const debit = { ...planned, change: -this.#making.limit - 1 - balance };
				if (debit.change >= 0) return false;
				this.#post(debit);
				return true;
			}
			case "statement out of order":
				if (kind !== "statement" || entries.length < 2) return false;
				this.#observe(planned, "shown", balance, [
					entries[1] as Token,
					entries[0] as Token,
					...entries.slice(2),
				]);
				return true;
			case "acknowledged then lost":
				if (change === 0 || !this.#fits(planned)) return false;
				this.#observe(planned, "posted", balance + change, []);
				return true;
			case "statement without an entry": {
				if (kind !== "statement" || entries.length < 3) return false;
				const left = below(this.#making.random, Math.min(entries.length, 10));
				this.#observe(planned, "shown", balance, entries.toSpliced(left, 1));
				return true;
			}
			case "future read": {
				if (kind !== "statement") return false;
				const later = this.#plans.find((other) => other.change > 0 && other.invokedAtMs > planned.endedAtMs);
				if (later === undefined) return false;
				this.#observe(planned, "shown", balance + later.change, [later.number, ...entries]);
				return true;
			}
			case "unknown applied twice":
				if (change === 0 || balance + 2 * change < -this.#making.limit) return false;
				this.#post(planned);
				this.#post({ ...planned, isAnswered: false });
				return true;
		}
	}

	#planOf(token: Token | undefined): Plan | undefined {
		return this.#plans.find(({ number }) => number === token);
	}

	#isAnswered(token: Token | undefined): boolean {
		return this.#planOf(token)?.isAnswered ?? false;
	}

	#observe(planned: Plan, outcome: Observation["outcome"], balance: number, entries: readonly Token[]): void {
		const { number, change, invokedAtMs, endedAtMs, isAnswered } = planned;
		this.observations.set(number, {
			number,
			outcome: isAnswered ? outcome : "unknown",
			invokedAtMs,
			endedAtMs: isAnswered ? endedAtMs : Number.POSITIVE_INFINITY,
			change,
			token: number,
			balance: isAnswered ? balance : 0,
			entries: entries.slice(0, 10),
		});
	}
}

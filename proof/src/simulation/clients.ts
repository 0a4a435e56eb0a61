/** The clients of the simulation: each asks one thing after another, and remembers what it was told. */
import type { StatementEntry } from "../../../ledger/src/ledger.ts";
import type { Random } from "../random.ts";
import type { Balancer, Request } from "./balancer.ts";
import type { Account } from "./disk.ts";
import type { LedgerProcess, Reply } from "./ledger-process.ts";
import { outside, type World } from "./world.ts";

export interface PostingDone {
	readonly type: "posting";
	readonly tag: string;
	readonly accountId: number;
	readonly change: number;
	readonly invokedAtMs: number;
	/** Infinity when it is unknown. */
	endedAtMs: number;
	fate: "posted" | "refused" | "absent" | "unknown";
	balance: number;
}

export interface StatementDone {
	readonly type: "statement";
	readonly accountId: number;
	readonly invokedAtMs: number;
	readonly endedAtMs: number;
	readonly balance: number;
	/** Newest first. */
	readonly entries: readonly StatementEntry[];
}

export interface ResetDone {
	readonly type: "reset";
	readonly invokedAtMs: number;
	endedAtMs: number;
	fate: "done" | "absent" | "unknown";
}

export type Done = PostingDone | StatementDone | ResetDone;

export interface Habits {
	readonly clients: number;
	/** Of each. */
	readonly requests: number;
	readonly accounts: readonly Account[];
	readonly amountMax: number;
	/** Of the postings. */
	readonly debitShare: number;
	readonly statementShare: number;
	readonly resetShare: number;
	/** Of the postings: with a key, under which the client sends it again when it knows nothing. */
	readonly keyShare: number;
	readonly thinkMsMax: number;
	/** Longer no client waits for an answer. */
	readonly patienceMs: number;
}

const keyTriesMax = 4;
const keyPauseMsMax = 600;

export class Clients {
	/** In the order in which they were invoked. */
	readonly done: Done[] = [];
	/** Answers that no ledger may give. */
	readonly surprises: string[] = [];
	/** Postings sent again by a client, and those of them under a key that named another one. */
	readonly sentAgain = { same: 0, other: 0 };
	readonly #world: World;
	readonly #random: Random;
	readonly #balancer: Balancer;
	readonly #habits: Habits;
	#busy: number;

	constructor(world: World, balancer: Balancer, habits: Habits) {
		this.#world = world;
		this.#random = world.random;
		this.#balancer = balancer;
		this.#habits = habits;
		this.#busy = habits.clients;
		for (let client = 0; client < habits.clients; client += 1) this.#next(habits.requests);
	}

	get areBusy(): boolean {
		return this.#busy > 0;
	}

	#next(left: number): void {
		if (left === 0) {
			this.#busy -= 1;
			return;
		}
		this.#world.after(
			this.#random.next() * this.#habits.thinkMsMax,
			() => this.#ask(() => this.#next(left - 1)),
			outside,
		);
	}

	#ask(next: () => void): void {
		const { accounts, statementShare, resetShare, keyShare, amountMax, debitShare } = this.#habits;
		const { accountId } = this.#random.pick(accounts);
		const dice = this.#random.next();
		if (dice < resetShare) this.#reset(next);
		else if (dice < resetShare + statementShare) this.#look(accountId, next);
		else {
			const amount = this.#random.between(1, amountMax);
			const change = this.#random.chance(debitShare) ? -amount : amount;
			this.#post(accountId, change, this.#random.chance(keyShare), next);
		}
	}

	#post(accountId: number, change: number, hasKey: boolean, next: () => void): void {
		const tag = this.done.length.toString(36);
		const posting: PostingDone = {
			...{ type: "posting", tag, accountId, change, invokedAtMs: this.#world.nowMs },
			...{ endedAtMs: Number.POSITIVE_INFINITY, fate: "unknown", balance: 0 },
		};
		this.done.push(posting);
		if (hasKey) this.#sendWithKey(posting, keyTriesMax, next);
		else
			this.#send(requestOf(posting), (reply) => {
				this.#note(posting, reply);
				next();
			});
	}

	#sendWithKey(posting: PostingDone, triesLeft: number, next: () => void): void {
		this.#send(requestOf(posting, posting.tag), (reply) => {
			const isFirst = triesLeft === keyTriesMax;
			// That this try was not applied says nothing of those before it.
			if (isFirst || reply.type !== "absent") this.#note(posting, reply);
			const isKnown = posting.fate === "posted" || posting.fate === "refused";
			if (triesLeft === 1) return next();
			if (isKnown && !this.#random.chance(0.2)) return next();
			const pauseMs = this.#random.next() * keyPauseMsMax;
			if (isKnown) this.#world.after(pauseMs, () => this.#sendKnownAgain(posting, next), outside);
			else if (posting.fate === "absent") next();
			else {
				this.sentAgain.same += 1;
				this.#world.after(pauseMs, () => this.#sendWithKey(posting, triesLeft - 1, next), outside);
			}
		});
	}

	/** The same answer is the right one, or to another posting that the key is taken. */
	#sendKnownAgain(posting: PostingDone, next: () => void): void {
		const isOther = this.#random.chance(0.3);
		this.sentAgain[isOther ? "other" : "same"] += 1;
		const request = requestOf(
			isOther ? { ...posting, change: posting.change + 1 || 2 } : posting,
			posting.tag,
		);
		this.#send(request, (reply) => {
			const isRight = isOther
				? reply.type === "key-reused"
				: reply.type === posting.fate && (reply.type !== "posted" || reply.balance === posting.balance);
			if (!isRight && reply.type !== "absent" && reply.type !== "unknown")
				this.surprises.push(
					`${posting.tag} was ${posting.fate}, and ${isOther ? "another one under its key" : "sent again"} was answered ${reply.type}`,
				);
			next();
		});
	}

	#note(posting: PostingDone, reply: Reply): void {
		switch (reply.type) {
			case "posted":
				this.#expectLimit(posting.accountId, reply.limit);
				posting.balance = reply.balance;
				posting.fate = "posted";
				break;
			case "refused":
			case "absent":
				posting.fate = reply.type;
				break;
			case "unknown":
				return;
			default:
				this.surprises.push(`${posting.tag} was answered ${reply.type}`);
				return;
		}
		posting.endedAtMs = this.#world.nowMs;
	}

	#look(accountId: number, next: () => void): void {
		const invokedAtMs = this.#world.nowMs;
		this.#send({ type: "statement", accountId }, (reply) => {
			this.#noteStatement(accountId, invokedAtMs, reply, false);
			next();
		});
	}

	#noteStatement(accountId: number, invokedAtMs: number, reply: Reply, mustBe: boolean): void {
		if (reply.type === "statement") {
			const { balance, limit, issuedAt, entries } = reply;
			const endedAtMs = this.#world.nowMs;
			this.#expectLimit(accountId, limit);
			if (issuedAt < (entries[0]?.postedAt ?? 0))
				this.surprises.push(`a statement of account ${accountId} was issued before its newest entry`);
			this.done.push({ type: "statement", accountId, invokedAtMs, endedAtMs, balance, entries });
		} else if (mustBe || (reply.type !== "absent" && reply.type !== "unknown"))
			this.surprises.push(`a statement was answered ${reply.type}${mustBe ? " in the end" : ""}`);
	}

	#expectLimit(accountId: number, limit: number): void {
		const account = this.#habits.accounts.find((candidate) => candidate.accountId === accountId);
		if (account?.limit !== limit)
			this.surprises.push(`account ${accountId} was answered with the limit ${limit}`);
	}

	/** What each process answers in the end, when nothing happens any more: each of them serves, and shows the same. */
	lookAt(process: LedgerProcess): void {
		for (const { accountId } of this.#habits.accounts) {
			const invokedAtMs = this.#world.nowMs;
			const lose = () => this.surprises.push("a process does not answer in the end");
			if (!process.isServing) lose();
			else
				process.receive(
					{ type: "statement", accountId },
					(reply) => this.#noteStatement(accountId, invokedAtMs, reply, true),
					lose,
				);
		}
	}

	#send(request: Request, answer: (reply: Reply) => void): void {
		let isOver = false;
		const end = (reply: Reply) => {
			if (isOver) return;
			isOver = true;
			late.isCancelled = true;
			answer(reply);
		};
		const late = this.#world.after(this.#habits.patienceMs, () => end({ type: "unknown" }), outside);
		this.#balancer.send(request, end);
	}

	#reset(next: () => void): void {
		const reset: ResetDone = {
			...{ type: "reset", invokedAtMs: this.#world.nowMs },
			...{ endedAtMs: Number.POSITIVE_INFINITY, fate: "unknown" },
		};
		this.done.push(reset);
		this.#send({ type: "reset" }, (reply) => {
			if (reply.type === "done" || reply.type === "absent") {
				reset.fate = reply.type;
				reset.endedAtMs = this.#world.nowMs;
			} else if (reply.type !== "unknown") this.surprises.push(`a reset was answered ${reply.type}`);
			next();
		});
	}
}

function requestOf({ accountId, change, tag }: PostingDone, idempotencyKey?: string): Request {
	const kind = change > 0 ? "credit" : "debit";
	const posting = { type: "post", accountId, kind, amount: Math.abs(change), description: tag } as const;
	return idempotencyKey === undefined ? posting : { ...posting, idempotencyKey };
}

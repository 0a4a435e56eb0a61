/**
 * Clients in a closed loop: each keeps a connection, sends one request, waits for its answer, notes it and goes on
 * with the next. One that got no answer turns to the next target.
 */
import { type Answer, Client, NoAnswer } from "../../loadtest/src/ask.ts";
import { readStatement } from "../../loadtest/src/checks.ts";
import { Posting } from "../../loadtest/src/posting.ts";
import { Requests } from "../../loadtest/src/requests.ts";
import { parseTarget, type Target } from "../../loadtest/src/target.ts";
import type { Observed, SeenPosting } from "./observed.ts";
import type { Random } from "./random.ts";

/** After a connection that could not be had. */
const reconnectMs = 5;
const amountMax = 30_000;

export interface ClientsOptions {
	/** `http://host:port` or `unix:/path`; the clients spread over them. */
	readonly targets: readonly string[];
	readonly count: number;
	readonly observed: Observed;
	readonly random: Random;
	/** The five of the Rinha unless said otherwise. */
	readonly accountIds?: readonly number[];
	/** Of the requests; 0.2 unless said otherwise. */
	readonly statementShare?: number;
	/** Between an answer and the next request; none unless said otherwise. */
	readonly pauseMs?: number;
	/** Without an answer for so long, a request is given up; 20 s unless said otherwise. */
	readonly timeoutMs?: number;
	/** Told of each answer. */
	readonly onAnswer?: (status: number, atMs: number) => void;
}

interface Place {
	readonly target: Target;
	readonly requests: Requests;
}

export class Clients {
	/** Answers by their status. */
	readonly statuses = new Map<number, number>();
	/** Requests without a whole answer, and the shortest time that one of them was without. */
	unanswered = 0;
	unansweredMsMin = Number.POSITIVE_INFINITY;
	readonly #options: ClientsOptions;
	readonly #places: readonly Place[];
	readonly #running: Promise<void>[];
	readonly #posting = new Posting();
	#isStopped = false;

	/** They begin at once. */
	constructor(options: ClientsOptions) {
		this.#options = options;
		this.#places = options.targets.map((text) => {
			const target = parseTarget(text);
			return { target, requests: new Requests(target, []) };
		});
		this.#running = Array.from({ length: options.count }, (_, index) => this.#run(index));
	}

	get answers(): number {
		return [...this.statuses.values()].reduce((sum, count) => sum + count, 0);
	}

	/** Resolves when each has the answer that it waits for, or has lost its connection. */
	async stop(): Promise<void> {
		this.#isStopped = true;
		await Promise.all(this.#running);
	}

	async #run(first: number): Promise<void> {
		const { pauseMs, timeoutMs = 20_000 } = this.#options;
		for (let turn = first; !this.#isStopped; turn += 1) {
			const { target, requests } = this.#places[turn % this.#places.length] as Place;
			const client = new Client(target, timeoutMs);
			while (!this.#isStopped && (await this.#ask(client, requests)))
				if (pauseMs !== undefined) await Bun.sleep(pauseMs);
			client.close();
			if (!this.#isStopped) await Bun.sleep(reconnectMs);
		}
	}

	/** @returns whether there was an answer. */
	#ask(client: Client, requests: Requests): Promise<boolean> {
		const { random, accountIds = [1, 2, 3, 4, 5], statementShare = 0.2, observed } = this.#options;
		const accountId = random.pick(accountIds);
		if (random.chance(statementShare)) return this.#look(client, requests, accountId);
		const amount = random.between(1, amountMax);
		// Two debits to one credit, as the challenge has it.
		const posting = observed.invokePosting(accountId, random.below(3) === 0 ? amount : -amount);
		return this.#post(client, requests, posting);
	}

	async #post(client: Client, requests: Requests, posting: SeenPosting): Promise<boolean> {
		const { number, accountId, change, tag } = posting;
		const kind = change > 0 ? "credit" : "debit";
		const operation = { number, kind, accountId, amount: Math.abs(change) } as const;
		const answer = await this.#answer(client, requests.entry(operation, tag));
		if (answer instanceof NoAnswer) {
			if (!answer.isSent) posting.fate = "absent";
			return false;
		}
		this.#note(posting, answer);
		return true;
	}

	#note(posting: SeenPosting, answer: Answer): void {
		const { status, body, bodyBytes, bodyStart, bodyEnd, endedAtMs } = answer;
		const reader = this.#posting;
		if (status === 200 && reader.read(bodyBytes, bodyStart, bodyEnd)) {
			posting.fate = "posted";
			posting.balance = reader.saldo;
			posting.limit = reader.limite;
		} else if (status === 422 && posting.change < 0) posting.fate = "refused";
		// "Nothing was applied", in the ledger's own words; those of a balancer say nothing.
		else if (status === 503 && /"urn:crebito:problema:(sobrecarga|indisponivel)"/.test(body))
			posting.fate = "absent";
		else if (status < 500) this.#surprise(`${posting.tag} was answered ${status}: ${body}`);
		if (posting.fate !== "unknown") posting.endedAtMs = endedAtMs;
	}

	async #look(client: Client, requests: Requests, accountId: number): Promise<boolean> {
		const { observed } = this.#options;
		const number = observed.nextNumber();
		const answer = await this.#answer(client, requests.statement(accountId));
		if (answer instanceof NoAnswer) return false;
		const { status, body, sentAtMs: invokedAtMs, endedAtMs } = answer;
		const statement = status === 200 ? readStatement(body) : undefined;
		if (typeof statement === "string") this.#surprise(`a statement of account ${accountId}: ${statement}`);
		else if (statement !== undefined) {
			const { balance, limit } = statement;
			const entries = statement.entries.map(({ valor, tipo, descricao }) => ({
				description: descricao,
				change: tipo === "c" ? valor : -valor,
			}));
			observed.statements.push({ number, accountId, invokedAtMs, endedAtMs, balance, limit, entries });
		} else if (status < 500) this.#surprise(`a statement of account ${accountId} was answered ${status}`);
		return true;
	}

	async #answer(client: Client, request: Buffer): Promise<Answer | NoAnswer> {
		const askedAtMs = performance.now();
		try {
			const answer = await client.ask(request);
			this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1);
			this.#options.onAnswer?.(answer.status, answer.endedAtMs);
			return answer;
		} catch (error) {
			if (!(error instanceof NoAnswer)) throw error;
			this.unanswered += 1;
			this.unansweredMsMin = Math.min(this.unansweredMsMin, performance.now() - askedAtMs);
			return error;
		}
	}

	#surprise(sentence: string): void {
		this.#options.observed.surprises.push(sentence);
	}
}

/** Resets, and notes what became of it. */
export async function resetOnce(targetText: string, observed: Observed, timeoutMs = 20_000): Promise<void> {
	const target = parseTarget(targetText);
	const client = new Client(target, timeoutMs);
	const reset = observed.invokeReset();
	try {
		const { status, endedAtMs } = await client.ask(new Requests(target, []).post("/reset", ""));
		if (status !== 200) return;
		reset.fate = "done";
		reset.endedAtMs = endedAtMs;
	} catch (error) {
		if (!(error instanceof NoAnswer)) throw error;
		if (!error.isSent) reset.fate = "absent";
	} finally {
		client.close();
	}
}

/**
 * Every answer is judged on its own: status, shape, the account's limit, and whose entries a statement shows.
 * Whether the answers fit together is decided after the run, by `linearizability.ts`.
 *
 * Here the wire's Portuguese ends. Checking costs next to nothing, since the generator shares its processor
 * with it: the object of the last answer is reused, and a sentence is only made when something is wrong.
 */
import type { Operation, Outcome, Token } from "./operation.ts";
import { Posting, parsed } from "./posting.ts";
import type { OperationSource, WireEntry } from "./scenario.ts";

/** A statement shows no more entries than this. */
const shownMax = 10;

export interface Account {
	readonly accountId: number;
	readonly limit: number;
	readonly balance: number;
	/** From before the run, newest first. */
	readonly entries: readonly WireEntry[];
}

const none: readonly Token[] = [];

/** An answer that came whole; the body is bytes [bodyStart, bodyEnd) of bodyBytes. */
export interface WholeAnswer {
	readonly status: number;
	readonly bodyBytes: Buffer;
	readonly bodyStart: number;
	readonly bodyEnd: number;
}

export class Checks {
	/** Of the last answer, for the history: the new or shown balance, and what a statement showed. */
	balance = 0;
	entries: readonly Token[] = none;
	/** Of the last answer, when something was wrong with it. */
	violation: { readonly name: string; readonly message: string } | undefined;
	/** Whether the answer is what the scenario accepts: 200, or 422 for a debit, and nothing wrong with it. */
	isSuccess = false;

	readonly #posting = new Posting();
	readonly #source: OperationSource;
	readonly #accounts: ReadonlyMap<number, Account>;
	/** Tokens of entries from before the run, by account and look. */
	readonly #earlier = new Map<string, Token>();

	constructor(source: OperationSource, accounts: readonly Account[]) {
		this.#source = source;
		this.#accounts = new Map(accounts.map((account) => [account.accountId, account]));
		for (const { accountId, entries } of accounts)
			for (const [index, entry] of entries.entries()) this.#earlier.set(look(accountId, entry), -1 - index);
	}

	/** The tokens of an account's entries from before the run, newest first. Those that look the same share one. */
	earlierTokens({ accountId, entries }: Account): Token[] {
		return entries.map((entry) => this.#earlier.get(look(accountId, entry)) as Token);
	}

	/** Judges an answer; `sent` operations have been sent so far. */
	check(operation: Operation, answer: WholeAnswer, sent: number): Outcome {
		this.violation = undefined;
		this.isSuccess = false;
		this.balance = 0;
		this.entries = none;
		const outcome =
			operation.kind === "statement"
				? this.#statement(operation, answer, sent)
				: this.#entry(operation, answer);
		if (this.violation !== undefined) this.isSuccess = false;
		return outcome;
	}

	#entry({ kind, accountId }: Operation, answer: WholeAnswer): Outcome {
		const { status } = answer;
		if (status === 422 && kind === "debit") {
			this.isSuccess = true;
			return "refused";
		}
		if (status !== 200) {
			this.#otherStatus(kind, status);
			// Whatever a wrong status means, nobody can know whether the entry was posted.
			return "unknown";
		}
		if (!this.#posting.read(answer.bodyBytes, answer.bodyStart, answer.bodyEnd)) {
			this.#violated(
				"malformed-answer",
				"the body isn't an object with saldo and limite, both whole numbers",
			);
			return "unknown";
		}
		const { saldo, limite } = this.#posting;
		this.#checkLimit(accountId, limite);
		if (saldo < -limite) this.#violated("limit-passed", `saldo ${saldo} is below the limit of ${limite}`);
		this.isSuccess = true;
		this.balance = saldo;
		return "posted";
	}

	#statement({ kind, accountId }: Operation, answer: WholeAnswer, sent: number): Outcome {
		const { status, bodyBytes, bodyStart, bodyEnd } = answer;
		if (status !== 200) {
			this.#otherStatus(kind, status);
			return "nothing";
		}
		const statement = readStatement(bodyBytes.toString("utf8", bodyStart, bodyEnd));
		if (typeof statement === "string") {
			this.#violated("malformed-statement", statement);
			return "nothing";
		}
		this.isSuccess = true;
		this.#checkLimit(accountId, statement.limit);
		if (statement.balance < -statement.limit)
			this.#violated("limit-passed", `total ${statement.balance} is below the limit of ${statement.limit}`);
		const tokens: Token[] = [];
		for (const entry of statement.entries) {
			const token = this.#tokenOf(entry, accountId, sent);
			if (typeof token === "string") {
				this.#violated("foreign-entry", token);
				return "nothing";
			}
			tokens.push(token);
		}
		this.balance = statement.balance;
		this.entries = tokens;
		return "shown";
	}

	#tokenOf(entry: WireEntry, accountId: number, sent: number): Token | string {
		const token = this.#source.tokenOf(entry, accountId, sent);
		// Without a tag of its own even an entry that could be ours may be from before the run.
		if ((typeof token === "number" && token >= 0) || this.#earlier.size === 0) return token;
		return this.#earlier.get(look(accountId, entry)) ?? token;
	}

	#otherStatus(kind: string, status: number): void {
		// 408, 429 and 5xx say that the target couldn't; the other ones judge a request that was right.
		if (status >= 500 || status === 408 || status === 429) return;
		this.#violated("wrong-status", `a right ${kind} to an account that exists was answered ${status}`);
	}

	#checkLimit(accountId: number, limit: number): void {
		const known = this.#accounts.get(accountId)?.limit;
		if (known !== undefined && limit !== known)
			this.#violated("wrong-limit", `limite is ${limit}, it was ${known} at the start`);
	}

	/** The first one counts: the later ones are mostly its consequences. */
	#violated(name: string, message: string): void {
		this.violation ??= { name, message };
	}
}

export interface Statement {
	readonly balance: number;
	readonly limit: number;
	readonly entries: readonly WireEntry[];
}

/** @returns the statement, or a sentence that says what is wrong with it. */
export function readStatement(body: string): Statement | string {
	const answer = parsed(body) as { saldo?: unknown; ultimas_transacoes?: unknown } | undefined;
	const saldo = answer?.saldo as { total?: unknown; limite?: unknown; data_extrato?: unknown } | undefined;
	const entries = answer?.ultimas_transacoes;
	if (typeof saldo !== "object" || saldo === null) return "the body isn't an object with an object saldo";
	if (!Number.isSafeInteger(saldo.total)) return "saldo.total isn't a whole number";
	if (!Number.isSafeInteger(saldo.limite)) return "saldo.limite isn't a whole number";
	if (!isDate(saldo.data_extrato)) return "saldo.data_extrato isn't a date";
	if (!Array.isArray(entries)) return "ultimas_transacoes isn't an array";
	if (entries.length > shownMax)
		return `ultimas_transacoes has ${entries.length} entries, not at most ${shownMax}`;
	const wrong = entries.findIndex((entry) => !isEntry(entry));
	if (wrong >= 0)
		return `ultimas_transacoes[${wrong}] isn't an entry: ${JSON.stringify(entries[wrong]).slice(0, 120)}`;
	return { balance: saldo.total as number, limit: saldo.limite as number, entries };
}

function isEntry(entry: unknown): entry is WireEntry {
	if (typeof entry !== "object" || entry === null) return false;
	const { valor, tipo, descricao, realizada_em } = entry as Record<string, unknown>;
	return (
		Number.isSafeInteger(valor) &&
		(valor as number) > 0 &&
		(tipo === "c" || tipo === "d") &&
		typeof descricao === "string" &&
		isDate(realizada_em)
	);
}

function isDate(value: unknown): boolean {
	return typeof value === "string" && !Number.isNaN(Date.parse(value));
}

function look(accountId: number, { valor, tipo, descricao, realizada_em }: WireEntry): string {
	return `${accountId} ${tipo} ${valor} ${realizada_em} ${descricao}`;
}

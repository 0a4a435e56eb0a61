/**
 * Closed-loop clients: each keeps one connection, sends one request, waits for its answer, notes it in the
 * history, and goes on with the next. When its connection is gone it turns to the next socket.
 */
import { type Answer, Connection, ConnectionLost } from "./connection.ts";
import type { History, PostOperation, ShownStatement, StatementOperation } from "./history.ts";
import type { Random } from "./random.ts";

/** A socket that nobody listens on is asked again after this. */
const reconnectMs = 5;
const amountMax = 30_000;

export interface ClientsOptions {
	/** Clients spread over them, and move on in turn when one is gone. */
	readonly sockets: readonly string[];
	readonly count: number;
	readonly history: History;
	readonly random: Random;
	readonly accountIds?: readonly number[];
	/** Milliseconds between an answer and the next request; none by default. */
	readonly pauseMs?: number;
}

/** Requests that got no answer, by what became of them, and answers by their status. */
export interface Tally {
	readonly statuses: Map<number, number>;
	unsent: number;
	unread: number;
	unanswered: number;
}

export class Clients {
	readonly tally: Tally = { statuses: new Map(), unsent: 0, unread: 0, unanswered: 0 };
	/** What answers said that no ledger may say. */
	readonly surprises: string[] = [];
	readonly #options: ClientsOptions;
	readonly #running: Promise<void>[] = [];
	#stopped = false;

	constructor(options: ClientsOptions) {
		this.#options = options;
		for (let index = 0; index < options.count; index += 1) this.#running.push(this.#run(index));
	}

	get answers(): number {
		return [...this.tally.statuses.values()].reduce((sum, count) => sum + count, 0);
	}

	status(status: number): number {
		return this.tally.statuses.get(status) ?? 0;
	}

	/** Resolves when each has had the answer it waits for, or lost its connection. */
	async stop(): Promise<void> {
		this.#stopped = true;
		await Promise.all(this.#running);
	}

	async #run(index: number): Promise<void> {
		const { sockets, pauseMs } = this.#options;
		let turn = index;
		let connection: Connection | undefined;
		while (!this.#stopped) {
			connection ??= await open(sockets[turn % sockets.length] as string);
			if (connection === undefined) {
				turn += 1;
				await Bun.sleep(reconnectMs);
				continue;
			}
			await this.#ask(connection);
			if (!connection.usable) {
				connection = undefined;
				turn += 1;
			}
			if (pauseMs !== undefined) await Bun.sleep(pauseMs);
		}
		connection?.close();
	}

	/** Two debits to one credit, and a statement now and then, as the challenge has it. */
	#ask(connection: Connection): Promise<void> {
		const { random, history, accountIds = [1, 2, 3, 4, 5] } = this.#options;
		const accountId = random.pick(accountIds);
		const kind = random.below(34);
		if (kind === 0) return this.#readStatement(connection, history.invokeStatement(accountId));
		const amount = random.between(1, amountMax);
		return this.#post(connection, history.invokePost(accountId, kind <= 22 ? -amount : amount));
	}

	async #post(connection: Connection, post: PostOperation): Promise<void> {
		const answer = await this.#answered(() => sendPost(connection, post));
		const { history } = this.#options;
		if (answer instanceof ConnectionLost) {
			if (answer.fate === "unanswered") return;
			post.outcome = "absent";
		} else if (answer.status !== 500) {
			note(post, answer, this.surprises);
		}
		history.end(post);
	}

	async #readStatement(connection: Connection, statement: StatementOperation): Promise<void> {
		const path = `/clientes/${statement.accountId}/extrato`;
		const answer = await this.#answered(() => connection.request("GET", path));
		this.#options.history.end(statement);
		if (!(answer instanceof ConnectionLost) && answer.status === 200)
			statement.shown = parseStatement(answer.body);
	}

	async #answered(ask: () => Promise<Answer>): Promise<Answer | ConnectionLost> {
		try {
			const answer = await ask();
			this.tally.statuses.set(answer.status, this.status(answer.status) + 1);
			return answer;
		} catch (error) {
			if (!(error instanceof ConnectionLost)) throw error;
			this.tally[error.fate] += 1;
			return error;
		}
	}
}

/** Sends a posting on its own, and notes its answer in the operation. @throws {ConnectionLost} */
export async function postOnce(
	connection: Connection,
	history: History,
	accountId: number,
	change: number,
): Promise<Answer> {
	const post = history.invokePost(accountId, change);
	const answer = await sendPost(connection, post);
	if (answer.status === 500) return answer;
	const surprises: string[] = [];
	note(post, answer, surprises);
	history.end(post);
	if (surprises.length > 0) throw new Error(surprises.join("\n"));
	return answer;
}

function sendPost(connection: Connection, { accountId, change, tag }: PostOperation): Promise<Answer> {
	const tipo = change > 0 ? "c" : "d";
	const body = JSON.stringify({ valor: Math.abs(change), tipo, descricao: tag });
	return connection.request("POST", `/clientes/${accountId}/transacoes`, body);
}

function note(post: PostOperation, answer: Answer, surprises: string[]): void {
	const { saldo, limite, type } = JSON.parse(answer.body) as Record<string, unknown>;
	if (answer.status === 200 && typeof saldo === "number" && typeof limite === "number") {
		post.outcome = "ok";
		post.balance = saldo;
		post.limit = limite;
	} else if (answer.status === 422 && String(type).endsWith(":limite-excedido")) {
		post.outcome = "refused";
	} else {
		post.outcome = "absent";
		const isProblem = answer.headers.get("content-type") === "application/problem+json";
		if (answer.status !== 503 || !isProblem)
			surprises.push(`${post.tag} was answered ${answer.status} ${answer.body}`);
	}
}

async function open(path: string): Promise<Connection | undefined> {
	try {
		return await Connection.open(path);
	} catch {
		return undefined;
	}
}

function parseStatement(body: string): ShownStatement {
	const { saldo, ultimas_transacoes: entries } = JSON.parse(body) as {
		saldo: { total: number; limite: number };
		ultimas_transacoes: { valor: number; tipo: "c" | "d"; descricao: string }[];
	};
	return {
		balance: saldo.total,
		limit: saldo.limite,
		entries: entries.map(({ valor, tipo, descricao }) => ({
			change: tipo === "c" ? valor : -valor,
			tag: descricao,
		})),
	};
}

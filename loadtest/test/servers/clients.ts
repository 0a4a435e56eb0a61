/**
 * Clients of a test server, each with a connection: they post and ask at the same time, look at every statement
 * at the end, and say whether one order of everything explains what they were told. Not the judge, whose engine
 * and checks have their own tests; but they share its linearizability checker.
 */
import { LinearizabilityChecker } from "../../src/linearizability.ts";
import type { Observation } from "../../src/operation.ts";
import { below, type Random, randomOf } from "../made-up-history.ts";
import { Connection } from "./connection.ts";

export interface ClientsPlan {
	readonly url: string;
	readonly seed: number;
	readonly operations: number;
	readonly clients: number;
	readonly limits: readonly number[];
	readonly amountMax: number;
}

/** One sentence for each thing that was wrong; none means that the books are right. */
export async function findings(plan: ClientsPlan): Promise<string[]> {
	const run = new Run(plan);
	const connections = await Promise.all(
		Array.from({ length: plan.clients }, () => Connection.open(plan.url)),
	);
	await Promise.all(connections.map((connection) => run.client(connection)));
	for (const accountId of run.accountIds) await run.statement(connections[0] as Connection, accountId);
	for (const connection of connections) connection.close();
	return [...run.oddities, ...run.unexplained()];
}

interface Sent {
	readonly accountId: number;
	readonly tipo: "c" | "d";
	readonly valor: number;
}

interface Shown {
	readonly saldo: { readonly total: number; readonly limite: number };
	readonly ultimas_transacoes: readonly { valor: number; tipo: string; descricao: string }[];
}

class Run {
	readonly oddities: string[] = [];
	readonly accountIds: readonly number[];
	readonly #plan: ClientsPlan;
	readonly #random: Random;
	/** By operation number; undefined for a statement. */
	readonly #sent: (Sent | undefined)[] = [];
	readonly #checkers: ReadonlyMap<number, LinearizabilityChecker>;

	constructor(plan: ClientsPlan) {
		this.#plan = plan;
		this.#random = randomOf(plan.seed);
		this.accountIds = plan.limits.map((_, index) => index + 1);
		this.#checkers = new Map(
			plan.limits.map((limit, index) => [
				index + 1,
				new LinearizabilityChecker({ accountId: index + 1, limit, balance: 0, entries: [] }),
			]),
		);
	}

	async client(connection: Connection): Promise<void> {
		while (this.#sent.length < this.#plan.operations) {
			const accountId = 1 + below(this.#random, this.accountIds.length);
			if (below(this.#random, 8) === 0) await this.statement(connection, accountId);
			else await this.#post(connection, accountId);
		}
	}

	async statement(connection: Connection, accountId: number): Promise<void> {
		const number = this.#sent.push(undefined) - 1;
		const invokedAtMs = performance.now();
		const { body } = await connection.send("GET", `/clientes/${accountId}/extrato`);
		const endedAtMs = performance.now();
		const { saldo, ultimas_transacoes: rows } = JSON.parse(body) as Shown;
		if (rows.length > 10) this.oddities.push(`${rows.length} entries in a statement`);
		if (saldo.limite !== this.#limit(accountId)) this.oddities.push(`limit ${saldo.limite} in a statement`);
		const entries = rows.map((row) => this.#numberOf(accountId, row));
		if (entries.includes(-1) || rows.length > 10) return;
		const seen = { change: 0, token: number, balance: saldo.total, entries };
		this.#observe(accountId, { number, outcome: "shown", invokedAtMs, endedAtMs, ...seen });
	}

	async #post(connection: Connection, accountId: number): Promise<void> {
		const tipo = below(this.#random, 3) === 0 ? "c" : "d";
		const valor = 1 + below(this.#random, this.#plan.amountMax);
		const number = this.#sent.push({ accountId, tipo, valor }) - 1;
		const change = tipo === "c" ? valor : -valor;
		const invokedAtMs = performance.now();
		const entry = { valor, tipo, descricao: describe(number) };
		const { status, body } = await connection.send("POST", `/clientes/${accountId}/transacoes`, entry);
		const endedAtMs = performance.now();
		const base = { number, invokedAtMs, change, token: number, entries: [] };
		const balance = status === 200 ? this.#balanceOf(accountId, body) : undefined;
		if (balance !== undefined) this.#observe(accountId, { ...base, outcome: "posted", endedAtMs, balance });
		else if (status === 422 && tipo === "d")
			this.#observe(accountId, { ...base, outcome: "refused", endedAtMs, balance: 0 });
		else if (status === 422) this.oddities.push("a credit was refused");
		else
			this.#observe(accountId, {
				...base,
				outcome: "unknown",
				endedAtMs: Number.POSITIVE_INFINITY,
				balance: 0,
			});
	}

	/** Undefined when it can't be read. */
	#balanceOf(accountId: number, text: string): number | undefined {
		try {
			const { saldo, limite } = JSON.parse(text) as { saldo: number; limite: number };
			if (limite !== this.#limit(accountId)) this.oddities.push(`limit ${limite} in an answer`);
			if (saldo < -limite) this.oddities.push(`balance ${saldo} with a limit of ${limite}`);
			return saldo;
		} catch {
			this.oddities.push(`not JSON: ${text}`);
			return undefined;
		}
	}

	/** The operation whose entry it is; −1 when it isn't any. */
	#numberOf(accountId: number, row: Shown["ultimas_transacoes"][number]): number {
		const number = this.#sent.findLastIndex((_, index) => describe(index) === row.descricao);
		const sent = this.#sent[number];
		if (sent?.accountId === accountId && sent.tipo === row.tipo && sent.valor === row.valor) return number;
		this.oddities.push(`${JSON.stringify(row)} in a statement of account ${accountId}`);
		return -1;
	}

	#observe(accountId: number, observation: Observation): void {
		this.#checkers.get(accountId)?.add(observation);
	}

	#limit(accountId: number): number | undefined {
		return this.#plan.limits[accountId - 1];
	}

	unexplained(): string[] {
		return [...this.#checkers].flatMap(([accountId, checker]) => {
			checker.finish();
			return checker.verdict === "linearizable" ? [] : [`account ${accountId}: ${checker.reason}`];
		});
	}
}

/** Ten characters that no other operation of the run has. */
function describe(number: number): string {
	return `op${number.toString(36).padStart(8, "0")}`;
}

/**
 * Requests as a balancer sends them: with an id, a start and the number of the try, and for one of two processes.
 */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { SQL } from "bun";
import { sqlite, type TestedDatabase } from "./databases.ts";
import { durableFolder } from "./durable-folder.ts";
import { LedgerProcess } from "./process.ts";
import { ask, type RawAnswer, request } from "./raw-http.ts";

/** Two processes on one fresh database. */
export class Pair {
	/** Of SQLite's file. */
	readonly databasePath: string;
	readonly sockets: readonly [string, string];
	readonly ledgers: LedgerProcess[] = [];
	readonly #environment: Record<string, string>;

	private constructor(folder: string, environment: Record<string, string>) {
		this.databasePath = join(folder, "ledger.db");
		this.sockets = [join(folder, "a.sock"), join(folder, "b.sock")];
		this.#environment = environment;
	}

	static async start(
		environment: Record<string, string> = {},
		database: TestedDatabase = sqlite,
	): Promise<Pair> {
		const folder = durableFolder();
		const pair = new Pair(folder, { ...(await database.fresh(folder)), ...environment });
		await Promise.all([pair.start(0), pair.start(1)]);
		return pair;
	}

	ledger(index: number): LedgerProcess {
		return this.ledgers[index] as LedgerProcess;
	}

	/** Starts the one of them that has ended. */
	async start(index: number): Promise<void> {
		this.ledgers[index] = await LedgerProcess.start({
			socket: this.sockets[index] as string,
			databasePath: this.databasePath,
			environment: this.#environment,
		});
	}

	/** The first column of what an SQL query gives, in either database, while the processes serve. */
	async column(sql: string): Promise<unknown[]> {
		const url = this.#environment.DATABASE_URL ?? "";
		if (!url.startsWith("postgres:")) return column(this.databasePath, sql);
		const client = new SQL({ url, max: 1, connection: { search_path: "crebito" } });
		try {
			return (await client.unsafe(sql).values()).map(([value]: unknown[]) => value);
		} finally {
			await client.close();
		}
	}

	/** The signed amounts of all entries, account by account, each in the order in which they were committed. */
	async changes(): Promise<number[]> {
		return (await this.column("SELECT change FROM entries ORDER BY account_id, sequence")).map(Number);
	}

	async kill(): Promise<void> {
		await Promise.all(this.ledgers.map((ledger) => ledger.kill()));
	}
}

export interface Try {
	readonly id: string;
	/** Seconds since 1970, with three decimals, as nginx writes them. */
	readonly start: string;
	readonly number: 1 | 2;
}

/** The first try of a request of its own, which the balancer got so many seconds ago. */
export function firstTry(secondsAgo = 0): Try {
	const id = crypto.randomUUID().replaceAll("-", "");
	return { id, start: (Date.now() / 1000 - secondsAgo).toFixed(3), number: 1 };
}

export function secondTry(first: Try): Try {
	return { ...first, number: 2 };
}

export function headersOf({ id, start, number }: Try): Record<string, string> {
	return { "X-Request-Id": id, "X-Request-Start": start, "X-Request-Try": String(number) };
}

/** Posts to account 1: above zero a credit, below zero a debit. @throws {NoAnswer} */
export function post(
	socket: string,
	change: number,
	headers: Record<string, string> = {},
): Promise<RawAnswer> {
	const body = JSON.stringify({ valor: Math.abs(change), tipo: change > 0 ? "c" : "d", descricao: "x" });
	return ask(socket, request("POST", "/clientes/1/transacoes", { body, headers }));
}

/** Once it resolves, what begins has begun after the reset, by the balancer's clock of milliseconds too. */
export async function reset(socket: string): Promise<void> {
	const { status } = await ask(socket, request("POST", "/reset"));
	if (status !== 200) throw new Error(`a reset was answered ${status}`);
	await Bun.sleep(2);
}

/** Status, and the balance or the last word of the problem's type. */
export function told({ status, body }: RawAnswer): [number, number | string] {
	const { saldo, type } = JSON.parse(body);
	return [status, saldo ?? String(type).split(":").at(-1)];
}

/** The first column of what the file holds, while others serve it. */
function column(databasePath: string, sql: string): unknown[] {
	const db = new Database(databasePath);
	try {
		db.run("PRAGMA busy_timeout = 5000");
		return db
			.query(sql)
			.values()
			.map(([value]) => value);
	} finally {
		db.close();
	}
}

/** The signed amounts of all entries, in the order in which they were committed. */
export function changes(databasePath: string): number[] {
	return column(databasePath, "SELECT change FROM entries ORDER BY position") as number[];
}

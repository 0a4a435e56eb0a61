/**
 * One connection to PostgreSQL, and the names for what can become of a question put to it: answered, refused by the
 * server, or nobody knows.
 */
import { SQL } from "bun";
import type { Durability } from "../settings.ts";
import { clientOptions, type PostgresAddress } from "./postgres-address.ts";

/** How long a connection may take to be made. */
const connectMsMax = 2000;
/** Behind this, a batch waits for another transaction's locks no longer. */
const lockWaitMsMax = 2000;

/** The server has undone it and says why; the connection may still serve. */
export class RefusedByServer extends Error {
	override readonly name = "RefusedByServer";
	/** PostgreSQL's SQLSTATE, five characters. */
	readonly state: string;

	constructor(state: string, message: string, cause: unknown) {
		super(`${message} (SQLSTATE ${state})`, { cause });
		this.state = state;
	}
}

/** No answer, so whatever was asked may have been done, or may be done yet. The connection is of no use any more. */
export class ConnectionLost extends Error {
	override readonly name = "ConnectionLost";
}

/** No connection was had: nothing was asked. */
export class Unreachable extends Error {
	override readonly name = "Unreachable";

	/** Whether time won't change it: no such role or database, a wrong password, no TLS, a certificate that isn't trusted. */
	get isForGood(): boolean {
		const { code, errno } = (this.cause ?? {}) as { code?: unknown; errno?: unknown };
		return (
			/^(28|3D)...$/.test(String(errno)) || /TLS_NOT_AVAILABLE|BORINGSSL|CERT|SIGNATURE/.test(String(code))
		);
	}
}

export class PostgresConnection {
	readonly #sql: SQL;
	#isLost = false;

	private constructor(sql: SQL) {
		this.#sql = sql;
	}

	/** @throws {Unreachable} */
	static async open(address: PostgresAddress, durability: Durability): Promise<PostgresConnection> {
		let opened: PostgresConnection | undefined;
		const sql = new SQL({
			...clientOptions(address),
			max: 1,
			// Told at once, also while nothing is asked. Else the client would connect again by itself with the next
			// question, and if it can't, nobody could tell that the question was never sent.
			onclose: () => opened?.close(),
			idleTimeout: 0,
			connectionTimeout: connectMsMax / 1000,
			connection: {
				application_name: "crebito",
				// A wait for locks may end, but never one for the disk or a standby: what is committed here would be
				// visible already, and might be lost yet.
				lock_timeout: lockWaitMsMax,
				statement_timeout: 0,
				// Whoever has waited for a lock must see what its holder did.
				default_transaction_isolation: "read committed",
				synchronous_commit: durability === "fsync" ? "on" : "off",
			},
		});
		try {
			await sql.connect();
			opened = new PostgresConnection(sql);
			return opened;
		} catch (error) {
			void close(sql);
			throw new Unreachable(messageOf(error), { cause: error });
		}
	}

	/**
	 * The rows, of a statement with its arguments.
	 * @throws {RefusedByServer | ConnectionLost}
	 */
	async ask<Row>(statement: string, values: readonly unknown[], msMax: number): Promise<Row[]> {
		return this.#guarded(msMax, () => this.#sql.unsafe<Row[]>(statement, values as never[]).execute());
	}

	/**
	 * Statements that belong to one transaction, inside `work`.
	 * @throws {RefusedByServer | ConnectionLost} or what `work` throws, and then nothing of it has happened.
	 */
	async transact<T>(
		msMax: number,
		work: (run: (statements: string) => Promise<Row[]>) => Promise<T>,
	): Promise<T> {
		return this.#guarded(msMax, () =>
			this.#sql.begin((transaction) =>
				work(async (statements) => transaction.unsafe<Row[]>(statements).simple()),
			),
		);
	}

	get isLost(): boolean {
		return this.#isLost;
	}

	/** Whatever is under way has lost its connection then. */
	close(): void {
		this.#isLost = true;
		void close(this.#sql);
	}

	async #guarded<T>(msMax: number, ask: () => PromiseLike<T>): Promise<T> {
		let late: ReturnType<typeof setTimeout> | undefined;
		const silence = new Promise<never>((_, reject) => {
			late = setTimeout(() => reject(new ConnectionLost(`no answer within ${msMax} ms`)), msMax);
		});
		try {
			return await Promise.race([ask(), silence]);
		} catch (error) {
			const named = nameOf(error);
			if (named instanceof ConnectionLost) this.close();
			throw named;
		} finally {
			clearTimeout(late);
		}
	}
}

type Row = Readonly<Record<string, unknown>>;

/**
 * Classes of SQLSTATE after which nobody knows: the connection broke (08), the server is being shut down, also while a
 * commit waited for a standby (57P01 to 57P04), the outcome is not known (40003), and what can't be (XX).
 */
const unknownStates = /^(08|57P0|40003|XX)/;

function nameOf(error: unknown): unknown {
	if (!(error instanceof SQL.PostgresError)) return error;
	const state = String(error.errno ?? "");
	return error.code === "ERR_POSTGRES_SERVER_ERROR" && !unknownStates.test(state)
		? new RefusedByServer(state, error.message, error)
		: new ConnectionLost(error.message, { cause: error });
}

async function close(sql: SQL): Promise<void> {
	await sql.close({ timeout: 0 }).catch(() => undefined);
}

function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}

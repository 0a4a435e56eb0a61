/**
 * A ledger in PostgreSQL as one side of a transfer: one transaction reads it all from one snapshot, under a lock that
 * lets nobody post.
 */
import { SQL } from "bun";
import { StoreUnusable, type Verdict } from "../store.ts";
import type { AccountRow, AnswerRow, Books, EntryRow, Page } from "../transfer.ts";
import { addressText, clientOptions, parsePostgresUrl } from "./postgres-address.ts";
import { verifyBooks } from "./postgres-check.ts";
import { schemaVersion } from "./postgres-schema.ts";

const pageRows = 5000;
const lockWaitMs = 5000;
const closeMsMax = 1000;
/** How long after its end a connection is still listed, at most. */
const leaveMsMax = 2000;
export const reachMsMax = 10_000;

type Row = Readonly<Record<string, string | null>>;

export const entryColumns = "account_id, sequence, change, balance, description, posted_at, request_id";

export class PostgresBooks implements Books {
	readonly name: string;
	protected readonly sql: SQL;
	/** Whether everything is read in one; a copy is written in many. */
	protected readonly isInTransaction: boolean = true;

	/** `sql` has one connection, and search_path crebito. */
	constructor(name: string, sql: SQL) {
		this.name = name;
		this.sql = sql;
	}

	async accounts(): Promise<readonly AccountRow[]> {
		return (await this.ask("SELECT * FROM accounts ORDER BY id")).map((row) => ({
			id: Number(row.id),
			limit: Number(row.limit),
			initialBalance: Number(row.initial_balance),
			balance: Number(row.balance),
			sequence: Number(row.sequence),
			lastPostedAt: Number(row.last_posted_at),
		}));
	}

	async *entries(cursor: string | undefined): AsyncIterable<Page> {
		if (cursor !== undefined && !/^[0-9]+, [0-9]+, [0-9]+$/.test(cursor))
			throw new StoreUnusable(`${this.name}: "${cursor}" is nowhere to go on from`);
		// As they were posted, account by account in their sequence where two have the same time.
		const after = cursor === undefined ? "" : `WHERE (posted_at, account_id, sequence) > (${cursor})`;
		const query = `SELECT ${entryColumns} FROM entries ${after} ORDER BY posted_at, account_id, sequence`;
		for await (const rows of this.#pages(query)) {
			const entries = rows.map(entryOf);
			const last = entries.at(-1) as EntryRow;
			yield { entries, cursor: `${last.postedAt}, ${last.accountId}, ${last.sequence}` };
		}
	}

	async *entriesByAccount(): AsyncIterable<readonly EntryRow[]> {
		const query = `SELECT ${entryColumns} FROM entries ORDER BY account_id, sequence`;
		for await (const rows of this.#pages(query)) yield rows.map(entryOf);
	}

	async countEntries(): Promise<number> {
		return Number((await this.ask("SELECT count(*) AS count FROM entries"))[0]?.count);
	}

	async *answers(): AsyncIterable<readonly AnswerRow[]> {
		for await (const rows of this.#pages("SELECT * FROM answers ORDER BY id")) yield rows.map(answerOf);
	}

	async resetAt(): Promise<number> {
		return Number((await this.ask("SELECT reset_at FROM resets"))[0]?.reset_at);
	}

	verify(): Promise<Verdict> {
		return verifyBooks((query) => this.ask(query));
	}

	async close(): Promise<void> {
		// The client may wait for a transaction that nobody ends.
		await Promise.race([this.sql.close({ timeout: 0 }), Bun.sleep(closeMsMax)]);
	}

	protected async ask(query: string, values: readonly unknown[] = []): Promise<Row[]> {
		return this.sql.unsafe<Row[]>(query, values as never[]);
	}

	/** Outside of a transaction of the caller's. */
	async *#pages(query: string): AsyncIterable<Row[]> {
		const isOwn = !this.isInTransaction;
		if (isOwn) await this.ask("BEGIN");
		await this.ask(`DECLARE page NO SCROLL CURSOR FOR ${query}`);
		for (;;) {
			const rows = await this.ask(`FETCH ${pageRows} FROM page`);
			if (rows.length === 0) break;
			yield rows;
		}
		await this.ask("CLOSE page");
		if (isOwn) await this.ask("COMMIT");
	}
}

/** @throws {StoreUnusable} there is none, or it is being served. */
export async function openPostgresBooks(url: string): Promise<Books> {
	const { name, sql } = connect(url);
	return explained(name, sql, async () => {
		await refuseServed(sql, name);
		await sql.unsafe("BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE accounts IN EXCLUSIVE MODE").simple();
		await refuseOthers(sql, name);
		return new PostgresBooks(name, sql);
	});
}

async function refuseOthers(sql: SQL, name: string): Promise<void> {
	const [row] = await sql.unsafe<{ version: number }[]>("SELECT version FROM schema_version");
	if (row?.version !== schemaVersion)
		throw new StoreUnusable(`${name} is no ledger of version ${schemaVersion}, or an unfinished copy`);
}

/** Of a ledger that may be served meanwhile. @throws {StoreUnusable} */
export async function openPostgresReading(url: string): Promise<Books> {
	const { name, sql } = connect(url);
	return explained(name, sql, async () => {
		await sql
			.unsafe("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1 FROM accounts LIMIT 1")
			.simple();
		await refuseOthers(sql, name);
		return new PostgresBooks(name, sql);
	});
}

export function connect(url: string): { readonly name: string; readonly sql: SQL } {
	const address = parsePostgresUrl(url);
	const sql = new SQL({
		...clientOptions(address),
		max: 1,
		idleTimeout: 0,
		connectionTimeout: reachMsMax / 1000,
		connection: { application_name: "crebito-transfer", search_path: "crebito", lock_timeout: lockWaitMs },
	});
	return { name: addressText(address), sql };
}

/**
 * A ledger process has a connection for as long as it lives, and a moment longer. One whose connection was cut makes
 * another with its next request, and isn't seen until then.
 */
export async function refuseServed(sql: SQL, name: string): Promise<void> {
	const deadline = performance.now() + leaveMsMax;
	for (;;) {
		const [row] = await sql.unsafe<{ count: string }[]>(
			`SELECT count(*) AS count FROM pg_stat_activity
			WHERE application_name = 'crebito' AND datname = current_database()`,
		);
		if (Number(row?.count) === 0) return;
		if (performance.now() > deadline)
			throw new StoreUnusable(`${name} is being served: stop the ledger first`);
		await Bun.sleep(50);
	}
}

export async function explained<T>(name: string, sql: SQL, open: () => Promise<T>): Promise<T> {
	try {
		return await open();
	} catch (error) {
		await sql.close({ timeout: 0 }).catch(() => undefined);
		if (error instanceof StoreUnusable) throw error;
		const isTableMissing = error instanceof SQL.PostgresError && String(error.errno) === "42P01";
		if (isTableMissing) throw new StoreUnusable(`there is no ledger in ${name}`);
		throw new StoreUnusable(`${name} can't be used: ${error instanceof Error ? error.message : error}`);
	}
}

function entryOf(row: Row): EntryRow {
	return {
		accountId: Number(row.account_id),
		sequence: Number(row.sequence),
		change: Number(row.change),
		balance: Number(row.balance),
		description: row.description ?? "",
		postedAt: Number(row.posted_at),
		requestId: row.request_id?.replaceAll("-", "") ?? null,
	};
}

function answerOf(row: Row): AnswerRow {
	return {
		accountId: Number(row.account_id),
		key: row.key ?? "",
		change: Number(row.change),
		description: row.description ?? "",
		refusal: row.refusal ?? null,
		balance: row.balance === null ? null : Number(row.balance),
		answeredAt: Number(row.answered_at),
	};
}

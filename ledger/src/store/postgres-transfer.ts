/**
 * A ledger in PostgreSQL as one side of a transfer: one transaction reads it all from one snapshot, under a lock that
 * lets nobody post.
 */
import { SQL } from "bun";
import { Metrics } from "../metrics.ts";
import { StoreUnusable, type Verdict } from "../store.ts";
import type { AccountRow, AnswerRow, Books, Copy, EntryRow, Page } from "../transfer.ts";
import { PostgresStore } from "./postgres.ts";
import { addressText, clientOptions, parsePostgresUrl } from "./postgres-address.ts";
import { verifyBooks } from "./postgres-check.ts";
import { schemaVersion, unfinishedVersion } from "./postgres-schema.ts";

const pageRows = 5000;
const lockWaitMs = 5000;
const reachMsMax = 10_000;

type Row = Readonly<Record<string, string | null>>;

const entryColumns = "account_id, sequence, change, balance, description, posted_at, request_id";

class PostgresBooks implements Books {
	readonly name: string;
	protected readonly sql: SQL;

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
		await this.sql.close({ timeout: 0 });
	}

	protected async ask(query: string, values: readonly unknown[] = []): Promise<Row[]> {
		return this.sql.unsafe<Row[]>(query, values as never[]);
	}

	/** Outside of a transaction of the caller's. */
	async *#pages(query: string): AsyncIterable<Row[]> {
		const isOwn = !(await this.isInTransaction());
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

	/** Whether everything is read in one; a copy is written in many. */
	protected async isInTransaction(): Promise<boolean> {
		return true;
	}
}

/** @throws {StoreUnusable} there is none, or it is being served. */
export async function openPostgresBooks(url: string): Promise<Books> {
	const { name, sql } = connect(url);
	return explained(name, sql, async () => {
		await refuseServed(sql, name);
		await sql.unsafe(`SET lock_timeout = ${lockWaitMs}`).simple();
		await sql.unsafe("BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE accounts IN EXCLUSIVE MODE").simple();
		const [row] = await sql.unsafe<{ version: number }[]>("SELECT version FROM schema_version");
		if (row?.version !== schemaVersion)
			throw new StoreUnusable(`${name} is no ledger of version ${schemaVersion}`);
		return new PostgresBooks(name, sql);
	});
}

/** Of a ledger that may be served meanwhile. @throws {StoreUnusable} */
export async function openPostgresReading(url: string): Promise<Books> {
	const { name, sql } = connect(url);
	return explained(name, sql, async () => {
		await sql
			.unsafe("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1 FROM accounts LIMIT 1")
			.simple();
		return new PostgresBooks(name, sql);
	});
}

class PostgresCopy extends PostgresBooks implements Copy {
	async begin(source: string, accounts: readonly AccountRow[]): Promise<string | undefined> {
		const [row] = await this.ask("SELECT version FROM schema_version");
		if (Number(row?.version) === unfinishedVersion) return this.#goOn(source);
		if (Number(row?.version) !== schemaVersion)
			throw new StoreUnusable(`${this.name} is no ledger of version ${schemaVersion}`);
		if ((await this.countEntries()) > 0) throw new StoreUnusable(`${this.name} holds entries already`);
		await this.#inTransaction(async () => {
			await this.ask("CREATE TABLE transfer (source text NOT NULL, cursor text)");
			await this.ask("INSERT INTO transfer (source) VALUES ($1)", [source]);
			for (const table of ["answers", "accounts"]) await this.ask(`DELETE FROM ${table}`);
			await this.ask(
				`INSERT INTO accounts (id, "limit", initial_balance, balance)
				SELECT *, initial FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS a (id, max, initial)`,
				[
					array(accounts.map(({ id }) => id)),
					array(accounts.map(({ limit }) => limit)),
					array(accounts.map(({ initialBalance }) => initialBalance)),
				],
			);
			await this.ask(`UPDATE schema_version SET version = ${unfinishedVersion}`);
		});
		return undefined;
	}

	async #goOn(source: string): Promise<string | undefined> {
		const [found] = await this.ask("SELECT source, cursor FROM transfer");
		if (found?.source !== source)
			throw new StoreUnusable(`${this.name} holds an unfinished copy of ${found?.source}`);
		return found.cursor ?? undefined;
	}

	async append({ entries, cursor }: Page): Promise<void> {
		const column = (value: (entry: EntryRow) => number | string | null) => array(entries.map(value));
		await this.#inTransaction(async () => {
			await this.ask(
				`INSERT INTO entries (${entryColumns}) SELECT * FROM unnest(
					$1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::uuid[])`,
				[
					column(({ accountId }) => accountId),
					column(({ sequence }) => sequence),
					column(({ change }) => change),
					column(({ balance }) => balance),
					column(({ description }) => quoted(description)),
					column(({ postedAt }) => postedAt),
					column(({ requestId }) => requestId),
				],
			);
			await this.ask("UPDATE transfer SET cursor = $1", [cursor]);
		});
	}

	async complete(
		accounts: readonly AccountRow[],
		answers: readonly AnswerRow[],
		resetAt: number,
	): Promise<void> {
		await this.#inTransaction(async () => {
			await this.ask(
				`UPDATE accounts a SET balance = c.balance, sequence = c.sequence, last_posted_at = c.posted_at
				FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS c (id, balance, sequence, posted_at)
				WHERE a.id = c.id`,
				[
					array(accounts.map(({ id }) => id)),
					array(accounts.map(({ balance }) => balance)),
					array(accounts.map(({ sequence }) => sequence)),
					array(accounts.map(({ lastPostedAt }) => lastPostedAt)),
				],
			);
			await this.ask("DELETE FROM answers");
			for (let from = 0; from < answers.length; from += pageRows)
				await this.#appendAnswers(answers.slice(from, from + pageRows));
			await this.ask("UPDATE resets SET reset_at = $1", [resetAt]);
		});
	}

	async release(): Promise<void> {
		await this.#inTransaction(async () => {
			await this.ask("DROP TABLE transfer");
			await this.ask(`UPDATE schema_version SET version = ${schemaVersion}`);
		});
		// Without statistics, the first questions would be answered by reading everything.
		for (const table of ["accounts", "entries", "answers"]) await this.ask(`ANALYZE ${table}`);
	}

	protected override async isInTransaction(): Promise<boolean> {
		return false;
	}

	async #appendAnswers(answers: readonly AnswerRow[]): Promise<void> {
		const column = (value: (answer: AnswerRow) => number | string | null) => array(answers.map(value));
		await this.ask(
			`INSERT INTO answers (account_id, key, change, description, refusal, balance, answered_at)
			SELECT account_id, key, change, description, refusal, balance, answered_at FROM unnest(
				$1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[])
				WITH ORDINALITY AS a (account_id, key, change, description, refusal, balance, answered_at, i) ORDER BY i`,
			[
				column(({ accountId }) => accountId),
				column(({ key }) => quoted(key)),
				column(({ change }) => change),
				column(({ description }) => quoted(description)),
				column(({ refusal }) => refusal),
				column(({ balance }) => balance),
				column(({ answeredAt }) => answeredAt),
			],
		);
	}

	/** On the one connection that there is. */
	async #inTransaction(work: () => Promise<void>): Promise<void> {
		await this.ask("BEGIN");
		try {
			await work();
			await this.ask("COMMIT");
		} catch (error) {
			await this.ask("ROLLBACK");
			throw error;
		}
	}
}

/** Made a ledger if it is empty. @throws {StoreUnusable} it is being served, or can't be reached. */
export async function openPostgresCopy(url: string): Promise<Copy> {
	const { name, sql } = connect(url);
	return explained(name, sql, async () => {
		const [found] = await sql.unsafe<{ has: boolean }[]>(
			"SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'crebito') AS has",
		);
		if (found?.has !== true) await makeLedger(url);
		await refuseServed(sql, name);
		return new PostgresCopy(name, sql);
	});
}

async function makeLedger(url: string): Promise<void> {
	const store = new PostgresStore({
		address: parsePostgresUrl(url),
		durability: "os",
		seedPath: undefined,
		metrics: new Metrics(),
	});
	await store.ready(reachMsMax);
	store.close();
}

function connect(url: string): { readonly name: string; readonly sql: SQL } {
	const address = parsePostgresUrl(url);
	const sql = new SQL({
		...clientOptions(address),
		max: 1,
		idleTimeout: 0,
		connectionTimeout: reachMsMax / 1000,
		connection: { application_name: "crebito-transfer", search_path: "crebito" },
	});
	return { name: addressText(address), sql };
}

/** A ledger process has a connection for as long as it lives. */
async function refuseServed(sql: SQL, name: string): Promise<void> {
	const [row] = await sql.unsafe<{ count: string }[]>(
		`SELECT count(*) AS count FROM pg_stat_activity
		WHERE application_name = 'crebito' AND datname = current_database()`,
	);
	if (Number(row?.count) > 0) throw new StoreUnusable(`${name} is being served: stop the ledger first`);
}

async function explained<T>(name: string, sql: SQL, open: () => Promise<T>): Promise<T> {
	try {
		return await open();
	} catch (error) {
		await sql.close({ timeout: 0 }).catch(() => undefined);
		if (error instanceof StoreUnusable) throw error;
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

function array(elements: readonly (number | string | null)[]): string {
	return `{${elements.map((element) => element ?? "NULL").join(",")}}`;
}

function quoted(text: string): string {
	return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

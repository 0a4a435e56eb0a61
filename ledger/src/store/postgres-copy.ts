/**
 * PostgreSQL as the side of a transfer that is written: in many transactions, each of which says how far it came.
 */
import { Metrics } from "../metrics.ts";
import { StoreUnusable } from "../store.ts";
import type { AccountRow, AnswerRow, Beginning, Copy, EntryRow, Page } from "../transfer.ts";
import { PostgresStore } from "./postgres.ts";
import { parsePostgresUrl } from "./postgres-address.ts";
import { arrayLiteral, quotedElement } from "./postgres-array.ts";
import { hasSchemaSql, schemaVersion, unfinishedVersion } from "./postgres-schema.ts";
import {
	connect,
	entryColumns,
	explained,
	PostgresBooks,
	reachMsMax,
	refuseServed,
} from "./postgres-transfer.ts";

/** Answers in one statement. */
const pageRows = 5000;

class PostgresCopy extends PostgresBooks implements Copy {
	protected override readonly isInTransaction = false;

	async begin(source: string, accounts: readonly AccountRow[]): Promise<Beginning> {
		const [row] = await this.ask("SELECT version FROM schema_version");
		if (Number(row?.version) === unfinishedVersion) return this.#goOn(source);
		if (Number(row?.version) !== schemaVersion)
			throw new StoreUnusable(`${this.name} is no ledger of version ${schemaVersion}`);
		if ((await this.countEntries()) > 0) return { isFinished: true };
		await this.#inTransaction(async () => {
			await this.ask("CREATE TABLE transfer (source text NOT NULL, cursor text)");
			await this.ask("INSERT INTO transfer (source) VALUES ($1)", [source]);
			for (const table of ["answers", "accounts"]) await this.ask(`DELETE FROM ${table}`);
			await this.ask(
				`INSERT INTO accounts (id, "limit", initial_balance, balance)
				SELECT *, initial FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS a (id, max, initial)`,
				[
					arrayLiteral(accounts.map(({ id }) => id)),
					arrayLiteral(accounts.map(({ limit }) => limit)),
					arrayLiteral(accounts.map(({ initialBalance }) => initialBalance)),
				],
			);
			await this.ask(`UPDATE schema_version SET version = ${unfinishedVersion}`);
		});
		return { isFinished: false, cursor: undefined };
	}

	async #goOn(source: string): Promise<Beginning> {
		const [found] = await this.ask("SELECT source, cursor FROM transfer");
		if (found?.source !== source)
			throw new StoreUnusable(`${this.name} holds an unfinished copy of ${found?.source}`);
		return { isFinished: false, cursor: found.cursor ?? undefined };
	}

	async append({ entries, cursor }: Page): Promise<void> {
		const column = (value: (entry: EntryRow) => number | string | null) => arrayLiteral(entries.map(value));
		await this.#inTransaction(async () => {
			await this.ask(
				`INSERT INTO entries (${entryColumns}) SELECT * FROM unnest(
					$1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[], $7::uuid[])`,
				[
					column(({ accountId }) => accountId),
					column(({ sequence }) => sequence),
					column(({ change }) => change),
					column(({ balance }) => balance),
					column(({ description }) => quotedElement(description)),
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
					arrayLiteral(accounts.map(({ id }) => id)),
					arrayLiteral(accounts.map(({ balance }) => balance)),
					arrayLiteral(accounts.map(({ sequence }) => sequence)),
					arrayLiteral(accounts.map(({ lastPostedAt }) => lastPostedAt)),
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
			// Without statistics, the first questions would be answered by reading everything.
			for (const table of ["accounts", "entries", "answers"]) await this.ask(`ANALYZE ${table}`);
			await this.ask("DROP TABLE transfer");
			await this.ask(`UPDATE schema_version SET version = ${schemaVersion}`);
		});
	}

	async #appendAnswers(answers: readonly AnswerRow[]): Promise<void> {
		const column = (value: (answer: AnswerRow) => number | string | null) => arrayLiteral(answers.map(value));
		await this.ask(
			`INSERT INTO answers (account_id, key, change, description, refusal, balance, answered_at)
			SELECT account_id, key, change, description, refusal, balance, answered_at FROM unnest(
				$1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[])
				WITH ORDINALITY AS a (account_id, key, change, description, refusal, balance, answered_at, i) ORDER BY i`,
			[
				column(({ accountId }) => accountId),
				column(({ key }) => quotedElement(key)),
				column(({ change }) => change),
				column(({ description }) => quotedElement(description)),
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
		const [found] = await sql.unsafe<{ has: boolean }[]>(hasSchemaSql);
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

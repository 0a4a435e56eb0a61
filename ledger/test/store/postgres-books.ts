/**
 * What the books in PostgreSQL say of themselves: each balance is the sum of its entries, each entry follows from the
 * one before it, none is missing.
 */
import { SQL } from "bun";

const brokenSql = `
	SELECT 'account ' || a.id || ': balance ' || a.balance || ' and sequence ' || a.sequence
		|| ', but entries of ' || coalesce(sum(e.change), 0) || ', ' || count(e.sequence) || ' of them' AS text
	FROM crebito.accounts a LEFT JOIN crebito.entries e ON e.account_id = a.id
	GROUP BY a.id
	HAVING a.balance <> a.initial_balance + coalesce(sum(e.change), 0)
		OR a.sequence <> count(e.sequence) OR a.sequence <> coalesce(max(e.sequence), 0)
	UNION ALL
	SELECT 'entry ' || sequence || ' of account ' || account_id FROM (
		SELECT e.*, a.initial_balance + sum(change) OVER (PARTITION BY account_id ORDER BY e.sequence) AS expected
		FROM crebito.entries e JOIN crebito.accounts a ON a.id = account_id
	) AS running WHERE balance <> expected
	LIMIT 20`;

export class PostgresBooks {
	readonly #sql: SQL;

	constructor(url: string) {
		this.#sql = new SQL({ url, max: 1 });
	}

	/** What doesn't add up, at most 20 of it. */
	async broken(): Promise<string[]> {
		const rows = await this.#sql.unsafe<{ text: string }[]>(brokenSql);
		return rows.map(({ text }) => text);
	}

	async balances(): Promise<Map<number, number>> {
		const rows = await this.#sql.unsafe<{ id: string; balance: string }[]>(
			"SELECT id, balance FROM crebito.accounts",
		);
		return new Map(rows.map(({ id, balance }) => [Number(id), Number(balance)]));
	}

	/** Of this database, as far as its sessions have told: they do at their end, else every second or so. */
	async statistics(): Promise<{ readonly transactions: number; readonly deadlocks: number }> {
		const [row] = await this.#sql.unsafe<{ transactions: number; deadlocks: number }[]>(
			`SELECT xact_commit::float AS transactions, deadlocks::float FROM pg_stat_database
				WHERE datname = current_database()`,
		);
		if (row === undefined) throw new Error("PostgreSQL keeps no statistics of this database");
		return row;
	}

	async close(): Promise<void> {
		await this.#sql.close();
	}
}

/** Whether the books in PostgreSQL are right: every entry ever posted, each account against its entries. */
import type { Verdict } from "../store.ts";

/** Findings shown of one kind. */
const findingsMax = 20;

/** Each gives the accounts, or an account and a sequence, of which the sentence is true. */
const checks: readonly (readonly [finding: string, sql: string])[] = [
	[
		"its balance, sequence or date is not that of its newest entry",
		`SELECT a.id AS account FROM accounts a LEFT JOIN entries e ON e.account_id = a.id AND e.sequence = a.sequence
		WHERE CASE WHEN a.sequence = 0 THEN a.balance <> a.initial_balance
			ELSE e.balance IS DISTINCT FROM a.balance OR e.posted_at IS DISTINCT FROM a.last_posted_at END`,
	],
	[
		"its entries are not numbered from 1 to its sequence",
		`SELECT a.id AS account FROM accounts a LEFT JOIN entries e ON e.account_id = a.id GROUP BY a.id
		HAVING count(e.sequence) <> a.sequence OR coalesce(max(e.sequence), 0) <> a.sequence`,
	],
	[
		"an entry's balance is not the one before and its change",
		`SELECT account_id AS account, sequence FROM (SELECT e.*, e.balance - e.change AS expected,
			lag(e.balance, 1, a.initial_balance) OVER (PARTITION BY account_id ORDER BY e.sequence) AS before
			FROM entries e JOIN accounts a ON a.id = account_id) AS chain WHERE expected <> before`,
	],
	[
		"a debit passes its limit",
		`SELECT account_id AS account, e.sequence FROM entries e JOIN accounts a ON a.id = account_id
		WHERE change < 0 AND e.balance < -a."limit"`,
	],
	[
		"an entry is dated before its predecessor",
		`SELECT account_id AS account, sequence FROM (SELECT e.*,
			lag(posted_at, 1, 0::bigint) OVER (PARTITION BY account_id ORDER BY sequence) AS before FROM entries e)
			AS chain WHERE posted_at < before`,
	],
];

type Ask = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** `ask` sees one snapshot, with search_path crebito. */
export async function verifyBooks(ask: Ask): Promise<Verdict> {
	const [counts] = await ask(
		"SELECT (SELECT count(*) FROM accounts) AS accounts, (SELECT count(*) FROM entries) AS entries",
	);
	const findings: string[] = [];
	for (const [finding, sql] of checks) {
		for (const { account, sequence } of await ask(`${sql} LIMIT ${findingsMax}`))
			findings.push(`account ${account}${sequence === undefined ? "" : `, entry ${sequence}`}: ${finding}`);
	}
	return { accounts: Number(counts?.accounts), entries: Number(counts?.entries), findings };
}

/** What was told to clients, held against what the database has: the promises of a cluster that loses its primary. */
import { SQL } from "bun";
import type { Told } from "./load.ts";

export interface Verdict {
	readonly acknowledged: number;
	/** Acknowledged, and not there. */
	readonly lost: number;
	/** There more than once. */
	readonly twice: number;
	/** Told to be certainly not applied, and there. */
	readonly appliedThough: number;
	/** Accounts whose balance is not the sum of their entries. */
	readonly unbalanced: number;
}

/** Answers that say: nothing was applied. */
const certain = ["indisponivel", "sobrecarga"];

export async function judge(url: string, told: ReadonlyMap<string, Told>): Promise<Verdict> {
	const sql = new SQL({ url, max: 1 });
	try {
		const rows = await sql<{ name: string; times: string }[]>`
			SELECT description AS name, count(*) AS times FROM crebito.entries GROUP BY description`;
		const [wrong] = await sql<{ accounts: string }[]>`
			SELECT count(*) AS accounts FROM crebito.accounts a WHERE a.balance - a.initial_balance <>
				(SELECT coalesce(sum(e.change), 0) FROM crebito.entries e WHERE e.account_id = a.id)`;
		return {
			...compare(told, new Map(rows.map(({ name, times }) => [name, Number(times)]))),
			unbalanced: Number(wrong?.accounts),
		};
	} finally {
		await sql.close();
	}
}

/** `entries` are how often each name is in the database. */
export function compare(
	told: ReadonlyMap<string, Told>,
	entries: ReadonlyMap<string, number>,
): Omit<Verdict, "unbalanced"> {
	const answers = [...told];
	const acknowledged = answers.filter(([, { status }]) => status === 200);
	return {
		acknowledged: acknowledged.length,
		lost: acknowledged.filter(([name]) => !entries.has(name)).length,
		twice: [...entries.values()].filter((times) => times > 1).length,
		appliedThough: answers.filter(
			([name, { status, problem }]) => status === 503 && certain.includes(problem ?? "") && entries.has(name),
		).length,
	};
}

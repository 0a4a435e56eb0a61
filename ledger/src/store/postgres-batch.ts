/**
 * A batch on its way to crebito.commit_batch and back: what postgres.sql says of its arguments and its answer.
 */
import type { Attempt, Command, Outcome, StatementEntry } from "../ledger.ts";
import { arrayLiteral, quotedElement } from "./postgres-array.ts";

export const commitBatchSql =
	"SELECT * FROM crebito.commit_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/** What commit_batch gives back. */
export interface BatchAnswer {
	readonly outcomes: string | null;
	readonly statements: string | null;
}

type StatementRow = readonly [
	id: number,
	limit: number,
	balance: number,
	lastPostedAt: number,
	now: number,
	entries: readonly (readonly [change: number, description: string, postedAt: number])[] | null,
];

/** A batch as arguments: arrays travel as the text that PostgreSQL writes them in. */
export class BatchCall {
	/** Whether it changes anything: only then it can matter that it was sent twice. */
	readonly writes: boolean;
	readonly #batch: readonly Command[];
	readonly #arguments: readonly unknown[];

	constructor(batch: readonly Command[]) {
		this.#batch = batch;
		const commands = batch.filter((command) => command.type !== "statement");
		this.writes = commands.length > 0;
		const ids = commands.flatMap((command) => (command.type === "post" ? [command.accountId] : []));
		const accountIds = [...new Set(ids)].sort((one, other) => one - other);
		const indexOf = new Map(accountIds.map((id, index) => [id, index + 1]));
		const attempts = commands.map((command) => (command.type === "probe" ? undefined : command.attempt));
		const hasAttempts = attempts.some((attempt) => attempt !== undefined);
		const postings = commands.map((command) => (command.type === "post" ? command : undefined));
		const ofAttempts = (value: (attempt: Attempt) => string | number | boolean) =>
			hasAttempts ? arrayLiteral(attempts.map((attempt) => attempt && value(attempt))) : null;
		const statementIds = batch.flatMap((command) =>
			command.type === "statement" ? [command.accountId] : [],
		);
		this.#arguments = [
			arrayLiteral(accountIds),
			arrayLiteral(
				commands.map(
					(command) =>
						indexOf.get((command as { accountId?: number }).accountId ?? 0) ??
						(command.type === "reset" ? 0 : -1),
				),
			),
			arrayLiteral(
				postings.map((posting) => posting && (posting.kind === "credit" ? posting.amount : -posting.amount)),
			),
			arrayLiteral(postings.map((posting) => posting && quotedElement(posting.description))),
			ofAttempts(({ requestId }) => requestId),
			ofAttempts(({ startedAt }) => startedAt),
			ofAttempts(({ isRepeat }) => isRepeat),
			arrayLiteral(
				postings.map((posting) => posting?.idempotencyKey && quotedElement(posting.idempotencyKey)),
			),
			mayRepeat(commands, attempts),
			arrayLiteral([...new Set(statementIds)]),
		];
	}

	/** As the arguments of commit_batch. */
	arguments(sender: string, number: number): unknown[] {
		return this.writes ? [sender, number, ...this.#arguments] : [null, 0, ...this.#arguments];
	}

	/** Those that do nothing but take the batch's number, if it is free still, and read the statements. */
	emptied(sender: string, number: number): unknown[] {
		return [sender, number, "{}", "{}", "{}", "{}", null, null, null, "{}", false, this.#arguments.at(-1)];
	}

	/** The outcomes in the batch's order, and what became of repeated requests. */
	outcomes(answer: BatchAnswer): { readonly outcomes: Outcome[]; readonly repeats: Repeats } {
		const words = (answer.outcomes ?? "").split(" ");
		const statements = new Map(
			(JSON.parse(answer.statements ?? "[]") as StatementRow[]).map((row) => [row[0], row]),
		);
		const repeats = { answeredAgain: 0, applied: 0, expired: 0 };
		let next = 0;
		const outcomes = this.#batch.map((command) => {
			if (command.type === "statement") return statementOf(statements.get(command.accountId));
			const word = words[next++] ?? "";
			const outcome = outcomeOf(word);
			if (word === "=e") repeats.expired += 1;
			else if (word.startsWith("=")) repeats.answeredAgain += 1;
			else if (command.type === "post" && command.attempt?.isRepeat && word !== "u") repeats.applied += 1;
			return outcome;
		});
		return { outcomes, repeats };
	}
}

interface Repeats {
	answeredAgain: number;
	applied: number;
	expired: number;
}

/** Whether something in the batch may have come before, so that each command has to look: all but the common case. */
function mayRepeat(commands: readonly Command[], attempts: readonly (Attempt | undefined)[]): boolean {
	const requestIds = attempts.flatMap((attempt) => attempt?.requestId ?? []);
	return (
		commands.some(
			(command) =>
				command.type === "reset" || (command.type === "post" && command.idempotencyKey !== undefined),
		) ||
		attempts.some((attempt) => attempt?.isRepeat) ||
		new Set(requestIds).size < requestIds.length
	);
}

function outcomeOf(word: string): Outcome {
	const code = word.replace("=", "");
	switch (code[0]) {
		case "p": {
			const [balance, limit] = code.slice(1).split(":").map(Number) as [number, number];
			return { type: "posted", balance, limit };
		}
		case "l":
			return { type: "refused", reason: "limit" };
		case "r":
			return { type: "refused", reason: "range" };
		case "u":
			return { type: "unknown-account" };
		case "k":
			return { type: "key-reused" };
		case "e":
			return { type: "expired" };
		case "d":
			return { type: "done" };
		default:
			throw new Error(`commit_batch answered ${JSON.stringify(word)}`);
	}
}

function statementOf(row: StatementRow | undefined): Outcome {
	if (row === undefined) return { type: "unknown-account" };
	const [, limit, balance, lastPostedAt, now, entries] = row;
	return {
		type: "statement",
		balance,
		limit,
		issuedAt: Math.max(now, lastPostedAt),
		entries: (entries ?? []).map(
			([change, description, postedAt]): StatementEntry => ({
				kind: change > 0 ? "credit" : "debit",
				amount: Math.abs(change),
				description,
				postedAt,
			}),
		),
	};
}

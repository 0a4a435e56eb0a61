/**
 * The books after a run: final statements, one order for all answers of each account, and, if its file is at
 * hand, the target's database.
 */
import { ask } from "./ask.ts";
import { auditDatabase } from "./audit.ts";
import type { Account, Checks } from "./checks.ts";
import { explanationOf } from "./explanation.ts";
import type { History, HistoryRecord } from "./history.ts";
import { type Judge, quotedAnswer, quotedRequest } from "./judge.ts";
import { LinearizabilityChecker } from "./linearizability.ts";
import type { Observation } from "./operation.ts";
import type { Progress } from "./progress.ts";
import { Requests } from "./requests.ts";
import type { AccountVerdict, AuditRow, Consistency } from "./result.ts";
import type { OperationSource } from "./scenario.ts";
import type { Target } from "./target.ts";

export interface BooksPlan {
	readonly target: Target;
	readonly source: OperationSource;
	readonly accounts: readonly Account[];
	readonly checks: Checks;
	readonly judge: Judge;
	readonly history: History;
	readonly timeoutMs: number;
	/** The target's SQLite file; undefined when it isn't at hand. */
	readonly databaseFile: string | undefined;
	/** Shows how far it is; an interruption ends the check without a verdict. */
	readonly progress: Progress;
}

interface FinalStatement {
	readonly balance: number;
	readonly observation: Observation;
}

/** Whatever it finds is added to the judge's violations. */
export async function checkBooks(plan: BooksPlan): Promise<Consistency> {
	const { judge, history, progress } = plan;
	let isGivenUp = false;
	progress.begin("checking the books", undefined);
	progress.onInterrupt(() => {
		isGivenUp = true;
	});
	const finals = await lookAtFinals(plan);
	const checkers = new Map(
		plan.accounts.map((account) => [
			account.accountId,
			new LinearizabilityChecker({
				accountId: account.accountId,
				limit: account.limit,
				balance: account.balance,
				entries: plan.checks.earlierTokens(account),
			}),
		]),
	);
	const outcomes = plan.databaseFile === undefined ? undefined : new Outcomes(judge.sentCount);
	let read = 0;
	await history.read(
		(record) => {
			read += 1;
			outcomes?.set(record);
			addToChecker(plan.source, checkers, record);
		},
		(watermarkMs) => {
			for (const checker of checkers.values()) checker.advance(watermarkMs);
			progress.checkedShare = read / history.records;
			return !isGivenUp;
		},
	);
	if (isGivenUp) history.failure ??= "its check was interrupted";
	for (const [accountId, checker] of checkers) {
		const final = finals.statements.get(accountId);
		if (final !== undefined) checker.add(final.observation);
		checker.finish();
	}
	const accounts = [...checkers].map(([accountId, checker]) => accountVerdict(accountId, checker, history));
	for (const [accountId, checker] of checkers)
		if (history.failure === undefined && checker.verdict === "not linearizable")
			judge.add(explanationOf(checker, accountId, judge, plan.source));
	const audit = [finals.row, ...auditFile(plan, outcomes, finals.statements)];
	return conclude(judge, accounts, audit);
}

function addToChecker(
	source: OperationSource,
	checkers: ReadonlyMap<number, LinearizabilityChecker>,
	record: HistoryRecord,
): void {
	const { accountId, kind, amount } = source.operation(record.number);
	const change = kind === "credit" ? amount : -amount;
	checkers.get(accountId)?.add({ ...record, change, token: source.token(record.number) });
}

/** Statements asked when nothing else was in flight any more. */
async function lookAtFinals({ target, accounts, checks, judge, timeoutMs }: BooksPlan): Promise<{
	readonly row: AuditRow;
	readonly statements: ReadonlyMap<number, FinalStatement>;
}> {
	const requests = new Requests(target, []);
	const statements = new Map<number, FinalStatement>();
	const failures: string[] = [];
	// All at once, or a target that is gone would cost a timeout for each.
	const asked = accounts.map(({ accountId }) => {
		const request = requests.statement(accountId);
		const answered = ask(target, request, timeoutMs);
		answered.catch(() => undefined);
		return { accountId, request, answered };
	});
	for (const { accountId, request, answered } of asked) {
		try {
			const answer = await answered;
			const operation = { number: judge.sentCount, kind: "statement", accountId, amount: 0 } as const;
			const outcome = checks.check(operation, answer, judge.sentCount);
			if (checks.violation !== undefined)
				judge.add({
					...checks.violation,
					accountId,
					sentAtMs: null,
					receivedAtMs: null,
					request: quotedRequest(request),
					response: quotedAnswer(answer),
					window: [],
				});
			if (outcome !== "shown")
				failures.push(`account ${accountId}: ${checks.violation?.message ?? answer.status}`);
			else
				statements.set(accountId, {
					balance: checks.balance,
					observation: {
						number: operation.number,
						outcome,
						invokedAtMs: answer.sentAtMs,
						endedAtMs: answer.endedAtMs,
						change: 0,
						token: 0,
						balance: checks.balance,
						entries: checks.entries,
					},
				});
		} catch (error) {
			failures.push(`account ${accountId}: ${(error as Error).message}`);
		}
	}
	const row: AuditRow =
		failures.length === 0
			? {
					source: "final statements",
					verdict: "passed",
					reason: `all ${statements.size} were answered, and stand at the end of the history`,
				}
			: { source: "final statements", verdict: "not possible", reason: failures.slice(0, 5).join("; ") };
	return { row, statements };
}

function accountVerdict(
	accountId: number,
	checker: LinearizabilityChecker,
	history: History,
): AccountVerdict {
	const { operations, unknownOutcomes, reason } = checker;
	if (history.failure !== undefined)
		return {
			accountId,
			verdict: "unknown",
			operations,
			unknownOutcomes,
			reason: `the history is not whole: ${history.failure}`,
		};
	return { accountId, verdict: checker.verdict, operations, unknownOutcomes, reason: reason ?? null };
}

function auditFile(
	{ databaseFile, source, accounts, judge, history }: BooksPlan,
	outcomes: Outcomes | undefined,
	finals: ReadonlyMap<number, FinalStatement>,
): AuditRow[] {
	if (databaseFile === undefined || outcomes === undefined) return [];
	if (history.failure !== undefined)
		return [
			{ source: "database", verdict: "not possible", reason: `the history is not whole: ${history.failure}` },
		];
	const { row, violations, violationsTotal, changes } = auditDatabase(databaseFile, {
		numberOf: (description) => source.numberOf(description),
		operation: (number) => source.operation(number),
		// What has no tag of its own can't be told apart in a database either.
		outcome: (number) => (source.token(number) < 0 ? "never sent" : outcomes.get(number)),
		count: judge.sentCount,
	});
	for (const violation of violations) judge.add(violation);
	judge.violationsTotal += violationsTotal - violations.length;
	if (row.verdict !== "passed" || !source.isAllTagged) return [row];
	const off = accounts.find(({ accountId, balance }) => {
		const final = finals.get(accountId);
		return final !== undefined && final.balance !== balance + (changes.get(accountId) ?? 0);
	});
	if (off === undefined) return [row];
	const { accountId, balance } = off;
	const sum = balance + (changes.get(accountId) ?? 0);
	const reason = `account ${accountId}: its entries make ${sum}, its last statement says ${finals.get(accountId)?.balance}`;
	return [row, { source: "balances", verdict: "failed", reason }];
}

const outcomeNames = ["never sent", "posted", "refused", "unknown"] as const;

/** One byte for each operation: enough to audit a database against. */
class Outcomes {
	readonly #codes: Uint8Array;

	constructor(count: number) {
		this.#codes = new Uint8Array(count);
	}

	set({ number, outcome }: HistoryRecord): void {
		const code = outcomeNames.indexOf(outcome as never);
		if (code > 0) this.#codes[number] = code;
	}

	get(number: number): (typeof outcomeNames)[number] {
		return outcomeNames[this.#codes[number] ?? 0] as (typeof outcomeNames)[number];
	}
}

function conclude(
	judge: Judge,
	accounts: readonly AccountVerdict[],
	audit: readonly AuditRow[],
): Consistency {
	const { violations, violationsTotal, responsesChecked } = judge;
	const facts = { responsesChecked, violationsTotal, violations, accounts, audit };
	if (violationsTotal > 0 || audit.some(({ verdict }) => verdict === "failed"))
		return {
			verdict: "inconsistent",
			reason: `${violationsTotal} violations, the first: ${violations[0]?.message ?? "in the audit"}`,
			...facts,
		};
	const open = accounts.find(({ verdict }) => verdict !== "linearizable");
	const impossible = audit.find(({ verdict }) => verdict === "not possible");
	if (open !== undefined || impossible !== undefined)
		return {
			verdict: "unknown",
			reason:
				open === undefined
					? `${impossible?.source}: ${impossible?.reason}`
					: `account ${open.accountId}: ${open.reason}`,
			...facts,
		};
	const operations = accounts.reduce((sum, account) => sum + account.operations, 0);
	return {
		verdict: "consistent",
		reason: `${responsesChecked} answers checked; one order explains all ${operations} operations on ${accounts.length} accounts`,
		...facts,
	};
}

/**
 * The judge on the hot path: what the sender reports is checked, counted and written into the history.
 */
import type { Checks, WholeAnswer } from "./checks.ts";
import type { Connection, FailureKind } from "./connection.ts";
import type { History } from "./history.ts";
import type { Metrics } from "./metrics.ts";
import type { Operation, Outcome } from "./operation.ts";
import type { Violation } from "./result.ts";
import type { OperationSource } from "./scenario.ts";
import type { SendObserver } from "./sender.ts";

const violationsMax = 100;
const quotedMax = 2000;

/** After which no balance was read, or one that can't be. */
const balanceViolations: ReadonlySet<string> = new Set([
	"limit-passed",
	"malformed-answer",
	"malformed-statement",
]);

export class Judge implements SendObserver {
	/** Where it counts; another one after the warm-up. */
	metrics: Metrics;
	readonly violations: Violation[] = [];
	violationsTotal = 0;
	responsesChecked = 0;
	/** All operations sent so far, the warm-up's included, have numbers below it. */
	sentCount = 0;
	/** What violations' times count from. */
	startedAtMs = 0;

	readonly #source: OperationSource;
	readonly #checks: Checks;
	readonly #history: History;

	constructor(source: OperationSource, checks: Checks, history: History, metrics: Metrics) {
		this.#source = source;
		this.#checks = checks;
		this.#history = history;
		this.metrics = metrics;
	}

	sending(number: number, latenessMs: number): void {
		this.sentCount = number + 1;
		this.metrics.recordSent(latenessMs);
	}

	answered(connection: Connection): void {
		const { response, operationNumber, sentAtMs, endedAtMs } = connection;
		const operation = this.#source.operation(operationNumber);
		const outcome = this.judge(operation, response, sentAtMs, endedAtMs);
		this.metrics.recordAnswer({
			kind: operation.kind,
			status: response.status,
			isSuccess: this.#checks.isSuccess,
			isRefusal: outcome === "refused",
			responseMs: endedAtMs - connection.dueAtMs,
			serviceMs: endedAtMs - sentAtMs,
			bytesSent: connection.bytesSent,
			bytesReceived: response.bytes,
		});
	}

	/** Checks an answer and writes it into the history, without measuring it. */
	judge(operation: Operation, answer: WholeAnswer, sentAtMs: number, endedAtMs: number): Outcome {
		const { number } = operation;
		const checks = this.#checks;
		const outcome = checks.check(operation, answer, this.sentCount);
		this.responsesChecked += 1;
		if (outcome === "unknown") this.recordUnknown(number, sentAtMs);
		else if (outcome !== "nothing")
			this.#history.record(number, outcome, sentAtMs, endedAtMs, checks.balance, checks.entries);
		if (checks.violation !== undefined)
			this.#violated(checks.violation, operation, answer, sentAtMs, endedAtMs);
		return outcome;
	}

	/** What was wrong with the balance in the last 200, if anything was. */
	get balanceFailure(): string | undefined {
		const { violation } = this.#checks;
		return violation !== undefined && balanceViolations.has(violation.name) ? violation.message : undefined;
	}

	/** A credit or debit that may have been applied. */
	recordUnknown(number: number, sentAtMs: number): void {
		this.#history.record(number, "unknown", sentAtMs, Number.POSITIVE_INFINITY, 0, []);
	}

	failed(connection: Connection, failure: FailureKind, message: string): void {
		const { operationNumber, sentAtMs, isSent } = connection;
		const { kind } = this.#source.operation(operationNumber);
		if (kind !== "statement" && isSent) this.recordUnknown(operationNumber, sentAtMs);
		this.metrics.recordFailure(kind, failure, message, isSent ? connection.bytesSent : 0);
	}

	/** Counts it, and keeps it if it is one of the first. */
	add(violation: Violation): void {
		this.violationsTotal += 1;
		if (this.violations.length < violationsMax) this.violations.push(violation);
	}

	#violated(
		found: { name: string; message: string },
		{ number, accountId }: Operation,
		answer: WholeAnswer,
		sentAtMs: number,
		endedAtMs: number,
	): void {
		if (this.violations.length >= violationsMax) {
			this.violationsTotal += 1;
			return;
		}
		this.add({
			...found,
			accountId,
			sentAtMs: sentAtMs - this.startedAtMs,
			receivedAtMs: endedAtMs - this.startedAtMs,
			request: quotedRequest(this.#source.request(number)),
			response: quotedAnswer(answer),
			window: [],
		});
	}
}

export function quotedAnswer({ status, bodyBytes, bodyStart, bodyEnd }: WholeAnswer): string {
	return `${status} ${bodyBytes.toString("utf8", bodyStart, bodyEnd)}`.slice(0, quotedMax);
}

/** Method, path and body, without the headers, which are always the same. */
export function quotedRequest(request: Buffer): string {
	const [head = "", body = ""] = request.toString("latin1").split("\r\n\r\n");
	const line = (head.split("\r\n")[0] ?? "").replace(/ HTTP\/1\.1$/, "");
	return body === "" ? line : `${line} ${body}`;
}

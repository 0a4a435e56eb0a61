/**
 * The judge on the hot path: what the sender reports is checked, counted and written into the history.
 */
import type { Checks } from "./checks.ts";
import type { Connection, FailureKind } from "./connection.ts";
import type { History } from "./history.ts";
import type { Metrics } from "./metrics.ts";
import type { Violation } from "./result.ts";
import type { OperationSource } from "./scenario.ts";
import type { SendObserver } from "./sender.ts";

const violationsMax = 100;
const quotedMax = 2000;

export class Judge implements SendObserver {
	/** Where it counts; another one after the warm-up. */
	metrics: Metrics;
	readonly violations: Violation[] = [];
	violationsTotal = 0;
	responsesChecked = 0;
	/** Operations sent so far, the warm-up's included; their numbers are below it. */
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

	sending(latenessMs: number): void {
		this.sentCount += 1;
		this.metrics.recordSent(latenessMs);
	}

	answered(connection: Connection): void {
		const { response, operationNumber, sentAtMs, endedAtMs } = connection;
		const { status, bodyBytes, bodyStart, bodyEnd } = response;
		const checks = this.#checks;
		const operation = this.#source.operation(operationNumber);
		const body = bodyBytes.toString("utf8", bodyStart, bodyEnd);
		const outcome = checks.check(operation, status, body, this.sentCount);
		this.responsesChecked += 1;
		if (outcome === "unknown")
			this.#history.record(operationNumber, outcome, sentAtMs, Number.POSITIVE_INFINITY, 0, []);
		else if (outcome !== "nothing")
			this.#history.record(operationNumber, outcome, sentAtMs, endedAtMs, checks.balance, checks.entries);
		if (checks.violation !== undefined) this.#violated(checks.violation, connection, body);
		this.metrics.recordAnswer({
			kind: operation.kind,
			status,
			isSuccess: checks.isSuccess,
			isRefusal: outcome === "refused",
			responseMs: endedAtMs - connection.dueAtMs,
			serviceMs: endedAtMs - sentAtMs,
			bytesSent: connection.bytesSent,
			bytesReceived: response.bytes,
		});
	}

	failed(connection: Connection, failure: FailureKind, message: string): void {
		const { operationNumber, sentAtMs, isSent } = connection;
		const { kind } = this.#source.operation(operationNumber);
		if (kind !== "statement" && isSent)
			this.#history.record(operationNumber, "unknown", sentAtMs, Number.POSITIVE_INFINITY, 0, []);
		this.metrics.recordFailure(kind, failure, message, isSent ? connection.bytesSent : 0);
	}

	/** Counts it, and keeps it if it is one of the first. */
	add(violation: Violation): void {
		this.violationsTotal += 1;
		if (this.violations.length < violationsMax) this.violations.push(violation);
	}

	#violated(found: { name: string; message: string }, connection: Connection, body: string): void {
		if (this.violations.length >= violationsMax) {
			this.violationsTotal += 1;
			return;
		}
		const { accountId } = this.#source.operation(connection.operationNumber);
		this.add({
			...found,
			accountId,
			sentAtMs: connection.sentAtMs - this.startedAtMs,
			receivedAtMs: connection.endedAtMs - this.startedAtMs,
			request: quotedRequest(this.#source.request(connection.operationNumber)),
			response: `${connection.response.status} ${body}`.slice(0, quotedMax),
			window: [],
		});
	}
}

/** Method, path and body, without the headers, which are always the same. */
export function quotedRequest(request: string): string {
	const [head = "", body = ""] = request.split("\r\n\r\n");
	const line = (head.split("\r\n")[0] ?? "").replace(/ HTTP\/1\.1$/, "");
	return body === "" ? line : `${line} ${body}`;
}

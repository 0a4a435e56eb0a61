/**
 * What a run amounts to, in constant memory: counts, latencies by operation, and a row for every second.
 *
 * A request is recorded into the second's histograms only. When the second is over they are read, added to the
 * totals and emptied, so that a request costs one or two additions, however many tables it ends up in.
 */
import type { FailureKind } from "./connection.ts";
import { Histogram } from "./histogram.ts";
import { type Kind, kinds } from "./operation.ts";
import type { ErrorRow, OperationRow, SecondRow, StatusRow } from "./result.ts";

/** Different messages of errors that are told apart; further ones are counted together. */
const errorMessagesMax = 50;
/** Rows of seconds; a run of more than a day loses its latest rows, not its totals. */
const secondsMax = 90_000;
/** What the live screen calls recent. */
const recentSeconds = 5;

interface KindMetrics {
	readonly kind: Kind;
	/** The current second's and all response times. */
	readonly second: Histogram;
	readonly total: Histogram;
	requests: number;
	succeeded: number;
	refused: number;
	failed: number;
}

export interface Answered {
	readonly kind: Kind;
	readonly status: number;
	readonly isSuccess: boolean;
	readonly isRefusal: boolean;
	readonly responseMs: number;
	readonly serviceMs: number;
	readonly bytesSent: number;
	readonly bytesReceived: number;
}

/** What the last second was like, beside its row. */
export interface SecondContext {
	readonly asked: number | null;
	readonly inFlight: number;
	readonly cpuShare: number;
}

export class Metrics {
	readonly isOpen: boolean;
	readonly response = new Histogram();
	readonly lateness = new Histogram();
	readonly seconds: SecondRow[] = [];
	/** Whole seconds so far; rows are kept of the first ones only, if they are too many. */
	secondsEnded = 0;
	readonly byKind: ReadonlyMap<Kind, KindMetrics> = new Map(kinds.map((kind) => [kind, kindMetrics(kind)]));
	sent = 0;
	answered = 0;
	succeeded = 0;
	refused = 0;
	otherStatus = 0;
	failed = 0;
	bytesSent = 0;
	bytesReceived = 0;

	readonly #debit = this.byKind.get("debit") as KindMetrics;
	readonly #credit = this.byKind.get("credit") as KindMetrics;
	readonly #statement = this.byKind.get("statement") as KindMetrics;
	readonly #service = new Histogram();
	readonly #serviceSecond = new Histogram();
	readonly #latenessSecond = new Histogram();
	readonly #responseSecond = new Histogram();
	/** The response times of the last seconds, in turns. */
	readonly #recent = Array.from({ length: recentSeconds }, () => new Histogram());
	readonly #statuses = new Float64Array(1000);
	readonly #errors = new Map<string, { kind: FailureKind; message: string; count: number }>();
	#sentBefore = 0;
	#answeredBefore = 0;
	#errorsBefore = 0;

	/** In a closed model a request is due when it is sent: service time is response time, and nothing is late. */
	constructor(isOpen: boolean) {
		this.isOpen = isOpen;
	}

	/** Of all collected seconds. */
	get service(): Histogram {
		return this.isOpen ? this.#service : this.response;
	}

	/** Response times of the last seconds, as far as they are over. */
	recent(): Histogram {
		const all = new Histogram();
		for (const second of this.#recent) all.add(second);
		return all;
	}

	recordSent(latenessMs: number): void {
		this.sent += 1;
		if (this.isOpen) this.#latenessSecond.record(latenessMs);
	}

	recordAnswer(answer: Answered): void {
		const row = this.#of(answer.kind);
		this.answered += 1;
		this.bytesSent += answer.bytesSent;
		this.bytesReceived += answer.bytesReceived;
		this.#statuses[answer.status] = (this.#statuses[answer.status] as number) + 1;
		row.requests += 1;
		if (answer.isSuccess) {
			this.succeeded += 1;
			row.succeeded += 1;
			if (answer.isRefusal) {
				this.refused += 1;
				row.refused += 1;
			}
		} else {
			this.otherStatus += 1;
			row.failed += 1;
		}
		row.second.record(answer.responseMs);
		if (this.isOpen) this.#serviceSecond.record(answer.serviceMs);
	}

	recordFailure(kind: Kind, failure: FailureKind, message: string, bytesSent: number): void {
		const row = this.#of(kind);
		this.failed += 1;
		this.bytesSent += bytesSent;
		row.requests += 1;
		row.failed += 1;
		const isNew = !this.#errors.has(causeOf(failure, message));
		this.#countError(failure, isNew && this.#errors.size >= errorMessagesMax ? "other messages" : message);
	}

	/** The current second is over. Its response times can be read from the row only. */
	endSecond({ asked, inFlight, cpuShare }: SecondContext): SecondRow {
		const response = this.#responseSecond;
		for (const row of this.byKind.values()) response.add(row.second);
		const recent = this.#recent[this.secondsEnded % recentSeconds] as Histogram;
		recent.reset();
		recent.add(response);
		const row: SecondRow = {
			second: this.secondsEnded,
			asked,
			sent: this.sent - this.#sentBefore,
			answered: this.answered - this.#answeredBefore,
			errors: this.failed + this.otherStatus - this.#errorsBefore,
			p50Ms: response.percentileMs(50),
			p99Ms: response.percentileMs(99),
			p999Ms: response.percentileMs(99.9),
			latenessP99Ms: this.isOpen ? this.#latenessSecond.percentileMs(99) : null,
			inFlight,
			cpuShare,
		};
		if (this.seconds.length < secondsMax) this.seconds.push(row);
		this.secondsEnded += 1;
		[this.#sentBefore, this.#answeredBefore] = [this.sent, this.answered];
		this.#errorsBefore = this.failed + this.otherStatus;
		this.collect();
		return row;
	}

	/** Puts what the current second has so far into the totals. */
	collect(): void {
		for (const row of this.byKind.values()) {
			row.total.add(row.second);
			this.response.add(row.second);
			row.second.reset();
		}
		this.#service.add(this.#serviceSecond);
		this.lateness.add(this.#latenessSecond);
		for (const histogram of [this.#serviceSecond, this.#latenessSecond, this.#responseSecond])
			histogram.reset();
	}

	statuses(): StatusRow[] {
		return Array.from(this.#statuses, (count, status) => ({ status, count }))
			.filter(({ count }) => count > 0)
			.toSorted((a, b) => b.count - a.count);
	}

	errors(): ErrorRow[] {
		return [...this.#errors.values()].toSorted((a, b) => b.count - a.count).map((row) => ({ ...row }));
	}

	operations(elapsedSeconds: number): OperationRow[] {
		return [...this.byKind.values()]
			.filter(({ requests }) => requests > 0)
			.map(({ kind, requests, succeeded, refused, failed, total }) => ({
				kind,
				requests,
				succeeded,
				refused,
				failed,
				rate: elapsedSeconds > 0 ? total.count / elapsedSeconds : 0,
				p50Ms: total.percentileMs(50) ?? 0,
				p99Ms: total.percentileMs(99) ?? 0,
				maxMs: total.maxMs,
			}));
	}

	#of(kind: Kind): KindMetrics {
		return kind === "debit" ? this.#debit : kind === "credit" ? this.#credit : this.#statement;
	}

	#countError(kind: FailureKind, message: string): void {
		const cause = causeOf(kind, message);
		const known = this.#errors.get(cause);
		if (known === undefined) this.#errors.set(cause, { kind, message, count: 1 });
		else known.count += 1;
	}
}

/** Numbers and quotations of the target differ from one request to the next, though the cause is the same. */
function causeOf(kind: FailureKind, message: string): string {
	return `${kind} ${message.replace(/".*/s, "").replace(/\d+/g, "N")}`;
}

function kindMetrics(kind: Kind): KindMetrics {
	return {
		kind,
		second: new Histogram(),
		total: new Histogram(),
		requests: 0,
		succeeded: 0,
		refused: 0,
		failed: 0,
	};
}

/**
 * Does: keeps connections busy with operations, and tells an observer how each one ended.
 *
 * In the closed model each of `window` connections sends the next request as soon as it has its answer. In the
 * open model a request is due at an instant of the schedule, whatever became of the earlier ones; it goes out
 * on the connection that has been free for longest, and waits while there is none:
 *
 *     due ──────────── connection free ── sent ───────── answered
 *      |  the target's fault  |  lateness  |  service time  |
 *      |───────────────── response time ────────────────────|
 */
import { Connection, type FailureKind } from "./connection.ts";
import { Pacer } from "./pacer.ts";
import type { OperationSource } from "./scenario.ts";
import type { Target } from "./target.ts";

/** In the closed model, before asking again where nobody listens: at once would be 30,000 failures a second. */
const refusedPauseMs = 10;

/** A schedule, or several at once. */
export interface Arrivals {
	/** When the k-th operation is due, in ms from the start; Infinity after the last. Never decreases. */
	timeOf(k: number): number;
	/** How many are due before that time. */
	dueBefore(ms: number): number;
}

export interface SendPlan {
	readonly target: Target;
	readonly source: OperationSource;
	/** The number of the first operation. */
	readonly firstNumber: number;
	/** Requests in flight at most. */
	readonly window: number;
	/** A connection for each request, or kept ones. */
	readonly isPerRequest: boolean;
	readonly timeoutMs: number;
	/** Of the open model; undefined in the closed one. */
	readonly arrivals: Arrivals | undefined;
	/** What ends the run; Infinity if it doesn't. */
	readonly operationsMax: number;
	readonly durationMs: number;
}

export interface SendObserver {
	/** An operation's request is about to be sent, that much later than it could have been. */
	sending(number: number, latenessMs: number): void;
	/** The connection knows the operation's number, its times and the answer. */
	answered(connection: Connection): void;
	failed(connection: Connection, kind: FailureKind, message: string): void;
}

export class Sender {
	readonly #plan: SendPlan;
	readonly #observer: SendObserver;
	readonly #connections: Connection[] = [];
	/** Free ones; those from #idleFrom on, the longest free first. */
	#idle: Connection[] = [];
	#idleFrom = 0;
	#inFlight = 0;
	#window: number;
	#next: number;
	/** Where the schedule's clock was at #clockSetAtMs, and how fast it runs since, but for a pause. */
	#clockMs = 0;
	#clockSetAtMs = 0;
	#speed = 1;
	/** Running time before the last pause, and since when it runs after it. */
	#ranMs = 0;
	#runsSinceMs = 0;
	/** Since when fewer are in flight than may be: nothing could have been sent before. */
	#roomSinceMs = 0;
	/** When somebody stopped it: what comes due later isn't asked. */
	#stoppedAtMs = Number.POSITIVE_INFINITY;
	#isPaused = false;
	#isEnding = false;
	readonly #ended = Promise.withResolvers<void>();
	readonly #pacer: Pacer | undefined;
	#sweep: ReturnType<typeof setInterval> | undefined;

	constructor(plan: SendPlan, observer: SendObserver) {
		this.#plan = plan;
		this.#observer = observer;
		this.#window = plan.window;
		this.#next = plan.firstNumber;
		if (plan.arrivals !== undefined) this.#pacer = new Pacer(() => this.#sendDue());
	}

	/** Resolves when the run is over and every request has its end. */
	run(): Promise<void> {
		this.#runsSinceMs = this.#clockSetAtMs = this.#roomSinceMs = performance.now();
		// Stopped before it began: there is nothing to sweep out, and nobody to end the sweeping.
		if (this.#isEnding) return this.#ended.promise;
		const sweepMs = Math.min(50, Math.max(1, this.#plan.timeoutMs / 20));
		this.#sweep = setInterval(() => this.#sweepOut(), sweepMs);
		this.#fill();
		return this.#ended.promise;
	}

	/** No more requests; those in flight have until their timeout. */
	stop(): void {
		if (!this.#isEnding) this.#stoppedAtMs = performance.now();
		this.#sendNoMore();
	}

	/** The schedule's clock and the run's time stand still meanwhile. */
	pause(isPaused: boolean): void {
		if (isPaused === this.#isPaused) return;
		const now = performance.now();
		if (isPaused) this.#ranMs += now - this.#runsSinceMs;
		else this.#runsSinceMs = now;
		this.#setClock(now);
		this.#isPaused = isPaused;
		if (isPaused) return;
		this.#roomSinceMs = now;
		this.#fill();
	}

	setWindow(window: number): void {
		this.#window = window;
		this.#roomSinceMs = performance.now();
		this.#fill();
	}

	/** The schedule's clock runs that much faster from here on. */
	multiplyRate(factor: number): void {
		this.#setClock(performance.now());
		this.#speed *= factor;
		this.#pacer?.reschedule();
	}

	get isPaused(): boolean {
		return this.#isPaused;
	}

	get window(): number {
		return this.#window;
	}

	get inFlight(): number {
		return this.#inFlight;
	}

	/** Nothing more is sent; requests may still be in flight. */
	get isEnding(): boolean {
		return this.#isEnding;
	}

	/** Without pauses, in ms. */
	elapsedMs(now: number): number {
		return this.#ranMs + (this.#isPaused ? 0 : now - this.#runsSinceMs);
	}

	/** How many operations have been due by now; in the closed model those that were sent. */
	dueCount(now: number): number {
		const { arrivals, operationsMax, durationMs, firstNumber } = this.#plan;
		if (arrivals === undefined) return this.#next - firstNumber;
		const untilMs = Math.min(now, this.#stoppedAtMs);
		const beyondEndMs = Math.max(0, this.elapsedMs(untilMs) - durationMs) * this.#speed;
		return Math.min(operationsMax, arrivals.dueBefore(this.#clock(untilMs) - beyondEndMs));
	}

	/** When the oldest request in flight was sent; Infinity when there is none. */
	earliestInvocation(): number {
		let earliest = Number.POSITIVE_INFINITY;
		for (const connection of this.#connections)
			if (connection.isWaiting && connection.sentAtMs < earliest) earliest = connection.sentAtMs;
		return earliest;
	}

	answered(connection: Connection): void {
		connection.endedAtMs = performance.now();
		if (this.#plan.isPerRequest) connection.close();
		this.#observer.answered(connection);
		this.#freed(connection);
	}

	failed(connection: Connection, kind: FailureKind, message: string): void {
		connection.endedAtMs = performance.now();
		this.#observer.failed(connection, kind, message);
		this.#freed(connection, kind === "connect");
	}

	#freed(connection: Connection, isRefused = false): void {
		this.#inFlight -= 1;
		connection.idleSinceMs = connection.endedAtMs;
		if (this.#inFlight === this.#window - 1) this.#roomSinceMs = connection.endedAtMs;
		if (this.#pacer === undefined && !isRefused && this.#maySend(connection.endedAtMs)) {
			this.#send(connection, 0);
			return;
		}
		this.#idle.push(connection);
		if (isRefused) setTimeout(() => this.#fill(), refusedPauseMs);
		if (this.#isEnding && this.#inFlight === 0) this.#end();
		else this.#pacer?.wake();
	}

	/** As many requests as may be in flight, at the start and after a change. */
	#fill(): void {
		this.#pacer?.wake();
		if (this.#pacer !== undefined) return;
		const now = performance.now();
		while (this.#maySend(now)) this.#send(this.#takeIdle(), 0);
	}

	/** @returns in how many ms the next request is due; Infinity when that is for somebody else to say. */
	#sendDue(): number {
		const { arrivals, firstNumber, durationMs } = this.#plan;
		if (arrivals === undefined) return Number.POSITIVE_INFINITY;
		for (;;) {
			const now = performance.now();
			if (!this.#maySend(now)) return Number.POSITIVE_INFINITY;
			const scheduledMs = arrivals.timeOf(this.#next - firstNumber);
			if (scheduledMs === Number.POSITIVE_INFINITY) {
				this.#sendNoMore();
				return Number.POSITIVE_INFINITY;
			}
			const waitMs = (scheduledMs - this.#clock(now)) / this.#speed;
			const leftMs = durationMs - this.elapsedMs(now);
			if (waitMs > 0) return Math.min(waitMs, leftMs);
			this.#send(this.#takeIdle(), now + waitMs);
		}
	}

	#maySend(now: number): boolean {
		if (this.#isEnding || this.#isPaused || this.#inFlight >= this.#window) return false;
		const { firstNumber, operationsMax, durationMs } = this.#plan;
		if (this.#next - firstNumber < operationsMax && this.elapsedMs(now) < durationMs) return true;
		this.#isEnding = true;
		this.#pacer?.stop();
		// Not at once: whoever asked may be about to count this connection among the free ones.
		setImmediate(() => {
			if (this.#inFlight === 0) this.#end();
		});
		return false;
	}

	/** `dueAtMs` is 0 in the closed model, where a request is due when it is sent. */
	#send(connection: Connection, dueAtMs: number): void {
		const number = this.#next;
		this.#next += 1;
		this.#inFlight += 1;
		const request = this.#plan.source.request(number);
		const now = performance.now();
		connection.operationNumber = number;
		connection.sentAtMs = now;
		connection.dueAtMs = dueAtMs === 0 ? now : dueAtMs;
		const sendableAtMs = Math.max(dueAtMs, connection.idleSinceMs, this.#roomSinceMs);
		this.#observer.sending(number, dueAtMs === 0 ? 0 : now - sendableAtMs);
		connection.send(request);
	}

	#takeIdle(): Connection {
		const idle = this.#idle[this.#idleFrom];
		if (idle === undefined) {
			const connection = new Connection(this.#plan.target, this);
			this.#connections.push(connection);
			return connection;
		}
		this.#idleFrom += 1;
		if (this.#idleFrom === this.#idle.length || this.#idleFrom === 1024) {
			this.#idle = this.#idle.slice(this.#idleFrom);
			this.#idleFrom = 0;
		}
		return idle;
	}

	/** Requests that have waited for too long, and the end of the time, which no answer may come to announce. */
	#sweepOut(): void {
		const now = performance.now();
		for (const connection of this.#connections) {
			if (!connection.isWaiting || now - connection.sentAtMs < this.#plan.timeoutMs) continue;
			connection.close();
			this.failed(connection, "timeout", `no answer within ${this.#plan.timeoutMs} ms`);
		}
		this.#maySend(now);
	}

	#clock(now: number): number {
		return this.#clockMs + (this.#isPaused ? 0 : (now - this.#clockSetAtMs) * this.#speed);
	}

	#setClock(now: number): void {
		this.#clockMs = this.#clock(now);
		this.#clockSetAtMs = now;
	}

	#sendNoMore(): void {
		this.#isEnding = true;
		this.#pacer?.stop();
		if (this.#inFlight === 0) this.#end();
	}

	/** May be called again. */
	#end(): void {
		clearInterval(this.#sweep);
		this.#pacer?.stop();
		for (const connection of this.#connections) connection.close();
		this.#ended.resolve();
	}
}

/** Requests one by one, before and after a run and in the simulation's validations, where cost doesn't matter. */
import type { WholeAnswer } from "./checks.ts";
import { Connection, type FailureKind } from "./connection.ts";
import type { Target } from "./target.ts";

export interface Answer extends WholeAnswer {
	readonly body: string;
	readonly sentAtMs: number;
	readonly endedAtMs: number;
}

/** There was no whole answer. */
export class NoAnswer extends Error {
	readonly kind: FailureKind;
	/** Whether the target may have seen the request. */
	readonly isSent: boolean;
	readonly sentAtMs: number;

	constructor(kind: FailureKind, message: string, isSent: boolean, sentAtMs: number) {
		super(message);
		this.kind = kind;
		this.isSent = isSent;
		this.sentAtMs = sentAtMs;
	}
}

/** Somebody with a connection, who asks one thing after another. */
export class Client {
	readonly #timeoutMs: number;
	readonly #connection: Connection;
	#resolve: (answer: Answer) => void = () => undefined;
	#reject: (reason: NoAnswer) => void = () => undefined;
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(target: Target, timeoutMs: number) {
		this.#timeoutMs = timeoutMs;
		this.#connection = new Connection(target, {
			answered: (connection) => this.#answered(connection),
			failed: (_, kind, message) => this.#fail(kind, message),
		});
	}

	/** @throws {NoAnswer} refused, lost, malformed, or not there in time. */
	ask(request: Buffer): Promise<Answer> {
		return new Promise((resolve, reject) => {
			this.#resolve = resolve;
			this.#reject = reject;
			this.#timer = setTimeout(() => {
				this.#connection.close();
				this.#fail("timeout", `no answer within ${this.#timeoutMs} ms`);
			}, this.#timeoutMs);
			this.#connection.sentAtMs = performance.now();
			this.#connection.send(request);
		});
	}

	close(): void {
		this.#connection.close();
	}

	#answered({ response, sentAtMs }: Connection): void {
		clearTimeout(this.#timer);
		const { status, bodyBytes, bodyStart, bodyEnd } = response;
		const body = bodyBytes.toString("utf8", bodyStart, bodyEnd);
		const endedAtMs = performance.now();
		this.#resolve({
			status,
			body,
			bodyBytes: Buffer.from(body),
			bodyStart: 0,
			bodyEnd: Buffer.byteLength(body),
			sentAtMs,
			endedAtMs,
		});
	}

	#fail(kind: FailureKind, message: string): void {
		clearTimeout(this.#timer);
		this.#reject(new NoAnswer(kind, message, this.#connection.isSent, this.#connection.sentAtMs));
	}
}

/**
 * Over a connection of its own, which is closed with the answer.
 * @throws {NoAnswer}
 */
export async function ask(target: Target, request: Buffer, timeoutMs: number): Promise<Answer> {
	const client = new Client(target, timeoutMs);
	try {
		return await client.ask(request);
	} finally {
		client.close();
	}
}

/** A single request with its answer, before and after a run, where cost and pace don't matter. */
import { Connection, type FailureKind } from "./connection.ts";
import type { Target } from "./target.ts";

export interface Answer {
	readonly status: number;
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

/**
 * Over a connection of its own, which is closed with the answer.
 * @throws {NoAnswer} refused, lost, malformed, or not there in time.
 */
export function ask(target: Target, request: string, timeoutMs: number): Promise<Answer> {
	const sentAtMs = performance.now();
	return new Promise((resolve, reject) => {
		const fail = (kind: FailureKind, message: string) => {
			clearTimeout(timer);
			reject(new NoAnswer(kind, message, connection.isSent, sentAtMs));
		};
		const connection = new Connection(target, {
			answered: ({ response }) => {
				const endedAtMs = performance.now();
				clearTimeout(timer);
				const { status, bodyBytes, bodyStart, bodyEnd } = response;
				const body = bodyBytes.toString("utf8", bodyStart, bodyEnd);
				connection.close();
				resolve({ status, body, sentAtMs, endedAtMs });
			},
			failed: (_, kind, message) => fail(kind, message),
		});
		const timer = setTimeout(() => {
			connection.close();
			fail("timeout", `no answer within ${timeoutMs} ms`);
		}, timeoutMs);
		connection.send(request);
	});
}

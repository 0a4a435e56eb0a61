/**
 * A target on raw sockets whose every answer a test decides, and what a sender or a connection needs beside it:
 * operations that are no more than a number, and an observer that writes everything down.
 */
import type { Socket } from "bun";
import type { Connection, FailureKind } from "../src/connection.ts";
import type { OperationSource } from "../src/scenario.ts";
import type { SendObserver } from "../src/sender.ts";
import { parseTarget, type Target } from "../src/target.ts";

export interface RawRequest {
	/** The number in its path, or NaN. */
	readonly number: number;
	/** Which of the target's connections it came on, from 0 in the order of their opening. */
	readonly connection: number;
	readonly socket: Socket<Peer>;
	answer(headers?: string): void;
}

interface Peer {
	readonly connection: number;
	input: string;
}

export interface RawTarget {
	readonly target: Target;
	readonly port: number;
	/** Opened so far, and open. */
	connections: number;
	openConnections: number;
	readonly requests: RawRequest[];
	/** The largest number of requests without an answer at the same time. */
	inFlightMax: number;
	/** Closes all connections, too. */
	stop(): void;
}

export const plainAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/** Answers at once unless told otherwise. On a free port unless one is given. */
export function startRaw(
	onRequest: (request: RawRequest) => void = (request) => request.answer(),
	port = 0,
): RawTarget {
	let inFlight = 0;
	const listener = Bun.listen<Peer>({
		hostname: "127.0.0.1",
		port,
		socket: {
			open(socket) {
				socket.data = { connection: raw.connections, input: "" };
				raw.connections += 1;
				raw.openConnections += 1;
			},
			close() {
				raw.openConnections -= 1;
			},
			data(socket, bytes) {
				socket.data.input += bytes.toString("latin1");
				for (;;) {
					const end = requestEnd(socket.data.input);
					if (end === undefined) return;
					const text = socket.data.input.slice(0, end);
					socket.data.input = socket.data.input.slice(end);
					inFlight += 1;
					raw.inFlightMax = Math.max(raw.inFlightMax, inFlight);
					const request: RawRequest = {
						number: Number(/^\w+ \/(\d+) /.exec(text)?.[1]),
						connection: socket.data.connection,
						socket,
						answer(headers = "") {
							inFlight -= 1;
							socket.write(plainAnswer.replace("\r\n", `\r\n${headers}`));
						},
					};
					raw.requests.push(request);
					onRequest(request);
				}
			},
		},
	});
	const raw: RawTarget = {
		...{ target: parseTarget(`http://127.0.0.1:${listener.port}`), port: listener.port },
		...{ connections: 0, openConnections: 0, inFlightMax: 0, requests: [] },
		stop: () => listener.stop(true),
	};
	return raw;
}

function requestEnd(input: string): number | undefined {
	const headEnd = input.indexOf("\r\n\r\n");
	if (headEnd < 0) return undefined;
	const end = headEnd + 4 + Number(/content-length: (\d+)/i.exec(input)?.[1] ?? 0);
	return input.length < end ? undefined : end;
}

export function numberedRequest(number: number): Buffer {
	return Buffer.from(`GET /${number} HTTP/1.1\r\nHost: x\r\n\r\n`);
}

/** Operations without a meaning. */
export const numberedSource: OperationSource = {
	isAllTagged: true,
	operation: (number) => ({ number, kind: "statement", accountId: 1, amount: 0 }),
	token: (number) => number,
	tokenOf: () => "nobody's",
	numberOf: () => undefined,
	request: numberedRequest,
};

export interface Sent {
	readonly number: number;
	readonly latenessMs: number;
}

export interface Ended {
	readonly number: number;
	/** Undefined for an answer. */
	readonly failure: FailureKind | undefined;
	readonly message: string;
	readonly isSent: boolean;
	readonly dueAtMs: number;
	readonly sentAtMs: number;
	readonly endedAtMs: number;
}

export class Notebook implements SendObserver {
	readonly sent: Sent[] = [];
	readonly ended: Ended[] = [];
	onSending: (number: number) => void = () => undefined;
	onEnded: (ended: Ended) => void = () => undefined;

	sending(number: number, latenessMs: number): void {
		this.sent.push({ number, latenessMs });
		this.onSending(number);
	}

	answered(connection: Connection): void {
		this.#end(connection, undefined, "");
	}

	failed(connection: Connection, failure: FailureKind, message: string): void {
		this.#end(connection, failure, message);
	}

	/** In the order of sending. */
	byNumber(): Ended[] {
		return this.ended.toSorted((a, b) => a.number - b.number);
	}

	#end(connection: Connection, failure: FailureKind | undefined, message: string): void {
		const { operationNumber: number, isSent, dueAtMs, sentAtMs, endedAtMs } = connection;
		const ended = { number, failure, message, isSent, dueAtMs, sentAtMs, endedAtMs };
		this.ended.push(ended);
		this.onEnded(ended);
	}
}

/** Looks at it in every turn of the event loop; a test that waits in vain runs into its own time limit. */
export async function until(isSo: () => boolean): Promise<void> {
	while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/**
 * What the ledgers were asked and what they answered, read from their own sockets in the same trace as their writes:
 * so an answer has an exact place among them.
 */
import type { Call } from "./trace.ts";

export interface Exchange {
	readonly method: string;
	readonly path: string;
	readonly body: string;
	/** When the whole request was there. */
	readonly receivedAt: number;
	/** 0: there was no answer. */
	status: number;
	answer: string;
	/** When the first byte of the answer was about to be sent: from then on somebody may have it. */
	answeredAt: number;
	/** Of the ledger's: the one that answered, which is the one that commits. */
	thread: number;
}

interface Message {
	readonly start: string;
	readonly body: string;
	readonly end: number;
}

const senders = new Set(["sendto", "sendmsg", "write", "writev"]);
const receivers = new Set(["recvfrom", "recvmsg"]);

/** In the order in which they were received. @throws when an answer has no request. */
export function exchangesOf(calls: readonly Call[]): Exchange[] {
	const exchanges: Exchange[] = [];
	const connections = new Map<string, Connection>();
	for (const call of calls) {
		if (!call.target.startsWith("socket:") || call.result <= 0) continue;
		let connection = connections.get(call.target);
		if (connection === undefined) {
			connection = new Connection(exchanges);
			connections.set(call.target, connection);
		}
		if (receivers.has(call.name)) connection.receive(call);
		else if (senders.has(call.name)) connection.send(call);
	}
	return exchanges;
}

/** Answers come in the order of the requests. */
class Connection {
	readonly #exchanges: Exchange[];
	readonly #open: Exchange[] = [];
	#received = "";
	#sent = "";
	/** When the first byte of `#sent` was. */
	#sentAt = 0;

	constructor(exchanges: Exchange[]) {
		this.#exchanges = exchanges;
	}

	receive(call: Call): void {
		this.#received += bytesOf(call);
		for (let next = messageIn(this.#received); next !== undefined; next = messageIn(this.#received)) {
			const [method = "", path = ""] = next.start.split(" ");
			const exchange = {
				...{ method, path, body: next.body, receivedAt: call.endedAt },
				...{ status: 0, answer: "", answeredAt: Number.POSITIVE_INFINITY, thread: call.thread },
			};
			this.#exchanges.push(exchange);
			this.#open.push(exchange);
			this.#received = this.#received.slice(next.end);
		}
	}

	send(call: Call): void {
		if (this.#sent === "") this.#sentAt = call.startedAt;
		this.#sent += bytesOf(call);
		for (let next = messageIn(this.#sent); next !== undefined; next = messageIn(this.#sent)) {
			const exchange = this.#open.shift();
			if (exchange === undefined) throw new Error(`line ${call.startedAt} of the trace answers no request`);
			exchange.status = Number(next.start.split(" ")[1]);
			exchange.answer = next.body;
			exchange.answeredAt = this.#sentAt;
			exchange.thread = call.thread;
			this.#sent = this.#sent.slice(next.end);
			this.#sentAt = call.startedAt;
		}
	}
}

function bytesOf({ strings, result }: Call): string {
	return Buffer.concat(strings).subarray(0, result).toString("latin1");
}

/** The first message of HTTP/1.1 in a text, if it is whole; nobody here sends chunks. */
function messageIn(text: string): Message | undefined {
	const headEnd = text.indexOf("\r\n\r\n");
	if (headEnd < 0) return undefined;
	const head = text.slice(0, headEnd);
	const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
	const bodyAt = headEnd + 4;
	const end = bodyAt + length;
	if (text.length < end) return undefined;
	return { start: head.slice(0, head.indexOf("\r\n")), body: text.slice(bodyAt, end), end };
}

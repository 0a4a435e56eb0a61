/** A server that finds the ends of requests carelessly, in one way at a time: who judges must find it out. */
import type { Postings } from "./smuggling-check.ts";

type Fault =
	| "none"
	| "prefers-chunks"
	| "ignores-chunks"
	| "ignores-bodies"
	| "posts-twice"
	| "silent"
	| "breaks"
	| "forgets";

export class LaxServer implements Disposable {
	readonly fault: Fault;
	readonly #postings = new Map<string, number>();
	readonly #listener: Bun.TCPSocketListener<{ text: string }>;

	constructor(fault: Fault) {
		this.fault = fault;
		this.#listener = Bun.listen<{ text: string }>({
			...{ hostname: "127.0.0.1", port: 0 },
			socket: {
				open: (socket) => {
					socket.data = { text: "" };
				},
				data: (socket, data) => {
					socket.data.text += data.toString("latin1");
					for (
						let rest = this.#take(socket.data.text, (answer) => socket.write(answer));
						rest !== undefined;
					) {
						socket.data.text = rest;
						rest = this.#take(rest, (answer) => socket.write(answer));
					}
				},
			},
		});
	}

	get port(): number {
		return this.#listener.port;
	}

	get postings(): Postings {
		return this.#postings;
	}

	[Symbol.dispose](): void {
		this.#listener.stop(true);
	}

	/** Answers the request that the text begins with, and returns what follows it; undefined if it isn't whole. */
	#take(text: string, answer: (text: string) => void): string | undefined {
		const headEnd = text.indexOf("\r\n\r\n") + 4;
		if (headEnd < 4) return undefined;
		const head = text.slice(0, headEnd);
		const end = headEnd + this.#bodyLength(head, text.slice(headEnd));
		if (text.length < end) return undefined;
		const description = /"descricao":"(\w+)"/.exec(text.slice(headEnd, end))?.[1];
		if (head.startsWith("POST") && description !== undefined) this.#post(description);
		if (this.fault === "breaks") answer(ofStatus(500, "Error: no\n    at post (ledger.ts:1:2)"));
		else if (this.fault !== "silent") answer(ofStatus(description === undefined ? 400 : 200, "{}"));
		return text.slice(end);
	}

	#bodyLength(head: string, rest: string): number {
		if (this.fault === "ignores-bodies" && !head.startsWith("POST")) return 0;
		const isChunked = /^transfer-encoding:.*chunked/im.test(head);
		if (isChunked && this.fault === "prefers-chunks") return rest.indexOf("0\r\n\r\n") + 5;
		return Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
	}

	#post(description: string): void {
		if (this.fault === "forgets") return;
		const times = this.fault === "posts-twice" ? 2 : 1;
		this.#postings.set(description, (this.#postings.get(description) ?? 0) + times);
	}
}

function ofStatus(status: number, body: string): string {
	return `HTTP/1.1 ${status} X\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

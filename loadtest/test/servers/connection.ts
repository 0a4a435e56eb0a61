/**
 * A kept connection to a test server, one request at a time. Unlike fetch, which has a thread and a pool of its
 * own, it sends when it is asked to, and an answer is in hand before the next request leaves.
 */
import type { Socket } from "bun";

interface Waiting {
	resolve(answer: { status: number; body: string }): void;
	reject(error: Error): void;
}

export class Connection {
	#socket: Socket | undefined;
	#input = "";
	#waiting: Waiting | undefined;

	static async open(url: string): Promise<Connection> {
		const { hostname, port } = new URL(url);
		const connection = new Connection();
		connection.#socket = await Bun.connect({
			hostname,
			port: Number(port),
			socket: {
				data: (_, bytes) => connection.#read(bytes.toString("latin1")),
				close: () => connection.#waiting?.reject(new Error("closed before the answer")),
			},
		});
		return connection;
	}

	/** Answers must have a Content-Length, and everything be in ASCII. */
	send(method: string, path: string, entry?: unknown): Promise<{ status: number; body: string }> {
		const body = entry === undefined ? "" : JSON.stringify(entry);
		return new Promise((resolve, reject) => {
			this.#waiting = { resolve, reject };
			this.#socket?.write(
				`${method} ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
			);
		});
	}

	close(): void {
		this.#socket?.end();
	}

	#read(text: string): void {
		this.#input += text;
		const headEnd = this.#input.indexOf("\r\n\r\n");
		const length = /content-length: *(\d+)/i.exec(this.#input)?.[1];
		if (headEnd < 0 || this.#input.length < headEnd + 4 + Number(length)) return;
		const answer = { status: Number(this.#input.slice(9, 12)), body: this.#input.slice(headEnd + 4) };
		this.#input = "";
		this.#waiting?.resolve(answer);
		this.#waiting = undefined;
	}
}

/**
 * HTTP/1.1 as bytes: sends what it is told, however wrong, and reads the answers strictly. `fetch` would
 * mend what these tests are about.
 */
import { connect, type Socket } from "node:net";

export interface RawAnswer {
	readonly status: number;
	/** By lower-case name; a header given twice is an error of the answer. */
	readonly headers: ReadonlyMap<string, string>;
	readonly body: string;
}

/** The peer closed, or said nothing in time, before its answer was whole. */
export class NoAnswer extends Error {
	override readonly name = "NoAnswer";
	readonly closed: boolean;
	readonly received: string;

	constructor(closed: boolean, received: string) {
		super(`${closed ? "closed" : "silent"} after ${JSON.stringify(received)}`);
		this.closed = closed;
		this.received = received;
	}
}

/** Below the test runner's own limit, at which it ends all child processes, and with them the ledger. */
const answerMsMax = 4000;

const opened = new Set<RawConnection>();

/** For afterEach: a connection that a failing test leaves open would hold up the ledger's drain. */
export function dropConnections(): void {
	for (const connection of opened) connection.drop();
}

export class RawConnection {
	readonly #socket: Socket;
	#received = Buffer.alloc(0);
	#closed = false;
	#changed = Promise.withResolvers<void>();

	private constructor(socket: Socket) {
		this.#socket = socket;
		socket.on("data", (chunk: Buffer) => {
			this.#received = Buffer.concat([this.#received, chunk]);
			this.#wake();
		});
		// A reset is a way to close, too.
		socket.on("error", () => this.#wake());
		socket.on("end", () => {
			this.#closed = true;
			this.#wake();
		});
		socket.on("close", () => {
			this.#closed = true;
			this.#wake();
		});
	}

	/** To a Unix socket's path, or to a port of 127.0.0.1. */
	static async open(to: string | number): Promise<RawConnection> {
		const options = typeof to === "string" ? { path: to } : { port: to, host: "127.0.0.1" };
		const socket = connect({ ...options, allowHalfOpen: true });
		await new Promise<void>((resolve, reject) => {
			socket.once("connect", resolve);
			socket.once("error", reject);
		});
		const connection = new RawConnection(socket);
		opened.add(connection);
		return connection;
	}

	send(bytes: string | Uint8Array): void {
		this.#socket.write(bytes);
	}

	/** Says that nothing more will be sent, and goes on reading. */
	endSending(): void {
		this.#socket.end();
	}

	drop(): void {
		opened.delete(this);
		this.#socket.destroy();
	}

	/** The next answer, without those that only say that it goes on (1xx). @throws {NoAnswer} */
	async answer({ toHead = false, msMax = answerMsMax } = {}): Promise<RawAnswer> {
		const deadline = performance.now() + msMax;
		for (;;) {
			const answer = this.#take(toHead);
			if (answer !== undefined) return answer;
			await this.#change(deadline);
		}
	}

	/** Resolves when the peer has closed, with all that it had sent until then. @throws {NoAnswer} */
	async closing(msMax = answerMsMax): Promise<string> {
		const deadline = performance.now() + msMax;
		while (!this.#closed) await this.#change(deadline);
		return this.#received.toString("latin1");
	}

	async #change(deadline: number): Promise<void> {
		const received = () => this.#received.toString("latin1");
		if (this.#closed) throw new NoAnswer(true, received());
		const left = deadline - performance.now();
		if (left <= 0) throw new NoAnswer(false, received());
		let timer: NodeJS.Timeout | undefined;
		const late = new Promise<void>((resolve) => {
			timer = setTimeout(resolve, left);
		});
		await Promise.race([this.#changed.promise, late]);
		clearTimeout(timer);
	}

	#wake(): void {
		this.#changed.resolve();
		this.#changed = Promise.withResolvers();
	}

	#take(toHead: boolean): RawAnswer | undefined {
		const headEnd = this.#received.indexOf("\r\n\r\n");
		if (headEnd < 0) return undefined;
		const { status, headers } = readHead(this.#received.toString("latin1", 0, headEnd));
		if (status < 200) {
			this.#received = this.#received.subarray(headEnd + 4);
			return this.#take(toHead);
		}
		if (headers.has("transfer-encoding")) throw new Error("the ledger's answers have a length");
		const length = headers.get("content-length") ?? "0";
		if (!/^\d+$/.test(length)) throw new Error(`content-length: ${length}`);
		const end = headEnd + 4 + (toHead ? 0 : Number(length));
		if (this.#received.length < end) return undefined;
		const body = new TextDecoder("utf-8", { fatal: true }).decode(this.#received.subarray(headEnd + 4, end));
		this.#received = this.#received.subarray(end);
		return { status, headers, body };
	}
}

function readHead(head: string): Pick<RawAnswer, "status" | "headers"> {
	const [statusLine = "", ...lines] = head.split("\r\n");
	const status = /^HTTP\/1\.1 ([1-5]\d\d) [ -~]*$/.exec(statusLine)?.[1];
	if (status === undefined) throw new Error(`status line: ${statusLine}`);
	const headers = new Map<string, string>();
	for (const line of lines) {
		const [, name = "", value = ""] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([ -~]*)$/.exec(line) ?? [];
		if (name === "") throw new Error(`header line: ${line}`);
		if (headers.has(name.toLowerCase())) throw new Error(`header given twice: ${line}`);
		headers.set(name.toLowerCase(), value);
	}
	return { status: Number(status), headers };
}

/** One request's bytes; a body brings its length and its type unless the headers say otherwise. */
export function request(
	method: string,
	path: string,
	{ body, headers = {} }: { body?: string; headers?: Record<string, string | undefined> } = {},
): string {
	const content =
		body === undefined
			? {}
			: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
	const lines = Object.entries({ Host: "ledger", ...content, ...headers })
		.filter(([, value]) => value !== undefined)
		.map(([name, value]) => `${name}: ${value}\r\n`);
	return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body ?? ""}`;
}

/** Sends on a connection of its own, and closes it after the answer. @throws {NoAnswer} */
export async function ask(to: string | number, bytes: string | Uint8Array): Promise<RawAnswer> {
	const connection = await RawConnection.open(to);
	try {
		connection.send(bytes);
		return await connection.answer({ toHead: Buffer.from(bytes).toString("latin1", 0, 5) === "HEAD " });
	} finally {
		connection.drop();
	}
}

/**
 * One kept connection to a ledger process over its Unix socket, one HTTP/1.1 request at a time.
 *
 * Written on a raw socket because the tests must know what became of a request without an answer, and a
 * Unix socket tells: when the peer closes with bytes that it has not read, the reader gets ECONNRESET, and
 * when it has read them all, a plain end of file (Linux, unix_release_sock). So a process that drops a
 * request it has received can't be mistaken for one that closed before the request came.
 */

/**
 * unsent: the connection was gone already, or was never had.
 * unread: sent, and the process closed without having read it.
 * unanswered: the process read it and closed without an answer.
 */
export type Fate = "unsent" | "unread" | "unanswered";

export class ConnectionLost extends Error {
	override readonly name = "ConnectionLost";
	readonly fate: Fate;

	constructor(fate: Fate) {
		super(`the request was ${fate}`);
		this.fate = fate;
	}
}

export interface Answer {
	readonly status: number;
	/** By lower-case name. */
	readonly headers: ReadonlyMap<string, string>;
	readonly body: string;
}

export class Connection {
	/** Whether another request may be sent: neither side has said that this was the last one. */
	usable = true;
	#socket!: Bun.Socket;
	#received = Buffer.alloc(0);
	#waiting: PromiseWithResolvers<Answer> | undefined;

	/** @throws {ConnectionLost} "unsent", when nobody listens. */
	static async open(path: string): Promise<Connection> {
		const connection = new Connection();
		try {
			connection.#socket = await Bun.connect({
				unix: path,
				socket: {
					data: (_, chunk) => connection.#take(chunk),
					// A half-closed connection is as good as none: Bun closes it after end().
					close: (_, error) => connection.#lose(isReset(error) ? "unread" : "unanswered"),
					error: (_, error) => connection.#lose(isReset(error) ? "unread" : "unanswered"),
				},
			});
		} catch {
			throw new ConnectionLost("unsent");
		}
		return connection;
	}

	/** @throws {ConnectionLost} */
	request(method: string, path: string, body?: string): Promise<Answer> {
		if (this.#waiting !== undefined) throw new Error("a request is under way on this connection");
		if (!this.usable) return Promise.reject(new ConnectionLost("unsent"));
		const content =
			body === undefined
				? ""
				: `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
		const bytes = Buffer.from(`${method} ${path} HTTP/1.1\r\nhost: ledger\r\n${content}\r\n${body ?? ""}`);
		this.#waiting = Promise.withResolvers();
		const { promise } = this.#waiting;
		const written = this.#socket.write(bytes);
		if (written < 0) this.#lose("unsent");
		else if (written !== bytes.length)
			throw new Error(`${written} of ${bytes.length} bytes fitted into the socket`);
		return promise;
	}

	close(): void {
		this.usable = false;
		this.#socket.end();
	}

	#take(chunk: Uint8Array): void {
		this.#received = Buffer.concat([this.#received, chunk]);
		const headEnd = this.#received.indexOf("\r\n\r\n");
		if (headEnd < 0) return;
		const [statusLine = "", ...lines] = this.#received.toString("latin1", 0, headEnd).split("\r\n");
		const headers = new Map(
			lines.map((line) => {
				const colon = line.indexOf(":");
				return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
			}),
		);
		const end = headEnd + 4 + Number(headers.get("content-length") ?? 0);
		if (this.#received.length < end) return;
		const body = this.#received.toString("utf8", headEnd + 4, end);
		this.#received = this.#received.subarray(end);
		const last = headers.get("connection")?.toLowerCase() === "close";
		if (last) this.usable = false;
		// Before closing, which would otherwise count as the loss of this very answer.
		this.#settle((waiting) => waiting.resolve({ status: Number(statusLine.split(" ")[1]), headers, body }));
		if (last) this.close();
	}

	#lose(fate: Fate): void {
		this.usable = false;
		this.#settle((waiting) => waiting.reject(new ConnectionLost(fate)));
	}

	#settle(end: (waiting: PromiseWithResolvers<Answer>) => void): void {
		const waiting = this.#waiting;
		this.#waiting = undefined;
		if (waiting !== undefined) end(waiting);
	}
}

function isReset(error: unknown): boolean {
	return (error as NodeJS.ErrnoException | undefined)?.code === "ECONNRESET";
}

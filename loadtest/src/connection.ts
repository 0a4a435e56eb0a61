/**
 * One HTTP/1.1 connection on a raw socket, one request at a time.
 *
 * A load generator lives from what a request costs itself: here one write, one read, no promise and no timer.
 * Whoever owns the connection is told about each end of a request by a call, and sets its own deadline.
 */
import type { Socket } from "bun";
import { MalformedResponse, ResponseParser } from "./response-parser.ts";
import type { Target } from "./target.ts";

export type FailureKind = "connect" | "reset" | "timeout" | "malformed";

export interface ConnectionOwner {
	/** The whole answer is in `connection.response`, until the next request. */
	answered(connection: Connection): void;
	/** The request under way has no whole answer; the connection is closed. */
	failed(connection: Connection, kind: FailureKind, message: string): void;
}

const nothing = Buffer.alloc(0);

const handlers = {
	open: (socket: Socket<Connection>) => socket.data.socketOpened(socket),
	data: (socket: Socket<Connection>, chunk: Buffer) => socket.data.received(socket, chunk),
	drain: (socket: Socket<Connection>) => socket.data.drained(socket),
	end: (socket: Socket<Connection>) => socket.data.socketEnded(socket, undefined),
	close: (socket: Socket<Connection>, error?: Error) => socket.data.socketEnded(socket, error),
	// What a socket suffers comes by close. This is what a handler above has thrown, which is a bug of ours.
	error: (_: Socket<Connection>, error: Error) => {
		setImmediate(() => {
			throw error;
		});
	},
};

export class Connection {
	/** Of the last answer. */
	readonly response = new ResponseParser();
	/** The owner's: which operation is under way, when it was due, sent, and when its end was seen. */
	operationNumber = -1;
	dueAtMs = 0;
	sentAtMs = 0;
	endedAtMs = 0;
	/** The owner's: since when it has had nothing to do. */
	idleSinceMs = 0;
	/** Whether any byte of the request under way was handed to the kernel: it may have been applied. */
	isSent = false;
	bytesSent = 0;

	readonly #target: Target;
	readonly #owner: ConnectionOwner;
	#socket: Socket<Connection> | undefined;
	#isConnecting = false;
	#isWaiting = false;
	/** What the socket hasn't taken yet: all of it while connecting. */
	#unwritten: Buffer = nothing;

	constructor(target: Target, owner: ConnectionOwner) {
		this.#target = target;
		this.#owner = owner;
	}

	get isWaiting(): boolean {
		return this.#isWaiting;
	}

	/** Connects first when it isn't connected. The buffer is the caller's again when this returns. */
	send(request: Buffer): void {
		this.#isWaiting = true;
		this.isSent = false;
		this.bytesSent = request.length;
		this.response.reset();
		const socket = this.#socket;
		if (socket === undefined) {
			this.#unwritten = Buffer.from(request);
			this.#connect();
			return;
		}
		const written = socket.write(request);
		this.isSent = written >= 0;
		if (written === request.length) return;
		if (written < 0) this.#fail("reset", "the connection was closed before the request");
		else this.#unwritten = Buffer.from(request.subarray(written));
	}

	/** Gives up the request under way, if there is one, without a word to the owner; the next one connects anew. */
	close(): void {
		const isClean = !this.#isWaiting && this.#unwritten.length === 0;
		this.#isWaiting = false;
		this.#isConnecting = false;
		this.#unwritten = nothing;
		const socket = this.#socket;
		this.#socket = undefined;
		if (isClean) socket?.end();
		else socket?.terminate();
	}

	#connect(): void {
		this.#isConnecting = true;
		Bun.connect<Connection>({ ...this.#target.address, data: this, socket: handlers } as never).catch(
			(error: unknown) => {
				if (!this.#isConnecting) return;
				this.#isConnecting = false;
				this.#fail("connect", connectMessage(error));
			},
		);
	}

	/** The socket's handlers call these; nobody else. */
	socketOpened(socket: Socket<Connection>): void {
		if (!this.#isConnecting) {
			socket.terminate();
			return;
		}
		this.#isConnecting = false;
		this.#socket = socket;
		if (!("unix" in this.#target.address)) socket.setNoDelay(true);
		this.isSent = true;
		this.drained(socket);
	}

	drained(socket: Socket<Connection>): void {
		if (socket !== this.#socket || this.#unwritten.length === 0) return;
		const written = socket.write(this.#unwritten);
		this.#unwritten = this.#unwritten.subarray(Math.max(0, written));
	}

	received(socket: Socket<Connection>, chunk: Buffer): void {
		if (socket !== this.#socket) return;
		// Bytes that nobody asked for make the connection unusable, but no request has failed.
		if (!this.#isWaiting) {
			this.close();
			return;
		}
		try {
			if (!this.response.feed(chunk)) return;
		} catch (error) {
			this.#failMalformed(error);
			return;
		}
		this.#complete();
	}

	socketEnded(socket: Socket<Connection>, error: Error | undefined): void {
		if (socket !== this.#socket) return;
		if (!this.#isWaiting) {
			this.close();
			return;
		}
		let isWhole: boolean;
		try {
			isWhole = error === undefined && this.response.end();
		} catch (malformed) {
			this.#failMalformed(malformed);
			return;
		}
		if (isWhole) this.#complete();
		else this.#fail("reset", resetMessage(error));
	}

	#complete(): void {
		this.#isWaiting = false;
		// An answer may come before the request has been sent whole; what is left of it must not follow.
		if (!this.response.keepAlive || this.#unwritten.length > 0) this.close();
		this.#owner.answered(this);
	}

	#failMalformed(error: unknown): void {
		if (!(error instanceof MalformedResponse)) throw error;
		this.#fail("malformed", error.message);
	}

	#fail(kind: FailureKind, message: string): void {
		this.close();
		this.#owner.failed(this, kind, message);
	}
}

function connectMessage(error: unknown): string {
	const code = (error as NodeJS.ErrnoException).code ?? "";
	if (code === "ECONNREFUSED" || code === "ENOENT") return `nobody listens (${code})`;
	if (code === "EADDRNOTAVAIL") return "no local port is free (EADDRNOTAVAIL): use shared connections";
	if (code === "EMFILE") return "too many open files (EMFILE): raise ulimit -n or lower the concurrency";
	return code === "" ? `no connection: ${(error as Error).message}` : `no connection (${code})`;
}

function resetMessage(error: Error | undefined): string {
	const code = (error as NodeJS.ErrnoException | undefined)?.code;
	return code === undefined
		? "the connection was closed before the answer"
		: `the connection was lost (${code})`;
}

/** A connection on which any bytes are sent, and everything that comes is kept until it is read. */
import type { Socket } from "bun";
import { type Answer, readAnswer } from "./answer-reader.ts";

/** `{ unix }` or `{ hostname, port }`. */
export type Address = { readonly unix: string } | { readonly hostname: string; readonly port: number };

const nothing = Buffer.alloc(0);

const handlers = {
	data: ({ data }: Socket<RawConnection>, chunk: Buffer) => data.received(chunk),
	drain: ({ data }: Socket<RawConnection>) => data.drained(),
	end: ({ data }: Socket<RawConnection>) => data.ended(),
	close: ({ data }: Socket<RawConnection>) => data.ended(),
	error: ({ data }: Socket<RawConnection>) => data.ended(),
};

export class RawConnection {
	isClosed = false;
	#socket: Socket<RawConnection> | undefined;
	#received: Buffer = nothing;
	#unsent: Buffer = nothing;
	#isEnding = false;
	#wake: (() => void) | undefined;

	/** @throws when nobody listens. */
	static async open(address: Address): Promise<RawConnection> {
		const connection = new RawConnection();
		// A server that ends its side has answered all that it will.
		connection.#socket = await Bun.connect<RawConnection>({
			...address,
			data: connection,
			socket: handlers,
		} as never);
		return connection;
	}

	send(bytes: Buffer): void {
		if (this.isClosed || this.#socket === undefined) return;
		if (this.#unsent.length > 0) {
			this.#unsent = Buffer.concat([this.#unsent, bytes]);
			return;
		}
		const written = Math.max(0, this.#socket.write(bytes));
		if (written < bytes.length) this.#unsent = Buffer.from(bytes.subarray(written));
	}

	/** Nothing more will be sent; what comes is read. */
	endSending(): void {
		this.#isEnding = true;
		if (this.#unsent.length === 0 && !this.isClosed) this.#socket?.shutdown();
	}

	/** At once, unheard. */
	drop(): void {
		this.isClosed = true;
		this.#socket?.terminate();
	}

	/** The bytes that came and were not taken as answers. */
	get rest(): Buffer {
		return this.#received;
	}

	/** The next answer; undefined when the connection is closed before, or the time is over. @throws {NoHttp} */
	async answer(isToHead: boolean, msMax: number): Promise<Answer | undefined> {
		const deadline = performance.now() + msMax;
		for (;;) {
			const answer = this.takeAnswer(isToHead);
			if (answer !== undefined) return answer;
			const leftMs = deadline - performance.now();
			if (this.isClosed || leftMs <= 0) return undefined;
			await this.#change(leftMs);
		}
	}

	/** Whether it is closed within the time. */
	async closing(msMax: number): Promise<boolean> {
		const deadline = performance.now() + msMax;
		while (!this.isClosed) {
			const leftMs = deadline - performance.now();
			if (leftMs <= 0) return false;
			await this.#change(leftMs);
		}
		return true;
	}

	/** The next answer among what has come. @throws {NoHttp} */
	takeAnswer(isToHead: boolean): Answer | undefined {
		const read = readAnswer(this.#received, isToHead);
		if (read === undefined) return undefined;
		this.#received = this.#received.subarray(read.end);
		return read.answer;
	}

	#change(msMax: number): Promise<void> {
		return new Promise((resolve) => {
			const timer = setTimeout(() => this.#wake?.(), msMax);
			this.#wake = () => {
				clearTimeout(timer);
				this.#wake = undefined;
				resolve();
			};
		});
	}

	/** The socket's handlers call these; nobody else. */
	received(chunk: Buffer): void {
		this.#received =
			this.#received.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#received, chunk]);
		this.#wake?.();
	}

	drained(): void {
		if (this.#socket === undefined || this.#unsent.length === 0) return;
		const written = Math.max(0, this.#socket.write(this.#unsent));
		this.#unsent = this.#unsent.subarray(written);
		if (this.#unsent.length === 0 && this.#isEnding) this.#socket.shutdown();
	}

	ended(): void {
		this.isClosed = true;
		this.#wake?.();
	}
}

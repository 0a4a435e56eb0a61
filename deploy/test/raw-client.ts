/**
 * HTTP as bytes, for clients that are wrong, slow or hostile: sends what it is told when it is told, and keeps
 * all that comes back. fetch would mend what these tests are about.
 */
import { connect, type Socket } from "node:net";

/** A Unix socket's path, or a port of 127.0.0.1. */
export type Place = string | number;

/** How a connection ended: by the peer, by force, or not at all while somebody waited. */
export type End = "closed" | "reset" | "silent";

const opened = new Set<RawClient>();

/** For afterEach: one that a failing test leaves open would hold up a drain. */
export function dropClients(): void {
	for (const client of opened) client.drop();
}

export class RawClient {
	/** All that has come, a character for each byte. */
	received = "";
	/** When the last of it came, by performance.now(). */
	receivedAt = performance.now();
	end: End = "silent";
	readonly #socket: Socket;

	private constructor(socket: Socket) {
		this.#socket = socket;
		opened.add(this);
		socket.on("data", (data: Buffer) => {
			this.received += data.toString("latin1");
			this.receivedAt = performance.now();
		});
		socket.on("end", () => {
			this.end = "closed";
		});
		socket.on("error", () => {
			if (this.end === "silent") this.end = "reset";
		});
		socket.on("close", () => {
			if (this.end === "silent") this.end = "closed";
		});
	}

	static async open(to: Place): Promise<RawClient> {
		const place = typeof to === "string" ? { path: to } : { port: to, host: "127.0.0.1" };
		const socket = connect({ ...place, allowHalfOpen: true });
		await new Promise<void>((resolve, reject) => {
			socket.once("connect", resolve);
			socket.once("error", reject);
		});
		return new RawClient(socket);
	}

	send(bytes: string): void {
		if (this.end === "silent") this.#socket.write(Buffer.from(bytes, "latin1"));
	}

	/** Says that no more will be sent, and goes on listening. */
	endSending(): void {
		this.#socket.end();
	}

	/** Takes no more in: what the peer sends fills its own buffers. */
	stopReading(): void {
		this.#socket.pause();
	}

	drop(): void {
		opened.delete(this);
		this.#socket.destroy();
	}

	/** Until the peer has closed, or `isEnough`, or so many milliseconds have passed. */
	async wait(msMax: number, isEnough: () => boolean = () => false): Promise<void> {
		const deadline = performance.now() + msMax;
		while (this.end === "silent" && !isEnough() && performance.now() < deadline) await Bun.sleep(10);
	}

	/** The statuses of the answers that have come, without those that only say that it goes on (1xx). */
	get statuses(): number[] {
		const answers = this.received.matchAll(/HTTP\/1\.1 ([2-5]\d\d) [ -~]*\r\n/g);
		return [...answers].map(([, status]) => Number(status));
	}
}

/** The whole answer to bytes on a connection of their own, once the peer closes. */
export async function sayOnce(to: Place, bytes: string, msMax = 8000): Promise<string> {
	const client = await RawClient.open(to);
	client.send(bytes);
	await client.wait(msMax);
	client.drop();
	return client.received;
}

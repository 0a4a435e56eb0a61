/**
 * A network that fails where it is told to: a proxy between a store and its PostgreSQL that knows where a message of
 * the protocol ends (PostgreSQL 18 manual, 54.7), and so can cut at every step of a batch.
 *
 *     store ──Bind, Execute, Sync──► proxy ──► server
 *           ◄─────────────── BindComplete, DataRow, CommandComplete, ReadyForQuery
 */
import { createServer, connect as dial, type Server, type Socket } from "node:net";

/**
 * Of the next batch:
 * before: nothing of it is forwarded, and both connections are cut.
 * part: half of the bytes of its arguments are.
 * after: all of it is, and both are cut before there can be an answer.
 * answered: all of it is, and both are cut when the server has answered, of which the store sees nothing.
 * amid-answer: and the store sees the half of it.
 * held: the store's connection is cut; release() forwards the batch.
 * swallowed: nothing of it is forwarded, and the store's connection stays open.
 * unanswered: all of it is, the answer is not, and the store's connection stays open.
 */
export const cuts = [
	"before",
	"part",
	"after",
	"answered",
	"amid-answer",
	"held",
	"swallowed",
	"unanswered",
] as const;
export type Cut = (typeof cuts)[number];

export class CuttingProxy {
	readonly #server: Server;
	readonly #target: number;
	readonly #links = new Set<Link>();
	#port = 0;
	/** How often it has cut. */
	count = 0;
	/** Calls of commit_batch that came by. */
	batches = 0;
	armed: Cut | undefined;
	/** Messages, of both directions, after which everything is cut; undefined: never. */
	stepsLeft: number | undefined;
	#held: (() => Promise<void>)[] = [];

	static async start(target: number): Promise<CuttingProxy> {
		const proxy = new CuttingProxy(target);
		await proxy.up();
		return proxy;
	}

	private constructor(target: number) {
		this.#target = target;
		this.#server = createServer((client) => {
			this.#links.add(new Link(this, client, dial(this.#target, "127.0.0.1")));
		});
	}

	/** The URL of a server, by way of this proxy; without TLS, of which it could read nothing. */
	by(url: string): string {
		return `${url.replace(/:\d+\//, `:${this.#port}/`)}?sslmode=disable`;
	}

	/** Holds a batch back for release(). */
	hold(deliver: () => Promise<void>): void {
		this.#held.push(deliver);
	}

	/** Forwards what is held, and waits until the server has dealt with it. */
	async release(): Promise<void> {
		for (const deliver of this.#held.splice(0)) await deliver();
	}

	/** Cuts all that are connected, whatever they do. */
	cutAll(): void {
		for (const link of this.#links) link.cut();
		this.#links.clear();
	}

	/** Refuses connections, as a server that is gone, until up() is called; those that there are stay. */
	down(): void {
		this.#server.close();
	}

	async up(): Promise<void> {
		await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
		this.#port = (this.#server.address() as { port: number }).port;
	}

	stop(): void {
		this.cutAll();
		this.#server.close();
	}
}

/** One connection of the store, and the one that stands for it at the server. */
class Link {
	readonly #proxy: CuttingProxy;
	readonly #client: Socket;
	readonly #server: Socket;
	/** Names of the prepared statements that call commit_batch. */
	readonly #commits = new Set<string>();
	/** Under way, from a batch's Bind to the end of its answer. */
	#cut: Cut | undefined;
	#held: Buffer[] = [];
	#answered: (() => void) | undefined;

	constructor(proxy: CuttingProxy, client: Socket, server: Socket) {
		this.#proxy = proxy;
		this.#client = client;
		this.#server = server;
		const asked = new Messages(true);
		const answers = new Messages(false);
		client.on("data", (chunk: Buffer) => asked.in(chunk).forEach((message) => void this.#ask(message)));
		server.on("data", (chunk: Buffer) => answers.in(chunk).forEach((message) => void this.#answer(message)));
		client.on("error", () => undefined).on("close", () => this.#cut === "held" || server.end());
		server.on("error", () => undefined).on("close", () => client.destroy());
	}

	/** What was forwarded arrives; what the other side sends from here on doesn't. */
	cut(): void {
		this.#proxy.count += 1;
		this.#client.resetAndDestroy();
		this.#server.end();
	}

	#ask(message: Buffer): void {
		if (this.#client.destroyed && this.#cut !== "held") return;
		if (isType(message, "P") && message.includes("commit_batch")) this.#commits.add(text(message, 5));
		if (isType(message, "B") && this.#commits.has(text(message, message.indexOf(0, 5) + 1)))
			this.#begin(message);
		else if (this.#cut === "held") this.#hold(message);
		else if (this.#cut !== "swallowed") this.#forward(this.#server, message);
		if (this.#cut === "after" && isType(message, "S")) this.cut();
	}

	#begin(bind: Buffer): void {
		this.#proxy.batches += 1;
		this.#cut = this.#proxy.armed;
		this.#proxy.armed = undefined;
		if (this.#cut === "held") this.#hold(bind);
		else if (this.#cut === "part") this.#server.write(bind.subarray(0, bind.length / 2));
		else if (this.#cut !== "before" && this.#cut !== "swallowed") this.#forward(this.#server, bind);
		if (this.#cut === "before" || this.#cut === "part") this.cut();
	}

	#hold(message: Buffer): void {
		this.#held.push(message);
		if (!isType(message, "S")) return;
		this.#proxy.count += 1;
		this.#proxy.hold(async () => {
			const { promise, resolve } = Promise.withResolvers<void>();
			this.#answered = resolve;
			this.#server.on("close", resolve);
			this.#server.write(Buffer.concat(this.#held));
			await promise;
			this.#server.end();
		});
		this.#client.resetAndDestroy();
	}

	#answer(message: Buffer): void {
		const isLast = isType(message, "Z");
		if (this.#cut === undefined) this.#forward(this.#client, message);
		if (this.#cut === "amid-answer" && isType(message, "D")) {
			this.#client.write(message.subarray(0, message.length / 2), () => this.cut());
		}
		if (this.#cut === "answered" && isLast) this.cut();
		if (isLast) this.#answered?.();
	}

	#forward(socket: Socket, message: Buffer): void {
		if (this.#proxy.stepsLeft === 0) {
			this.#proxy.stepsLeft = undefined;
			this.cut();
		} else if (!socket.destroyed && !this.#client.destroyed) {
			if (this.#proxy.stepsLeft !== undefined) this.#proxy.stepsLeft -= 1;
			socket.write(message);
		}
	}
}

/** Takes chunks of bytes, gives whole messages: a letter, the length of the rest, the rest. */
class Messages {
	#rest = Buffer.alloc(0);
	/** A client's first message has no letter. */
	#isFirst: boolean;

	constructor(ofClient: boolean) {
		this.#isFirst = ofClient;
	}

	in(chunk: Buffer): Buffer[] {
		const messages: Buffer[] = [];
		this.#rest = Buffer.concat([this.#rest, chunk]);
		for (;;) {
			const letter = this.#isFirst ? 0 : 1;
			if (this.#rest.length < letter + 4) return messages;
			const length = letter + this.#rest.readInt32BE(letter);
			if (this.#rest.length < length) return messages;
			this.#isFirst = false;
			messages.push(this.#rest.subarray(0, length));
			this.#rest = this.#rest.subarray(length);
		}
	}
}

function isType(message: Buffer, letter: string): boolean {
	return message[0] === letter.charCodeAt(0);
}

/** The text that ends with a zero. */
function text(message: Buffer, start: number): string {
	return message.toString("utf8", start, message.indexOf(0, start));
}

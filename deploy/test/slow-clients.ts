/**
 * Clients that take a server's connections and give nothing for them: idle ones, ones that drip a header or a body
 * byte by byte, and ones that ask and don't read.
 */
import { type Place, RawClient } from "./raw-client.ts";

export type Habit = (typeof habits)[number];
export const habits = ["idle", "header", "body", "deaf"] as const;

const entry = '{"valor":1,"tipo":"c","descricao":"devagar"}';
const head = "POST /clientes/1/transacoes HTTP/1.1\r\nHost: slow\r\nContent-Type: application/json\r\n";
const whole = `${head}Content-Length: ${entry.length}\r\n\r\n${entry}`;
const ask = "GET /clientes/1/extrato HTTP/1.1\r\nHost: slow\r\n\r\n";

/** One of them. It drips whenever it is told to. */
export class SlowClient {
	readonly habit: Habit;
	readonly client: RawClient;
	readonly openedAt = performance.now();
	#sent = 0;

	private constructor(habit: Habit, client: RawClient) {
		this.habit = habit;
		this.client = client;
		if (habit === "body") this.#send(whole.length - entry.length);
		if (habit === "deaf") {
			client.stopReading();
			client.send(ask);
		}
	}

	static async open(to: Place, habit: Habit): Promise<SlowClient> {
		return new SlowClient(habit, await RawClient.open(to));
	}

	/** A byte more; one that has sent its whole request asks for the next one. */
	drip(): void {
		if (this.habit !== "header" && this.habit !== "body") return;
		if (this.#sent === whole.length) this.#sent = 0;
		this.#send(this.#sent + 1);
	}

	#send(upTo: number): void {
		this.client.send(whole.slice(this.#sent, upTo));
		this.#sent = upTo;
	}
}

/** In how many parts a crowd comes, drips and comes back, each part once a second: never all in the same moment. */
const parts = 20;
const roundMs = 1000;

/** So many of them at any time: whoever is thrown out comes back. */
export class SlowCrowd implements Disposable {
	/** How often a connection was closed by the server. */
	closed = 0;
	/** How often one could not be had. */
	refused = 0;
	readonly #to: Place;
	readonly #members: (SlowClient | undefined)[];
	readonly #statuses = new Map<number, number>();
	readonly #timer: NodeJS.Timeout;
	/** Those that knock and aren't in yet. */
	readonly #entering = new Set<number>();
	readonly #dripRounds: number;
	#turns = 0;

	/** Each drips a byte every so many seconds. */
	constructor(to: Place, size: number, dripSeconds: number) {
		this.#to = to;
		this.#dripRounds = dripSeconds;
		this.#members = new Array(size).fill(undefined);
		this.#timer = setInterval(() => this.#turn(), roundMs / parts);
	}

	get open(): number {
		return this.#members.filter((member) => member?.client.end === "silent").length;
	}

	/** How often each status was answered to one that has left, or is still there. */
	get statuses(): Record<string, number> {
		const counts = new Map(this.#statuses);
		for (const member of this.#members) if (member !== undefined) countStatuses(member.client, counts);
		return Object.fromEntries(counts);
	}

	[Symbol.dispose](): void {
		clearInterval(this.#timer);
		for (const member of this.#members) member?.client.drop();
	}

	#turn(): void {
		this.#turns += 1;
		const dripsNow = Math.floor(this.#turns / parts) % this.#dripRounds === 0;
		for (let index = this.#turns % parts; index < this.#members.length; index += parts) {
			const member = this.#members[index];
			if (member?.client.end === "silent") {
				if (dripsNow) member.drip();
				continue;
			}
			if (member !== undefined) this.#leave(member);
			void this.#enter(index);
		}
	}

	#leave({ client }: SlowClient): void {
		this.closed += 1;
		countStatuses(client, this.#statuses);
		client.drop();
	}

	async #enter(index: number): Promise<void> {
		if (this.#entering.has(index)) return;
		this.#entering.add(index);
		this.#members[index] = undefined;
		// Parts are a multiple of habits: without the division, a part would have a single one.
		const habit = habits[Math.floor(index / parts) % habits.length] as Habit;
		try {
			this.#members[index] = await SlowClient.open(this.#to, habit);
		} catch {
			this.refused += 1;
		} finally {
			this.#entering.delete(index);
		}
	}
}

function countStatuses({ statuses }: RawClient, counts: Map<number, number>): void {
	for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
}

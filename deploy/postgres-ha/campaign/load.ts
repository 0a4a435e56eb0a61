/**
 * Clients that post through the ledger's address, each entry with a name of its own, and remember what they were told:
 * so that afterwards each of them can be looked up in the database.
 */

/** What a client knows of a request: its answer's status, and the word of the problem's type; 0 without an answer. */
export interface Told {
	readonly status: number;
	readonly problem: string | undefined;
}

const clients = 32;
const accounts = 5;
/** Nobody is hammered while there is no primary. */
const pauseMs = 20;
const answerMsMax = 15_000;
/** What was on its way when the primary was killed may be acknowledged until then. */
const soonMs = 1000;

export class Load {
	readonly #url: string;
	/** By the entry's name. */
	readonly told = new Map<string, Told>();
	/** When each acknowledgement came, in order, by performance.now(). */
	readonly acknowledgedAt: number[] = [];
	readonly #running: Promise<void>;
	#isStopping = false;

	constructor(url: string) {
		this.#url = url;
		this.#running = Promise.all(Array.from({ length: clients }, () => this.#client())).then(() => undefined);
	}

	async stop(): Promise<void> {
		this.#isStopping = true;
		await this.#running;
	}

	/** How often each answer was given. */
	counts(): Record<string, number> {
		const counts: Record<string, number> = {};
		for (const { status, problem } of this.told.values()) {
			const name = status === 0 ? "no answer" : `${status}${problem === undefined ? "" : ` ${problem}`}`;
			counts[name] = (counts[name] ?? 0) + 1;
		}
		return counts;
	}

	/** The longest time from `at`, or from an acknowledgement soon after it, to the next acknowledgement. */
	outageAfter(at: number): number {
		const times = this.acknowledgedAt;
		let longest = 0;
		let last = at;
		for (const time of times) {
			if (time < at) continue;
			longest = Math.max(longest, time - last);
			if (time > at + soonMs) break;
			last = time;
		}
		return longest;
	}

	async #client(): Promise<void> {
		while (!this.#isStopping) {
			const name = `e${this.told.size.toString(36).padStart(8, "0")}`;
			this.told.set(name, { status: 0, problem: undefined });
			const told = await this.#post(name, 1 + (this.told.size % accounts));
			this.told.set(name, told);
			if (told.status === 200) this.acknowledgedAt.push(performance.now());
			else await Bun.sleep(pauseMs);
		}
	}

	async #post(descricao: string, account: number): Promise<Told> {
		try {
			const answer = await fetch(`${this.#url}/clientes/${account}/transacoes`, {
				method: "POST",
				headers: { "Content-Type": "application/json" },
				body: JSON.stringify({ valor: 1, tipo: "c", descricao }),
				signal: AbortSignal.timeout(answerMsMax),
			});
			const text = await answer.text();
			return { status: answer.status, problem: /"urn:crebito:problema:([a-z-]+)"/.exec(text)?.[1] };
		} catch {
			return { status: 0, problem: undefined };
		}
	}
}

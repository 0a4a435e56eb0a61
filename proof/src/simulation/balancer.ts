/**
 * nginx, as deploy/nginx.conf has it: a request goes to one of two processes; what was not sent goes to the other one;
 * what was sent and not answered goes to the other one a second time, which is told so.
 */
import type { Attempt, Command } from "../../../ledger/src/ledger.ts";
import type { LedgerProcess, Reply } from "./ledger-process.ts";
import type { Life, World } from "./world.ts";

/** As in nginx.conf. */
const readMsMax = 3000;

/** What clients ask for; the balancer adds who asks. */
export type Request =
	| Omit<Extract<Command, { readonly type: "post" }>, "attempt">
	| Extract<Command, { readonly type: "statement" }>
	| { readonly type: "reset" };

type TryEnd = "not sent" | "not answered" | Reply;

export class Balancer {
	life: Life = { isOver: false, asleepUntilMs: 0 };
	/** Requests that two processes were sent. */
	repeats = 0;
	readonly #world: World;
	readonly #processes: readonly [LedgerProcess, LedgerProcess];
	#requests = 0;
	/** Told when the whole machine is gone. */
	readonly #clients = new Set<() => void>();

	constructor(world: World, processes: readonly [LedgerProcess, LedgerProcess]) {
		this.#world = world;
		this.#processes = processes;
	}

	/** The power is gone, and with it everybody's connection. */
	cutPower(): void {
		this.life.isOver = true;
		this.life = { isOver: false, asleepUntilMs: 0 };
		const lost = [...this.#clients];
		this.#clients.clear();
		for (const tell of lost) tell();
	}

	/** `answer` is called once. */
	send(request: Request, answer: (reply: Reply) => void): void {
		const lose = () => this.#world.after(this.#travelMs(), () => answer({ type: "unknown" }), undefined);
		this.#clients.add(lose);
		this.#world.after(
			this.#travelMs(),
			() =>
				this.#proxy(request, (reply) => {
					if (this.#clients.delete(lose)) this.#world.after(this.#travelMs(), () => answer(reply), undefined);
				}),
			this.life,
		);
	}

	#proxy(request: Request, answer: (reply: Reply) => void): void {
		this.#requests += 1;
		const attempt: Attempt = {
			requestId: this.#requests.toString(16).padStart(32, "0"),
			startedAt: Math.floor(this.#world.wallMs()) * 1000,
			isRepeat: false,
		};
		const first = this.#world.random.below(2);
		this.#try(request, attempt, first, (end) => {
			if (typeof end !== "string") return answer(end);
			const isRepeat = end === "not answered";
			if (isRepeat) this.repeats += 1;
			this.#try(request, { ...attempt, isRepeat }, 1 - first, (second) =>
				answer(typeof second === "string" ? { type: "unknown" } : second),
			);
		});
	}

	/** `end` is called once, by the balancer. */
	#try(request: Request, attempt: Attempt, index: number, end: (end: TryEnd) => void): void {
		const process = this.#processes[index] as LedgerProcess;
		let isOver = false;
		const { life } = this;
		const finish = (said: TryEnd) => {
			if (isOver) return;
			isOver = true;
			overdue.isCancelled = true;
			end(said);
		};
		const overdue = this.#world.after(readMsMax, () => finish("not answered"), life);
		const later = (said: TryEnd) => this.#world.after(this.#travelMs(), () => finish(said), life);
		this.#world.after(
			this.#travelMs(),
			() => {
				if (!process.isServing) return finish("not sent");
				const command: Command = request.type === "statement" ? request : { ...request, attempt };
				process.receive(command, later, () => later("not answered"));
			},
			life,
		);
	}

	/** Most are quick, some wait in a buffer. */
	#travelMs(): number {
		const { random } = this.#world;
		return random.chance(0.02) ? random.next() * 400 : 0.02 + random.next();
	}
}

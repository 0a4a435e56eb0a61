/**
 * nginx, as deploy/nginx.conf has it: a request goes to one of two processes; what was not sent goes to the other one;
 * what was sent and not answered goes to the other one a second time, which is told so.
 */
import type { Attempt, Command } from "../../../ledger/src/ledger.ts";
import type { LedgerProcess, Reply } from "./ledger-process.ts";
import { type Life, outside, type World } from "./world.ts";

/** As in nginx.conf. */
const readMsMax = 3000;
/** Of the answers, that are lost on their way to the client. */
const lostShare = 0.005;

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
	/** Told when it is gone. */
	readonly #clients = new Set<() => void>();

	constructor(world: World, processes: readonly [LedgerProcess, LedgerProcess]) {
		this.#world = world;
		this.#processes = processes;
	}

	/** It is gone, and with it everybody's connection; another one is there at once. */
	kill(): void {
		this.life.isOver = true;
		this.life = { isOver: false, asleepUntilMs: 0 };
		const lost = [...this.#clients];
		this.#clients.clear();
		for (const tell of lost) tell();
	}

	/** `answer` is called once. */
	send(request: Request, answer: (reply: Reply) => void): void {
		const lose = () => this.#world.after(this.#travelMs(), () => answer({ type: "unknown" }), outside);
		this.#clients.add(lose);
		this.#world.after(
			this.#travelMs(),
			() =>
				this.#proxy(request, (reply) => {
					if (!this.#clients.delete(lose)) return;
					const said: Reply = this.#world.random.chance(lostShare) ? { type: "unknown" } : reply;
					this.#world.after(this.#travelMs(), () => answer(said), outside);
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
		this.#tryBoth(request, attempt, this.#world.random.below(2), (first, tried) => {
			if (typeof first !== "string") return answer(first);
			if (first === "not answered") this.repeats += 1;
			// @again: the other one than the last that was tried, told that it is a repeat.
			this.#tryBoth(request, { ...attempt, isRepeat: true }, 1 - tried, (second) =>
				answer(typeof second === "string" ? { type: "unknown" } : second),
			);
		});
	}

	/** What one process was not sent goes to the other one. */
	#tryBoth(
		request: Request,
		attempt: Attempt,
		index: number,
		end: (end: TryEnd, tried: number) => void,
	): void {
		this.#try(request, attempt, index, (first) => {
			if (first !== "not sent") return end(first, index);
			this.#try(request, attempt, 1 - index, (second) => end(second, 1 - index));
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

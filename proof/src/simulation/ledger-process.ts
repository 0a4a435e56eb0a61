/** A ledger process of the simulation: the group commit on a store, from its start to its end, and again. */
import type { GroupCommit } from "../../../ledger/src/group-commit.ts";
import type { Attempt, Command, Outcome } from "../../../ledger/src/ledger.ts";
import { Metrics } from "../../../ledger/src/metrics.ts";
import { NothingApplied } from "../../../ledger/src/store.ts";
import type { Engine } from "./engine.ts";
import type { StoreSurroundings } from "./simulated-store.ts";
import type { Life, World } from "./world.ts";

/** What a process answers to a request, as the wire would say it. */
export type Reply =
	| Exclude<Outcome, { readonly type: "expired" }>
	/** 503: certainly not applied, neither by this try nor by an earlier one. */
	| { readonly type: "absent" }
	/** 500, or 503 to a repeat: nobody knows. */
	| { readonly type: "unknown" };

/** Few, so that both bounds are reached. */
export const bounds = { waitingMax: 6, batchMax: 4 };
const startMsMin = 30;
const startMsMax = 250;
/** As in server.ts. */
const drainGraceMs = 100;
const metrics = new Metrics();

export class LedgerProcess {
	/** The one that runs, or is starting; over when there is none. */
	life: Life = { isOver: true, asleepUntilMs: 0 };
	readonly #world: World;
	readonly #engine: Engine;
	readonly #around: StoreSurroundings;
	readonly #onEnd: () => void;
	/** Of connections that a drain has not answered. */
	unanswered = 0;
	#groupCommit: GroupCommit | undefined;
	#isDraining = false;
	/** Told when the connection is lost. */
	readonly #connections = new Set<() => void>();

	/** `onEnd` is told when it has ended by itself. */
	constructor(world: World, engine: Engine, around: StoreSurroundings, onEnd: () => void) {
		this.#world = world;
		this.#engine = engine;
		this.#around = around;
		this.#onEnd = onEnd;
	}

	get isServing(): boolean {
		return this.#groupCommit !== undefined && !this.#isDraining;
	}

	/** Requests that it has not answered. */
	get open(): number {
		return this.#connections.size;
	}

	/** Serves after a while. */
	start(): void {
		this.life = { isOver: false, asleepUntilMs: 0 };
		const ms = this.#world.random.between(startMsMin, startMsMax);
		this.#world.after(ms, () => this.#serve(), this.life);
	}

	/** kill -9: what it was at stays as it is. */
	kill(): void {
		this.life.isOver = true;
		this.#groupCommit = undefined;
		this.#isDraining = false;
		const lost = [...this.#connections];
		this.#connections.clear();
		for (const tell of lost) tell();
	}

	/** SIGSTOP, and SIGCONT after so long. */
	stop(ms: number): void {
		this.life.asleepUntilMs = Math.max(this.life.asleepUntilMs, this.#world.nowMs + ms);
	}

	/** SIGTERM: nobody finds it any more; it answers whom it has, and ends. */
	drain(): void {
		const hear = () => {
			if (!this.isServing) return;
			this.#isDraining = true;
			this.#world.after(drainGraceMs, () => void this.#endInOrder());
		};
		// While it is stopped it hears nothing.
		this.#world.after(0, hear, this.life);
	}

	/** The bytes of a request are in its socket; `answer` is given once at most, or `lose` told. */
	receive(command: Command, answer: (reply: Reply) => void, lose: () => void): void {
		this.#connections.add(lose);
		const reply = (said: Reply) => {
			if (this.#connections.delete(lose)) answer(said);
		};
		this.#world.after(0, () => this.#handle(command, reply), this.life);
	}

	async #endInOrder(): Promise<void> {
		await this.#groupCommit?.idle();
		this.unanswered += this.#connections.size;
		this.#end();
	}

	#end(): void {
		this.kill();
		this.#onEnd();
	}

	#serve(): void {
		const store = this.#engine.newStore(this.#around, this.#engine);
		this.#groupCommit = this.#engine.newGroupCommit(store, bounds, metrics, () => {
			// Those who wait are told before it ends.
			this.#world.after(1, () => this.#end());
		});
	}

	#handle(command: Command, reply: (said: Reply) => void): void {
		const attempt = command.type === "post" || command.type === "reset" ? command.attempt : undefined;
		this.#groupCommit?.submit(command).then(
			(outcome) => reply(outcome.type === "expired" ? unapplied(attempt) : outcome),
			(error) => reply(error instanceof NothingApplied ? unapplied(attempt) : { type: "unknown" }),
		);
	}
}

/** As server.ts has it: of a repeat, the first try may have been applied. */
function unapplied(attempt: Attempt | undefined): Reply {
	return { type: attempt?.isRepeat ? "unknown" : "absent" };
}

/**
 * Time, and everything that happens in it: one queue of events, in an order that a seed decides.
 *
 *     queue   [0.4 ms: a request arrives][0.9 ms: a sync ends][1.0 ms: kill -9 of process 2] …
 *     step    take the first, run it, run all promises that it has settled, on with the next
 *
 * Nothing else may happen: whoever runs in it finds its timers, clocks and turns of the event loop replaced
 * (stage.ts). Two runs of one seed are the same to the last bit.
 */
import { drainMicrotasks } from "bun:jsc";
import type { Random } from "../random.ts";
import type { ClockSet } from "./clock-sets.ts";

/** A process from its start to its end: what it had planned ends with it, and waits while it is stopped. */
export interface Life {
	isOver: boolean;
	/** Stopped until then, as by SIGSTOP. */
	asleepUntilMs: number;
}

/** Of whatever is no process: it never ends, and nobody stops it. */
export const outside: Life = Object.freeze({ isOver: false, asleepUntilMs: 0 });

interface Event {
	atMs: number;
	/** Events of one instant keep the order in which they were planned. */
	readonly order: number;
	readonly life: Life;
	readonly work: () => void;
	isCancelled: boolean;
}

export type Planned = { isCancelled: boolean };

/** The year does not matter, only that there is room on both sides. */
const epochMs = 1_700_000_000_000;

export class World {
	readonly random: Random;
	nowMs = 0;
	readonly clockSets: ClockSet[] = [];
	/** Whose event is being run. */
	life = outside;
	/** Events that were run. */
	steps = 0;
	readonly #queue: Event[] = [];
	#order = 0;
	/** By the number of the step before which it happens. */
	readonly #atSteps = new Map<number, () => void>();

	constructor(random: Random) {
		this.random = random;
	}

	/** Milliseconds since 1970 UTC, as a clock on the wall has it. */
	wallMs(): number {
		return epochMs + this.nowMs + (this.clockSets.at(-1)?.offsetMs ?? 0);
	}

	/** To so much ahead of what it was in the beginning, or behind. */
	setClock(offsetMs: number): void {
		this.clockSets.push({ atMs: this.nowMs, offsetMs });
	}

	/** Of the process whose event is being run, unless said otherwise. */
	after(delayMs: number, work: () => void, life: Life = this.life): Planned {
		const event = { atMs: this.nowMs + delayMs, order: this.#order++, life, work, isCancelled: false };
		this.#push(event);
		return event;
	}

	/**
	 * After so many more events, whenever that is: so it meets what is busy, where an instant mostly meets what waits.
	 * Never, when nothing is planned any more before.
	 */
	afterSteps(steps: number, work: () => void): void {
		this.#atSteps.set(this.steps + steps, work);
	}

	/** Until nothing is planned any more. @throws when that never comes. */
	run(stepsMax: number): void {
		for (let event = this.#pop(); event !== undefined; event = this.#pop()) {
			if (this.steps > stepsMax) throw new Error(`the world goes on after ${stepsMax} steps`);
			this.#step(event);
			this.#strike();
		}
	}

	#strike(): void {
		const work = this.#atSteps.get(this.steps);
		if (work === undefined) return;
		this.#atSteps.delete(this.steps);
		work();
	}

	#step(event: Event): void {
		const { life } = event;
		if (event.isCancelled || life.isOver) return;
		if (life.asleepUntilMs > event.atMs) {
			event.atMs = life.asleepUntilMs;
			this.#push(event);
			return;
		}
		this.steps += 1;
		this.nowMs = event.atMs;
		this.life = life;
		event.work();
		drainMicrotasks();
		this.life = outside;
	}

	#push(event: Event): void {
		const queue = this.#queue;
		let at = queue.length;
		queue.push(event);
		while (at > 0) {
			const parent = (at - 1) >> 1;
			if (isBefore(queue[parent] as Event, event)) break;
			queue[at] = queue[parent] as Event;
			at = parent;
		}
		queue[at] = event;
	}

	#pop(): Event | undefined {
		const queue = this.#queue;
		const first = queue[0];
		const last = queue.pop();
		if (first === last || last === undefined) return first;
		let at = 0;
		for (let child = 1; child < queue.length; child = 2 * at + 1) {
			if (child + 1 < queue.length && isBefore(queue[child + 1] as Event, queue[child] as Event)) child += 1;
			if (isBefore(last, queue[child] as Event)) break;
			queue[at] = queue[child] as Event;
			at = child;
		}
		queue[at] = last;
		return first;
	}
}

function isBefore(one: Event, other: Event): boolean {
	return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}

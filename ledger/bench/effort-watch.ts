/**
 * What the system's processes used over a time that is known only afterwards: the judge warms up, measures and
 * checks the books in one go, and says in its result when it measured. So somebody looks ten times a second,
 * and the line between two looks tells the rest.
 */
import type { Effort } from "./child.ts";

const lookEveryMs = 100;

/** All processes at one moment of the wall clock, since they were started. */
export interface Look {
	atMs: number;
	efforts: Effort[];
}

export class EffortWatch implements Disposable {
	readonly #looks: Look[] = [];
	readonly #read: () => Effort[];
	readonly #timer: Timer;

	constructor(read: () => Effort[]) {
		this.#read = read;
		this.#look();
		this.#timer = setInterval(() => this.#look(), lookEveryMs);
	}

	/** Between two moments of the wall clock; one that lies outside what was watched is taken for its edge. */
	between(fromMs: number, toMs: number): Effort[] {
		this.#look();
		return effortsBetween(this.#looks, fromMs, toMs);
	}

	[Symbol.dispose](): void {
		clearInterval(this.#timer);
	}

	/** A process that has ended is told of by whoever asserts that it runs, not from a timer. */
	#look(): void {
		try {
			this.#looks.push({ atMs: Date.now(), efforts: this.#read() });
		} catch {
			clearInterval(this.#timer);
		}
	}
}

/** The looks are ascending and of the same processes in the same order. */
export function effortsBetween(looks: readonly Look[], fromMs: number, toMs: number): Effort[] {
	const from = effortsAt(looks, fromMs);
	return effortsAt(looks, toMs).map((to, i) => effortSince(from[i] ?? to, to));
}

function effortsAt(looks: readonly Look[], atMs: number): Effort[] {
	const after = looks.find((look) => look.atMs >= atMs) ?? looks.at(-1);
	const before = looks.findLast((look) => look.atMs <= atMs) ?? looks[0];
	if (before === undefined || after === undefined) throw new Error("nobody has looked");
	const share = after.atMs > before.atMs ? (atMs - before.atMs) / (after.atMs - before.atMs) : 0;
	return before.efforts.map((effort, i) => towards(effort, after.efforts[i] ?? effort, share));
}

function towards(before: Effort, after: Effort, share: number): Effort {
	const between = (from: number, to: number) => from + share * (to - from);
	return {
		name: before.name,
		cpuSeconds: between(before.cpuSeconds, after.cpuSeconds),
		throttled: {
			count: Math.round(between(before.throttled.count, after.throttled.count)),
			seconds: between(before.throttled.seconds, after.throttled.seconds),
		},
	};
}

export function effortSince(before: Effort, after: Effort): Effort {
	return {
		name: after.name,
		cpuSeconds: after.cpuSeconds - before.cpuSeconds,
		throttled: {
			count: after.throttled.count - before.throttled.count,
			seconds: after.throttled.seconds - before.throttled.seconds,
		},
	};
}

/**
 * Randomness for properties: the same seed makes the same run, on every machine. A property that fails
 * prints its seed, and `SEED=… bun test` repeats it.
 */
import { test } from "bun:test";

/** mulberry32 (Tommy Ettinger, public domain): 32 bits of state, good enough to look for trouble with. */
export class Random {
	#state: number;

	constructor(seed: number) {
		this.#state = seed | 0;
	}

	/** From 0 up to, but without, 1. */
	next(): number {
		this.#state = (this.#state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	}

	/** A whole number from 0 up to, but without, `bound`; of 2^53, so that no safe integer is out of reach. */
	below(bound: number): number {
		const high = Math.floor(this.next() * 2 ** 21);
		const low = Math.floor(this.next() * 2 ** 32);
		return Math.floor(((high * 2 ** 32 + low) / 2 ** 53) * bound);
	}

	/** A whole number, both ends included. */
	between(min: number, max: number): number {
		return min + this.below(max - min + 1);
	}

	chance(probability: number): boolean {
		return this.next() < probability;
	}

	pick<T>(choices: readonly T[]): T {
		return choices[this.below(choices.length)] as T;
	}
}

/** This run's seed: the one given, else another at every run. */
export const seed = process.env.SEED
	? Number(process.env.SEED)
	: (crypto.getRandomValues(new Uint32Array(1))[0] as number);
if (!Number.isSafeInteger(seed)) throw new Error(`SEED takes a whole number, not "${process.env.SEED}"`);

/** A test whose failure tells the seed that repeats it. */
export function property(
	name: string,
	check: (random: Random) => void | Promise<void>,
	timeoutMs = 30_000,
): void {
	test(
		name,
		async () => {
			try {
				await check(new Random(seed));
			} catch (error) {
				console.error(`SEED=${seed} repeats: ${name}`);
				throw error;
			}
		},
		timeoutMs,
	);
}

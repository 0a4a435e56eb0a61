/** Randomness that a seed repeats. */

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

	/** A whole number from 0 up to, but without, `bound`, which is at most 2³². */
	below(bound: number): number {
		return Math.floor(this.next() * bound);
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

	/** One of its own, for those whose draws nobody can count: what is drawn here stays the same for the same seed. */
	branch(): Random {
		return new Random(this.below(2 ** 32));
	}
}

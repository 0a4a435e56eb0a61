/**
 * Which entry belongs to a request, for the newest requests only: a hash table over a ring.
 *
 * A UNIQUE index on random ids would dirty a page of the file for each entry. Here the id stands in the entry's
 * own row, and what a process needs to find it again is in its memory: each item of the ring is one entry, and
 * points to the item before it with the same hash. An item is forgotten by being overwritten, so there is
 * nothing to delete and no garbage.
 *
 *     heads   hash ─► newest item with it
 *     ring    [item][item][item]…   each: position of the entry, hash, the older item with the same hash
 *
 * What it finds are candidates: whoever asks compares the id in the entry's row, which is also why an item
 * whose transaction was rolled back does no harm.
 */

/** Ids of 20 seconds at 13,000 entries a second; sqlite-repeats.ts minds when there are more. 7 MB. */
const recentRequestsMax = 2 ** 18;

export class RecentRequests {
	readonly #heads: Float64Array;
	readonly #positions: Float64Array;
	readonly #hashes: Uint32Array;
	readonly #older: Float64Array;
	readonly #mask: number;
	/** Items ever added; the newest has this number, and 0 is none. */
	#added = 0;

	/** `max` is a power of two. */
	constructor(max: number = recentRequestsMax) {
		if (!Number.isInteger(Math.log2(max))) throw new RangeError(`${max} is no power of two`);
		this.#heads = new Float64Array(max);
		this.#positions = new Float64Array(max);
		this.#hashes = new Uint32Array(max);
		this.#older = new Float64Array(max);
		this.#mask = max - 1;
	}

	get max(): number {
		return this.#mask + 1;
	}

	/** Position of the oldest entry that is still found; undefined while nothing was forgotten. */
	get oldest(): number | undefined {
		return this.#added <= this.#mask + 1 ? undefined : this.#positions[(this.#added + 1) & this.#mask];
	}

	add(requestId: string, position: number): void {
		this.#added += 1;
		const item = this.#added & this.#mask;
		const hash = hashOf(requestId);
		this.#positions[item] = position;
		this.#hashes[item] = hash;
		this.#older[item] = this.#heads[hash & this.#mask] as number;
		this.#heads[hash & this.#mask] = this.#added;
	}

	/** Whether there are candidates at all: for most requests there are none. */
	mayHold(requestId: string): boolean {
		const hash = hashOf(requestId);
		return this.#find(this.#heads[hash & this.#mask] as number, hash) > 0;
	}

	/** Positions of entries that may be the request's, newest first. */
	*candidates(requestId: string): Generator<number> {
		const hash = hashOf(requestId);
		let number = this.#find(this.#heads[hash & this.#mask] as number, hash);
		while (number > 0) {
			const item = number & this.#mask;
			yield this.#positions[item] as number;
			number = this.#find(this.#older[item] as number, hash);
		}
	}

	/** The newest item with this hash, from this one on; 0 if there is none that wasn't overwritten. */
	#find(from: number, hash: number): number {
		let number = from;
		while (number > 0 && number > this.#added - this.max) {
			const item = number & this.#mask;
			if (this.#hashes[item] === hash) return number;
			number = this.#older[item] as number;
		}
		return 0;
	}
}

function hashOf(requestId: string): number {
	return Bun.hash.xxHash32(requestId);
}

/**
 * For how long a service was away: the longest silence between two good answers that a kill has a part in.
 *
 *     answers   | | | |          | | |   |        | | |
 *     kills            ×                      ×
 *     silence         [..........]          [.....]
 */

export class Silences {
	/** By the name of what was killed. */
	readonly byVictim = new Map<string, number[]>();
	#victim: string | undefined;
	#answeredAtMs: number;
	#longestMs = 0;

	constructor(startedAtMs: number) {
		this.#answeredAtMs = startedAtMs;
	}

	/** A good one. */
	answered(atMs: number): void {
		this.#longestMs = Math.max(this.#longestMs, atMs - this.#answeredAtMs);
		this.#answeredAtMs = atMs;
	}

	/** What came before it is over; a silence that goes on counts for both. */
	killed(victim: string, atMs: number): void {
		this.end(atMs);
		this.#victim = victim;
	}

	/** Of the last kill: whatever comes later is no fault of it. */
	end(atMs: number): void {
		const longestMs = Math.max(this.#longestMs, atMs - this.#answeredAtMs);
		if (this.#victim !== undefined) {
			const known = this.byVictim.get(this.#victim) ?? [];
			this.byVictim.set(this.#victim, [...known, longestMs]);
		}
		this.#victim = undefined;
		this.#longestMs = 0;
	}
}

/** The one in the middle; NaN of none. */
export function median(numbers: readonly number[]): number {
	return numbers.toSorted((one, other) => one - other)[numbers.length >> 1] ?? Number.NaN;
}

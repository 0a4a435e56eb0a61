/**
 * Whose turn it is to write to the terminal: the drawing thread's, or the main thread's, which gives the
 * terminal back. Without it a late frame could land on the shell's screen.
 *
 * The drawing thread has its turn only for a write that doesn't wait, so the main thread gets it within moments.
 */

const free = 0;
const drawing = 1;
const main = 2;

/** Cells of the shared memory. */
const holder = 0;
const partial = 1;
const pending = 2;

const pollMs = 1;

export class Turns {
	/** Goes to the other thread, and makes the same turns there. */
	readonly memory: SharedArrayBuffer;
	readonly #cells: Int32Array;

	constructor(memory = new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT)) {
		this.memory = memory;
		this.#cells = new Int32Array(memory);
	}

	/** The drawing thread writes, unless the main thread has the turn. It says whether a rest was left. */
	draw(write: () => boolean): void {
		if (Atomics.compareExchange(this.#cells, holder, free, drawing) !== free) return;
		try {
			Atomics.store(this.#cells, partial, write() ? 1 : 0);
		} finally {
			Atomics.store(this.#cells, holder, free);
		}
	}

	/** The main thread takes the turn and keeps it; after waitMsMax it does so in any case. */
	take(waitMsMax: number): void {
		const endsAtMs = performance.now() + waitMsMax;
		while (Atomics.compareExchange(this.#cells, holder, free, main) === drawing)
			if (performance.now() > endsAtMs) break;
			else Bun.sleepSync(pollMs);
		Atomics.store(this.#cells, holder, main);
	}

	/** The main thread leaves the terminal to the drawing thread. */
	leave(): void {
		Atomics.store(this.#cells, partial, 0);
		Atomics.store(this.#cells, holder, free);
	}

	/** The terminal has got the beginning of a frame only. */
	get isPartial(): boolean {
		return Atomics.load(this.#cells, partial) === 1;
	}

	/** A frame was sent to the drawing thread, which hasn't drawn it: one at most, or they would queue up. */
	get isPending(): boolean {
		return Atomics.load(this.#cells, pending) === 1;
	}

	set isPending(value: boolean) {
		Atomics.store(this.#cells, pending, value ? 1 : 0);
	}
}

/**
 * When: wakes its owner at the instant at which something is due, to well under a millisecond.
 *
 *     now                                   due
 *      |── timer, whole milliseconds ──|─turns─|
 *
 * A timer of n whole milliseconds fires 0.1 to 0.3 ms after them (Bun on Linux), never before. So a timer
 * sleeps as far as it safely can, and the event loop turns through the rest, which costs processor time and
 * lets answers be received meanwhile.
 */

/** How much later than asked a timer may fire and still be in time. */
const timerSlackMs = 0.4;
/** A longer sleep is taken in parts, since somebody may have changed the rate. */
const sleepMaxMs = 1000;

export class Pacer {
	readonly #onTurn: () => number;
	#state: "turning" | "resting" | "stopped" = "resting";
	#timer: ReturnType<typeof setTimeout> | undefined;

	/** `onTurn` does what is due and returns in how many milliseconds the next is; Infinity rests until wake(). */
	constructor(onTurn: () => number) {
		this.#onTurn = onTurn;
	}

	/** Something may be due, or due at another time. */
	wake(): void {
		if (this.#state !== "resting") return;
		this.#state = "turning";
		this.#turn();
	}

	/** What is due next may be due earlier than it was when the timer was set. */
	reschedule(): void {
		clearTimeout(this.#timer);
		if (this.#state === "turning" && this.#timer !== undefined) this.#turn();
		else this.wake();
	}

	stop(): void {
		this.#state = "stopped";
		clearTimeout(this.#timer);
	}

	readonly #turn = (): void => {
		this.#timer = undefined;
		if (this.#state !== "turning") return;
		const waitMs = this.#onTurn();
		if (this.#state !== "turning") return;
		const sleepMs = Math.floor(waitMs - timerSlackMs);
		if (waitMs === Number.POSITIVE_INFINITY) this.#state = "resting";
		else if (sleepMs >= 1) this.#timer = setTimeout(this.#turn, Math.min(sleepMs, sleepMaxMs));
		else setImmediate(this.#turn);
	};
}

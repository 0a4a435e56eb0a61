/**
 * Where a run stands: what the screen shows of it, and through which the keys reach it. A run puts its current
 * parts here; whoever watches reads them whenever it likes, so that watching costs the run nothing.
 */
import type { Chaos } from "./chaos.ts";
import type { Judge } from "./judge.ts";
import type { Measurement } from "./measurement.ts";

export type Phase = "waiting" | "warming up" | "measuring" | "draining" | "checking the books";

const windowMax = 10_000;

export class Progress {
	phase: Phase = "waiting";
	/** Which repetition, from 1. */
	repetition = 1;
	judge: Judge | undefined;
	chaos: Chaos | undefined;
	/** How much of the history has been checked, 0 to 1. */
	checkedShare = 0;
	isInterrupted = false;

	#measurement: Measurement | undefined;
	#onInterrupt: (() => void) | undefined;

	get measurement(): Measurement | undefined {
		return this.#measurement;
	}

	begin(phase: Phase, measurement: Measurement | undefined): void {
		this.phase = phase;
		this.#measurement = measurement;
		if (this.isInterrupted) measurement?.interrupt();
	}

	/** What else has to know that somebody wants an end. Replaces the former one. */
	onInterrupt(callback: (() => void) | undefined): void {
		this.#onInterrupt = callback;
	}

	/** No more requests; what there is will be checked and reported. */
	interrupt(): void {
		this.isInterrupted = true;
		this.#measurement?.interrupt();
		this.#onInterrupt?.();
	}

	togglePause(): void {
		if (this.phase === "measuring") this.#measurement?.pause(!this.#measurement.sender.isPaused);
	}

	/** A tenth more or less, one at least. */
	changeWindow(direction: 1 | -1): void {
		const sender = this.#measurement?.sender;
		if (sender === undefined || this.phase !== "measuring") return;
		const step = Math.max(1, Math.round(sender.window / 10));
		this.#measurement?.setWindow(Math.min(windowMax, Math.max(1, sender.window + direction * step)));
	}

	/** A tenth more or less; only a schedule has a rate. */
	changeRate(direction: 1 | -1): void {
		if (this.phase === "measuring" && this.#measurement?.metrics.isOpen)
			this.#measurement.multiplyRate(direction > 0 ? 1.1 : 1 / 1.1);
	}
}

/**
 * When the clock on the wall was set. A request that is under way just then meets limits of the ledger: one that a process
 * slept with may look timely, and be applied after another has refused it; and what is older than a reset may look
 * younger, or younger than it is older. A step by more than any request may be old is no excuse: that is refused.
 */
import { attemptMicrosMax } from "../../../ledger/src/attempt.ts";

export interface ClockSet {
	readonly atMs: number;
	/** From then on. */
	readonly offsetMs: number;
}

/** A request may be under way for as long as it may be old, and look younger by the step. */
export const stepMsMax = (2 * attemptMicrosMax) / 1000;

/**
 * Whether the clock was set in that time, and at some instant of it was so little off, or no longer off, that nothing
 * that began in it is refused for that.
 */
export function wasSetALittle(sets: readonly ClockSet[], fromMs: number, toMs: number): boolean {
	const offsetMs = sets.findLast(({ atMs }) => atMs <= fromMs)?.offsetMs ?? 0;
	const within = sets.filter(({ atMs }) => atMs > fromMs && atMs <= toMs);
	return (
		within.some((set) => set.offsetMs !== offsetMs) &&
		within.some((set) => Math.abs(set.offsetMs - offsetMs) <= stepMsMax)
	);
}

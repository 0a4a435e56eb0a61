/**
 * The load that brings a process to its n-th call soonest.
 *
 * A commit calls fdatasync and pwrite64. fsync and ftruncate are a checkpoint's, three and one, and it comes when the
 * ledger looks at its log and finds 120 frames in one that may have 1 MB. It looks after 32 commits, of which one counts
 * for another for each 16 requests. So batches of just 16 get there with the fewest requests:
 *
 *     16 commits of 16 requests   32 counted, some 170 frames, one checkpoint
 *
 * Twice as many clients keep the next batch ready, and the process without the fault hardly asks: each checkpoint that it
 * makes is one less for the other. Measured against 48 clients and batches as they come: half the requests and two
 * thirds of the time.
 */
import { type IoFault, isOfCheckpoint } from "./io-fault.ts";

export interface FaultLoad {
	readonly count: number;
	/** Between an answer and the next request. */
	readonly pauseMs?: number;
}

const batchMax = 16;

/** Of both ledgers: a small log is checkpointed often. */
export function faultEnvironment({ call }: IoFault): Record<string, string> {
	return { WAL_MAX_MB: "1", ...(isOfCheckpoint(call) ? { BATCH_MAX: String(batchMax) } : {}) };
}

export function loadOf({ call }: IoFault, isVictim: boolean): FaultLoad {
	if (!isOfCheckpoint(call)) return { count: isVictim ? 6 : 2 };
	return isVictim ? { count: 2 * batchMax } : { count: 2, pauseMs: 20 };
}

/**
 * What the live screen shows: numbers and short strings only, taken from the run several times a second. The
 * screen knows nothing else of the run, so it can be drawn, tested and looked at without one.
 *
 * Text may come from the target; render.ts cuts it and takes control characters out.
 */
import type { ChaosEvent } from "../chaos-record.ts";
import type { Kind } from "../operation.ts";
import type { Phase } from "../progress.ts";
import type { ErrorRow, Shape, StatusRow } from "../result.ts";

export interface ScreenState {
	readonly target: string;
	readonly model: Shape["model"];
	/** In a few words, for example "14 in flight, 120 s" or "ramp 1..220 120 s, hold 220 120 s". */
	readonly shape: string;
	readonly phase: Phase;
	readonly isPaused: boolean;
	/** Somebody changed the window or the rate, or paused: the result compares with nothing. */
	readonly isAdjusted: boolean;
	readonly repetition: number;
	readonly repetitions: number;
	/** Of this phase, without pauses. */
	readonly elapsedSeconds: number;
	/** How far this phase is, 0 to 1; null when it has no end of its own. */
	readonly doneShare: number | null;
	/** What ends this phase, both null when a key does. */
	readonly durationSeconds: number | null;
	readonly iterations: number | null;
	readonly counts: ScreenCounts;
	readonly rate: ScreenRate;
	readonly inFlight: number;
	/** Requests in flight at most. */
	readonly window: number;
	/** Open model: arrivals that are due and wait for a place in the window. Otherwise null. */
	readonly waiting: number | null;
	readonly latency: ScreenLatency;
	/** By count, descending. */
	readonly statuses: readonly StatusRow[];
	/** By count, descending. */
	readonly errors: readonly ErrorRow[];
	readonly operations: readonly ScreenOperation[];
	readonly consistency: ScreenConsistency;
	/** What was done to the target last; null if nothing was. */
	readonly lastEvent: ChaosEvent | null;
	/** Null in a closed model, where nothing is late. */
	readonly latenessP99Ms: number | null;
	/** Of the last second; 1 is one processor. */
	readonly generatorCpuShare: number;
}

interface ScreenCounts {
	/** Requests sent. */
	readonly sent: number;
	/** Answered with what the scenario accepts. */
	readonly succeeded: number;
	/** Answered with another status. */
	readonly otherStatus: number;
	/** Without a whole answer. */
	readonly failed: number;
}

/** Answers a second. */
interface ScreenRate {
	/** Of the schedule in the last second; null in a closed model. */
	readonly asked: number | null;
	readonly lastSecond: number;
	readonly mean: number;
	/** One number a second, the newest last, at most the last 60. */
	readonly history: readonly number[];
}

export interface ScreenLatency {
	/** Of the last five seconds; null when nothing was answered in them. */
	readonly recent: Percentiles | null;
	readonly overall: Percentiles | null;
	/** One number a second, the newest last, at most the last 60; null where nothing was answered. */
	readonly p99HistoryMs: readonly (number | null)[];
}

export interface Percentiles {
	readonly p50Ms: number;
	readonly p90Ms: number;
	readonly p99Ms: number;
	readonly p999Ms: number;
	readonly maxMs: number;
}

export interface ScreenOperation {
	readonly kind: Kind;
	readonly count: number;
	readonly rate: number;
	readonly p50Ms: number;
	readonly p99Ms: number;
}

interface ScreenConsistency {
	readonly responsesChecked: number;
	readonly violations: number;
	/** Of the last violation. */
	readonly lastMessage: string | null;
}

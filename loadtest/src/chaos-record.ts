/** What was done to the target on purpose, as a part of the result: see result.ts. */

export interface ChaosRecord {
	/** As they were given. */
	readonly victims: readonly string[];
	/** In the order of time. */
	readonly events: readonly ChaosEvent[];
}

export interface ChaosEvent {
	/** From the start of the measured time. */
	readonly atSecond: number;
	readonly action: "kill" | "pause" | "restart";
	readonly victim: string;
	/** Of the process that it met; null if there was none. */
	readonly pid: number | null;
	/** Of a pause. */
	readonly lastedMs: number | null;
	/** Until another process served as the victim; null if none did, or none had to. */
	readonly backMs: number | null;
	/** Why nothing could be done, or that the victim didn't come back. */
	readonly error: string | null;
	/** Of the second of the event and the one after it, the worse: requests without success, and response times. */
	readonly errors: number;
	readonly p99Ms: number | null;
}

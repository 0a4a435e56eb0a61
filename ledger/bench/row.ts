/** What is known of one contender, in numbers: a line of a table, and what the result file keeps. */

/** By the process's name; the ledger's processes are api-1 and api-2. */
export type PerProcess = Record<string, number>;

/** What isn't measured isn't there, and then the table has no such column. */
export interface Row {
	name: string;
	requestsPerSecond?: number;
	requestsPerSecondMin?: number;
	requestsPerSecondMax?: number;
	p50Us?: number;
	p90Us?: number;
	p99Us?: number;
	p999Us?: number;
	maxUs?: number;
	/** Of all answers, those of 422. */
	refusedShare?: number;
	/** Requests without a good answer. */
	errors?: number;
	/** What the judge found wrong with the answers. */
	violations?: number;
	/** The judge's verdicts, with how often where they differ. */
	validity?: string;
	consistency?: string;
	startMs?: number;
	startMsMin?: number;
	startMsMax?: number;
	requests?: number;
	cpuSeconds?: PerProcess;
	throttledSeconds?: PerProcess;
	rssKb?: PerProcess;
	rssPeakKb?: PerProcess;
	pssKb?: PerProcess;
	privateKb?: PerProcess;
	walBytes?: number;
	/** 1 is one processor. */
	generatorCpuShare?: number;
}

/** nginx first, then the ledger's processes. */
export function perProcess<T extends { name: string }>(
	processes: T[],
	value: (process: T) => number,
): PerProcess {
	const sorted = processes.toSorted((a, b) => Number(b.name === "nginx") - Number(a.name === "nginx"));
	return Object.fromEntries(sorted.map((process) => [process.name, value(process)]));
}

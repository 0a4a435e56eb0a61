/**
 * Structured logs: one JSON object a line on standard output, times in ISO 8601. At `info` there is no line
 * per request but a summary every ten seconds while there is something to sum up.
 *
 * Not a library: the usual one costs 12 MB of the 60 that a process may have, for these few lines.
 */
import { constants, fstatSync, openSync, writeSync } from "node:fs";
import type { Metrics } from "./metrics.ts";
import { type LogLevel, logLevels } from "./settings.ts";

const summaryEveryMs = 10_000;

type Fields = Readonly<Record<string, unknown>>;

export class Log {
	readonly #threshold: number;
	readonly #output = openOutput();

	constructor(level: LogLevel) {
		this.#threshold = logLevels.indexOf(level);
	}

	isEnabled(level: LogLevel): boolean {
		return logLevels.indexOf(level) >= this.#threshold;
	}

	/** An Error among the fields is written as its name, message, stack and cause. */
	write(level: Exclude<LogLevel, "silent">, message: string, fields: Fields = {}): void {
		if (!this.isEnabled(level)) return;
		const line = { level, time: new Date().toISOString(), pid: process.pid, message, ...fields };
		try {
			writeSync(
				this.#output,
				`${JSON.stringify(line, (_, value) => (value instanceof Error ? plain(value) : value))}\n`,
			);
		} catch {
			// Nobody reads the log, or the pipe is full: the ledger goes on, and the line is lost.
		}
	}
}

/** Standard output; if it is a pipe, by a descriptor that doesn't wait for whoever reads it. */
function openOutput(): number {
	try {
		if (fstatSync(1).isFIFO()) return openSync("/proc/self/fd/1", constants.O_WRONLY | constants.O_NONBLOCK);
	} catch {
		// Where there is no /proc, a reader that stops reading stops the process.
	}
	return 1;
}

function plain({ name, message, stack, cause }: Error): Fields {
	return { name, message, stack, cause };
}

/** Logs requests/s, percentiles and batch size of each ten seconds that had requests. Never keeps the process alive. */
export function logSummaries(log: Log, metrics: Metrics): void {
	let requests = metrics.requestSeconds.snapshot();
	let batches = metrics.batchSize.snapshot();
	setInterval(() => {
		const requested = metrics.requestSeconds.snapshot();
		const batched = metrics.batchSize.snapshot();
		const requestCount = total(requested.counts) - total(requests.counts);
		const batchCount = total(batched.counts) - total(batches.counts);
		if (requestCount > 0) {
			log.write("info", "summary", {
				requestsPerSecond: Math.round(requestCount / (summaryEveryMs / 1000)),
				latencyMsP50: metrics.requestSeconds.quantileSince(requests.counts, 0.5) * 1000,
				latencyMsP99: metrics.requestSeconds.quantileSince(requests.counts, 0.99) * 1000,
				batchSizeMean: Number(((batched.sum - batches.sum) / Math.max(1, batchCount)).toFixed(1)),
				waiting: metrics.waiting(),
				walBytes: metrics.walBytes,
			});
		}
		requests = requested;
		batches = batched;
	}, summaryEveryMs).unref();
}

function total(counts: readonly number[]): number {
	return counts.reduce((sum, count) => sum + count, 0);
}

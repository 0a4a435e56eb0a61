/**
 * Structured logs: one JSON object a line on standard output, times in ISO 8601. At `info` there is no line
 * per request but a summary every ten seconds while there is something to sum up.
 */
import { type Logger, pino } from "pino";
import type { Metrics } from "./metrics.ts";
import type { LogLevel } from "./settings.ts";

const summaryEveryMs = 10_000;

export function openLog(level: LogLevel): Logger {
	return pino({
		level,
		timestamp: pino.stdTimeFunctions.isoTime,
		formatters: { level: (label) => ({ level: label }) },
	});
}

/** Logs requests/s, percentiles and batch size of each ten seconds that had requests. Never keeps the process alive. */
export function logSummaries(log: Logger, metrics: Metrics): void {
	let requests = metrics.requestSeconds.snapshot();
	let batches = metrics.batchSize.snapshot();
	setInterval(() => {
		const count = total(metrics.requestSeconds.snapshot().counts) - total(requests.counts);
		if (count > 0) {
			const batched = metrics.batchSize.snapshot();
			const batchCount = total(batched.counts) - total(batches.counts);
			log.info(
				{
					requestsPerSecond: Math.round(count / (summaryEveryMs / 1000)),
					latencyMsP50: metrics.requestSeconds.quantileSince(requests.counts, 0.5) * 1000,
					latencyMsP99: metrics.requestSeconds.quantileSince(requests.counts, 0.99) * 1000,
					batchSizeMean: batchCount === 0 ? 0 : Number(((batched.sum - batches.sum) / batchCount).toFixed(1)),
					waiting: metrics.waiting(),
					walBytes: metrics.walBytes,
				},
				"summary",
			);
			requests = metrics.requestSeconds.snapshot();
			batches = batched;
		}
	}, summaryEveryMs).unref();
}

function total(counts: readonly number[]): number {
	return counts.reduce((sum, count) => sum + count, 0);
}

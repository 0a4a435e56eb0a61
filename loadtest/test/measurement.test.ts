/** A stretch of load and what it amounts to: seconds, sums, and what was asked against what was sent. */
import { afterEach, describe, expect, test } from "bun:test";
import type { Connection } from "../src/connection.ts";
import { Measurement } from "../src/measurement.ts";
import { Metrics } from "../src/metrics.ts";
import { constantSchedule } from "../src/schedule.ts";
import type { SendPlan } from "../src/sender.ts";
import { Notebook, numberedSource, type RawRequest, type RawTarget, startRaw } from "./raw-target.ts";

const started: RawTarget[] = [];
afterEach(() => {
	for (const server of started.splice(0)) server.stop();
});

/** Counts what is answered, as a judge does that is content with everything. */
class Counting extends Notebook {
	readonly metrics: Metrics;

	constructor(metrics: Metrics) {
		super();
		this.metrics = metrics;
	}

	override sending(number: number, latenessMs: number): void {
		super.sending(number, latenessMs);
		this.metrics.recordSent(latenessMs);
	}

	override answered(connection: Connection): void {
		super.answered(connection);
		const { dueAtMs, sentAtMs, endedAtMs } = connection;
		this.metrics.recordAnswer({
			...{
				kind: "statement",
				status: 200,
				isSuccess: true,
				isRefusal: false,
				bytesSent: 1,
				bytesReceived: 1,
			},
			...{ responseMs: endedAtMs - dueAtMs, serviceMs: endedAtMs - sentAtMs },
		});
	}

	override failed(...given: Parameters<Notebook["failed"]>): void {
		super.failed(...given);
		this.metrics.recordFailure("statement", given[1], given[2], 0);
	}
}

function measurementOf(changes: Partial<SendPlan>, onRequest?: (request: RawRequest) => void) {
	const server = startRaw(onRequest);
	started.push(server);
	const metrics = new Metrics(changes.arrivals !== undefined);
	const plan: SendPlan = {
		...{ target: server.target, source: numberedSource, firstNumber: 0, window: 4, isPerRequest: false },
		...{ timeoutMs: 5000, arrivals: undefined },
		...{ operationsMax: Number.POSITIVE_INFINITY, durationMs: Number.POSITIVE_INFINITY },
		...changes,
	};
	return new Measurement(plan, new Counting(metrics), metrics);
}

function sum(values: readonly (number | null)[]): number {
	return values.reduce<number>((total, value) => total + (value ?? 0), 0);
}

describe("a measurement", () => {
	test("of a number of requests has exactly these", async () => {
		const measurement = measurementOf({ operationsMax: 300 });
		await measurement.run();
		const summary = measurement.summary();
		expect(summary).toMatchObject({ requests: 300, succeeded: 300, failed: 0, unsent: 0, rateAsked: null });
		expect(summary.rate).toBeCloseTo(300 / summary.elapsedSeconds, 6);
		expect(measurement.latency([50]).lateness).toBeNull();
		expect(measurement.latency([50]).response).toEqual(measurement.latency([50]).service);
	});

	test("has a row for each second, the last included, and each arrival asked in one of them", async () => {
		const arrivals = constantSchedule(100, undefined);
		const measurement = measurementOf({ arrivals, durationMs: 2000 });
		await measurement.run();
		const { seconds } = measurement.metrics;
		expect(seconds.map(({ second }) => second)).toEqual([0, 1]);
		expect(sum(seconds.map(({ asked }) => asked))).toBe(200);
		const summary = measurement.summary();
		expect(summary.requests).toBe(200);
		expect(summary.rateAsked).toBeCloseTo(100, 0);
		expect(sum(seconds.map(({ sent }) => sent))).toBe(summary.requests - summary.unsent);
	});

	test("has no row for a part of a second, whose requests are in the sums all the same", async () => {
		const measurement = measurementOf({ operationsMax: 10 });
		await measurement.run();
		expect(measurement.metrics.seconds).toEqual([]);
		expect(measurement.metrics.response.count).toBe(10);
	});

	test("counts what was due and found no connection as unsent, and as no success", async () => {
		const arrivals = constantSchedule(1000, undefined);
		const measurement = measurementOf(
			{ arrivals, durationMs: 100, window: 1, timeoutMs: 150 },
			() => undefined,
		);
		await measurement.run();
		const { requests, unsent, failed, succeeded, rateAsked } = measurement.summary();
		expect([requests, unsent, failed, succeeded]).toEqual([100, 99, 1, 0]);
		expect(rateAsked).toBeCloseTo(1000, 6);
		expect(measurement.figures(7)).toMatchObject({
			errors: 100,
			errorShare: 1,
			violations: 7,
			p50: Number.NaN,
		});
	});

	test("that is interrupted asks no more from then on", async () => {
		const arrivals = constantSchedule(1000, undefined);
		const measurement = measurementOf({ arrivals, window: 1, timeoutMs: 200 }, () => undefined);
		const end = measurement.run();
		await Bun.sleep(50);
		measurement.interrupt();
		const due = measurement.sender.dueCount(performance.now());
		await end;
		expect(measurement.summary()).toMatchObject({ requests: due, unsent: due - 1, failed: 1 });
	});

	test("leaves pauses out of its time, and says that somebody touched it", async () => {
		const measurement = measurementOf({ durationMs: 60 });
		const end = measurement.run();
		expect(measurement.isAdjusted).toBe(false);
		measurement.pause(true);
		await Bun.sleep(100);
		measurement.pause(false);
		await end;
		expect(measurement.isAdjusted).toBe(true);
		const wholeMs = performance.now() - measurement.startedAtMs;
		expect(measurement.elapsedMs).toBeGreaterThanOrEqual(60);
		expect(measurement.elapsedMs).toBeLessThan(wholeMs - 90);
	});

	test("that was interrupted before it began ends, with nothing in it", async () => {
		const measurement = measurementOf({ arrivals: constantSchedule(1000, undefined) });
		measurement.interrupt();
		await measurement.run();
		expect(measurement.summary()).toMatchObject({ requests: 0, successShare: 0, rateAsked: 0, unsent: 0 });
	});
});

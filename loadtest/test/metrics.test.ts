/** What a run amounts to: seconds that add up, messages that don't grow without end, and one time in the closed model. */
import { describe, expect, test } from "bun:test";
import type { FailureKind } from "../src/connection.ts";
import { type Answered, Metrics } from "../src/metrics.ts";
import { kinds } from "../src/operation.ts";
import { below, randomOf } from "./made-up-history.ts";

const seed = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const context = { asked: 10, inFlight: 3, cpuShare: 0.5 };
const failures: readonly FailureKind[] = ["connect", "reset", "timeout", "malformed"];
const answer: Answered = {
	...{ kind: "debit", status: 200, isSuccess: true, isRefusal: false },
	...{ responseMs: 3, serviceMs: 2, bytesSent: 100, bytesReceived: 200 },
};

/** Some seconds of made-up requests, and a part of one more. */
function madeUp(isOpen: boolean): Metrics {
	const random = randomOf(seed);
	const metrics = new Metrics(isOpen);
	for (let second = 0; second < 8; second += 1) {
		for (let count = below(random, 500); count > 0; count -= 1) {
			const kind = kinds[below(random, 3)] ?? "debit";
			metrics.recordSent(random());
			if (random() < 0.1)
				metrics.recordFailure(
					kind,
					failures[below(random, 4)] ?? "reset",
					`because ${below(random, 3)}`,
					100,
				);
			else {
				const status = [200, 422, 500][below(random, 3)] ?? 200;
				const serviceMs = 10 * random();
				const responseMs = serviceMs + (isOpen ? random() : 0);
				const isSuccess = status !== 500;
				const isRefusal = status === 422;
				metrics.recordAnswer({ ...answer, kind, status, isSuccess, isRefusal, serviceMs, responseMs });
			}
		}
		if (second < 7) metrics.endSecond(context);
	}
	return metrics;
}

function sumOf<T>(rows: readonly T[], read: (row: T) => number): number {
	return rows.reduce((sum, row) => sum + read(row), 0);
}

describe(`metrics (SEED=${seed})`, () => {
	test.each([true, false])("add up over seconds, kinds, statuses and errors (open: %p)", (isOpen) => {
		const metrics = madeUp(isOpen);
		expect(metrics.seconds.map(({ second }) => second)).toEqual([0, 1, 2, 3, 4, 5, 6]);
		const rest = metrics.endSecond(context);
		const { seconds, sent, answered, succeeded, refused, failed, otherStatus } = metrics;
		expect(rest).toBe(seconds.at(-1) as never);
		expect(sumOf(seconds, (row) => row.sent)).toBe(sent);
		expect(sumOf(seconds, (row) => row.answered)).toBe(answered);
		expect(sumOf(seconds, (row) => row.errors)).toBe(failed + otherStatus);
		expect(answered + failed).toBe(sent);
		expect(succeeded + otherStatus).toBe(answered);
		const operations = metrics.operations(8);
		expect(sumOf(operations, (row) => row.requests)).toBe(sent);
		expect(sumOf(operations, (row) => row.succeeded)).toBe(succeeded);
		expect(sumOf(operations, (row) => row.refused)).toBe(refused);
		expect(sumOf(operations, (row) => row.failed)).toBe(failed + otherStatus);
		expect(sumOf(operations, (row) => row.rate)).toBeCloseTo(answered / 8, 6);
		expect(sumOf(metrics.statuses(), (row) => row.count)).toBe(answered);
		expect(sumOf(metrics.errors(), (row) => row.count)).toBe(failed);
		expect(metrics.response.count).toBe(answered);
		expect(metrics.service.count).toBe(answered);
		expect(metrics.lateness.count).toBe(isOpen ? sent : 0);
	});

	test("have what the current second has so far only once it is collected, and not twice", () => {
		const metrics = madeUp(true);
		expect(metrics.response.count).toBeLessThan(metrics.answered);
		metrics.collect();
		metrics.collect();
		expect(metrics.response.count).toBe(metrics.answered);
		expect(metrics.service.count).toBe(metrics.answered);
		metrics.endSecond(context);
		expect(metrics.response.count).toBe(metrics.answered);
	});

	test("of a closed model have one time: service is response", () => {
		const metrics = madeUp(false);
		expect(metrics.service).toBe(metrics.response);
		expect(madeUp(true).service).not.toBe(madeUp(true).response);
	});

	test("have a row without latencies for a second without answers", () => {
		const metrics = new Metrics(true);
		metrics.recordSent(0);
		const row = metrics.endSecond({ asked: 1, inFlight: 1, cpuShare: 0 });
		expect(row).toEqual({
			...{ second: 0, asked: 1, sent: 1, answered: 0, errors: 0, inFlight: 1, cpuShare: 0 },
			...{ p50Ms: null, p99Ms: null, p999Ms: null, latenessP99Ms: row.latenessP99Ms },
		});
	});

	test("recall the last five seconds, and none before", () => {
		const metrics = new Metrics(false);
		for (let second = 1; second <= 9; second += 1) {
			metrics.recordAnswer({ ...answer, responseMs: second });
			metrics.endSecond(context);
		}
		const recent = metrics.recent();
		expect([recent.count, Math.round(recent.percentileMs(1) ?? 0), recent.maxMs]).toEqual([5, 5, 9]);
	});

	test("count errors that differ in numbers and quotations of the target as one", () => {
		const metrics = new Metrics(false);
		for (let index = 0; index < 100; index += 1)
			metrics.recordFailure("credit", "malformed", `closed after ${index} bytes: "${index}"`, 0);
		metrics.recordFailure("credit", "malformed", "another cause", 0);
		expect(metrics.errors().map(({ message, count }) => [message, count])).toEqual([
			['closed after 0 bytes: "0"', 100],
			["another cause", 1],
		]);
	});

	test("tell 50 messages of errors apart, and count all", () => {
		const metrics = new Metrics(false);
		for (const kind of failures)
			for (let index = 0; index < 1000; index += 1)
				metrics.recordFailure("credit", kind, `no ${"x".repeat(index)}`, 0);
		const errors = metrics.errors();
		expect(errors.length).toBeLessThanOrEqual(50 + failures.length);
		expect(sumOf(errors, ({ count }) => count)).toBe(4000);
		expect(errors[0]).toEqual({ kind: "reset", message: "other messages", count: 1000 });
		expect(errors.filter(({ message }) => message !== "other messages").length).toBe(50);
	});
});

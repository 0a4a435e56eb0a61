/** Latencies: percentiles against sorted values, and buckets that lose nobody. */
import { describe, expect, test } from "bun:test";
import { Histogram } from "../src/histogram.ts";
import { below, randomOf } from "./made-up-history.ts";

const seed = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const percentiles = [1, 10, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 100];

function histogramOf(values: readonly number[]): Histogram {
	const histogram = new Histogram();
	for (const ms of values) histogram.record(ms);
	return histogram;
}

const random = randomOf(seed);
const samples: [string, number[]][] = [
	["one value", [12.345]],
	["one value, often", Array.from({ length: 1000 }, () => 0.5)],
	["zeros", [0, 0, 0]],
	["even", Array.from({ length: 5000 }, () => 50 * random())],
	[
		"log-normal",
		Array.from({ length: 20_000 }, () =>
			Math.exp(3 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(7 * random())),
		),
	],
	[
		"two humps",
		Array.from({ length: 5000 }, () => (random() < 0.99 ? 1 + random() : 5000 + 1000 * random())),
	],
	["microseconds to minutes", Array.from({ length: 5000 }, () => 10 ** (8 * random() - 3))],
	["few", Array.from({ length: 1 + below(random, 20) }, () => 100 * random())],
];

describe(`a histogram (SEED=${seed})`, () => {
	test.each(samples)("is within 0.1 %% of the value at each percentile: %s", (_, values) => {
		const sorted = values.toSorted((a, b) => a - b);
		const histogram = histogramOf(values);
		for (const percentile of percentiles) {
			// The two values that a rank between them may mean.
			const rank = (percentile / 100) * sorted.length;
			const low = sorted[Math.max(0, Math.floor(rank) - 1)] as number;
			const high = sorted[Math.min(sorted.length - 1, Math.ceil(rank))] as number;
			const found = histogram.percentileMs(percentile) as number;
			expect(found).toBeGreaterThanOrEqual(low * 0.999 - 0.0011);
			expect(found).toBeLessThanOrEqual(high * 1.001 + 0.0011);
		}
		expect(histogram.percentileMs(100)).toBe(histogram.maxMs);
		const max = sorted.at(-1) as number;
		expect(Math.abs(histogram.maxMs - max)).toBeLessThanOrEqual(0.001 * max + 0.0011);
	});

	test.each(samples)("has buckets without gaps, at most 200, that hold all: %s", (_, values) => {
		const { buckets, count, minMs, maxMs } = histogramOf(values).distribution([50]);
		expect(buckets.length).toBeGreaterThan(0);
		expect(buckets.length).toBeLessThanOrEqual(200);
		expect(buckets.reduce((sum, bucket) => sum + bucket.count, 0)).toBe(count);
		expect(count).toBe(values.length);
		for (const [index, { fromMs, toMs }] of buckets.entries()) {
			expect(toMs).toBeGreaterThan(fromMs);
			if (index > 0) expect(fromMs).toBe(buckets[index - 1]?.toMs as number);
		}
		expect(buckets[0]?.fromMs).toBe(minMs);
		expect(buckets.at(-1)?.toMs).toBeGreaterThanOrEqual(maxMs);
	});

	test("that is empty has no percentiles and no buckets", () => {
		expect(new Histogram().percentileMs(50)).toBeNull();
		expect(new Histogram().distribution([50, 99])).toEqual({
			...{ count: 0, minMs: 0, meanMs: 0, medianMs: 0, maxMs: 0, stdevMs: 0 },
			...{ percentiles: [], buckets: [] },
		});
	});

	test("that others are added to is as one that recorded all", () => {
		const values = samples.map(([, some]) => some);
		const together = new Histogram();
		together.add(new Histogram());
		for (const some of values) together.add(histogramOf(some));
		expect(together.distribution(percentiles)).toEqual(histogramOf(values.flat()).distribution(percentiles));
	});

	test("is empty after a reset, and counts what is longer than an hour as an hour", () => {
		const histogram = histogramOf([1, 2, 3]);
		histogram.reset();
		expect([histogram.count, histogram.maxMs]).toEqual([0, 0]);
		histogram.record(1e9);
		expect(histogram.maxMs / 3_600_000).toBeCloseTo(1, 2);
	});
});

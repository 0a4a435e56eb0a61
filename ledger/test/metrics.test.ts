/**
 * What the process counts: histograms to the boundary, percentiles, and the text that Prometheus reads,
 * judged by a strict reader that is itself shown to refuse bad text.
 */
import { describe, expect, test } from "bun:test";
import { Histogram, Metrics } from "../src/metrics.ts";
import { readExposition } from "./exposition.ts";
import { property } from "./random.ts";

describe("a histogram", () => {
	test("counts a value at a bound below it, as le says", () => {
		const histogram = new Histogram([1, 2, 4]);
		for (const value of [0, 1, 1.0001, 2, 3, 4, 4.0001, 1000]) histogram.observe(value);
		expect(histogram.snapshot()).toEqual({ counts: [2, 2, 2, 2], sum: 1015.0002 });
	});

	test("tells each bucket with all those below it", () => {
		const histogram = new Histogram([0.5, 2]);
		for (const value of [0.25, 0.5, 1, 9]) histogram.observe(value);
		expect(histogram.lines("x", {})).toEqual([
			'x_bucket{le="0.5"} 2',
			'x_bucket{le="2"} 3',
			'x_bucket{le="+Inf"} 4',
			"x_sum 10.75",
			"x_count 4",
		]);
	});

	test("puts further labels before the bound", () => {
		expect(new Histogram([1]).lines("x", { route: "a", status: 200 })).toEqual([
			'x_bucket{route="a",status="200",le="1"} 0',
			'x_bucket{route="a",status="200",le="+Inf"} 0',
			'x_sum{route="a",status="200"} 0',
			'x_count{route="a",status="200"} 0',
		]);
	});

	test("gives snapshots that later values leave alone", () => {
		const histogram = new Histogram([1]);
		const before = histogram.snapshot();
		histogram.observe(1);
		expect(before).toEqual({ counts: [0, 0], sum: 0 });
	});

	const quantiles: [number, number][] = [
		[0.01, 1],
		[0.25, 1],
		[0.26, 2],
		[0.5, 2],
		[0.51, 3],
		[0.99, Number.POSITIVE_INFINITY],
		[1, Number.POSITIVE_INFINITY],
	];
	test.each(quantiles)("has its quantile %d in the bucket up to %d", (quantile, bound) => {
		const histogram = new Histogram([1, 2, 3]);
		for (const value of [0.5, 1.5, 2.5, 3.5]) histogram.observe(value);
		expect(histogram.quantileSince([], quantile)).toBe(bound);
	});

	test("has quantiles of what came since a snapshot, and of nothing before it", () => {
		const histogram = new Histogram([1, 2, 3]);
		for (let index = 0; index < 100; index += 1) histogram.observe(3);
		const { counts } = histogram.snapshot();
		for (let index = 0; index < 10; index += 1) histogram.observe(1);
		expect(histogram.quantileSince(counts, 0.99)).toBe(1);
		expect(histogram.quantileSince([], 0.5)).toBe(3);
	});

	property("never puts a quantile below the true one, nor a whole bucket above it", (random) => {
		const bounds = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89];
		for (let round = 0; round < 200; round += 1) {
			const histogram = new Histogram(bounds);
			const values = Array.from({ length: random.between(1, 300) }, () => random.next() * 89);
			for (const value of values) histogram.observe(value);
			values.sort((a, b) => a - b);
			const quantile = random.next();
			const exact = values[Math.max(0, Math.ceil(quantile * values.length) - 1)] as number;
			const nearest = bounds.find((bound) => exact <= bound) as number;
			expect(histogram.quantileSince([], quantile)).toBe(nearest);
		}
	});
});

describe("the text for Prometheus", () => {
	test("holds what was counted, each family with its type", () => {
		const metrics = new Metrics();
		metrics.countRequest("entries", 200, 0.001);
		metrics.countRequest("entries", 200, 0.002);
		metrics.countRequest("entries", 422, 0.2);
		metrics.countRequest("statement", 404, 100);
		metrics.batchSize.observe(3);
		metrics.commitSeconds.observe(0.0001);
		metrics.lockRetries = 7;
		metrics.walBytes = 4096;
		metrics.countRepeats({ answeredAgain: 3, applied: 2, expired: 1 });
		metrics.countRepeats({ answeredAgain: 1, applied: 0, expired: 0 });
		metrics.waiting = () => 9;
		const families = readExposition(metrics.text());
		const sample = (family: string, key = family) => families.get(family)?.samples.get(key);

		expect(Object.fromEntries([...families].map(([name, { type }]) => [name, type]))).toMatchObject({
			crebito_http_requests_total: "counter",
			crebito_repeated_requests_total: "counter",
			crebito_http_request_seconds: "histogram",
			crebito_batch_size: "histogram",
			crebito_commit_seconds: "histogram",
			crebito_sync_seconds: "histogram",
			crebito_checkpoint_seconds: "histogram",
			crebito_lock_retries_total: "counter",
			crebito_wal_bytes: "gauge",
			crebito_waiting_requests: "gauge",
			process_resident_memory_bytes: "gauge",
			process_cpu_seconds_total: "counter",
		});
		expect([...(families.get("crebito_http_requests_total")?.samples ?? [])]).toEqual([
			['crebito_http_requests_total{route="entries",status="200"}', 2],
			['crebito_http_requests_total{route="entries",status="422"}', 1],
			['crebito_http_requests_total{route="statement",status="404"}', 1],
		]);
		expect([...(families.get("crebito_repeated_requests_total")?.samples ?? [])]).toEqual([
			['crebito_repeated_requests_total{outcome="answered again"}', 4],
			['crebito_repeated_requests_total{outcome="applied"}', 2],
			['crebito_repeated_requests_total{outcome="expired"}', 1],
		]);
		const seconds = "crebito_http_request_seconds";
		expect(sample(seconds, `${seconds}_count`)).toBe(4);
		expect(sample(seconds, `${seconds}_sum`)).toBeCloseTo(100.203);
		expect(sample(seconds, `${seconds}_bucket{le="0.001"}`)).toBe(1);
		expect(sample(seconds, `${seconds}_bucket{le="10"}`)).toBe(3);
		expect(sample("crebito_batch_size", "crebito_batch_size_sum")).toBe(3);
		expect(sample("crebito_lock_retries_total")).toBe(7);
		expect(sample("crebito_wal_bytes")).toBe(4096);
		expect(sample("crebito_waiting_requests")).toBe(9);
		expect(sample("process_resident_memory_bytes")).toBeGreaterThan(1_000_000);
	});

	test("is well formed before anything was counted", () => {
		const families = readExposition(new Metrics().text());
		expect(families.get("crebito_http_requests_total")?.samples.size).toBe(0);
		expect(families.get("crebito_batch_size")?.samples.get("crebito_batch_size_count")).toBe(0);
	});
});

describe("the reader of that text refuses", () => {
	const head = "# HELP x A thing.\n# TYPE x counter\n";
	const histogram = "# HELP x A thing.\n# TYPE x histogram\n";
	const bad: [string, string][] = [
		["a text without its last line feed", `${head}x 1`],
		["an empty line", `${head}\nx 1\n`],
		["a family without a type", "# HELP x A thing.\nx 1\n"],
		["a family without help", "# TYPE x counter\nx 1\n"],
		["an unknown type", "# HELP x A thing.\n# TYPE x count\nx 1\n"],
		["a family given twice", `${head}x 1\n${head}x 2\n`],
		["a sample of another family", `${head}y 1\n`],
		["a sample given twice", `${head}x 1\nx 1\n`],
		["a sample without a value", `${head}x\n`],
		["a value that is no number", `${head}x undefined\n`],
		["a value in words of JavaScript", `${head}x Infinity\n`],
		["a counter below zero", `${head}x -1\n`],
		["a counter that is no number", `${head}x NaN\n`],
		["a label without quotes", `${head}x{a=1} 1\n`],
		["a label with a bare quote", `${head}x{a="""} 1\n`],
		["a label given twice", `${head}x{a="1",a="2"} 1\n`],
		["empty braces", `${head}x{} 1\n`],
		["buckets that descend", `${histogram}x_bucket{le="1"} 2\nx_bucket{le="+Inf"} 1\nx_sum 1\nx_count 1\n`],
		[
			"bounds that descend",
			`${histogram}x_bucket{le="2"} 1\nx_bucket{le="1"} 1\nx_bucket{le="+Inf"} 1\nx_sum 1\nx_count 1\n`,
		],
		["a histogram without +Inf", `${histogram}x_bucket{le="1"} 1\nx_sum 1\nx_count 1\n`],
		["a count that is not the last bucket", `${histogram}x_bucket{le="+Inf"} 1\nx_sum 1\nx_count 2\n`],
		["a histogram without a sum", `${histogram}x_bucket{le="+Inf"} 1\nx_count 1\n`],
	];
	test.each(bad)("%s", (_, text) => {
		expect(() => readExposition(text)).toThrow();
	});
});

/**
 * The judge against what is known: a server that answers in a flat 20 ms, and one that stalls for a second. The
 * percentiles that an honest tool must report then can be computed (servers/expected-latency.ts).
 *
 * The server is a process of its own. A busy machine makes both late. The stall begins at a time after the first
 * request, so that a late one shifts it against the schedule, by less than the distance of two arrivals: each
 * reported percentile is at most that much below the computed one, and above it by no more than the histogram's
 * error and what a scheduler may take. A run that the judge itself calls late is made again.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { runLoadTest } from "../src/load-test.ts";
import { type LoadOptions, readOptions } from "../src/options.ts";
import { Progress } from "../src/progress.ts";
import type { Distribution, Result } from "../src/result.ts";
import { expectedTimes, type KnownLatency, percentileOf } from "./servers/expected-latency.ts";
import { startKnownLatency } from "./servers/known-latency.ts";

setDefaultTimeout(120_000);

/** Of the value: three significant digits. */
const histogramError = 0.001;
/** A time slice or two of the scheduler, on each side. */
const schedulingMs = 25;
const triesMax = 5;
const flat: KnownLatency = { latencyMs: 20, stallAtMs: Number.POSITIVE_INFINITY, stallMs: 0 };
const stalling: KnownLatency = { latencyMs: 20, stallAtMs: 1500, stallMs: 1000 };
const ratePerSecond = 200;
const durationSeconds = 4;
const arrivalDistanceMs = 1000 / ratePerSecond;
const open = ["-r", `${ratePerSecond}`, "-d", `${durationSeconds}s`, "-c", "400"];

async function measured(known: KnownLatency, args: readonly string[]): Promise<Result> {
	for (let left = triesMax; ; left -= 1) {
		const server = await startKnownLatency(known);
		try {
			const options = readOptions(["load", server.url, "--mix", "1:1:0", ...args]) as LoadOptions;
			const result = await runLoadTest(options, "", new Progress(), []);
			if (result.validity.verdict !== "generator late" || left === 1) return result;
		} finally {
			await server.stop();
		}
	}
}

function reported({ percentiles }: Distribution, wanted: number): number {
	return percentiles.find(({ percentile }) => percentile === wanted)?.ms ?? Number.NaN;
}

test.each([
	["a flat 20 ms", flat, [10, 50, 90, 95]],
	["a stall of a second", stalling, [10, 50, 75, 90, 95, 99]],
] as const)("%s is reported as it can be computed", async (_, known, percentiles) => {
	const { latency, summary } = await measured(known, open);
	const expected = expectedTimes(known, { ratePerSecond, durationSeconds });
	expect(summary.requests).toBe(ratePerSecond * durationSeconds);
	for (const percentile of percentiles) {
		const computed = percentileOf(expected.responseMs, percentile);
		const ms = reported(latency.response, percentile);
		const least = computed * (1 - histogramError) - arrivalDistanceMs;
		const most = computed * (1 + histogramError) + schedulingMs;
		expect({ percentile, ms, isHonest: ms >= least && ms <= most }).toEqual({
			percentile,
			ms,
			isHonest: true,
		});
	}
});

test("a closed model can't see the stall in its p95, which is why there is an open one", async () => {
	const { latency } = await measured(stalling, ["-c", "8", "-d", `${durationSeconds}s`]);
	const honest = percentileOf(expectedTimes(stalling, { ratePerSecond, durationSeconds }).responseMs, 95);
	expect(honest).toBeGreaterThan(500);
	expect(reported(latency.response, 95)).toBeLessThan(honest / 2);
});

test("with few connections the wait for one is in the response time and not in the service time", async () => {
	const { latency, validity } = await measured(stalling, [...open.slice(0, 4), "-c", "8"]);
	const expected = expectedTimes(stalling, { ratePerSecond, durationSeconds, connections: 8 });
	expect(reported(latency.response, 90)).toBeGreaterThan(
		percentileOf(expected.responseMs, 90) * 0.9 - schedulingMs,
	);
	expect(reported(latency.service, 90)).toBeLessThan(reported(latency.response, 90) / 2);
	expect(["valid", "target saturated", "generator late"]).toContain(validity.verdict);
});

/**
 * The schedule's arithmetic: counts exact to the arrival, times that never go back, and the inverse against the
 * area itself, which the properties work out by another way: in whole numbers, or in small steps.
 */
import { describe, expect, test } from "bun:test";
import { constantSchedule, parseStages, Schedule, type Segment } from "../src/schedule.ts";

const seed = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);

describe("the number of arrivals is the area under the rate, exactly", () => {
	const counts: [string, number][] = [
		["ramp 1..220 2m", 13_260],
		["hold 220 2m", 26_400],
		["ramp 1..220 2m, hold 220 2m", 39_660],
		["ramp 1..110 2m, hold 110 2m", 19_860],
		["ramp 1..10 2m, hold 10 2m", 1860],
		["ramp 10..0 30s", 150],
		["0.1s@10", 1],
		["30s@50, 1m@200", 13_500],
		["ramp 0..3 1s", 1],
		["hold 0.1 10s, hold 0.1 10s", 2],
		["hold 0.5 1s, hold 0.5 1s", 1],
	];
	test.each(counts)("%s: %p", (text, count) => {
		expect(parseStages(text).arrivals).toBe(count);
	});

	test("at every time scale and multiple", () => {
		const official = counts.slice(2, 5);
		for (const time of [0.001, 0.01, 0.05, 0.1, 0.3, 1 / 3, 0.7, 1, 1.1, 3, 7.7, 10]) {
			for (const multiple of [1, 2, 3, 7, 99, 100]) {
				for (const [text, count] of official) {
					const schedule = parseStages(text).scaled({ time, rate: multiple / time });
					expect([text, time, multiple, schedule.arrivals]).toEqual([text, time, multiple, count * multiple]);
				}
			}
		}
	});

	test("also where a plain sum of floats falls short (negative control)", () => {
		const tenths = Array.from({ length: 10 }, () => ({ fromRate: 0.1, toRate: 0.1, durationMs: 1000 }));
		const plain = tenths.reduce((sum, { fromRate, durationMs }) => sum + (fromRate * durationMs) / 1000, 0);
		expect(Math.floor(plain)).toBe(0);
		expect(new Schedule(tenths).arrivals).toBe(1);
	});

	test("and no more than that: a ten-thousandth short is short", () => {
		expect(constantSchedule(0.9999, 1000).arrivals).toBe(0);
		expect(constantSchedule(13.9999, 1000).arrivals).toBe(13);
	});
});

describe("arrivals are due", () => {
	test("at a constant rate r at k/r, the first at once", () => {
		const schedule = constantSchedule(340, undefined);
		for (const k of [0, 1, 2, 339, 340, 1_000_000]) expect(schedule.timeOf(k)).toBe((k * 1000) / 340);
		expect(schedule.arrivals).toBe(Number.POSITIVE_INFINITY);
		expect(schedule.durationMs).toBe(Number.POSITIVE_INFINITY);
		expect(schedule.rateAt(1e12)).toBe(340);
	});

	test("never after the last one", () => {
		const schedule = constantSchedule(10, 1000);
		expect(schedule.arrivals).toBe(10);
		expect(schedule.timeOf(9)).toBe(900);
		for (const k of [10, 11, 1e9, Number.POSITIVE_INFINITY, Number.NaN])
			expect(schedule.timeOf(k)).toBe(Number.POSITIVE_INFINITY);
	});

	test("up a ramp from zero at the square root of their number", () => {
		// The area after t seconds is 10/2 × t².
		const schedule = parseStages("ramp 0..100 10s");
		expect(schedule.timeOf(0)).toBe(0);
		expect(schedule.timeOf(5)).toBeCloseTo(1000, 9);
		expect(schedule.timeOf(20)).toBeCloseTo(2000, 9);
		expect(schedule.timeOf(320)).toBeCloseTo(8000, 9);
	});

	test("down a ramp to zero before it ends", () => {
		const schedule = parseStages("ramp 100..0 10s");
		expect(schedule.arrivals).toBe(500);
		// One unit of area is left when the last becomes due: 5 × (10 − t)² = 1.
		expect(schedule.timeOf(499)).toBeCloseTo(10_000 - Math.sqrt(1 / 5) * 1000, 6);
	});

	test("not during a pause, but when it is over", () => {
		const schedule = parseStages("hold 0 2s, hold 2 1s, hold 0 5s, 1s@2");
		expect([0, 1, 2, 3, 4].map((k) => schedule.timeOf(k))).toEqual([2000, 2500, 8000, 8500, Infinity]);
		expect(schedule.dueBefore(8000)).toBe(2);
		expect(schedule.dueBefore(8000.001)).toBe(3);
	});

	test("across the ends of segments with what is left of the area", () => {
		// Half a unit in the first, which the second completes after half a second.
		const schedule = parseStages("hold 1.5 1s, hold 1 2s");
		expect(schedule.arrivals).toBe(3);
		expect([0, 1, 2].map((k) => schedule.timeOf(k))).toEqual([0, 1000 / 1.5, 1500]);
	});
});

test("the rate goes evenly through a ramp, jumps between holds, and is nothing outside", () => {
	const schedule = parseStages("ramp 1..221 2m, 10s@50");
	expect(
		[-1, 0, 60_000, 119_999.999, 120_000, 129_999, 130_000].map((ms) => Math.round(schedule.rateAt(ms))),
	).toEqual([0, 1, 111, 221, 50, 50, 0]);
	expect(schedule.rateAt(Number.NaN)).toBe(0);
});

test("a schedule without segments has no arrivals", () => {
	const schedule = new Schedule([]);
	expect([schedule.arrivals, schedule.timeOf(0), schedule.rateAt(0), schedule.dueBefore(1)]).toEqual([
		0,
		Infinity,
		0,
		0,
	]);
});

describe(`of random schedules (SEED=${seed})`, () => {
	/** Rates in tenths and whole milliseconds, with pauses, so that the area is exact in whole 20,000ths. */
	function randomSegments(random: () => number): Segment[] {
		return Array.from({ length: 1 + Math.floor(random() * 6) }, () => {
			const fromRate = random() < 0.2 ? 0 : Math.floor(random() * 3000) / 10;
			const toRate = random() < 0.5 ? fromRate : Math.floor(random() * 3000) / 10;
			return { fromRate, toRate, durationMs: 1 + Math.floor(random() * 5000) };
		});
	}

	function exactArrivals(segments: readonly Segment[]): number {
		const area = segments.reduce(
			(sum, { fromRate, toRate, durationMs }) =>
				sum + BigInt(Math.round(fromRate * 10) + Math.round(toRate * 10)) * BigInt(durationMs),
			0n,
		);
		return Number(area / 20_000n);
	}

	/** The area until then by the trapezium, segment by segment: no search, no inverse. */
	function areaUntil(segments: readonly Segment[], ms: number): number {
		let area = 0;
		let leftMs = ms;
		for (const { fromRate, toRate, durationMs } of segments) {
			const insideMs = Math.max(0, Math.min(durationMs, leftMs));
			area += ((2 * fromRate + ((toRate - fromRate) * insideMs) / durationMs) / 2) * (insideMs / 1000);
			leftMs -= durationMs;
		}
		return area;
	}

	function forEachSchedule(
		check: (schedule: Schedule, segments: Segment[], random: () => number) => void,
	): void {
		const random = randomOf(seed);
		for (let round = 0; round < 300; round += 1) {
			const segments = randomSegments(random);
			check(new Schedule(segments), segments, random);
		}
	}

	test("the number of arrivals is the whole part of the exact area", () => {
		forEachSchedule((schedule, segments) => expect(schedule.arrivals).toBe(exactArrivals(segments)));
	});

	test("times never go back, lie within the schedule, and have the area of their number", () => {
		forEachSchedule((schedule, segments) => {
			let before = 0;
			for (let k = 0; k < schedule.arrivals; k += 1) {
				const ms = schedule.timeOf(k);
				if (!(ms >= before && ms <= schedule.durationMs))
					throw new Error(`arrival ${k} at ${ms} after ${before}`);
				if (!(Math.abs(areaUntil(segments, ms) - k) < 1e-5))
					throw new Error(`arrival ${k} at ${ms}, where the area is ${areaUntil(segments, ms)}`);
				before = ms;
			}
			expect(schedule.timeOf(schedule.arrivals)).toBe(Infinity);
		});
	});

	test("as many are due before a time as have a lower one, which is the area rounded up", () => {
		forEachSchedule((schedule, segments, random) => {
			const times = Array.from({ length: schedule.arrivals }, (_, k) => schedule.timeOf(k));
			for (const ms of [
				0,
				random() * schedule.durationMs,
				random() * schedule.durationMs,
				schedule.durationMs,
			]) {
				const count = schedule.dueBefore(ms);
				expect(count).toBe(times.filter((time) => time < ms).length);
				expect(Math.abs(count - areaUntil(segments, ms))).toBeLessThan(1 + 1e-5);
			}
			// The very times at which arrivals are due, and the next float after them, are where rounding would show.
			for (const [k, ms] of times.entries()) {
				expect(schedule.dueBefore(ms)).toBe(times.indexOf(ms, Math.max(0, k - 5)));
				const afterMs = ms * (1 + Number.EPSILON) + Number.MIN_VALUE;
				expect(schedule.dueBefore(afterMs)).toBeGreaterThan(k);
			}
		});
	});

	test("and the area tells a time that is a thousandth off (negative control)", () => {
		const schedule = parseStages("ramp 1..220 2m");
		const ms = schedule.timeOf(5000);
		expect(Math.abs(areaUntil(schedule.segments, ms) - 5000)).toBeLessThan(1e-5);
		expect(Math.abs(areaUntil(schedule.segments, ms * 1.001) - 5000)).toBeGreaterThan(1);
	});

	test("their text gives the same schedule again", () => {
		forEachSchedule((schedule, segments) => {
			if (schedule.arrivals === 0) return;
			const isConstant = segments.length === 1 && segments[0]?.fromRate === segments[0]?.toRate;
			if (!isConstant) expect(parseStages(schedule.text).segments).toEqual(segments);
		});
	});
});

describe("a schedule's text is for people", () => {
	const texts: [string, string][] = [
		["ramp 1..220 2m,hold 220 2m", "ramp 1..220 120 s, hold 220 120 s"],
		["500ms@0.5, 1h@3", "hold 0.5 0.5 s, hold 3 3600 s"],
		["30s@50", "50/s"],
		["ramp 10..0 1.5m", "ramp 10..0 90 s"],
	];
	test.each(texts)("%s: %s", (stages, text) => {
		expect(parseStages(stages).text).toBe(text);
	});

	test("and so is that of a constant rate", () => {
		expect(constantSchedule(340, undefined).text).toBe("340/s");
		expect(constantSchedule(1000 / 3, 1000).text).toBe("333.333/s");
	});
});

describe("stages that can't be read are refused in a sentence that names them", () => {
	const bad: [string, string][] = [
		["", '"" is no stage'],
		["ramp 1..220 2m,", '"" is no stage'],
		["hold 220 2m; hold 1 1s", "is no length of time"],
		["climb 1..220 2m", '"climb 1..220 2m" is no stage'],
		["ramp 1-220 2m", '"ramp 1-220 2m" is no stage'],
		["ramp 1..220", '"ramp 1..220" is no stage'],
		["hold 220", '"hold 220" is no stage'],
		["hold 1 1s, hold x 2m", 'in the stage "hold x 2m", "x" is no rate'],
		["ramp 1..-5 2m", '"-5" is no rate'],
		["ramp 1...5 2m", '".5" is no rate'],
		["hold 1e3 2m", '"1e3" is no rate'],
		["hold 1000001 2m", "from 0 to 1000000"],
		["hold NaN 2m", '"NaN" is no rate'],
		["30s@", '"30s@" is no stage'],
		["@50", '"@50" is no stage'],
		["30s@50@60", "is no stage"],
		["30@50", 'in the stage "30@50", "30" is no length of time'],
		["hold 5 2 minutes", '"2 minutes" is no length of time'],
		["hold 5 -2m", '"-2m" is no length of time'],
		["hold 5 0s", "0s is no time at all"],
		["hold 5 169h", "169h is more than a week"],
		["hold 5 100h, hold 5 100h", "more than a week together"],
		["hold 0 1m", "no whole arrival"],
		["hold 0.5 1s", "no whole arrival"],
		[Array.from({ length: 1001 }, () => "1s@1").join(), "1001 stages are too many"],
	];
	test.each(bad)("%p", (text, part) => {
		expect(() => parseStages(text)).toThrow(part);
	});

	test("and so is a constant rate of nothing", () => {
		for (const rate of [0, -1, Number.NaN]) expect(() => constantSchedule(rate, 1000)).toThrow("above zero");
	});
});

/** xorshift, 32 bits: the same numbers for the same seed. */
function randomOf(start: number): () => number {
	let state = start >>> 0 || 1;
	return () => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) / 2 ** 32;
	};
}

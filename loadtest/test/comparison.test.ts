/**
 * Comparisons: what is only noise isn't called a regression, what is slower is, and what can't be compared
 * isn't. Runs are made up with a known truth, some thousands of them.
 */
import { describe, expect, test } from "bun:test";
import type { Baseline } from "../src/baseline.ts";
import { runsOf } from "../src/baseline.ts";
import { compare, IncomparableShapes } from "../src/comparison.ts";
import { intervalOfBlocks, intervalOfErrors, intervalOfRuns, studentQuantile } from "../src/confidence.ts";
import type { Comparison, ComparisonRow, Figures, Result, Shape } from "../src/result.ts";
import { type Random, randomOf } from "./made-up-history.ts";
import { type Making, makeRun, normal, usual, withFigures } from "./made-up-run.ts";

const seed = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const samples = 2000;
const noisePercent = 2;

function baselineOf(results: readonly Result[]): Baseline {
	const { shape, target, machine, startedAt, command, seconds } = results.at(-1) as Result;
	const run = { runs: runsOf(results), seconds };
	return { schemaVersion: 1, name: "main", shape, target, machine, startedAt, command, ...run };
}

function compared(before: readonly Result[], after: readonly Result[], noise = noisePercent): Comparison {
	return compare(baselineOf(before), after, noise);
}

function rowOf({ rows }: Comparison, figure: ComparisonRow["figure"]): ComparisonRow {
	return rows.find((row) => row.figure === figure) as ComparisonRow;
}

/** How often, of as many made-up pairs, something holds. */
function share(check: (random: Random) => boolean): number {
	let count = 0;
	for (let nth = 0; nth < samples; nth += 1) if (check(randomOf(seed + nth))) count += 1;
	return count / samples;
}

function repeated(count: number, making: Making): Result[] {
	return Array.from({ length: count }, () => makeRun(making));
}

/** 10 % slower in everything. */
const slower = { ...usual, rate: usual.rate / 1.1, p50: usual.p50 * 1.1, p99: usual.p99 * 1.1 };

describe(`of made-up runs (SEED=${seed})`, () => {
	const ways = [
		{ name: "blocks of one run", repeats: 1, drift: 0 },
		{ name: "three repetitions", repeats: 3, drift: 0.03 },
		{ name: "five repetitions", repeats: 5, drift: 0.03 },
	];
	for (const { name, repeats, drift } of ways) {
		test(`by ${name}, what is alike is called a regression in less than 5 of 100`, () => {
			const regressed = share((random) => {
				const making = { ...usual, random, drift, seconds: repeats === 1 ? 30 : 3 };
				const comparison = compared(repeated(repeats, making), repeated(repeats, making));
				expect(comparison.method).toBe(repeats === 1 ? "blocks" : "repeats");
				return comparison.verdict === "regressed";
			});
			expect(regressed).toBeLessThan(0.05);
		});
	}

	for (const { name, repeats, drift } of ways.filter(({ repeats }) => repeats !== 3))
		test(`by ${name}, 10 % slower with 3 % of noise is found in at least 95 of 100, and 10 % faster too`, () => {
			const found = share((random) => {
				const base = { ...usual, random, drift, seconds: repeats === 1 ? 30 : 3 };
				const [fast, slow] = [
					repeated(repeats, base),
					repeated(repeats, { ...base, ...slower, seconds: base.seconds, drift }),
				];
				return compared(fast, slow).verdict === "regressed" && compared(slow, fast).verdict === "improved";
			});
			expect(found).toBeGreaterThanOrEqual(0.95);
		});

	test("a difference within the noise is none, however sure it is", () => {
		const random = randomOf(seed);
		const [before, after] = [
			makeRun({ ...usual, random, noise: 0.001 }),
			makeRun({ ...slower, random, noise: 0.001 }),
		];
		expect(compared([before], [after], 9).verdict).toBe("regressed");
		expect(compared([before], [after], 12).verdict).toBe("unchanged");
	});

	test("a ramp that both runs have is no noise", () => {
		const ramp = (random: Random, factor: number) =>
			Array.from({ length: 60 }, (_, second) => (second + 1) * factor * Math.exp(0.03 * normal(random)));
		const random = randomOf(seed);
		expect(intervalOfBlocks(ramp(random, 1), ramp(random, 1.1))?.low).toBeGreaterThan(1.05);
		// Without pairs it would be.
		expect(intervalOfRuns(ramp(random, 1), ramp(random, 1.1)).low).toBeLessThan(1);
	});

	test("seconds that depend on each other don't pass for many measurements", () => {
		/** A first order autoregression. */
		const series = (random: Random) => {
			let state = normal(random);
			return Array.from({ length: 60 }, () => {
				state = 0.7 * state + Math.sqrt(1 - 0.7 ** 2) * normal(random);
				return Math.exp(0.03 * state);
			});
		};
		const misses = ({ low, high }: { low: number; high: number }) => low > 1 || high < 1;
		const byBlocks = share((random) => misses(intervalOfBlocks(series(random), series(random)) as never));
		const bySeconds = share((random) => misses(intervalOfRuns(series(random), series(random))));
		expect(byBlocks).toBeLessThan(0.15);
		// The same without blocks: the claim of 95 % would be far from the truth.
		expect(bySeconds).toBeGreaterThan(0.3);
	});

	test("an interval holds the truth about as often as it says", () => {
		const runs = (random: Random, count: number) =>
			Array.from({ length: count }, () => Math.exp(0.1 * normal(random)));
		const held = share((random) => {
			const { low, high } = intervalOfRuns(runs(random, 4), runs(random, 7));
			return low <= 1 && high >= 1;
		});
		expect(held).toBeGreaterThan(0.93);
		expect(held).toBeLessThan(0.98);
	});
});

describe("a short run", () => {
	const run = (seconds: number, given: object) =>
		makeRun({ ...usual, random: randomOf(1), seconds, ...given });

	test("of less than three seconds is never called slower", () => {
		const comparison = compared([run(2, {})], [run(2, { rate: 30, p50: 400, p99: 2000 })]);
		expect(comparison.verdict).toBe("unchanged");
		expect(rowOf(comparison, "p50")).toMatchObject({ ratioLow: null, ratioHigh: null, verdict: "unchanged" });
	});

	test("of less than ten seconds has a wider interval than the same seconds of a longer one", () => {
		const seconds = [1, 1.02, 0.98, 1, 1.01];
		const width = (interval = intervalOfBlocks(seconds, [...seconds].reverse())) =>
			(interval?.high ?? 0) / (interval?.low ?? 1);
		const [once, twice] = [
			width(),
			width(intervalOfBlocks([...seconds, ...seconds], [...seconds, ...seconds].reverse())),
		];
		expect(once).toBeGreaterThan(twice);
	});

	test("of five seconds can still be three times as slow", () => {
		const comparison = compared([run(5, {})], [run(5, { rate: 1000, p50: 12, p99: 60 })]);
		expect(comparison.verdict).toBe("regressed");
	});
});

describe("where there is nothing or zero", () => {
	const three = (given: Partial<Figures>) => Array.from({ length: 3 }, () => withFigures(given));

	test("a rate that fell to zero has regressed, and one that rose from it has improved and no ratio", () => {
		const [some, none] = [three({}), three({ rate: 0, p50: Number.NaN, p99: Number.NaN })];
		const fallen = compared(some, none);
		expect(fallen.verdict).toBe("regressed");
		expect(rowOf(fallen, "rate")).toMatchObject({ before: 3000, after: 0, ratio: 0, verdict: "regressed" });
		const risen = compared(none, some);
		expect(rowOf(risen, "rate")).toMatchObject({
			ratio: null,
			ratioLow: null,
			ratioHigh: null,
			verdict: "improved",
		});
		expect(risen.verdict).toBe("improved");
	});

	test("a figure without a measurement on either side has no row", () => {
		const figures = compared(three({}), three({ p50: Number.NaN })).rows.map(({ figure }) => figure);
		expect(figures).toEqual(["rate", "mean", "p99", "p999", "errorShare"]);
	});

	test("seconds without an answer are left out of the latencies, not of the rate", () => {
		const random = randomOf(1);
		const [before, whole] = [makeRun({ ...usual, random }), makeRun({ ...usual, random })];
		const seconds = whole.seconds.map((row) =>
			row.second < 15 ? { ...row, answered: 0, p50Ms: null, p99Ms: null, p999Ms: null } : row,
		);
		const after = { ...whole, seconds, repeats: [{ ...(whole.repeats[0] as Figures), rate: 1500 }] };
		const comparison = compared([before], [after]);
		expect(rowOf(comparison, "rate").ratio).toBeCloseTo(0.5, 1);
		expect(rowOf(comparison, "p50").verdict).toBe("unchanged");
	});

	test("what is said is a number or null, so that it can be written as JSON", () => {
		const comparison = compared(three({ rate: 0, errorShare: 0 }), three({ errors: 3 }));
		expect(JSON.parse(JSON.stringify(comparison))).toEqual(comparison);
	});
});

describe("errors", () => {
	const verdict = (before: readonly number[], after: readonly number[]) => {
		const [a, b] = [before, after].map((errors) => makeRun({ ...usual, random: randomOf(1), errors })) as [
			Result,
			Result,
		];
		return rowOf(compared([a], [b]), "errorShare");
	};
	const spread = (count: number) => Array.from({ length: count }, () => 1);

	test("that rise from none to three may be chance, to thirty may not", () => {
		expect(verdict([], spread(3))).toMatchObject({ before: 0, ratio: null, verdict: "unchanged" });
		expect(verdict([], spread(30))).toMatchObject({ before: 0, ratio: null, verdict: "regressed" });
		expect(verdict(spread(30), []).verdict).toBe("improved");
	});

	test("of one lost connection count as one, however many travelled on it", () => {
		expect(verdict([], [30]).verdict).toBe("unchanged");
	});

	test("that are as many as before are unchanged, with an interval around one", () => {
		const { ratio, ratioLow, ratioHigh, verdict: same } = verdict(spread(20), spread(20));
		expect([ratio, same]).toEqual([1, "unchanged"]);
		expect(ratioLow).toBeLessThan(1);
		expect(ratioHigh).toBeGreaterThan(1);
	});

	test("are counted over all repetitions, and differ as much as these do", () => {
		const runs = (...errors: number[]) =>
			errors.map((count) => withFigures({ errors: count, requests: 90_000 }));
		const rowFor = (after: Result[]) => rowOf(compared(runs(10, 12, 11), after), "errorShare");
		expect(rowFor(runs(100, 120, 110))).toMatchObject({ before: 33 / 270_000, verdict: "regressed" });
		expect(rowFor(runs(0, 330, 0)).verdict).toBe("unchanged");
	});

	test("of equal rates differ by chance as often as the interval says", () => {
		const poisson = (random: Random, expected: number) => {
			let count = -1;
			for (let product = 1; product > Math.exp(-expected); product *= random()) count += 1;
			return count;
		};
		const missed = share((random) => {
			const side = () => {
				const pieces = Array.from({ length: 30 }, () => poisson(random, 0.5));
				return { errors: pieces.reduce((total, count) => total + count, 0), requests: 90_000, pieces };
			};
			const { low, high } = intervalOfErrors(side(), side());
			return low > 1 || high < 1;
		});
		expect(missed).toBeLessThan(0.06);
	});
});

test("the tail and the mean are shown, and don't decide", () => {
	const three = (given: Partial<Figures>) => Array.from({ length: 3 }, () => withFigures(given));
	const comparison = compared(three({}), three({ p999: 400, mean: 45 }));
	expect(rowOf(comparison, "p999")).toMatchObject({ ratio: expect.closeTo(10), verdict: "regressed" });
	expect(comparison.verdict).toBe("unchanged");
	expect(compared(three({}), three({ p99: 40, rate: 9000 })).verdict).toBe("regressed");
});

describe("runs aren't compared", () => {
	function refusal(given: Partial<Result>): string {
		const before = withFigures({});
		try {
			compared([before], [{ ...before, ...given }]);
		} catch (error) {
			if (error instanceof IncomparableShapes) return error.message;
			throw error;
		}
		return "they were";
	}
	const { shape, machine } = withFigures({});
	const cases: [string, Partial<Shape>, string][] = [
		["model", { model: "open" }, "closed model there, open model here"],
		["concurrency", { concurrency: 20 }, "concurrency 14 there, concurrency 20 here"],
		["schedule", { schedule: "340/s" }, "schedule none there, schedule 340/s here"],
		["duration", { durationSeconds: 60 }, "duration 30 s there, duration 60 s here"],
		["iterations", { iterations: 100 }, "requests open there, requests 100 here"],
		["warm-up", { warmUpSeconds: 0 }, "warm-up 5 s there, warm-up 0 s here"],
		["connections", { connections: "per-request" }, "connections shared there, connections per-request here"],
		["timeout", { timeoutMs: 1000 }, "timeout 5000 ms there, timeout 1000 ms here"],
		["accounts", { accountIds: [1] }, "accounts 1 2 3 4 5 there, accounts 1 here"],
		["amounts", { amountMin: 5 }, "amounts from 1 there, amounts from 5 here"],
		["chaos", { chaos: ["kill every 2s"] }, "chaos none there, chaos kill every 2s here"],
		["adjustment", { adjusted: true }, "this run's load was changed by hand"],
		[
			"mix",
			{ mix: { debit: 1, credit: 1, statement: 1 } },
			"mix 22 debits : 11 credits : 1 statements there, mix 1 debits : 1 credits : 1 statements here",
		],
	];
	for (const [part, difference, reason] of cases)
		test(`when they differ in their ${part}`, () =>
			expect(refusal({ shape: { ...shape, ...difference } })).toBe(
				`the baseline main can't be compared: ${reason}`,
			));

	test("on another processor, or another number of them", () => {
		expect(refusal({ machine: { ...machine, processor: "Made-up 9001" } })).toContain(
			"2 × Made-up 9001 here",
		);
		expect(refusal({ machine: { ...machine, processors: 4 } })).toContain("4 × Made-up 9000 here");
	});

	test("and every difference is named", () => {
		const both = {
			shape: { ...shape, concurrency: 1, timeoutMs: 1 },
			machine: { ...machine, processors: 1 },
		};
		expect(refusal(both).split("; ")).toHaveLength(3);
	});

	test("but are on another target, with another seed, system or memory", () => {
		const others = { target: "http://127.0.0.1:8080", seed: 7 };
		expect(refusal({ ...others, machine: { ...machine, system: "Linux 7", memoryMb: 9 } })).toBe("they were");
	});
});

test("Student's quantiles are the tables'", () => {
	// Two-sided 95 % and 99 %: any table, for example NIST/SEMATECH e-Handbook of Statistical Methods 1.3.6.7.2.
	const table: [number, number, number][] = [
		[1, 12.706, 63.657],
		[2, 4.303, 9.925],
		[3, 3.182, 5.841],
		[4, 2.776, 4.604],
		[5, 2.571, 4.032],
		[9, 2.262, 3.25],
		[10, 2.228, 3.169],
		[29, 2.045, 2.756],
		[30, 2.042, 2.75],
		[100, 1.984, 2.626],
		[1000, 1.962, 2.581],
	];
	for (const [freedom, at95, at99] of table) {
		expect(studentQuantile(0.95, freedom)).toBeCloseTo(at95, 3);
		expect(studentQuantile(0.99, freedom)).toBeCloseTo(at99, 3);
	}
	expect(studentQuantile(0.95, 4.9)).toBe(studentQuantile(0.95, 4));
	expect(studentQuantile(0.95, Number.POSITIVE_INFINITY)).toBe(studentQuantile(0.95, 1000));
});

/** The attack `soak`: what counts as growth, and that a real leak is seen. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeProofFolder, missing } from "../src/place.ts";
import { RunningProgram } from "../src/program.ts";
import { Random } from "../src/random.ts";
import { playControls } from "../src/soak/control.ts";
import { bookFindings } from "../src/soak/final-books.ts";
import { Limits } from "../src/soak/limits.ts";
import { paceFindings } from "../src/soak/pace.ts";
import { isGrowing, type Sample, trendOf } from "../src/soak/trend.ts";

const lacking = missing(["linux", "nginx"]);
const bound = { share: 0.1, least: 8 };
const count = 300;

/** One a second. */
function samples(value: (index: number) => number): Sample[] {
	return Array.from({ length: count }, (_, index) => ({ atMs: index * 1000, value: value(index) }));
}

describe("growth", () => {
	test.each([1, 2, 3, 4])("noise around a level is none (seed %d)", (seed) => {
		const random = new Random(seed);
		expect(isGrowing(trendOf(samples(() => 60 + random.below(20))), bound)).toBe(false);
	});

	test("what comes to rest within the first third is none", () => {
		expect(isGrowing(trendOf(samples((index) => Math.min(100, 10 + index))), bound)).toBe(false);
	});

	test.each([1, 2, 3, 4])("a slow leak under noise is some (seed %d)", (seed) => {
		const random = new Random(seed);
		expect(isGrowing(trendOf(samples((index) => 60 + random.below(20) + index / 15)), bound)).toBe(true);
	});

	test("of large things a share is allowed, of small ones an amount", () => {
		expect(isGrowing({ mean: 1000, rise: 90 }, bound)).toBe(false);
		expect(isGrowing({ mean: 1000, rise: 110 }, bound)).toBe(true);
		expect(isGrowing({ mean: 10, rise: 7 }, bound)).toBe(false);
		expect(isGrowing({ mean: 10, rise: 9 }, bound)).toBe(true);
	});

	test("what rises is measured from the end of the first third to the end", () => {
		const { rise } = trendOf(samples((index) => index));
		expect(rise).toBeCloseTo(count - 1 - count / 3, 6);
	});

	test("nothing measured is nothing proved", () => {
		expect(isGrowing(trendOf([]), bound)).toBe(true);
	});
});

describe("the pace", () => {
	const valid = { verdict: "valid", reason: "" };
	/** Of a hundred seconds. */
	const paceOf = (p99Ms: (index: number) => number | null) =>
		Array.from({ length: 100 }, (_, index) => ({ p99Ms: p99Ms(index) }));

	test("may differ by a tenth, and by more in single seconds", () => {
		const seconds = paceOf((index) => (index % 10 === 0 ? 400 : 10 + index / 100));
		expect(paceFindings({ seconds, validity: valid }, 10)).toEqual([]);
	});

	test("has not held when the last tenth is slower", () => {
		const seconds = paceOf((index) => (index < 90 ? 10 : 12));
		expect(paceFindings({ seconds, validity: valid }, 10)).toEqual([
			"p99 of the last tenth is 20.0 % above that of the first",
		]);
	});

	test.each(["generator late", "target saturated", "target failing"])(
		"has not held when it can't be told: %s",
		(verdict) => {
			const validity = { verdict, reason: "because" };
			expect(paceFindings({ seconds: paceOf(() => 10), validity }, 10)).toEqual([
				`no drift can be told, ${verdict}: because`,
			]);
		},
	);

	test("has not held when nobody was answered in the end", () => {
		const seconds = paceOf((index) => (index < 90 ? 10 : null));
		expect(paceFindings({ seconds, validity: valid }, 10)).toHaveLength(1);
	});
});

describe("the books that are left", () => {
	const books = { entries: 1000, bytes: 100_000, finding: undefined };

	test("may take a hundred bytes an entry, and not one more", () => {
		expect(bookFindings(books)).toEqual([]);
		expect(bookFindings({ ...books, bytes: 101_000 })).toEqual(["an entry takes 101.0 bytes, more than 100"]);
	});

	test("are not right without an entry, or when the ledger's own tool says so", () => {
		expect(bookFindings({ ...books, entries: 0 })).toHaveLength(1);
		expect(bookFindings({ ...books, finding: "the books are not right" })).toHaveLength(1);
	});
});

test("a wrapped command comes under the limits, where this machine lets any be set", async () => {
	let limits: Limits;
	const name = `crebito-test-${process.pid}`;
	try {
		limits = Limits.create(name, 1.5, 550_000_000);
	} catch (error) {
		console.log(`no limits can be set here: ${(error as Error).message}`);
		return;
	}
	const child = new RunningProgram([...limits.wrapper, "cat", "/proc/self/cgroup"], {});
	await child.ended;
	expect(child.output).toContain(name);
	expect(limits.memoryKills).toBe(0);
	await limits.remove();
});

describe.skipIf(lacking !== undefined && !process.env.CI_ALL_PARTS)("a stack", () => {
	test("that leaks, and has no bound for its log, is found out, and one that doesn't is not", async () => {
		const folder = makeProofFolder();
		try {
			const temporary = join(folder, "tmp");
			mkdirSync(temporary);
			const trial = { form: "quick", seed: 1, folder, stop: new AbortController().signal } as const;
			const bounds = { memory: { share: 0.1, least: 24 }, descriptors: { share: 0.1, least: 48 } };
			const environment = { TMPDIR: temporary, LOG_LEVEL: "warn" };
			const plan = { bounds, warmUpMs: 6000, samplesMin: 12 };
			const controls = await playControls({ ...trial, say: () => undefined }, environment, plan);
			expect(controls.filter(({ isCaught }) => !isCaught)).toEqual([]);
			expect(controls).toHaveLength(4);
		} finally {
			rmSync(folder, { recursive: true, force: true });
		}
	}, 120_000);
});

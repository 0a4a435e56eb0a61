/** What a run deserves: its exit code, the gravest reason first, and whether its numbers say something. */
import { describe, expect, test } from "bun:test";
import { exitCodeOf } from "../src/conclusion.ts";
import type { Comparison, Result, Shape, Simulation, Summary } from "../src/result.ts";
import { type Health, judgeValidity } from "../src/validity.ts";
import { withFigures } from "./made-up-run.ts";

const right = withFigures({});
const regressed = { verdict: "regressed" } as Comparison;
const failedValidation = {
	validations: [
		{ name: "a", passed: 1, failed: 0, firstFailure: null },
		{ name: "b", passed: 1, failed: 1, firstFailure: "status 500" },
	],
} as unknown as Simulation;
const validity = (verdict: Result["validity"]["verdict"]) => ({ validity: { verdict, reason: "made up" } });
const books = (verdict: Result["consistency"]["verdict"]) => ({
	consistency: { ...right.consistency, verdict },
});
const missed = { thresholds: [{ threshold: "p99<1ms", actual: 2, met: false }] };
const interrupted = { summary: { ...right.summary, interrupted: true } };

/** By rank, the gravest first. */
const reasons: readonly (readonly [string, number, Partial<Result>])[] = [
	["inconsistent books", 4, books("inconsistent")],
	["an interruption", 130, interrupted],
	["a late generator", 5, validity("generator late")],
	["a failing target", 5, validity("target failing")],
	["books in doubt", 5, books("unknown")],
	["a regression", 3, { comparison: regressed }],
	["a missed threshold", 2, missed],
	["a failed validation", 2, { simulation: failedValidation }],
];

describe("the exit code", () => {
	test("is 0 when everything held", () => {
		expect(exitCodeOf(right)).toBe(0);
		expect(exitCodeOf({ ...right, thresholds: [{ threshold: "p99<9ms", actual: 2, met: true }] })).toBe(0);
		expect(exitCodeOf({ ...right, comparison: { verdict: "unchanged" } as Comparison })).toBe(0);
	});

	test("isn't about a saturated target, which is what was asked", () => {
		expect(exitCodeOf({ ...right, ...validity("target saturated") })).toBe(0);
	});

	test.each(reasons)("of %s is %p", (_, code, reason) => {
		expect(exitCodeOf({ ...right, ...reason })).toBe(code);
	});

	test("of any two reasons is the graver one's", () => {
		for (const [index, [graver, code, reason]] of reasons.entries())
			for (const [lighter, , other] of reasons.slice(index + 1)) {
				const both = { ...right, ...other, ...reason };
				expect([graver, lighter, exitCodeOf(both)]).toEqual([graver, lighter, code]);
			}
	});
});

const summary: Summary = {
	...right.summary,
	...{ elapsedSeconds: 10, requests: 1000, succeeded: 1000, rate: 100, rateAsked: 100, unsent: 0 },
};

function verdictOf(changes: Partial<Summary>, health: Partial<Health> = {}): string {
	const all = { ...summary, ...changes };
	return judgeValidity({ summary: all, model: "open", latenessP99Ms: 1, answered: 1000, ...health }).verdict;
}

describe("the measurement is", () => {
	const closed = { model: "closed" as Shape["model"], latenessP99Ms: null };

	test.each([
		["valid", {}, {}],
		["valid", { succeeded: 900 }, {}],
		["target failing", { succeeded: 899 }, {}],
		["target failing", { requests: 0, succeeded: 0 }, {}],
		["target failing", { succeeded: 0 }, { answered: 0 }],
		["target failing", { requests: 1000, unsent: 1000, succeeded: 0 }, { answered: 0 }],
		["valid", {}, { latenessP99Ms: 5 }],
		["generator late", {}, { latenessP99Ms: 5.1 }],
		["valid", {}, { latenessP99Ms: 25, model: "simulation" as const }],
		["generator late", {}, { latenessP99Ms: 25.1, model: "simulation" as const }],
		["valid", { rateAsked: null, generatorCpuShare: 0.95 }, closed],
		["generator late", { rateAsked: null, generatorCpuShare: 0.96 }, closed],
		["valid", { generatorCpuShare: 1 }, {}],
		["valid", { requests: 1000, unsent: 10, succeeded: 990 }, { answered: 990 }],
		["target saturated", { requests: 1000, unsent: 11, succeeded: 989 }, { answered: 989 }],
		["target saturated", { elapsedSeconds: 15, rate: 66.7 }, {}],
		["target saturated", { succeeded: 980, rate: 98 }, { answered: 980 }],
	] as const)("%s: %p %p", (verdict, changes, health) => {
		expect(verdictOf(changes, health)).toBe(verdict);
	});

	test("valid although the last answers took 900 ms: the rate was reached", () => {
		expect(verdictOf({ elapsedSeconds: 10.9, rate: 1000 / 10.9 })).toBe("valid");
		expect(verdictOf({ elapsedSeconds: 12, rate: 1000 / 12 })).toBe("target saturated");
	});

	test("explained with its numbers", () => {
		const health = { model: "open", latenessP99Ms: 7.25, answered: 1000 } as const;
		expect(judgeValidity({ summary, ...health }).reason).toContain("7.3 ms late");
		expect(judgeValidity({ summary: { ...summary, succeeded: 1 }, ...health }).reason).toContain("0.1 %");
	});
});

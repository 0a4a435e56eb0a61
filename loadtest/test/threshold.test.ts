/** Thresholds: what can be written, what can't and what is said then, and when one is met. */
import { describe, expect, test } from "bun:test";
import type { Figures } from "../src/result.ts";
import { checkThresholds, parseThreshold } from "../src/threshold.ts";

const figures: Figures = {
	rate: 340,
	mean: 4,
	p50: 3,
	p90: 8,
	p99: 250,
	p999: 400,
	max: 512,
	errorShare: 0.001,
	errors: 34,
	violations: 0,
	latenessP99: 0.2,
};

function isMet(text: string, actual: Partial<Figures> = {}): boolean {
	return checkThresholds([parseThreshold(text)], { ...figures, ...actual })[0]?.met === true;
}

describe("a threshold is read", () => {
	const good: [string, keyof Figures, string, number][] = [
		["p99<250ms", "p99", "<", 250],
		["p99 <= 0.25s", "p99", "<=", 250],
		[" p50<800µs ", "p50", "<", 0.8],
		["p50<800us", "p50", "<", 0.8],
		["p50<800\u03bcs", "p50", "<", 0.8],
		["max<1m", "max", "<", 60_000],
		["mean<12.5", "mean", "<", 12.5],
		["p99.9<1s", "p999", "<", 1000],
		["p999<1s", "p999", "<", 1000],
		["latenessP99<1ms", "latenessP99", "<", 1],
		["rate>=340", "rate", ">=", 340],
		["rate>339.5/s", "rate", ">", 339.5],
		["errors==0", "errors", "==", 0],
		["violations!=1", "violations", "!=", 1],
		["errorShare<0.1%", "errorShare", "<", 0.001],
		["errorShare<=0.001", "errorShare", "<=", 0.001],
		["errorShare<100%", "errorShare", "<", 1],
	];
	test.each(good)("%s", (text, figure, operator, bound) => {
		const threshold = parseThreshold(text);
		expect(threshold).toMatchObject({ text: text.trim(), figure, operator });
		expect(threshold.bound).toBeCloseTo(bound, 12);
	});
});

describe("a threshold that can't be read is refused in a sentence", () => {
	const bad: [string, string][] = [
		["", "is no threshold"],
		["p99", "is no threshold"],
		["p99<", "is no threshold"],
		["<250ms", "is no threshold"],
		["p99=250ms", "is no threshold"],
		["p99=<250ms", "is no threshold"],
		["p99<<250ms", "is no threshold"],
		["p99===1", "is no threshold"],
		["p98<1ms", "p999, max, errorShare"],
		["P99<1ms", "there are rate, mean"],
		["constructor<1", "nothing a threshold can look at"],
		["p99<NaN", "takes a time"],
		["p99<-1ms", "takes a time"],
		["p99<250 parsecs", "takes a time"],
		["rate>=340ms", "takes requests a second"],
		["rate>=Infinity", "takes requests a second"],
		["errors<1%", "takes a whole number"],
		["errors<1.5", "takes a whole number"],
		["errors<1e3", "takes a whole number"],
		["errorShare<5", "takes 0% to 100%"],
		["errorShare<101%", "takes 0% to 100%"],
		["errorShare<x%", "takes 0% to 100%"],
	];
	test.each(bad)("%p", (text, part) => {
		expect(() => parseThreshold(text)).toThrow(part);
	});
});

describe("a threshold is met", () => {
	const verdicts: [string, boolean][] = [
		["p99<250ms", false],
		["p99<=250ms", true],
		["p99>250ms", false],
		["p99>=250ms", true],
		["p99==250ms", true],
		["p99!=250ms", false],
		["p99<251ms", true],
		["p99>249ms", true],
		["p99!=249ms", true],
		["p99==249ms", false],
		["errorShare<=0.1%", true],
		["errorShare<0.1%", false],
	];
	test.each(verdicts)("%s: %p", (text, met) => {
		expect(isMet(text)).toBe(met);
	});

	test.each(["p99<1s", "p99<=1s", "p99>0", "p99>=0", "p99==0", "p99!=0"])(
		"never by a figure that isn't there: %s",
		(text) => {
			expect(isMet(text, { p99: Number.NaN })).toBe(false);
			expect(isMet(text, { p99: undefined as unknown as number })).toBe(false);
		},
	);

	test("and each row tells what was asked and what there was", () => {
		const thresholds = ["p99 < 1s", "errors==0"].map(parseThreshold);
		expect(checkThresholds(thresholds, figures)).toEqual([
			{ threshold: "p99 < 1s", actual: 250, met: true },
			{ threshold: "errors==0", actual: 34, met: false },
		]);
	});
});

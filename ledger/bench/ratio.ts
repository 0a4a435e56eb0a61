/** The first contender against each of the others: what outlives the machine that it was measured on. */
import { median, type Result } from "./comparison.ts";
import type { JudgedTrial } from "./judged-trial.ts";
import { verdictCell } from "./verdict.ts";

/** Of the medians; and the least and the greatest of the rounds, each of which compares neighbours in time. */
export interface Spread {
	ratio: number;
	min: number;
	max: number;
}

export interface Ratio {
	above: string;
	below: string;
	requestsPerSecond: Spread;
	p50Us: Spread;
	p99Us: Spread;
	/** Whose numbers the judge doesn't vouch for, and why. */
	doubts: string[];
}

export function ratiosOf(results: Result<JudgedTrial>[]): Ratio[] {
	const [first, ...others] = results;
	if (first === undefined) return [];
	return others.map((other) => {
		const spread = (value: (trial: JudgedTrial) => number) =>
			spreadOf(first.trials.map(value), other.trials.map(value));
		return {
			above: first.name,
			below: other.name,
			requestsPerSecond: spread((trial) => trial.requestsPerSecond),
			p50Us: spread((trial) => trial.p50Us),
			p99Us: spread((trial) => trial.p99Us),
			doubts: [first, other].flatMap(doubt),
		};
	});
}

function doubt({ name, trials }: Result<JudgedTrial>): string[] {
	const verdict = verdictCell(trials.map(({ validity }) => validity.verdict));
	return verdict === "valid" ? [] : [`${name}: ${verdict}`];
}

/** The same round stands at the same place in both. */
export function spreadOf(above: number[], below: number[]): Spread {
	if (above.length !== below.length || above.length === 0) throw new Error("the rounds aren't in pairs");
	const rounds = above.map((value, i) => quotient(value, below[i] ?? 0));
	return {
		ratio: quotient(median(above), median(below)),
		min: Math.min(...rounds),
		max: Math.max(...rounds),
	};
}

/** The titles, then a line for each ratio. */
export function ratioCells(ratios: Ratio[]): string[][] {
	return [
		["", "requests/s", "p50", "p99", "measurements"],
		...ratios.map(({ above, below, requestsPerSecond, p50Us, p99Us, doubts }) => [
			`${above} ÷ ${below}`,
			...[requestsPerSecond, p50Us, p99Us].map(spreadCell),
			doubts.join("; ") || "valid",
		]),
	];
}

/** Without the range where there was one round. */
function spreadCell({ ratio, min, max }: Spread): string {
	return min === max ? digits(ratio) : `${digits(ratio)} (${digits(min)}–${digits(max)})`;
}

/** Two behind the point; of what is below a tenth, two that aren't zero. */
function digits(value: number): string {
	return value < 0.1 ? value.toPrecision(2) : value.toFixed(2);
}

function quotient(above: number, below: number): number {
	if (!(below > 0)) throw new Error("there is nothing to divide by");
	return above / below;
}

/**
 * How sure a difference is: 95 % confidence intervals of the ratio after ÷ before, from whole runs, from
 * blocks of one run, and from counts of errors.
 *
 * Ratios are compared on logarithms, where twice as slow and twice as fast are equally far from the same. A
 * value of zero has none; then the means are compared as they are.
 */

/** Of the ratio after ÷ before. Where before is zero: high and low are 1 or Infinity, above it or not. */
export interface Interval {
	readonly low: number;
	readonly high: number;
}

const confidence = 0.95;

/** How many blocks a run is cut into: batch means want 10 to 30, since longer blocks depend less on each other. */
const blocksMin = 10;
const blocksMax = 20;
const blockSeconds = 5;
/** With fewer pairs of blocks than this, nothing can be said. */
const pairsMin = 3;
/** Above it, the blocks are hardly more than one measurement, and the correction would divide by zero. */
const correlationMax = 0.9;

/** From the figures of whole runs: Welch's t interval, which takes the two sides' variances as they are. */
export function intervalOfRuns(before: readonly number[], after: readonly number[]): Interval {
	const isPositive = [...before, ...after].every((value) => value > 0);
	const scale = isPositive ? Math.log : (value: number) => value;
	const [a, b] = [before.map(scale), after.map(scale)];
	const [varianceA, varianceB] = [variance(a) / a.length, variance(b) / b.length];
	const total = varianceA + varianceB;
	// Welch–Satterthwaite; without any variance there is nothing to be uncertain of.
	const freedom = total ** 2 / (varianceA ** 2 / (a.length - 1) + varianceB ** 2 / (b.length - 1));
	const half = total === 0 ? 0 : studentQuantile(confidence, freedom) * Math.sqrt(total);
	return ratioInterval(mean(b) - mean(a), half, isPositive, mean(before));
}

/**
 * From the seconds of one run on each side: batch means, the k-th block of the one paired with the k-th of the
 * other. Blocks that follow each other are alike, which the effective sample size n(1 − r)/(1 + r) of a first
 * order autoregression accounts for (D. S. Wilks, Statistical Methods in the Atmospheric Sciences). Fewer
 * blocks than ten have seen too short a time, and widen the interval beyond what Student's t adds.
 * @returns undefined when there are too few blocks with a value for any interval.
 */
export function intervalOfBlocks(
	before: readonly (number | null)[],
	after: readonly (number | null)[],
): Interval | undefined {
	const seconds = Math.min(before.length, after.length);
	const count = Math.min(seconds, blocksMax, Math.max(blocksMin, Math.floor(seconds / blockSeconds)));
	const blocksAfter = blocks(after, count);
	const pairs = blocks(before, count).flatMap((a, index) => {
		const b = blocksAfter[index] ?? null;
		return a === null || b === null ? [] : [{ a, b }];
	});
	if (pairs.length < pairsMin) return undefined;
	const isPositive = pairs.every(({ a, b }) => a > 0 && b > 0);
	const differences = pairs.map(({ a, b }) => (isPositive ? Math.log(b / a) : b - a));
	const correlation = Math.min(correlationMax, Math.max(0, autocorrelation(differences)));
	const widening = ((1 + correlation) / (1 - correlation)) * Math.max(1, blocksMin / pairs.length);
	const deviation = Math.sqrt((variance(differences) / pairs.length) * widening);
	const half = studentQuantile(confidence, pairs.length - 1) * deviation;
	return ratioInterval(mean(differences), half, isPositive, mean(pairs.map(({ a }) => a)));
}

/** Errors of one side: how many, of how many requests, and in which pieces they came (runs or seconds). */
export interface Counts {
	readonly errors: number;
	readonly requests: number;
	readonly pieces: readonly number[];
}

/**
 * From counts of errors: the log ratio of two Poisson rates, with half an event added to each so that none is
 * infinite (Haldane 1956, Anscombe 1956). Errors come in bursts, one lost connection loses all that travelled
 * on it; so a burst counts as one event, by the dispersion of the pieces (quasi-Poisson).
 */
export function intervalOfErrors(before: Counts, after: Counts): Interval {
	const { dispersion, freedom } = dispersionOf([before.pieces, after.pieces]);
	const [a, b] = [before.errors / dispersion + 0.5, after.errors / dispersion + 0.5];
	const center = Math.log((b / after.requests / a) * before.requests);
	const half = studentQuantile(confidence, freedom) * Math.sqrt(1 / a + 1 / b);
	return { low: Math.exp(center - half), high: Math.exp(center + half) };
}

/** Pearson's: variance ÷ mean around each group's own mean; never below the 1 of independent events. */
function dispersionOf(groups: readonly (readonly number[])[]): { dispersion: number; freedom: number } {
	let chiSquare = 0;
	let freedom = 0;
	for (const group of groups) {
		freedom += Math.max(0, group.length - 1);
		const expected = mean(group);
		if (expected > 0) for (const count of group) chiSquare += (count - expected) ** 2 / expected;
	}
	if (freedom === 0) return { dispersion: 1, freedom: Number.POSITIVE_INFINITY };
	return { dispersion: Math.max(1, chiSquare / freedom), freedom };
}

/**
 * The t between whose plus and minus this share of Student's distribution lies. Exact for whole degrees of
 * freedom, by the finite series of Abramowitz & Stegun 26.7.3 and 26.7.4; others count as the next lower,
 * and more than 1,000 as 1,000, which makes t a little larger.
 */
export function studentQuantile(share: number, freedom: number): number {
	const whole = Math.max(1, Math.min(1000, Math.floor(freedom)));
	let [low, high] = [0, Math.PI / 2];
	for (let step = 0; step < 60; step += 1) {
		const middle = (low + high) / 2;
		if (studentShare(middle, whole) < share) low = middle;
		else high = middle;
	}
	return Math.tan((low + high) / 2) * Math.sqrt(whole);
}

/** The share between −t and t, for t = tan(angle) · √freedom. */
function studentShare(angle: number, freedom: number): number {
	const isOdd = freedom % 2 === 1;
	const cosine = Math.cos(angle);
	let sum = 0;
	let term = isOdd ? cosine : 1;
	for (let power = isOdd ? 1 : 0; power <= freedom - 2; power += 2) {
		sum += term;
		term *= (cosine ** 2 * (power + 1)) / (power + 2);
	}
	return isOdd ? ((angle + Math.sin(angle) * sum) * 2) / Math.PI : Math.sin(angle) * sum;
}

/** From a difference, of logarithms or of values, and half its interval's width. */
function ratioInterval(difference: number, half: number, isLogarithm: boolean, before: number): Interval {
	const [low, high] = [difference - half, difference + half];
	return isLogarithm
		? { low: Math.exp(low), high: Math.exp(high) }
		: { low: ratioBound(low, before), high: ratioBound(high, before) };
}

function ratioBound(difference: number, before: number): number {
	if (before > 0) return Math.max(0, (before + difference) / before);
	return difference > 0 ? Number.POSITIVE_INFINITY : 1;
}

/** The means of as many equal parts of a run, null where a part has no value. */
function blocks(values: readonly (number | null)[], count: number): (number | null)[] {
	return Array.from({ length: count }, (_, index) => {
		const start = Math.floor((index * values.length) / count);
		const end = Math.floor(((index + 1) * values.length) / count);
		const present = values.slice(start, end).filter((value) => value !== null);
		return present.length === 0 ? null : mean(present);
	});
}

/** Of values and those before them; 0 when they don't differ. */
function autocorrelation(values: readonly number[]): number {
	const average = mean(values);
	const deviations = values.map((value) => value - average);
	const total = deviations.reduce((sum, deviation) => sum + deviation ** 2, 0);
	const product = deviations.reduce(
		(sum, deviation, index) => sum + deviation * (deviations[index - 1] ?? 0),
		0,
	);
	return total === 0 ? 0 : product / total;
}

/** 0 of nothing. */
export function mean(values: readonly number[]): number {
	return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function variance(values: readonly number[]): number {
	const average = mean(values);
	return values.reduce((sum, value) => sum + (value - average) ** 2, 0) / (values.length - 1);
}

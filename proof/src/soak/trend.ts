/**
 * Whether something grows without end.
 *
 * A process that has just started grows by right: its code gets compiled, its tables fill. So the first third of the
 * samples is left out, and through the others a straight line is laid (least squares). What it rises by from its
 * beginning to its end has to stay within a share of the mean, and within a least amount that noise may make.
 *
 *     memory          ┌──.··─··──···  no growth: the line is level
 *              .··.··/
 *             /      └ from here on
 */

export interface Sample {
	readonly atMs: number;
	readonly value: number;
}

export interface GrowthBound {
	/** Of the mean. */
	readonly share: number;
	/** Whatever the mean. */
	readonly least: number;
}

const warmUpShare = 1 / 3;

export interface Trend {
	readonly mean: number;
	/** Of the line, from the first sample that counts to the last one. */
	readonly rise: number;
}

/** Of samples in the order of their time. */
export function trendOf(samples: readonly Sample[]): Trend {
	const counted = samples.slice(Math.floor(samples.length * warmUpShare));
	const [first, last] = [counted[0], counted.at(-1)];
	if (first === undefined || last === undefined) return { mean: Number.NaN, rise: Number.NaN };
	const meanAtMs = meanOf(counted.map(({ atMs }) => atMs));
	const mean = meanOf(counted.map(({ value }) => value));
	let squares = 0;
	let products = 0;
	for (const { atMs, value } of counted) {
		squares += (atMs - meanAtMs) ** 2;
		products += (atMs - meanAtMs) * (value - mean);
	}
	const slope = squares === 0 ? 0 : products / squares;
	return { mean, rise: slope * (last.atMs - first.atMs) };
}

/** Whether the rise is more than it may be. Nothing that wasn't measured is proved: that counts as growing. */
export function isGrowing({ mean, rise }: Trend, { share, least }: GrowthBound): boolean {
	return !(rise <= Math.max(share * mean, least));
}

function meanOf(values: readonly number[]): number {
	return values.reduce((sum, value) => sum + value, 0) / values.length;
}

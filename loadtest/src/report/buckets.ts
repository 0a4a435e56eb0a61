/** A histogram with as many bars as there is room for. */
import type { Distribution } from "../result.ts";

export type Bucket = Distribution["buckets"][number];

/** Neighbours together, so that none of the counts is lost; at most so many. */
export function mergedBuckets(buckets: readonly Bucket[], most: number): Bucket[] {
	const together = Math.max(1, Math.ceil(buckets.length / most));
	const merged: Bucket[] = [];
	for (let from = 0; from < buckets.length; from += together) {
		const neighbours = buckets.slice(from, from + together);
		const [first, last] = [neighbours[0], neighbours.at(-1)];
		if (first === undefined || last === undefined) continue;
		const count = neighbours.reduce((sum, bucket) => sum + bucket.count, 0);
		merged.push({ fromMs: first.fromMs, toMs: last.toMs, count });
	}
	return merged;
}

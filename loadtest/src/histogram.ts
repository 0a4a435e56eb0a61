/**
 * Latencies in constant memory: Gil Tene's HDR histogram, in microseconds with three significant digits, so
 * that every percentile is within 0.1 % (or half a microsecond, which is coarser below one millisecond).
 */
import { Int32Histogram } from "hdr-histogram-js";
import type { Distribution } from "./result.ts";

/** What is longer than an hour counts as an hour. */
const longestUs = 3_600_000_000;
const significantDigits = 3;
const bucketsMax = 200;

export class Histogram {
	readonly #hdr = new Int32Histogram(1, longestUs, significantDigits);

	get count(): number {
		return this.#hdr.totalCount;
	}

	record(ms: number): void {
		const us = Math.round(ms * 1000);
		this.#hdr.recordValue(Math.max(1, Math.min(us, longestUs)));
	}

	add(other: Histogram): void {
		if (other.count > 0) this.#hdr.add(other.#hdr);
	}

	reset(): void {
		this.#hdr.reset();
	}

	/** Null when nothing was recorded. */
	percentileMs(percentile: number): number | null {
		// A bucket's upper end may lie above the largest value in it.
		return this.count === 0
			? null
			: Math.min(this.#hdr.getValueAtPercentile(percentile), this.#hdr.maxValue) / 1000;
	}

	get maxMs(): number {
		return this.count === 0 ? 0 : this.#hdr.maxValue / 1000;
	}

	get meanMs(): number {
		return this.count === 0 ? 0 : this.#hdr.mean / 1000;
	}

	distribution(percentiles: readonly number[]): Distribution {
		const isEmpty = this.count === 0;
		return {
			count: this.count,
			minMs: isEmpty ? 0 : this.#hdr.minNonZeroValue / 1000,
			meanMs: this.meanMs,
			medianMs: this.percentileMs(50) ?? 0,
			maxMs: this.maxMs,
			stdevMs: isEmpty ? 0 : this.#hdr.stdDeviation / 1000,
			percentiles: isEmpty
				? []
				: percentiles.map((percentile) => ({ percentile, ms: this.percentileMs(percentile) as number })),
			buckets: this.#buckets(),
		};
	}

	/**
	 * Equal steps of the logarithm from the smallest to the largest value, and none narrower than a microsecond:
	 * a tail a thousand times longer than the median still shows both.
	 */
	#buckets(): Distribution["buckets"] {
		if (this.count === 0) return [];
		const [min, max] = [this.#hdr.minNonZeroValue, this.#hdr.maxValue + 1];
		const ratio = (max / min) ** (1 / bucketsMax);
		const edges = [min];
		for (let edge = min; edge < max; ) {
			edge = Math.min(max, Math.max(edge + 1, Math.ceil(edge * ratio)));
			edges.push(edge);
		}
		const counts = new Array<number>(edges.length - 1).fill(0);
		let bucket = 0;
		for (const { value, count } of this.#recorded()) {
			while (bucket < counts.length - 1 && value >= (edges[bucket + 1] as number)) bucket += 1;
			counts[bucket] = (counts[bucket] as number) + count;
		}
		return counts.map((count, index) => ({
			fromMs: (edges[index] as number) / 1000,
			toMs: (edges[index + 1] as number) / 1000,
			count,
		}));
	}

	*#recorded(): Generator<{ value: number; count: number }> {
		const last = this.#hdr.countsArrayIndex(this.#hdr.maxValue);
		for (let index = this.#hdr.countsArrayIndex(this.#hdr.minNonZeroValue); index <= last; index += 1) {
			const count = this.#hdr.getCountAtIndex(index);
			if (count > 0) yield { value: this.#hdr.valueFromIndex(index), count };
		}
	}
}

/** The latencies' histogram as an SVG: time on a logarithmic axis, where a tail is as visible as the median. */
import type { Distribution } from "../../result.ts";
import { mergedBuckets } from "../buckets.ts";
import { latencyText, plural } from "../units.ts";
import { type Markup, markup } from "./markup.ts";

const [width, height] = [720, 480];
const [left, right, top, bottom] = [8, 8, 34, 26];
const barsMax = 80;
const marked = [50, 99, 99.9];

export function histogram({ buckets, percentiles, count, minMs, maxMs }: Distribution): Markup {
	const bars = mergedBuckets(buckets, barsMax);
	const [first, last] = [bars[0], bars.at(-1)];
	if (first === undefined || last === undefined) return markup`<p class="empty">no answers</p>`;
	const at = scale(first.fromMs, last.toMs);
	const most = Math.max(...bars.map((bucket) => bucket.count));
	const base = height - bottom;
	const drawn = bars
		.filter((bucket) => bucket.count > 0)
		.map((bucket) => {
			const tall = Math.max(1.5, (bucket.count / most) * (base - top));
			const [x, end] = [at(bucket.fromMs), at(bucket.toMs)];
			return markup`<rect class="bar" x="${round(x)}" y="${round(base - tall)}" width="${round(Math.max(1, end - x - 1))}" height="${round(tall)}"><title>${latencyText(bucket.fromMs)} to ${latencyText(bucket.toMs)}: ${plural(bucket.count, "answer")}</title></rect>
`;
		});
	const label = `Histogram of ${plural(count, "response time")} from ${latencyText(minMs)} to ${latencyText(maxMs)}`;
	return markup`<div class="scroll"><svg class="histogram" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}">
<line class="axis" x1="${left}" x2="${width - right}" y1="${base}" y2="${base}"/>
${ticks(first.fromMs, last.toMs, at)}${drawn}${markers(percentiles, at)}</svg></div>
`;
}

function scale(fromMs: number, toMs: number): (ms: number) => number {
	const [from, to] = [Math.log(Math.max(fromMs, 1e-4)), Math.log(Math.max(toMs, 1e-4))];
	return (ms) => {
		const share = to > from ? (Math.log(Math.max(ms, 1e-4)) - from) / (to - from) : 0.5;
		return left + Math.min(1, Math.max(0, share)) * (width - left - right);
	};
}

/** 1, 2 and 5 of each power of ten; only 1 where these would be too many. */
function ticks(fromMs: number, toMs: number, at: (ms: number) => number): Markup[] {
	const steps = toMs / fromMs > 2000 ? [1] : [1, 2, 5];
	const found: number[] = [];
	for (let power = -4; power <= 7; power += 1)
		for (const step of steps) {
			const ms = step * 10 ** power;
			if (ms >= fromMs && ms <= toMs) found.push(ms);
		}
	return found.map((ms) => {
		const [x, base] = [round(at(ms)), height - bottom];
		const anchor = x < left + 24 ? "start" : x > width - right - 24 ? "end" : "middle";
		return markup`<line class="axis" x1="${x}" x2="${x}" y1="${base}" y2="${base + 4}"/><text x="${x}" y="${height - 7}" text-anchor="${anchor}">${tickText(ms)}</text>
`;
	});
}

function tickText(ms: number): string {
	if (ms < 1) return `${round(ms * 1000)} µs`;
	return ms < 1000 ? `${round(ms)} ms` : `${round(ms / 1000)} s`;
}

/** Their names stand on two lines in turns: they may lie side by side. */
function markers(percentiles: Distribution["percentiles"], at: (ms: number) => number): Markup[] {
	return percentiles
		.filter(({ percentile }) => marked.includes(percentile))
		.map(({ percentile, ms }, index) => {
			const x = round(at(ms));
			const y = 12 + (index % 2) * 14;
			const isLate = x > width - 110;
			return markup`<line class="marker" x1="${x}" x2="${x}" y1="${y - 9}" y2="${height - bottom}"/><text class="name" x="${isLate ? x - 4 : x + 4}" y="${y}" text-anchor="${isLate ? "end" : "start"}">p${percentile} ${latencyText(ms)}</text>
`;
		});
}

function round(value: number): number {
	return Math.round(value * 100) / 100;
}

/**
 * When an open model's requests are due, whatever becomes of them: a rate over time, and its inverse.
 *
 * The area under the rate is the number of arrivals, and arrival k is due where the area reaches k. So they
 * are evenly spaced in the area, not at random: the first is due at once, and at a constant rate r the k-th
 * after k/r. Each arrival stands for the whole unit of area that it opens; what is left at the end opens none.
 *
 *     rate      220 |           ________      area of the ramp  (1 + 220) / 2 × 120 s = 13,260
 *                   |      . ´ |        |     area of the hold         220 × 120 s    = 26,400
 *                 1 |_ . ´_____|________|     arrivals                                  39,660
 *                   0         120      240 s
 *
 * Rounding: at the end of each segment an area within a millionth of a whole number is that number. Scaled
 * rates are seldom whole, and 13,259.999999998 arrivals are meant to be 13,260.
 */
import { parseDuration, secondsText } from "./duration.ts";

/** A length of time in which the rate goes evenly from one to the other, in arrivals a second. */
export interface Segment {
	readonly fromRate: number;
	readonly toRate: number;
	/** Above zero. Infinity only at the end, and only with a constant rate above zero. */
	readonly durationMs: number;
}

/** Arrivals a second that may be asked for. */
export const rateMax = 1_000_000;
/** A week. */
export const durationMsMax = 7 * 24 * 3_600_000;
const stagesMax = 1000;

export class Schedule {
	readonly segments: readonly Segment[];
	/** Infinity for a schedule without an end. */
	readonly durationMs: number;
	/** How many arrivals it has; Infinity without an end. */
	readonly arrivals: number;
	/** Of each segment: when it begins, and the area before and with it. */
	readonly #startsMs: Float64Array;
	readonly #areasBefore: Float64Array;
	readonly #areasWith: Float64Array;

	constructor(segments: readonly Segment[]) {
		this.segments = segments;
		this.#startsMs = new Float64Array(segments.length);
		this.#areasBefore = new Float64Array(segments.length);
		this.#areasWith = new Float64Array(segments.length);
		let startMs = 0;
		let area = 0;
		for (const [index, segment] of segments.entries()) {
			this.#startsMs[index] = startMs;
			this.#areasBefore[index] = area;
			startMs += segment.durationMs;
			area = nearWhole(area + ((segment.fromRate + segment.toRate) * segment.durationMs) / 2000);
			this.#areasWith[index] = area;
		}
		this.durationMs = startMs;
		this.arrivals = Math.floor(area);
	}

	/**
	 * When arrival k, from 0, is due, in milliseconds from the start; Infinity when there is no such arrival.
	 * It never decreases as k grows. While the rate is zero nothing is due.
	 */
	timeOf(k: number): number {
		if (!(k < this.arrivals)) return Number.POSITIVE_INFINITY;
		const index = this.#segmentOfArea(k);
		const segment = this.segments[index] as Segment;
		const area = k - (this.#areasBefore[index] as number);
		return (this.#startsMs[index] as number) + timeOfArea(segment, area);
	}

	/** How many arrivals are due before that time: the number of k with timeOf(k) < ms. */
	dueBefore(ms: number): number {
		if (ms >= this.durationMs) return this.arrivals;
		let count = Math.ceil(this.#areaUntil(ms));
		// The area and its inverse round on their own, so that one of them has to have the last word.
		while (count > 0 && this.timeOf(count - 1) >= ms) count -= 1;
		while (this.timeOf(count) < ms) count += 1;
		return count;
	}

	/** Arrivals a second at that time; 0 before the start and from the end on. */
	rateAt(ms: number): number {
		if (!(ms >= 0 && ms < this.durationMs)) return 0;
		const index = this.#segmentAt(ms);
		return rateIn(this.segments[index] as Segment, ms - (this.#startsMs[index] as number));
	}

	/** The same shape, so many times as long and with so many times the rates. */
	scaled({ time, rate }: { readonly time: number; readonly rate: number }): Schedule {
		return new Schedule(
			this.segments.map(({ fromRate, toRate, durationMs }) => ({
				fromRate: fromRate * rate,
				toRate: toRate * rate,
				durationMs: durationMs * time,
			})),
		);
	}

	/** For people: "340/s", or "ramp 1..220 120 s, hold 220 120 s", which parseStages() reads. */
	get text(): string {
		const [first] = this.segments;
		if (this.segments.length === 1 && first?.fromRate === first?.toRate)
			return `${rateText(first?.fromRate ?? 0)}/s`;
		return this.segments.map(stageText).join(", ");
	}

	#areaUntil(ms: number): number {
		if (!(ms > 0)) return 0;
		const index = this.#segmentAt(ms);
		const segment = this.segments[index] as Segment;
		const elapsedMs = ms - (this.#startsMs[index] as number);
		const area = ((segment.fromRate + rateIn(segment, elapsedMs)) * elapsedMs) / 2000;
		return (this.#areasBefore[index] as number) + area;
	}

	/** The last segment that has begun. */
	#segmentAt(ms: number): number {
		let low = 0;
		let high = this.segments.length - 1;
		while (low < high) {
			const middle = (low + high + 1) >> 1;
			if ((this.#startsMs[middle] as number) <= ms) low = middle;
			else high = middle - 1;
		}
		return low;
	}

	/** The first segment that ends with more than this area: so what is due at the end of a pause is due after it. */
	#segmentOfArea(area: number): number {
		let low = 0;
		let high = this.segments.length - 1;
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((this.#areasWith[middle] as number) > area) high = middle;
			else low = middle + 1;
		}
		return low;
	}
}

/** Without a duration it has no end. */
export function constantSchedule(rate: number, durationMs: number | undefined): Schedule {
	if (!(rate > 0)) throw new Error(`a rate is above zero, not ${rate}`);
	return new Schedule([{ fromRate: rate, toRate: rate, durationMs: durationMs ?? Number.POSITIVE_INFINITY }]);
}

/**
 * Reads stages, separated by commas: "ramp 1..220 2m, hold 220 2m", or shorter "30s@50, 1m@200" for two holds.
 * @throws {Error} one sentence that names the stage.
 */
export function parseStages(text: string): Schedule {
	const stages = text.split(",").map((stage) => stage.trim());
	if (stages.length > stagesMax)
		throw new Error(`${stages.length} stages are too many: at most ${stagesMax}`);
	const schedule = new Schedule(stages.map(parseStage));
	if (schedule.durationMs > durationMsMax) throw new Error("the stages take more than a week together");
	if (schedule.arrivals === 0)
		throw new Error(`nothing would be sent: ${JSON.stringify(text)} has no whole arrival`);
	return schedule;
}

/** The ways to write a stage; one rate is a hold. */
const stageForms = [
	/^ramp\s+(?<from>\S+?)\.\.(?<to>\S+)\s+(?<time>.+)$/,
	/^hold\s+(?<from>\S+)\s+(?<time>.+)$/,
	/^(?<time>[^@]+)@(?<from>[^@]+)$/,
];

function parseStage(stage: string): Segment {
	const parts = stageForms.map((form) => form.exec(stage)?.groups).find((groups) => groups !== undefined);
	if (parts === undefined)
		throw new Error(
			`${JSON.stringify(stage)} is no stage: give "ramp FROM..TO TIME", "hold RATE TIME" or "TIME@RATE", ` +
				"separated by commas",
		);
	const { from = "", to = from, time = "" } = parts;
	try {
		return { fromRate: parseRate(from), toRate: parseRate(to), durationMs: parseStageDuration(time.trim()) };
	} catch (error) {
		throw new Error(`in the stage ${JSON.stringify(stage)}, ${(error as Error).message}`);
	}
}

function parseRate(text: string): number {
	const rate = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
	if (!(rate <= rateMax))
		throw new Error(`${JSON.stringify(text)} is no rate: give a number a second from 0 to ${rateMax}`);
	return rate;
}

function parseStageDuration(text: string): number {
	const ms = parseDuration(text);
	if (ms <= 0) throw new Error(`${text} is no time at all`);
	if (ms > durationMsMax) throw new Error(`${text} is more than a week`);
	return ms;
}

/** Of the segment's own time: from which it takes to have that area. */
function timeOfArea({ fromRate, toRate, durationMs }: Segment, area: number): number {
	if (area <= 0) return 0;
	// from·t + (to − from)/2d·t² = area, solved in the form that doesn't subtract what is nearly the same, and
	// that holds for a constant rate as well.
	const growth = ((toRate - fromRate) * 1000) / durationMs;
	const discriminant = Math.max(0, fromRate * fromRate + 2 * growth * area);
	return Math.min(durationMs, (2000 * area) / (fromRate + Math.sqrt(discriminant)));
}

function rateIn({ fromRate, toRate, durationMs }: Segment, elapsedMs: number): number {
	return fromRate + (toRate - fromRate) * (elapsedMs / durationMs);
}

function nearWhole(area: number): number {
	const whole = Math.round(area);
	return Math.abs(area - whole) < 1e-6 ? whole : area;
}

function stageText({ fromRate, toRate, durationMs }: Segment): string {
	const rates =
		fromRate === toRate ? `hold ${rateText(fromRate)}` : `ramp ${rateText(fromRate)}..${rateText(toRate)}`;
	return `${rates} ${secondsText(durationMs)}`;
}

function rateText(rate: number): string {
	return String(Number(rate.toFixed(3)));
}

/**
 * What a right measurement of the server of known latency must say.
 *
 * The server answers a request `latencyMs` after its arrival, but sends nothing from `stallAtMs` for `stallMs`;
 * what would have been due in between leaves at its end. With arrivals at an even rate, the response times are,
 * over the time at which a request was due:
 *
 *     L + S            |\
 *                      | \
 *     L     ___________|  \______________
 *                 T − L    T − L + S
 *
 * So of a run of duration d the share S ÷ d took evenly spread times from L to L + S, all the others L:
 *
 *     response(p) = L                            while 1 − p ≥ S ÷ d
 *     response(p) = L + S − (1 − p) × d          above that
 *
 * That holds if the stall lies within the run (T ≥ L, T − L + S ≤ d), and if there is always a free connection:
 * r × (L + S) of them suffice. With fewer, requests wait in the generator. A tool that starts its clock when it
 * sends (coordinated omission) sees then only as many slow requests as it has connections.
 */

export interface KnownLatency {
	readonly latencyMs: number;
	/** From the first credit or debit on. Infinity without a stall. */
	readonly stallAtMs: number;
	readonly stallMs: number;
}

export interface Arrivals {
	readonly ratePerSecond: number;
	readonly durationSeconds: number;
	/** Infinity, the default, is as many as it takes. */
	readonly connections?: number;
}

/** By the formula above, `percentile` from 0 to 100. Exact but for the distance of two arrivals. */
export function responseMsAt(percentile: number, known: KnownLatency, { durationSeconds }: Arrivals): number {
	const slowest = 1 - percentile / 100;
	const stallMs = known.stallAtMs === Number.POSITIVE_INFINITY ? 0 : known.stallMs;
	return known.latencyMs + Math.max(0, stallMs - slowest * durationSeconds * 1000);
}

/** When the answer leaves to a request that arrives then. */
export function answeredAtMs(arrivedAtMs: number, { latencyMs, stallAtMs, stallMs }: KnownLatency): number {
	const dueAtMs = arrivedAtMs + latencyMs;
	return dueAtMs >= stallAtMs && dueAtMs < stallAtMs + stallMs ? stallAtMs + stallMs : dueAtMs;
}

export interface ExpectedTimes {
	/** From when a request was due, ascending. */
	readonly responseMs: readonly number[];
	/** From when it was sent, ascending. */
	readonly serviceMs: readonly number[];
}

/**
 * Request by request, also for few connections: the n-th request is due at n ÷ r, and waits for the first
 * connection that is free. Answers leave in the order of arrival, so that is the one of the request sent
 * `connections` before it.
 */
export function expectedTimes(known: KnownLatency, arrivals: Arrivals): ExpectedTimes {
	const { ratePerSecond, durationSeconds, connections = Number.POSITIVE_INFINITY } = arrivals;
	const answers: number[] = [];
	const responseMs: number[] = [];
	const serviceMs: number[] = [];
	for (let number = 0; number < Math.round(ratePerSecond * durationSeconds); number++) {
		const dueAtMs = (number * 1000) / ratePerSecond;
		const sentAtMs = Math.max(dueAtMs, answers[number - connections] ?? 0);
		const endedAtMs = answeredAtMs(sentAtMs, known);
		answers.push(endedAtMs);
		responseMs.push(endedAtMs - dueAtMs);
		serviceMs.push(endedAtMs - sentAtMs);
	}
	return { responseMs: ascending(responseMs), serviceMs: ascending(serviceMs) };
}

/** The least of the times, which are ascending, that `percentile` per cent of them don't exceed. */
export function percentileOf(timesMs: readonly number[], percentile: number): number {
	const rank = Math.ceil((percentile / 100) * timesMs.length);
	return timesMs[Math.max(0, rank - 1)] ?? Number.NaN;
}

function ascending(values: readonly number[]): number[] {
	return values.toSorted((one, other) => one - other);
}

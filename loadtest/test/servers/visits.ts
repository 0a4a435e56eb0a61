/**
 * What a server can know about when its clients had an answer in hand.
 *
 * A fault that depends on the order of requests, such as a statement that lacks an acknowledged entry, can only
 * be seen by clients if the entry's answer had arrived before the statement was asked for. A server doesn't
 * see that, but can conclude it, since a client sends its next request on a connection after the answer to the
 * last one:
 *
 *     connection x    entry ──► answer ··► [in hand] next request
 *     connection y            … answer ··················► [sent] statement
 *
 * x's next request arrived before y's answer left, so the entry's answer was in hand before the statement was
 * asked for. Where there is no such request, nothing is believed to travel longer than a second.
 */

/** No request or answer travels longer than this, waits in buffers included. */
const travelMsMax = 1000;

/** A request and its answer, by performance.now(). */
export interface Visit {
	readonly arrivedAtMs: number;
	/** The client sent it later than this. */
	readonly sentAfterMs: number;
	/** Infinity until it is answered. */
	answeredAtMs: number;
	/** The client had the answer before this, Infinity as long as that isn't known. */
	receivedBeforeMs: number;
	/** The visit before it on its connection. */
	previous: Visit | undefined;
}

export class Visits {
	/** The newest of each connection. */
	readonly #latest = new Map<number, Visit>();

	/** A connection is told apart by its client's port. */
	arrive(port: number): Visit {
		const arrivedAtMs = performance.now();
		const latest = this.#latest.get(port);
		// One without an answer was given up, and its client's port has come around again.
		const previous = latest?.answeredAtMs === Number.POSITIVE_INFINITY ? undefined : latest;
		if (previous !== undefined) {
			previous.receivedBeforeMs = Math.min(previous.receivedBeforeMs, arrivedAtMs);
			previous.previous = undefined;
		}
		const visit: Visit = {
			arrivedAtMs,
			sentAfterMs: Math.max(arrivedAtMs - travelMsMax, previous?.answeredAtMs ?? 0),
			answeredAtMs: Number.POSITIVE_INFINITY,
			receivedBeforeMs: Number.POSITIVE_INFINITY,
			previous,
		};
		this.#latest.set(port, visit);
		return visit;
	}

	answer(visit: Visit): void {
		visit.answeredAtMs = performance.now();
		visit.receivedBeforeMs = visit.answeredAtMs + travelMsMax;
	}
}

/** Whether the client had the earlier one's answer when it sent the later one. False when that isn't certain. */
export function precedes(earlier: Visit, later: Visit): boolean {
	return later.previous === earlier || earlier.receivedBeforeMs < later.sentAfterMs;
}

/**
 * After a failure: a few operations that show it, out of the thousands that led to it.
 *
 * The operations that returned last are checked again by themselves, from any state that the account may
 * have been in:
 *
 *     returned     ... e f g h i [j k l X]      the shortest end of the history that no order explains
 *     in flight    ... m n                      may take effect in it, or not
 *
 * Whatever was called before the window's start is optional: it may have taken effect before, or in the
 * window, or, in flight at its end, not at all. Then operations of the window are made optional too, as long
 * as there still is no order. What remains is unexplained whatever the other ones did.
 */
import { balanceBefore } from "./configuration.ts";
import { Frontier } from "./frontier.ts";
import type { Observation } from "./operation.ts";

/** Longer windows aren't tried: they would explain nothing to anybody. */
const lengthMax = 256;
const configurationsMax = 2000;
/** The end of a history: operations that ended in it, and those in flight when the last one failed. */
interface End {
	readonly limit: number;
	/** When the operation before the first one ended. */
	readonly startMs: number;
	/** In the order in which they returned; ones without an answer after the return that shows that they took effect. */
	readonly ended: readonly Observation[];
	readonly inFlight: readonly Observation[];
}

/**
 * `ended` as in the history, the unexplained operation last.
 * @returns by invocation; undefined if from some state of the account there is an order.
 */
export function shortestWindow(
	limit: number,
	ended: readonly Observation[],
	inFlight: readonly Observation[],
): Observation[] | undefined {
	const end = shortestEnd(limit, ended, inFlight);
	return end && fewest(end).sort((one, other) => one.invokedAtMs - other.invokedAtMs);
}

/** The longer it is, the more must be explained: so lengths are doubled, and then halved in between. */
function shortestEnd(
	limit: number,
	ended: readonly Observation[],
	inFlight: readonly Observation[],
): End | undefined {
	const endOf = (length: number): End => ({
		limit,
		startMs:
			ended.findLast(({ outcome }, index) => index < ended.length - length && outcome !== "unknown")
				?.endedAtMs ?? Number.NEGATIVE_INFINITY,
		ended: ended.slice(-length),
		inFlight,
	});
	const isUnexplained = (length: number) => !isExplained(endOf(length), new Set(requirable(endOf(length))));
	const lengthsMax = Math.min(ended.length, lengthMax);
	let tooShort = 0;
	let enough = 1;
	while (!isUnexplained(enough)) {
		if (enough === lengthsMax) return undefined;
		tooShort = enough;
		enough = Math.min(2 * enough, lengthsMax);
	}
	while (enough - tooShort > 1) {
		const middle = (tooShort + enough) >> 1;
		if (isUnexplained(middle)) enough = middle;
		else tooShort = middle;
	}
	return endOf(enough);
}

/**
 * The operations that have an answer and were called in it. Where an operation without an answer may take
 * effect, refusals are no evidence: it may have changed the balance after them.
 */
function requirable({ startMs, ended, inFlight }: End): Observation[] {
	const hasUnknowns = [...ended, ...inFlight].some(({ outcome }) => outcome === "unknown");
	return ended.filter(
		({ outcome, invokedAtMs }) =>
			invokedAtMs > startMs && outcome !== "unknown" && !(hasUnknowns && outcome === "refused"),
	);
}

/** Leaves out as much as possible, in halves, quarters and so on down to one by one. */
function fewest(end: End): Observation[] {
	let kept = requirable(end);
	for (let size = kept.length >> 1; size >= 1; size >>= 1)
		for (let from = 0; from < kept.length; ) {
			const fewer = [...kept.slice(0, from), ...kept.slice(from + size)];
			if (isExplained(end, new Set(fewer))) from += size;
			else kept = fewer;
		}
	return kept;
}

/** Whether there is an order from some state of the account, or the search had to leave out alternatives. */
function isExplained(end: End, required: ReadonlySet<Observation>): boolean {
	const { limit, ended, inFlight } = end;
	// What changes nothing can only be evidence; what isn't required then plays no part.
	const took = [...ended, ...inFlight].filter(
		(observation) => required.has(observation) || isChange(observation),
	);
	const rules = { limit, isTailKnown: false };
	const frontier = new Frontier(
		balances(took, limit).map((balance) => ({ balance, newest: [] })),
		rules,
		configurationsMax,
	);
	const calls = took.sort((one, other) => one.invokedAtMs - other.invokedAtMs);
	const called = new Map<Observation, ReturnType<Frontier["call"]>>();
	let next = 0;
	for (const returned of ended.filter(({ outcome }) => outcome !== "unknown")) {
		for (; next < calls.length && (calls[next] as Observation).invokedAtMs <= returned.endedAtMs; next++) {
			const observation = calls[next] as Observation;
			called.set(observation, frontier.call(observation, !required.has(observation)));
		}
		const operation = called.get(returned);
		if (operation === undefined) continue;
		if (!frontier.return(operation)) return !frontier.isExhaustive;
		if (!frontier.isExhaustive) return true;
	}
	return true;
}

function isChange({ outcome }: Observation): boolean {
	return outcome === "posted" || outcome === "unknown";
}

/** Those at which an operation fits; at any other one none that changes it does. At −limit every debit is refused. */
function balances(observations: readonly Observation[], limit: number): number[] {
	const balances = new Set([-limit]);
	for (const observation of observations) {
		if (observation.outcome === "posted") balances.add(balanceBefore(observation));
		if (observation.outcome === "shown") balances.add(observation.balance);
	}
	return [...balances];
}

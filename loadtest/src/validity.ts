/** Whether a run's numbers say something about the target: decided by the generator's own health. */
import type { Shape, Summary, Validity } from "./result.ts";

/**
 * A generator may be this late at p99, by what is looked at: latencies of a few milliseconds, or the simulation's
 * question whether an answer took a quarter of a second.
 */
const latenessP99MaxMs = { closed: Number.POSITIVE_INFINITY, open: 5, simulation: 25 } as const;
/** Less of the asked rate than this isn't the asked rate. */
const rateShareMin = 0.99;
/** The last answers may come so long after the last request was due, without being too few a second for it. */
const lastAnswersSeconds = 1;
/** A generator that takes more of its processor than this is itself what is measured. */
const cpuShareMax = 0.95;
/** With less than this answered as the scenario accepts, latencies are those of whatever is broken. */
const successShareMin = 0.9;

export interface Health {
	readonly summary: Summary;
	readonly model: Shape["model"];
	/** Null in a closed model. */
	readonly latenessP99Ms: number | null;
	/** Requests answered, with whatever status. */
	readonly answered: number;
}

/** In less time, what the program needs to begin and to end is most of what it used. */
const cpuSecondsMin = 0.5;

export function judgeValidity({ summary, model, latenessP99Ms, answered }: Health): Validity {
	const { requests, succeeded, rate, rateAsked, unsent, generatorCpuShare, elapsedSeconds } = summary;
	const sent = requests - unsent;
	if (sent === 0) {
		const reason = summary.interrupted ? "interrupted before the measured time" : "not one request was sent";
		return { verdict: "target failing", reason };
	}
	if (answered === 0) return { verdict: "target failing", reason: "not one request was answered" };
	if (succeeded < successShareMin * sent)
		return {
			verdict: "target failing",
			reason: `${percent(succeeded / sent)} of the requests were answered as they ought to be, less than ${percent(successShareMin)}`,
		};
	if (latenessP99Ms !== null && latenessP99Ms > latenessP99MaxMs[model])
		return {
			verdict: "generator late",
			reason: `1 % of the requests were sent more than ${latenessP99Ms.toFixed(1)} ms late though a connection was free; ${latenessP99MaxMs[model]} ms are allowed`,
		};
	if (latenessP99Ms === null && generatorCpuShare > cpuShareMax && elapsedSeconds >= cpuSecondsMin)
		return {
			verdict: "generator late",
			reason: `the generator used ${percent(generatorCpuShare)} of a processor: latencies are its own`,
		};
	if (
		rateAsked !== null &&
		(unsent > (1 - rateShareMin) * requests || isTooSlow(rateAsked, answered, summary))
	)
		return {
			verdict: "target saturated",
			reason: `${rate.toFixed(1)} of ${rateAsked.toFixed(1)} requests/s were answered, ${unsent} never got a connection, and the generator was in time`,
		};
	const health =
		latenessP99Ms === null
			? `the generator used ${percent(generatorCpuShare)} of a processor`
			: `99 % of the requests were sent at most ${latenessP99Ms.toFixed(2)} ms late, and the asked rate was reached`;
	return { verdict: "valid", reason: health };
}

/** The rate asked is over the time in which requests were due, the rate reached goes on to the last answer. */
function isTooSlow(rateAsked: number, answered: number, { requests, elapsedSeconds }: Summary): boolean {
	const askedSeconds = requests / rateAsked;
	const reachedSeconds = Math.max(askedSeconds, elapsedSeconds - lastAnswersSeconds);
	return answered / reachedSeconds < rateShareMin * rateAsked;
}

function percent(share: number): string {
	return `${(100 * share).toFixed(1)} %`;
}

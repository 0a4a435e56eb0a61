/** What was promised for a phase, held against what it came to. */
import type { Figures } from "./figures.ts";
import { type Phase, waitMsMax } from "./phase.ts";

export type Verdict = "held" | "broken" | "caught" | "not caught";

/** One line for each promise that was broken; none when all held. */
export function brokenPromises(phase: Phase, figures: Figures): string[] {
	const { eventP99MsMax = Number.POSITIVE_INFINITY, backMsMax = Number.POSITIVE_INFINITY } = phase;
	const { errors, untoldErrors, lost, twice, otherViolations, eventErrors } = figures;
	const checks: [isBroken: boolean, line: string][] = [
		[figures.events === 0, "nothing was done to it"],
		[eventErrors.length > 0, `${eventErrors.length} events failed: ${[...new Set(eventErrors)].join(", ")}`],
		[lost > 0, `${lost} acknowledged entries are lost`],
		[twice > 0, `${twice} entries are there twice`],
		[otherViolations > 0, `${otherViolations} other violations: ${figures.reason}`],
		[!areBooksFine(phase, figures), `the books are ${figures.consistency}: ${figures.reason}`],
		[figures.audit !== "passed", `the audit of the file is ${figures.audit}`],
		[figures.finding !== null, `the ledger's own check finds: ${figures.finding}`],
		[phase.errors === "none" && errors > 0, `${errors} client errors`],
		[phase.errors === "told" && untoldErrors > 0, `${untoldErrors} errors without an answer of ours`],
		[!(figures.maxMs <= waitMsMax), `a request waited ${ms(figures.maxMs)}, at most ${ms(waitMsMax)}`],
		[
			(figures.eventP99Ms ?? 0) >= eventP99MsMax,
			`p99 of an event's second is ${ms(figures.eventP99Ms ?? 0)}, not below ${ms(eventP99MsMax)}`,
		],
		[
			(figures.backMsMax ?? 0) >= backMsMax,
			`a process was back after ${ms(figures.backMsMax ?? 0)}, not within ${ms(backMsMax)}`,
		],
	];
	return checks.flatMap(([isBroken, line]) => (isBroken ? line : []));
}

/** A control that isn't caught breaks the campaign: it couldn't have seen a breach elsewhere either. */
export function verdictOf(phase: Phase, figures: Figures): Verdict {
	if (!phase.hasIdentity) return figures.twice > 0 ? "caught" : "not caught";
	return brokenPromises(phase, figures).length === 0 ? "held" : "broken";
}

function areBooksFine({ errors }: Phase, { consistency }: Figures): boolean {
	return consistency === "consistent" || (errors === "told" && consistency === "unknown");
}

function ms(value: number): string {
	return `${Math.round(value)} ms`;
}

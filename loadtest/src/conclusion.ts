/** The result of a run, put together from its measurement and its books; and the exit code that it deserves. */
import loadtest from "../package.json" with { type: "json" };
import type { ChaosRecord } from "./chaos-record.ts";
import { type Measurement, thisMachine } from "./measurement.ts";
import type { LoadOptions, RinhaOptions } from "./options.ts";
import {
	type Consistency,
	type Figures,
	type Result,
	type Shape,
	type Simulation,
	schemaVersion,
} from "./result.ts";
import { checkThresholds } from "./threshold.ts";
import { judgeValidity } from "./validity.ts";

export interface Facts {
	readonly options: LoadOptions | RinhaOptions;
	readonly command: string;
	readonly startedAt: Date;
	readonly shape: Shape;
	readonly measurement: Measurement;
	readonly isInterrupted: boolean;
	readonly consistency: Consistency;
	readonly repeatsBefore: readonly Figures[];
	readonly simulation: Simulation | null;
	readonly chaos: ChaosRecord | null;
}

export function conclude(facts: Facts): Result {
	const { options, measurement, consistency } = facts;
	const summary = { ...measurement.summary(), interrupted: facts.isInterrupted };
	const latency = measurement.latency(options.percentiles);
	const figures = measurement.figures(consistency.violationsTotal);
	const { metrics } = measurement;
	return {
		schemaVersion,
		program: { name: loadtest.name, version: loadtest.version, runtime: `Bun ${Bun.version}` },
		machine: thisMachine(),
		command: facts.command,
		startedAt: facts.startedAt.toISOString(),
		target: options.target.text,
		shape: facts.shape,
		seed: options.seed,
		summary,
		latency,
		operations: metrics.operations(summary.elapsedSeconds),
		statuses: metrics.statuses(),
		errors: metrics.errors(),
		seconds: metrics.seconds,
		validity: judgeValidity({
			summary,
			model: facts.shape.model,
			answered: metrics.answered,
			latenessP99Ms: latency.lateness === null ? null : (metrics.lateness.percentileMs(99) ?? 0),
		}),
		consistency,
		chaos: facts.chaos,
		repeats: [...facts.repeatsBefore, figures],
		thresholds: checkThresholds(options.thresholds, figures),
		comparison: null,
		simulation: facts.simulation,
	};
}

/** Documented in the README; the gravest reason counts. */
export const exitCodes = {
	ok: 0,
	usage: 1,
	thresholdMissed: 2,
	regressed: 3,
	inconsistent: 4,
	invalid: 5,
	interrupted: 130,
} as const;

/** Of several repetitions': the first in the order of the help text. */
export function gravestOf(codes: readonly number[]): number {
	const { inconsistent, interrupted, invalid, regressed, thresholdMissed, ok } = exitCodes;
	return (
		[inconsistent, interrupted, invalid, regressed, thresholdMissed].find((code) => codes.includes(code)) ??
		ok
	);
}

/** Wrong books outrank everything: whatever else happened, they are wrong. */
export function exitCodeOf({
	summary,
	consistency,
	validity,
	thresholds,
	comparison,
	simulation,
}: Result): number {
	if (consistency.verdict === "inconsistent") return exitCodes.inconsistent;
	if (summary.interrupted) return exitCodes.interrupted;
	if (validity.verdict === "generator late" || validity.verdict === "target failing")
		return exitCodes.invalid;
	if (consistency.verdict === "unknown") return exitCodes.invalid;
	if (comparison?.verdict === "regressed") return exitCodes.regressed;
	if (thresholds.some(({ met }) => !met)) return exitCodes.thresholdMissed;
	if (simulation?.validations.some(({ failed }) => failed > 0)) return exitCodes.thresholdMissed;
	return exitCodes.ok;
}

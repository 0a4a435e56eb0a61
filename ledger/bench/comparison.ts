/**
 * Contenders take turns, A B C A B C, and the median of each counts: a machine that slows down for a while
 * slows all of them, and one disturbed trial decides nothing.
 */
import type { Usage } from "./child.ts";
import { type PerProcess, perProcess, type Row } from "./row.ts";
import { runTrial, type Trial, type TrialPlan } from "./trial.ts";

/** What a trial tells while the others are still to run. */
type Rated = Pick<Trial, "requestsPerSecond">;

/** All trials of one contender, in the order they ran. */
export interface Result<T extends Rated = Trial> {
	name: string;
	trials: T[];
}

/** Of wrk's trials; each round has a load of its own. */
export function compare(
	contenders: ReadonlyMap<string, TrialPlan>,
	rounds: number,
	stop: AbortSignal,
	progress: (line: string) => void,
): Promise<Result[]> {
	const runs = [...contenders].map(([name, plan]) => {
		const seeded = (round: number) => ({ ...plan, load: { ...plan.load, seed: plan.load.seed + round } });
		return [name, (round: number) => runTrial(seeded(round), stop)] as const;
	});
	return takeTurns(new Map(runs), rounds, progress);
}

/** Rounds count from 1. */
export async function takeTurns<T extends Rated>(
	contenders: ReadonlyMap<string, (round: number) => Promise<T>>,
	rounds: number,
	progress: (line: string) => void,
): Promise<Result<T>[]> {
	const results = [...contenders].map(([name, run]) => ({ name, run, trials: [] as T[] }));
	for (let round = 1; round <= rounds; round++) {
		for (const { name, run, trials } of results) {
			const trial = await run(round);
			trials.push(trial);
			progress(`round ${round} of ${rounds}: ${name}, ${Math.round(trial.requestsPerSecond)} requests/s`);
		}
	}
	return results.map(({ name, trials }) => ({ name, trials }));
}

export function median(values: readonly number[]): number {
	if (values.length === 0) throw new Error("no values have no median");
	const sorted = values.toSorted((a, b) => a - b);
	const middle = sorted.length >> 1;
	const upper = sorted[middle] ?? 0;
	return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** Each value is the median of the trials, on its own. */
export function rowOf({ name, trials }: Result): Row {
	const of = (value: (trial: Trial) => number) => median(trials.map(value));
	const each = (value: (usage: Usage) => number): PerProcess => {
		const [first] = trials;
		return perProcess(first?.usage ?? [], ({ name }) =>
			of(({ usage }) => {
				const found = usage.find((candidate) => candidate.name === name);
				return found ? value(found) : 0;
			}),
		);
	};
	const rates = trials.map((trial) => trial.requestsPerSecond);
	return {
		name,
		requestsPerSecond: median(rates),
		requestsPerSecondMin: Math.min(...rates),
		requestsPerSecondMax: Math.max(...rates),
		p50Us: of((trial) => trial.p50Us),
		p90Us: of((trial) => trial.p90Us),
		p99Us: of((trial) => trial.p99Us),
		p999Us: of((trial) => trial.p999Us),
		maxUs: of((trial) => trial.maxUs),
		refusedShare: of((trial) => trial.refused / trial.requests),
		cpuSeconds: each((usage) => usage.cpuSeconds),
		throttledSeconds: each((usage) => usage.throttled.seconds),
		rssKb: each((usage) => usage.rssKb),
		rssPeakKb: each((usage) => usage.rssPeakKb),
		walBytes: of((trial) => trial.walBytes),
	};
}

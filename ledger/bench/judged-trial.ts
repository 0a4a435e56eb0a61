/** One trial under the judge: a fresh database, a fresh topology, one run of the judge, and its verdicts. */
import type { Result } from "./comparison.ts";
import { median, rowOf } from "./comparison.ts";
import { EffortWatch } from "./effort-watch.ts";
import { applyJudge, type Judged, type JudgeLoad } from "./judge.ts";
import type { Row } from "./row.ts";
import { onFreshTopology, type SystemPlan, type Trial, walBytes } from "./trial.ts";
import { verdictCell } from "./verdict.ts";

/** The accounts that both the ledger and the judge have unless told otherwise. */
const accounts = 5;

interface JudgedTrialPlan extends SystemPlan {
	load: Omit<JudgeLoad, "port" | "databaseFile">;
}

/** CPU and throttling are those of the measured seconds; memory is what it was when the judge had ended. */
export interface JudgedTrial extends Trial, Judged {}

export function runJudgedTrial(plan: JudgedTrialPlan, stop: AbortSignal): Promise<JudgedTrial> {
	const { variant, load } = plan;
	return onFreshTopology(plan, stop, async (topology) => {
		const { port } = topology;
		const databaseFile = variant.keepsBooks ? topology.databaseFile : undefined;
		using watch = new EffortWatch(() => topology.effort());
		const judged = await applyJudge({ ...load, port, databaseFile }, stop);
		topology.assertRunning();
		const efforts = watch.between(judged.fromMs, judged.toMs);
		return {
			variant: variant.name,
			connections: load.connections,
			accounts,
			...judged,
			usage: topology.usage().map((usage, i) => ({ ...usage, ...efforts[i] })),
			walBytes: walBytes(topology),
		};
	});
}

/** As of any trials, and what the judge says besides. */
export function judgedRowOf(result: Result<JudgedTrial>): Row {
	const { trials } = result;
	const { rssPeakKb: _, ...row } = rowOf(result);
	return {
		...row,
		errors: median(trials.map(({ errors }) => errors)),
		violations: median(trials.map(({ violations }) => violations)),
		validity: verdictCell(trials.map(({ validity }) => validity.verdict)),
		consistency: verdictCell(trials.map(({ consistency }) => consistency.verdict)),
		generatorCpuShare: median(trials.map(({ generatorCpuShare }) => generatorCpuShare)),
	};
}

/** One phase from its stack's start to its verdict. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Figures, figuresOf, withSeconds } from "./figures.ts";
import { Judge } from "./judge.ts";
import type { Phase } from "./phase.ts";
import { brokenPromises, type Verdict, verdictOf } from "./promise.ts";
import type { SystemPlan, SystemUnderTest } from "./system-under-test.ts";

export interface Outcome {
	readonly phase: string;
	readonly about: string;
	readonly figures: Figures;
	readonly verdict: Verdict;
	readonly broken: readonly string[];
}

interface Trouble {
	readonly atMs: number;
	readonly backMs: number | null;
}

/** The judge has started by then, and the stack is used to the load. */
const beforeTroubleMs = 2000;
const betweenKillsMs = 3000;
const backMsMax = 10_000;

/** In a folder on a disk, which nginx's workers can enter. */
export async function playPhase(
	start: (plan: SystemPlan) => Promise<SystemUnderTest>,
	phase: Phase,
	seed: number,
	folder: string,
	stop: AbortSignal,
): Promise<Outcome> {
	stop.throwIfAborted();
	const phaseFolder = join(folder, phase.name);
	mkdirSync(phaseFolder);
	await using stack = await start({ ...phase, folder: phaseFolder });
	const { url, databaseFile, victims } = stack;
	const judgeFor = { ...phase, url, seed, databaseFile, victims };
	await using judge = new Judge(judgeFor);
	const troubles = await orStopped(makeTrouble(phase, stack, judge, stop), stop);
	const judged = await orStopped(judge.result(), stop);
	await stack.stop();
	const events = troubles.map(({ atMs, backMs }) => withSeconds(judged, atMs, backMs));
	const figures = figuresOf(phase, judged, events, stack.books(), stack.repeatedPosts());
	return {
		...{ phase: phase.name, about: phase.about, figures },
		verdict: verdictOf(phase, figures),
		broken: brokenPromises(phase, figures),
	};
}

/** What the judge can't do; its load ends with it. */
async function makeTrouble(
	{ trouble }: Phase,
	stack: SystemUnderTest,
	judge: Judge,
	stop: AbortSignal,
): Promise<Trouble[]> {
	if (trouble === undefined) return [];
	await Bun.sleep(beforeTroubleMs);
	const troubles: Trouble[] = [];
	while (troubles.length < trouble.times && !judge.hasEnded && !stop.aborted) {
		const atMs = Date.now();
		const isTurn = trouble.kind === "restart in turn";
		troubles.push({
			atMs,
			backMs: isTurn ? await stack.restartInTurn() : await stack.killBoth(backMsMax),
		});
		if (!isTurn) await Bun.sleep(betweenKillsMs);
	}
	judge.end();
	return troubles;
}

function orStopped<T>(work: Promise<T>, stop: AbortSignal): Promise<T> {
	const stopped = Promise.withResolvers<never>();
	const onAbort = () => stopped.reject(stop.reason);
	if (stop.aborted) onAbort();
	stop.addEventListener("abort", onAbort, { once: true });
	return Promise.race([work, stopped.promise]).finally(() => stop.removeEventListener("abort", onAbort));
}

/** A load on a stack, by the judge, and what the stack held while it was on. */
import type { Stack } from "../stack.ts";
import { type JudgeLoad, JudgeProcess, type JudgeResult } from "./judge.ts";
import { Samples } from "./samples.ts";

export interface MeasuredLoad {
	readonly samples: Samples;
	readonly result: JudgeResult;
}

export interface Watching {
	readonly everyMs: number;
	readonly stop: AbortSignal;
	/** Told of each sample. */
	readonly onSample?: (samples: Samples) => void;
}

/** Samples from the end of the warm-up to the end of the load; the audit after it belongs to the judge alone. */
export async function playLoad(
	stack: Stack,
	load: JudgeLoad,
	{ everyMs, stop, onSample }: Watching,
): Promise<MeasuredLoad> {
	await using judge = new JudgeProcess(load);
	const beginsAtMs = performance.now() + load.warmUpSeconds * 1000;
	const endsAtMs = beginsAtMs + load.seconds * 1000;
	const samples = new Samples(stack, new Map([["judge", judge.pid]]));
	await sleepUntil(beginsAtMs, stop);
	for (let dueAtMs = beginsAtMs; dueAtMs < endsAtMs && !judge.hasEnded; dueAtMs += everyMs) {
		await sleepUntil(dueAtMs, stop);
		samples.take();
		onSample?.(samples);
	}
	const result = await Promise.race([judge.result(), untilAborted(stop)]);
	return { samples, result };
}

async function sleepUntil(atMs: number, stop: AbortSignal): Promise<void> {
	stop.throwIfAborted();
	await Promise.race([Bun.sleep(Math.max(0, atMs - performance.now())), untilAborted(stop)]);
}

/** Never resolves. @throws the reason. */
function untilAborted(stop: AbortSignal): Promise<never> {
	return new Promise((_, reject) => {
		if (stop.aborted) reject(stop.reason);
		stop.addEventListener("abort", () => reject(stop.reason), { once: true });
	});
}

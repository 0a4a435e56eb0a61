/** The processes that play the seeds: as many at a time as there are processors, each for one share. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { RunningProgram } from "../program.ts";
import type { Share, Wanted } from "./share.ts";

const playerPath = join(import.meta.dir, "player.ts");

export interface Task extends Wanted {
	/** Undefined is the real engine. */
	readonly mutantName?: string | undefined;
}

/**
 * Answers in the order of the tasks; `isEnough` is asked behind each one that ends, and leaves out those that have not
 * begun. @throws the reason of `stop`, when nobody plays any more.
 */
export async function playTasks(
	tasks: readonly Task[],
	stop: AbortSignal,
	isEnough: (share: Share) => boolean = () => false,
): Promise<Share[]> {
	const shares: Share[] = [];
	let begun = 0;
	let isOver = false;
	const play = async () => {
		while (begun < tasks.length && !isOver) {
			const index = begun++;
			const share = await playTask(tasks[index] as Task, stop);
			shares[index] = share;
			isOver ||= isEnough(share);
		}
	};
	const ends = await Promise.allSettled(Array.from({ length: availableParallelism() }, play));
	for (const end of ends) if (end.status === "rejected") throw end.reason;
	return shares.filter((share) => share !== undefined);
}

async function playTask({ mutantName, ...wanted }: Task, stop: AbortSignal): Promise<Share> {
	stop.throwIfAborted();
	const words = [JSON.stringify(wanted), ...(mutantName === undefined ? [] : [mutantName])];
	const program = new RunningProgram([process.execPath, playerPath, ...words], {});
	const kill = () => program.signal("SIGKILL");
	stop.addEventListener("abort", kill);
	try {
		const { code, signal } = await program.ended;
		stop.throwIfAborted();
		if (code !== 0)
			throw new Error(`the seeds from ${wanted.seed} ended with ${signal ?? code}:\n${program.output}`);
		return JSON.parse(program.output) as Share;
	} finally {
		stop.removeEventListener("abort", kill);
	}
}

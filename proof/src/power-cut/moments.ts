/** When the power is cut under load: at any moment, or just when something is half done. */
import { resetOnce } from "../clients.ts";
import type { Observed } from "../observed.ts";
import type { Random } from "../random.ts";
import type { FileCalls, Watch } from "./file-calls.ts";
import { LedgerSteps, type Step } from "./ledger-steps.ts";

/** Without having come to the moment by then, the power is cut anyway. */
const arrivalMsMax = 4000;
const pollMs = 1;
/** A hold is long enough for whoever follows to arrive, and short enough for the load to go on. */
const holdMs = 25;
/** One of many holds on the way. */
const shortHoldMs = 3;
/** What counts as the first commits after the log has begun anew. */
const firstCommitsMax = 3;

export type MomentName =
	| "random"
	| "checkpoint"
	| "pages"
	| "between"
	| "file-sync"
	| "header"
	| "first-commits"
	| "reset"
	| "reset-held"
	| "killed"
	| "unsynced";

/** What goes on around the cut. */
interface Situation {
	readonly target: string;
	readonly observed: Observed;
	readonly random: Random;
	/** Of the ledger processes that serve. */
	readonly ledgerPids: () => readonly number[];
	/** Where the moment has a watch. */
	readonly calls: FileCalls | undefined;
	/** The power is cut when it is aborted, for one. */
	readonly stop: AbortSignal;
}

export interface Arrival {
	/** Asked right after the cut: whether it came in time. */
	wasHit(): boolean;
	/** What was begun for it, and ends when the processes are gone. */
	readonly rest?: Promise<void>;
}

export interface Moment {
	readonly name: MomentName;
	/** Undefined: whichever. */
	readonly logMb: number | undefined;
	/** What has to be followed, without its files. */
	readonly watch: Omit<Watch, "files"> | undefined;
	/** Of the two files, which are followed; both unless said otherwise. */
	readonly isLogIgnored?: boolean;
	/** 32 unless said otherwise. */
	readonly clients?: number;
	/** Of the requests; 0.3 unless said otherwise. */
	readonly statementShare?: number;
	/** Resolves when it is time. */
	arrive(situation: Situation): Promise<Arrival>;
}

const ledgerCalls = ["pwrite64", "fsync", "fdatasync"] as const;

export const moments: readonly Moment[] = [
	{
		name: "random",
		logMb: undefined,
		watch: undefined,
		arrive: async ({ random }) => {
			await Bun.sleep(random.below(400));
			return { wasHit: () => true };
		},
	},
	atSync("checkpoint", "log sync"),
	{
		name: "pages",
		logMb: 1,
		watch: { calls: ["pwrite64", "fsync"], hold: { calls: ["pwrite64"], at: "exit", ms: shortHoldMs } },
		isLogIgnored: true,
		arrive: (situation) => arriveAt(situation, (step) => step === "pages", situation.random.between(1, 24)),
	},
	atSync("between", "between"),
	atSync("file-sync", "file sync"),
	atSync("header", "header sync"),
	{
		name: "first-commits",
		logMb: 1,
		watch: { calls: ledgerCalls, hold: { calls: ["fdatasync"], at: "enter", ms: shortHoldMs } },
		arrive: (situation) =>
			arriveAt(
				situation,
				(_step, steps) => steps.commitsOfLog <= firstCommitsMax,
				situation.random.between(1, 16),
			),
	},
	{ name: "reset", logMb: undefined, watch: undefined, arrive: arriveInReset },
	{
		name: "reset-held",
		logMb: undefined,
		watch: { calls: ["fdatasync"], hold: { calls: ["fdatasync"], at: "enter", ms: shortHoldMs } },
		arrive: arriveInReset,
	},
	// Commits wait long for the disk, and many look: who doesn't wait with them is shown what is lost.
	{
		name: "unsynced",
		logMb: undefined,
		watch: { calls: ["fdatasync"], hold: { calls: ["fdatasync"], at: "enter", ms: holdMs } },
		clients: 16,
		statementShare: 0.95,
		arrive: async (situation) => {
			const arrival = await arriveAt(
				situation,
				(step) => step === "acknowledgement",
				situation.random.between(1, 12),
			);
			await Bun.sleep(situation.random.below(holdMs));
			return arrival;
		},
	},
	{ name: "killed", logMb: undefined, watch: undefined, arrive: arriveAfterKill },
];

/** While SQLite is held before a sync that it makes in this step; not always the first one. */
function atSync(name: MomentName, wanted: Step): Moment {
	return {
		name,
		logMb: 1,
		watch: { calls: ledgerCalls, hold: { calls: ["fsync"], at: "enter", ms: holdMs } },
		arrive: (situation) => arriveAt(situation, (step) => step === wanted, situation.random.between(1, 2)),
	};
}

/** At the so many-th call of this kind since the load has begun; a hit, if that is still where its process is. */
async function arriveAt(
	{ calls, stop }: Situation,
	isWanted: (step: Step | undefined, steps: LedgerSteps) => boolean,
	count: number,
): Promise<Arrival> {
	const steps = new LedgerSteps();
	const deadline = performance.now() + arrivalMsMax;
	let left = count;
	let threadId: number | undefined;
	while (threadId === undefined && performance.now() < deadline && !stop.aborted) {
		await Bun.sleep(pollMs);
		for (const call of calls?.next() ?? []) {
			if (!isWanted(steps.follow(call), steps)) continue;
			left -= 1;
			if (left === 0) threadId = call.threadId;
		}
	}
	const wasHit = () => {
		for (const call of calls?.next() ?? []) steps.follow(call);
		return threadId !== undefined && isWanted(steps.stepOf(threadId), steps);
	};
	return { wasHit };
}

/** Somewhere between its request and its answer; how long that takes depends on how much there is. */
async function arriveInReset({ target, observed, random }: Situation): Promise<Arrival> {
	await Bun.sleep(random.between(20, 200));
	const rest = resetOnce(target, observed);
	await Bun.sleep(random.below(2 ** random.between(1, 6)));
	return { wasHit: () => observed.resets[0]?.endedAtMs === Number.POSITIVE_INFINITY, rest };
}

/**
 * Soon after both processes were killed and serve again. They have found commits in the log that were in the kernel's
 * memory only, and may have shown them.
 */
async function arriveAfterKill({ ledgerPids, random, stop }: Situation): Promise<Arrival> {
	await Bun.sleep(random.between(50, 300));
	const killed = ledgerPids();
	for (const pid of killed) process.kill(pid, "SIGKILL");
	const deadline = performance.now() + arrivalMsMax;
	const isBack = () => {
		const pids = ledgerPids();
		return killed.length === 2 && pids.length === 2 && !pids.some((pid) => killed.includes(pid));
	};
	while (!isBack() && performance.now() < deadline && !stop.aborted) await Bun.sleep(pollMs);
	const wasHit = isBack();
	await Bun.sleep(random.below(50));
	return { wasHit: () => wasHit };
}

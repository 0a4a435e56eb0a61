/**
 * An I/O error that strace makes: a call of the process returns EIO without having been made, the n-th one only, or
 * each from the n-th on.
 *
 * strace counts by thread. All calls of SQLite's are the main thread's; those that wait for the WAL come from two
 * threads of Bun's pool in turn, so half of `nth` is asked for, and the log tells which one it was.
 *
 * What the disk may forget then is known from the writes, so they are traced as well where something is forgotten. Pages
 * are dropped only after a failed fdatasync of both processes: as long as one of them can still sync, the kernel that it
 * asks would have written them. Power is lost after any call; a checkpoint's only while few writes came before it, since
 * each takes its time to be traced.
 */
import type { Random } from "../random.ts";
import { tracedForWrites } from "./forgotten-writes.ts";

export const faultCalls = ["fdatasync", "fsync", "pwrite64", "ftruncate"] as const;
export type FaultCall = (typeof faultCalls)[number];

/**
 * What comes of it as soon as each process that is to has met it:
 *
 * - no power: both are killed at that instant, and the disk has lost what was not synced.
 * - no cache: the kernel drops the pages that it could not write, and shows what is on the disk in their place.
 */
export type Aftermath = "none" | "no power" | "no cache";

export interface IoFault {
	readonly call: FaultCall;
	/** Of the process's calls of that name; from 1. */
	readonly nth: number;
	/** Whether every later call fails, too. */
	readonly lasts: boolean;
	/** Whether the disk fails for both processes, or only for the first. */
	readonly isOnBoth: boolean;
	/** Whether there is no file when they start; else one with a log that is to be recovered. */
	readonly isFresh: boolean;
	readonly aftermath: Aftermath;
}

const poolThreads = 2;
/** Of a checkpoint's calls: both processes share the checkpoints, and twice as many are needed for both. */
const onBothNthMax = 100;
const noPowerNthMax = 30;

/** Whether only a checkpoint makes it. */
export function isOfCheckpoint(call: FaultCall): boolean {
	return call === "fsync" || call === "ftruncate";
}

/** How it strikes is drawn. */
export function ioFault(call: FaultCall, nth: number, random: Random): IoFault {
	const [lasts, onBoth, isFresh] = [random.chance(0.5), random.chance(0.5), random.chance(0.3)];
	const drawn = random.pick<Aftermath>(["none", "no power", "no cache"]);
	const isOnBoth = onBoth && !(isOfCheckpoint(call) && nth > onBothNthMax);
	const isPossible = {
		none: true,
		"no power": !isOfCheckpoint(call) || nth <= noPowerNthMax,
		"no cache": call === "fdatasync" && isOnBoth,
	};
	return { call, nth, lasts, isOnBoth, isFresh, aftermath: isPossible[drawn] ? drawn : "none" };
}

export function faultText({ call, nth, lasts, isOnBoth, isFresh, aftermath }: IoFault): string {
	const whose = isOnBoth ? "of both processes" : "of one process";
	const before = isFresh ? "no file before" : "a file before";
	const after = aftermath === "none" ? "" : `, then ${aftermath}`;
	return `EIO at ${call} ${nth}${lasts ? " and later" : ""} ${whose}, ${before}${after}`;
}

/** The words before the command of a process: one that is to suffer it, or one that only writes beside it. */
export function faultyWords(fault: IoFault, isVictim: boolean, logFile: string): string[] {
	const { call, nth, lasts, aftermath } = fault;
	const areWritesTraced = aftermath !== "none" || call === "fdatasync";
	if (!isVictim) return aftermath === "none" ? [] : tracing(logFile, tracedForWrites);
	const traced = areWritesTraced ? [...new Set([...tracedForWrites.split(","), call])].join(",") : call;
	const when = call === "fdatasync" ? Math.ceil(nth / poolThreads) : nth;
	return tracing(logFile, traced, `${call}:error=EIO:when=${when}${lasts ? "+" : ""}`);
}

/** strace before a command; `-D` keeps the process id the command's own. */
export function tracing(logFile: string, traced: string, injection?: string): string[] {
	const words = ["strace", "-D", "-f", "-q", "--seccomp-bpf", "-ttt", "-y", "-o", logFile];
	return [
		...words,
		"-e",
		`trace=${traced}`,
		...(injection === undefined ? [] : ["-e", `inject=${injection}`]),
	];
}

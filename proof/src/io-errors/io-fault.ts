/**
 * An I/O error that strace makes: a call of the process returns EIO without having been made, the n-th one only, or
 * each from the n-th on.
 *
 * strace counts by thread. All calls of SQLite's are the main thread's; those that wait for the WAL come from two
 * threads of Bun's pool in turn, so half of `nth` is asked for, and the log tells which one it was.
 */
import type { Random } from "../random.ts";
import { tracedForWrites } from "./forgotten-writes.ts";

export const faultCalls = ["fdatasync", "fsync", "pwrite64", "ftruncate"] as const;
export type FaultCall = (typeof faultCalls)[number];

/**
 * What comes of it as soon as both processes have met a failed fdatasync:
 *
 * - no power: both are killed at that instant, and the disk has lost what was not synced.
 * - no cache: the kernel drops the pages that it could not write, and shows what is on the disk in their place.
 */
type Aftermath = "none" | "no power" | "no cache";

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

/** How it strikes is drawn. */
export function ioFault(call: FaultCall, nth: number, random: Random): IoFault {
	const [lasts, isOnBoth, isFresh] = [random.chance(0.5), random.chance(0.5), random.chance(0.3)];
	const aftermath = random.pick<Aftermath>(["none", "no power", "no cache"]);
	const canForget = call === "fdatasync" && isOnBoth;
	return { call, nth, lasts, isOnBoth, isFresh, aftermath: canForget ? aftermath : "none" };
}

export function faultText({ call, nth, lasts, isOnBoth, isFresh, aftermath }: IoFault): string {
	const whose = isOnBoth ? "of both processes" : "of one process";
	const before = isFresh ? "no file before" : "a file before";
	const after = aftermath === "none" ? "" : `, then ${aftermath}`;
	return `EIO at ${call} ${nth}${lasts ? " and later" : ""} ${whose}, ${before}${after}`;
}

/** The words before a command that is to suffer it. */
export function faultyWords({ call, nth, lasts }: IoFault, logFile: string): string[] {
	const isOfPool = call === "fdatasync";
	const when = isOfPool ? Math.ceil(nth / poolThreads) : nth;
	const traced = isOfPool ? tracedForWrites : call;
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

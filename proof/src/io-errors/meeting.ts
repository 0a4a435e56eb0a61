/** The moment in which a fault struck a process, as strace noted it. */
import { syncs } from "./forgotten-writes.ts";
import type { IoFault } from "./io-fault.ts";
import { readStraceLog, type TracedCall } from "./strace-log.ts";

export interface Meeting {
	/** The first call that failed. */
	readonly injected: TracedCall;
	/** Which one of the process's calls of that name it was; from 1. */
	readonly position: number;
}

/** Undefined while it has not struck. */
export function findMeeting({ call }: IoFault, logFile: string): Meeting | undefined {
	const calls = readStraceLog(logFile).filter(({ name }) => name === call);
	const index = calls.findIndex(({ isInjected }) => isInjected);
	const injected = calls[index];
	return injected === undefined ? undefined : { injected, position: index + 1 };
}

/** SQLite syncs the folder and looks away when that fails; the ledger syncs it once more, and looks. */
export function isHarmless({ injected }: Meeting, { lasts }: IoFault, folder: string): boolean {
	return injected.name === "fsync" && injected.file === folder && !lasts;
}

/** Whether the process then synced the db file or its log with success; known only of those that wait for the log. */
export function hasSyncedSince({ injected }: Meeting, logFile: string, databaseFile: string): boolean {
	if (injected.name !== "fdatasync") return false;
	return readStraceLog(logFile).some(
		({ name, file, result, atMs }) =>
			syncs.has(name) && result === 0 && file.startsWith(databaseFile) && atMs > injected.atMs,
	);
}

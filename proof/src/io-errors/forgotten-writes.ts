/**
 * The disk after an error: what was written and not synced since is gone. strace makes a call fail without making it,
 * and the page cache keeps the bytes; a kernel may drop them after a failed sync.
 *
 * A log (the WAL) grows from its first byte, and begins anew with a write at its first byte once SQLite has synced
 * what was in it elsewhere. So what a disk must have is a prefix:
 *
 *     writes   [head][frame][frame][frame][frame][frame]
 *     sync                  ^ began here, of whichever process
 *     left     [head][frame]
 */
import { closeSync, copyFileSync, existsSync, openSync, statSync, truncateSync, writeSync } from "node:fs";
import { readStraceLog, type TracedCall } from "./strace-log.ts";

/** To be traced for it. */
export const tracedForWrites = "fdatasync,fsync,pwrite64";
export const syncs: ReadonlySet<string> = new Set(["fdatasync", "fsync"]);

/**
 * Copies a database that nobody writes, and takes off what is not certainly on the disk. Of its log, so many bytes were
 * there before the first of these calls.
 * @returns the bytes that it took off.
 */
export function forgetUnsynced(
	databaseFile: string,
	logFiles: readonly string[],
	copy: string,
	bytesBefore = 0,
): number {
	const walFile = `${databaseFile}-wal`;
	const calls = logFiles.flatMap(readStraceLog).filter(({ file }) => file === walFile);
	copyFileSync(databaseFile, copy);
	// Whoever failed while it started may have closed it, and taken it away.
	if (!existsSync(walFile)) return 0;
	copyFileSync(walFile, `${copy}-wal`);
	const bytes = statSync(walFile).size;
	const bytesKept = Math.min(bytes, extent(calls, bytesBefore).synced);
	truncateSync(`${copy}-wal`, bytesKept);
	return bytes - bytesKept;
}

/**
 * Takes it off under processes that are about to end: zeros stand there, as in blocks that were never written.
 * @returns the bytes that it took off.
 */
export function dropUnsynced(databaseFile: string, logFiles: readonly string[], bytesBefore = 0): number {
	const walFile = `${databaseFile}-wal`;
	const calls = logFiles.flatMap(readStraceLog).filter(({ file }) => file === walFile);
	const { synced, written } = extent(calls, bytesBefore);
	const descriptor = openSync(walFile, "r+");
	try {
		if (written > synced)
			writeSync(descriptor, new Uint8Array(written - synced), 0, written - synced, synced);
	} finally {
		closeSync(descriptor);
	}
	return written - synced;
}

/** Up to which byte a disk must have the log: all that was written when the last real sync began, or before. */
export function extent(
	calls: readonly TracedCall[],
	bytesBefore = 0,
): { readonly synced: number; readonly written: number } {
	let written = bytesBefore;
	let synced = bytesBefore;
	for (const { name, result, numbers } of calls.toSorted((one, other) => one.atMs - other.atMs)) {
		const [length, offset] = numbers.slice(-2);
		if (result === undefined) continue;
		if (syncs.has(name)) synced = written;
		else if (name !== "pwrite64") continue;
		else if (offset === 0) [written, synced] = [Number(length), 0];
		else written = Math.max(written, Number(offset) + Number(length));
	}
	return { synced, written };
}

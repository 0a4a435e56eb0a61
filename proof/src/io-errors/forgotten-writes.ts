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
import { copyFileSync, statSync, truncateSync } from "node:fs";
import { readStraceLog, type TracedCall } from "./strace-log.ts";

/** To be traced for it. */
export const tracedForWrites = "fdatasync,fsync,pwrite64";

/**
 * Copies a database that nobody writes, and takes off what is not certainly on the disk.
 * @returns the bytes that it took off.
 */
export function forgetUnsynced(databaseFile: string, logFiles: readonly string[], copy: string): number {
	const walFile = `${databaseFile}-wal`;
	const calls = logFiles.flatMap(readStraceLog).filter(({ file }) => file === walFile);
	copyFileSync(databaseFile, copy);
	copyFileSync(walFile, `${copy}-wal`);
	const bytes = statSync(walFile).size;
	const bytesKept = Math.min(bytes, syncedBytes(calls));
	truncateSync(`${copy}-wal`, bytesKept);
	return bytes - bytesKept;
}

/** How long the log is that a disk must have: all that was written when the last real sync began. */
export function syncedBytes(calls: readonly TracedCall[]): number {
	let writtenBytes = 0;
	let bytes = 0;
	for (const { name, result, numbers } of calls.toSorted((one, other) => one.atMs - other.atMs)) {
		const [length, offset] = numbers.slice(-2);
		if (result === undefined) continue;
		if (name !== "pwrite64") bytes = writtenBytes;
		else if (offset === 0) [writtenBytes, bytes] = [Number(length), 0];
		else writtenBytes = Math.max(writtenBytes, Number(offset) + Number(length));
	}
	return bytes;
}

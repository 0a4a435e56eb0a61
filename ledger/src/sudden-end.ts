/**
 * The end of a process that leaves its files as they are.
 *
 * process.exit() lets Bun close SQLite. The last connection to close syncs the WAL, copies it into the db file and
 * begins it anew: right after a drain, wrong after a sync that failed. The kernel may have dropped what it could not
 * write, says so only once, and the second sync succeeds; what is copied then is no longer what was committed. The
 * next start reads the WAL as it is on the disk, and believes none of it without its checksum.
 */
import { dlopen, FFIType } from "bun:ffi";

/** _exit(2): no exit handler runs, no file is closed but by the kernel. */
const symbols = { _exit: { args: [FFIType.i32], returns: FFIType.void } } as const;

/** Ends at once with `code`, or as by SIGKILL where there is no glibc. What is to be said has to be written before. */
export function endSuddenly(code: number): never {
	try {
		dlopen("libc.so.6", symbols).symbols._exit(code);
	} catch {
		// Not Linux, or not glibc: the signal leaves as little time.
	}
	process.kill(process.pid, "SIGKILL");
	throw new Error("a process goes on after SIGKILL");
}

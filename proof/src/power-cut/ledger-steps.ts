/**
 * Where each ledger process is, by the last call that it made to its files.
 *
 * A checkpoint is two steps, PASSIVE and RESTART (docs/durability.md), and the log begins anew with the first commit
 * after it. SQLite syncs with fsync, the ledger's acknowledgements wait for fdatasync:
 *
 *     log sync   pages…      between    late pages…   file sync  | header   header sync  frames…   acknowledgement
 *     fsync(wal) pwrite(db)  fsync(wal) pwrite(db)    fsync(db)  | pwrite   fsync(wal)   pwrite    fdatasync(wal)
 *     [..... PASSIVE .....]  [........ RESTART ..............]   | [.. the first commit of the log that begins anew ..]
 *
 * RESTART syncs the log only when somebody has committed since; otherwise PASSIVE has synced the db file itself.
 */
import type { FileCall } from "./file-calls.ts";

export type Step =
	| "log sync"
	| "pages"
	| "between"
	| "late pages"
	| "file sync"
	| "header"
	| "header sync"
	| "frames"
	| "acknowledgement";

/** The log's own header, at its beginning (sqlite.org/fileformat2.html#walformat). */
const headerBytes = 32;

export class LedgerSteps {
	/** By thread. */
	readonly #steps = new Map<number, Step>();
	/** Acknowledgements that have begun to wait since the log began anew; Infinity before it did. */
	commitsOfLog = Number.POSITIVE_INFINITY;

	/** @returns where the caller is with it. */
	follow(call: FileCall): Step {
		const step = stepAfter(this.#steps.get(call.threadId), call);
		this.#steps.set(call.threadId, step);
		if (step === "header") this.commitsOfLog = 0;
		if (step === "acknowledgement") this.commitsOfLog += 1;
		return step;
	}

	/** Undefined before its first call. */
	stepOf(threadId: number): Step | undefined {
		return this.#steps.get(threadId);
	}
}

function stepAfter(previous: Step | undefined, { name, file, bytes, offset }: FileCall): Step {
	const isLog = file.endsWith("-wal");
	if (name === "fdatasync") return "acknowledgement";
	if (name === "fsync") {
		if (!isLog) return "file sync";
		if (previous === "header") return "header sync";
		return previous === "pages" ? "between" : "log sync";
	}
	if (!isLog) return previous === "between" || previous === "late pages" ? "late pages" : "pages";
	return bytes === headerBytes && offset === 0 ? "header" : "frames";
}

/**
 * What the ledger processes do to their files, call by call, as strace tells it while they do it. A call can be
 * held up on its way in or out, so that somebody who follows arrives while it lasts.
 */
import { closeSync, fstatSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";

type CallName = "pwrite64" | "fsync" | "fdatasync" | "ftruncate";

export interface FileCall {
	/** Of its thread; SQLite's calls are all made by a process's first one. */
	readonly threadId: number;
	readonly name: CallName;
	readonly file: string;
	/** pwrite64 only; else 0. */
	readonly bytes: number;
	readonly offset: number;
}

export interface Watch {
	/** Calls to other files are not told. */
	readonly files: readonly string[];
	readonly calls: readonly CallName[];
	/** "enter": it is told, and begins later. "exit": it is done, told, and returns later. */
	readonly hold?: { readonly calls: readonly CallName[]; readonly at: "enter" | "exit"; readonly ms: number };
}

/** A call is told when it begins, so a line may lack its end. */
const callPattern =
	/^(\d+) +(pwrite64|fsync|fdatasync|ftruncate)\(\d+<([^>]*)>(?:, ""(?:\.\.\.)?, (\d+), (\d+))?/;

export class FileCalls implements Disposable {
	readonly #path: string;
	readonly #descriptor: number;
	readonly #decoder = new TextDecoder();
	#read = 0;
	#line = "";
	/** The call of the unfinished line is told already. */
	#isTold = false;

	/** Follows what strace writes into this file, which is begun anew. */
	constructor(path: string) {
		this.#path = path;
		writeFileSync(path, "");
		this.#descriptor = openSync(path, "r");
	}

	/** To be put before a command. */
	strace({ files, calls, hold }: Watch): string[] {
		const options = ["-f", "--seccomp-bpf", "-qq", "-y", "-s", "0", "-o", this.#path, "-e", "signal=none"];
		const paths = files.flatMap((file) => ["-P", file]);
		const holding =
			hold === undefined ? [] : ["-e", `inject=${hold.calls.join(",")}:delay_${hold.at}=${hold.ms * 1000}`];
		return ["strace", ...options, ...paths, "-e", `trace=${calls.join(",")}`, ...holding, "--"];
	}

	/** Those that have begun since it was asked last. */
	next(): FileCall[] {
		const unread = Buffer.alloc(Math.max(0, fstatSync(this.#descriptor).size - this.#read));
		const bytes = readSync(this.#descriptor, unread, 0, unread.length, this.#read);
		this.#read += bytes;
		const lines = (this.#line + this.#decoder.decode(unread.subarray(0, bytes), { stream: true })).split(
			"\n",
		);
		this.#line = lines.pop() as string;
		const calls = lines.flatMap((line, index) => (index === 0 && this.#isTold ? [] : readCall(line)));
		if (lines.length > 0) this.#isTold = false;
		if (!this.#isTold) {
			const begun = readCall(this.#line);
			this.#isTold = begun.length > 0;
			calls.push(...begun);
		}
		return calls;
	}

	[Symbol.dispose](): void {
		closeSync(this.#descriptor);
		rmSync(this.#path, { force: true });
	}
}

/** None or one. */
function readCall(line: string): FileCall[] {
	const [, threadId, name, file, bytes, offset] = callPattern.exec(line) ?? [];
	if (threadId === undefined || (name === "pwrite64" && offset === undefined)) return [];
	return [
		{
			threadId: Number(threadId),
			name: name as CallName,
			file: file as string,
			bytes: Number(bytes ?? 0),
			offset: Number(offset ?? 0),
		},
	];
}

/**
 * What was done to the ledger's files in the course of a run: each change of a file, each of a name in the folder, and
 * each sync. When something is durable follows from the order alone, see disk.ts.
 */
import { dirname } from "node:path";
import type { Effect } from "./contents.ts";
import type { Call } from "./trace.ts";

/** The -shm is not among them: it is never synced, and made anew from the log. */
export const suffixes = ["", "-wal", "-journal"] as const;
export type Suffix = (typeof suffixes)[number];

/** From the line in which it was seen to begin to the one in which it was seen to end. */
export interface Span {
	readonly startedAt: number;
	readonly endedAt: number;
}

export interface Change extends Span {
	readonly effect: Effect;
}

export interface Sync extends Span {
	/** fsync or fdatasync. */
	readonly call: string;
}

/** A file by its inode: a name that is removed and made again stands for two of them. */
export interface RecordedFile {
	readonly suffix: Suffix;
	/** What was in it when the run began. */
	readonly start: Buffer;
	readonly changes: readonly Change[];
	readonly syncs: readonly Sync[];
}

/** A name that begins to stand for a file, or for none. */
export interface NameChange extends Span {
	readonly suffix: Suffix;
	readonly file: RecordedFile | undefined;
}

export interface DiskHistory {
	readonly files: readonly RecordedFile[];
	/** Those that were there when the run began. */
	readonly present: readonly RecordedFile[];
	readonly names: readonly NameChange[];
	/** Of the folder. */
	readonly syncs: readonly Sync[];
}

interface GrowingFile extends RecordedFile {
	readonly changes: Change[];
	readonly syncs: Sync[];
}

/** Neither changes what a file holds, nor promises anything. */
const harmless = new Set(["recvfrom", "recvmsg"]);

/** Files by their names. */
export type StartFiles = ReadonlyMap<Suffix, Buffer>;

/**
 * Of a run that began with these files, and all of them on the disk.
 * @throws {Misunderstood} a file was changed in a way that is not played here, or may have been.
 */
export function diskHistory(calls: readonly Call[], databaseFile: string, start: StartFiles): DiskHistory {
	const history = new Recorder(databaseFile, start);
	for (const call of calls) history.add(call);
	return history;
}

class Recorder implements DiskHistory {
	readonly files: GrowingFile[] = [];
	readonly present: readonly GrowingFile[];
	readonly names: NameChange[] = [];
	readonly syncs: Sync[] = [];
	readonly #suffixes: ReadonlyMap<string, Suffix>;
	readonly #folder: string;
	readonly #named = new Map<Suffix, GrowingFile>();

	constructor(databaseFile: string, start: StartFiles) {
		this.#suffixes = new Map(suffixes.map((suffix) => [databaseFile + suffix, suffix]));
		this.#folder = dirname(databaseFile);
		this.present = [...start].map(([suffix, bytes]) => this.#create(suffix, bytes));
	}

	add(call: Call): void {
		const { name, target } = call;
		if (name === "openat" || name === "open") this.#open(call);
		else if (/^(unlink|rename)/.test(name)) this.#rename(call);
		else if (name === "fsync" && target === this.#folder) this.#sync(this.syncs, call);
		else if (this.#suffixes.has(target)) this.#touch(call, this.#suffixes.get(target) as Suffix);
	}

	#open(call: Call): void {
		const suffix = this.#suffixes.get(String(call.strings[0]));
		const [flags = ""] = call.rest;
		if (suffix === undefined || !(call.result >= 0)) return;
		if (flags.includes("O_TRUNC")) throw misunderstood(call);
		if (!flags.includes("O_CREAT") || this.#named.has(suffix)) return;
		const file = this.#create(suffix, Buffer.alloc(0));
		this.names.push({ suffix, file, startedAt: call.startedAt, endedAt: call.endedAt });
	}

	#create(suffix: Suffix, start: Buffer): GrowingFile {
		const file = { suffix, start, changes: [], syncs: [] };
		this.files.push(file);
		this.#named.set(suffix, file);
		return file;
	}

	#rename(call: Call): void {
		const touched = call.strings.map((path) => this.#suffixes.get(String(path)));
		const suffix = touched.find((one) => one !== undefined);
		if (suffix === undefined || call.result < 0) return;
		if (!call.name.startsWith("unlink") || Number.isNaN(call.result)) throw misunderstood(call);
		this.#named.delete(suffix);
		this.names.push({ suffix, file: undefined, startedAt: call.startedAt, endedAt: call.endedAt });
	}

	#touch(call: Call, suffix: Suffix): void {
		const file = this.#named.get(suffix);
		if (harmless.has(call.name) || call.result < 0) return;
		if (file === undefined || call.isDeleted) throw misunderstood(call);
		if (call.name === "fsync" || call.name === "fdatasync") this.#sync(file.syncs, call);
		else file.changes.push(changeOf(call));
	}

	/** One that did not end well promises nothing. */
	#sync(syncs: Sync[], { name, startedAt, endedAt, result }: Call): void {
		if (result === 0) syncs.push({ call: name, startedAt, endedAt });
	}
}

function changeOf(call: Call): Change {
	const { result, startedAt, endedAt } = call;
	// A process that was killed meanwhile may have done it, or a part of it.
	if (Number.isNaN(result)) throw misunderstood(call);
	return { effect: effectOf(call), startedAt, endedAt };
}

function effectOf(call: Call): Effect {
	const { name, strings, rest, result } = call;
	const last = Number(rest.at(-1));
	const [data] = strings;
	if (!Number.isSafeInteger(last)) throw misunderstood(call);
	if (name === "ftruncate") return { kind: "size", bytes: last };
	if (name !== "pwrite64" || strings.length !== 1 || data === undefined) throw misunderstood(call);
	return { kind: "write", offset: last, data: data.subarray(0, result) };
}

/** It can't be known what a trace says was done. */
export class Misunderstood extends Error {}

function misunderstood({ name, target, rest, result, startedAt }: Call): Misunderstood {
	return new Misunderstood(
		`line ${startedAt} of the trace can't be played: ${name} of ${target} with ${rest.join(", ")} = ${result}`,
	);
}

/**
 * The disk at a moment of a recorded run: what is certainly on it, and what was written since and may be.
 *
 * A change may reach the disk from the instant at which its call began. A sync makes durable what had ended before it
 * began, and that only once it has ended:
 *
 *     write  a──a      b────b                       c──c
 *     sync          S──────────S
 *     moment                     ↑ a is durable, b is not: it had not ended when the sync began
 */
import { Contents, type Effect } from "./contents.ts";
import {
	type Change,
	type DiskHistory,
	type NameChange,
	type RecordedFile,
	type Span,
	type Suffix,
	suffixes,
} from "./disk-history.ts";

/** Changes of one thing, that syncs make durable. */
class Queue<T extends Span> {
	/** Begun, and not durable; in the order in which they began. */
	pending: T[] = [];
	readonly #changes: readonly T[];
	readonly #syncs: readonly Span[];
	#begun = 0;
	#synced = 0;

	constructor(changes: readonly T[], syncs: readonly Span[]) {
		this.#changes = changes;
		this.#syncs = syncs.toSorted((one, other) => one.endedAt - other.endedAt);
	}

	advance(moment: number, begin: (change: T) => void, settle: (change: T) => void): void {
		while (isBefore(this.#changes[this.#begun]?.startedAt, moment)) {
			const change = this.#changes[this.#begun++] as T;
			this.pending.push(change);
			begin(change);
		}
		while (isBefore(this.#syncs[this.#synced]?.endedAt, moment))
			this.#settle(this.#syncs[this.#synced++] as Span, settle);
	}

	#settle({ startedAt }: Span, settle: (change: T) => void): void {
		const left: T[] = [];
		for (const change of this.pending) {
			if (change.endedAt < startedAt) settle(change);
			else left.push(change);
		}
		this.pending = left;
	}
}

function isBefore(time: number | undefined, moment: number): boolean {
	return time !== undefined && time < moment;
}

export class FileOnDisk {
	/** What is certainly on the disk. */
	readonly durable = new Contents();
	/** What the processes see. */
	readonly seen = new Contents();
	readonly #queue: Queue<Change>;

	constructor({ start, changes, syncs }: RecordedFile) {
		for (const contents of [this.durable, this.seen]) contents.write(0, start);
		this.#queue = new Queue(changes, syncs);
	}

	get pending(): readonly Effect[] {
		return this.#queue.pending.map(({ effect }) => effect);
	}

	get pendingCount(): number {
		return this.#queue.pending.length;
	}

	advance(moment: number): void {
		this.#queue.advance(
			moment,
			({ effect }) => this.seen.apply(effect),
			({ effect }) => this.durable.apply(effect),
		);
	}
}

type Names = Map<Suffix, RecordedFile>;

export class Disk {
	readonly #files: ReadonlyMap<RecordedFile, FileOnDisk>;
	readonly #names: Queue<NameChange>;
	readonly #durable: Names;

	constructor({ files, present, names, syncs }: DiskHistory) {
		this.#durable = new Map(present.map((file) => [file.suffix, file]));
		this.#files = new Map(files.map((file) => [file, new FileOnDisk(file)]));
		this.#names = new Queue(names, syncs);
	}

	/** To just before a line; never back. */
	advance(moment: number): void {
		for (const file of this.#files.values()) file.advance(moment);
		this.#names.advance(
			moment,
			() => undefined,
			(change) => rename(this.#durable, change),
		);
	}

	/** Writes, and changes of names, that a power cut may take. */
	get pendingCount(): number {
		let count = this.#names.pending.length;
		for (const { pendingCount } of this.#files.values()) count += pendingCount;
		return count;
	}

	/** By their names, if of the names that are not durable those are kept that `keeps` says. */
	filesNamed(keeps: () => boolean): Map<Suffix, FileOnDisk> {
		const names: Names = new Map(this.#durable);
		for (const change of this.#names.pending) if (keeps()) rename(names, change);
		return new Map(
			suffixes.flatMap((suffix) => {
				const file = names.get(suffix);
				return file === undefined ? [] : [[suffix, this.#files.get(file) as FileOnDisk] as const];
			}),
		);
	}
}

function rename(names: Names, { suffix, file }: NameChange): void {
	if (file === undefined) names.delete(suffix);
	else names.set(suffix, file);
}

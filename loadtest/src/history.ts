/**
 * The history of a run: every operation with a view or an effect, on disk, so that the generator's memory
 * doesn't grow with the run. Read once afterwards, in the order in which the operations ended.
 *
 *     block    [watermark][words] record record …              128 KiB at most
 *     record   [invoked][ended][balance][number, meta] entries   words of 8 bytes, 4 + 0 to 10 of them
 *
 * A block's watermark is the earliest invocation among the operations that were in flight when it was full:
 * whatever was invoked before it stands in this block or an earlier one. So the reader can check as it reads.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Unusable } from "./accounts.ts";
import type { Observation, Outcome, Token } from "./operation.ts";

const blockWords = 2 ** 14;
const headWords = 2;
const recordWords = 4;
const recordWordsMax = recordWords + 10;
const outcomes: readonly Observation["outcome"][] = ["posted", "refused", "shown", "unknown"];
const outcomeCodes = { posted: 0, refused: 1, shown: 2, unknown: 3 } as const;
const none: readonly Token[] = [];

/** What a record says by itself; the rest follows from the operation's number. */
export interface HistoryRecord {
	readonly number: number;
	readonly outcome: Observation["outcome"];
	readonly invokedAtMs: number;
	/** Infinity for unknown. */
	readonly endedAtMs: number;
	readonly balance: number;
	readonly entries: readonly Token[];
}

export class History {
	/** Why the history isn't whole; then nothing can be proven from it. */
	failure: string | undefined;
	/** Records of posted, refused, shown and unknown. */
	records = 0;

	readonly #file: number;
	readonly #earliestInvocation: () => number;
	readonly #words = new Float64Array(blockWords);
	readonly #halves = new Uint32Array(this.#words.buffer);
	#used = headWords;
	/** Bytes of whole blocks in the file. */
	#written = 0;

	/**
	 * Makes a file in the system's folder for temporary files, and takes its name away at once: so it is gone
	 * with this process, however that ends, and with close().
	 * `earliestInvocation` tells when the oldest operation in flight was invoked, Infinity when there is none.
	 * @throws {Unusable} there is no such folder, or it takes no file.
	 */
	constructor(earliestInvocation: () => number) {
		this.#earliestInvocation = earliestInvocation;
		this.#file = openNameless(tmpdir());
	}

	/** `endedAtMs` is Infinity for unknown. */
	record(
		number: number,
		outcome: Exclude<Outcome, "nothing">,
		invokedAtMs: number,
		endedAtMs: number,
		balance: number,
		entries: readonly Token[],
	): void {
		this.records += 1;
		const words = this.#words;
		let at = this.#used;
		words[at] = invokedAtMs;
		words[at + 1] = endedAtMs;
		words[at + 2] = balance;
		this.#halves[2 * at + 6] = number;
		this.#halves[2 * at + 7] = outcomeCodes[outcome] | (entries.length << 8);
		at += recordWords;
		for (const token of entries) words[at++] = token;
		this.#used = at;
		if (at + recordWordsMax > blockWords) this.#flush();
	}

	/**
	 * Everything recorded so far, block by block: `onRecord` for each record, then `onWatermark`, before which
	 * nothing else will follow, and which may return false to end it. Leaves the event loop a turn after each block.
	 */
	async read(
		onRecord: (record: HistoryRecord) => void,
		onWatermark: (watermarkMs: number) => boolean,
	): Promise<void> {
		this.#flush();
		const words = new Float64Array(blockWords);
		const halves = new Uint32Array(words.buffer);
		for (let position = 0; position < this.#written; ) {
			if (this.failure !== undefined || !this.#readBlock(words, position)) return;
			const used = words[1] as number;
			giveRecords(words, halves, used, onRecord);
			if (!onWatermark(words[0] as number)) return;
			position += used * 8;
			await new Promise((resolve) => setImmediate(resolve));
		}
	}

	close(): void {
		closeSync(this.#file);
	}

	#readBlock(words: Float64Array, position: number): boolean {
		try {
			const length = readSync(this.#file, words, 0, words.byteLength, position);
			if (length < headWords * 8 || length < (words[1] as number) * 8) this.failure = "its file was cut";
		} catch (error) {
			this.failure = `its file could not be read (${(error as NodeJS.ErrnoException).code})`;
		}
		return this.failure === undefined;
	}

	/** Into the page cache, once in some 3,500 requests: cheaper than a thread. Larger blocks make the reader's heap grow. */
	#flush(): void {
		if (this.#used > headWords && this.failure === undefined) {
			this.#words[0] = this.#earliestInvocation();
			this.#words[1] = this.#used;
			this.#write(new Uint8Array(this.#words.buffer, 0, this.#used * 8));
		}
		this.#used = headWords;
	}

	#write(bytes: Uint8Array): void {
		try {
			for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done);
			this.#written += bytes.length;
		} catch (error) {
			this.failure = `its file could not be written (${(error as NodeJS.ErrnoException).code})`;
		}
	}
}

function openNameless(parent: string): number {
	let folder: string | undefined;
	try {
		folder = mkdtempSync(join(parent, "crebito-history-"));
		return openSync(join(folder, "history"), "wx+");
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		throw new Unusable(`the history can't be written to ${parent} (${code}): set TMPDIR to another folder`);
	} finally {
		if (folder !== undefined) rmSync(folder, { recursive: true });
	}
}

function giveRecords(
	words: Float64Array,
	halves: Uint32Array,
	used: number,
	onRecord: (record: HistoryRecord) => void,
): void {
	for (let at = headWords; at < used; ) {
		const meta = halves[2 * at + 7] as number;
		const entriesCount = meta >>> 8;
		const end = at + recordWords + entriesCount;
		onRecord({
			number: halves[2 * at + 6] as number,
			outcome: outcomes[meta & 0xff] as Observation["outcome"],
			invokedAtMs: words[at] as number,
			endedAtMs: words[at + 1] as number,
			balance: words[at + 2] as number,
			entries: entriesCount === 0 ? none : Array.from(words.subarray(at + recordWords, end)),
		});
		at = end;
	}
}

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

	readonly #folder: string;
	readonly #file: number;
	readonly #earliestInvocation: () => number;
	readonly #words = new Float64Array(blockWords);
	readonly #halves = new Uint32Array(this.#words.buffer);
	#used = headWords;

	/**
	 * Makes a file in the system's folder for temporary files, which close() removes.
	 * `earliestInvocation` tells when the oldest operation in flight was invoked, Infinity when there is none.
	 */
	constructor(earliestInvocation: () => number) {
		this.#earliestInvocation = earliestInvocation;
		this.#folder = mkdtempSync(join(tmpdir(), "crebito-history-"));
		this.#file = openSync(join(this.#folder, "history"), "wx+");
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
		for (let position = 0; this.failure === undefined; ) {
			const head = readSync(this.#file, words, 0, headWords * 8, position);
			if (head === 0) return;
			const used = words[1] as number;
			const length = (used - headWords) * 8;
			const bytes = new Uint8Array(words.buffer, headWords * 8, length);
			if (readSync(this.#file, bytes, 0, length, position + headWords * 8) !== length)
				this.failure = "its file was cut";
			else {
				readBlock(words, halves, used, onRecord);
				if (!onWatermark(words[0] as number)) return;
			}
			position += used * 8;
			await new Promise((resolve) => setImmediate(resolve));
		}
	}

	close(): void {
		closeSync(this.#file);
		rmSync(this.#folder, { recursive: true, force: true });
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
		} catch (error) {
			this.failure = `its file could not be written (${(error as NodeJS.ErrnoException).code})`;
		}
	}
}

function readBlock(
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

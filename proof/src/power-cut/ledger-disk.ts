/**
 * The disk under attack with the ledger's file on it, and the books as they were found after the last cut: what the
 * next history begins with.
 */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Books, readBooks } from "../books.ts";
import type { Random } from "../random.ts";
import { CuttableDisk, writeBack } from "./cuttable-disk.ts";

/** Sparse; a ledger with its log at its largest, twice. */
const diskBytes = 256_000_000;
const logMbMax = 32;

/** The ledger doesn't start on what a cut has left. */
export class LedgerUnusable extends Error {}

/** Nobody can read what a cut has left. */
export class BooksUnreadable extends LedgerUnusable {}

export class LedgerDisk implements AsyncDisposable {
	/** Undefined when there is no ledger yet, or one that was never served. */
	books: Books | undefined;
	/** For sockets and traces; not on the disk. */
	readonly place: string;
	readonly #disk: CuttableDisk;
	#folders = 0;

	private constructor(place: string, disk: CuttableDisk) {
		this.place = place;
		this.#disk = disk;
	}

	/** In this folder; to be disposed of, whatever happens. */
	static async create(place: string): Promise<LedgerDisk> {
		const disk = await CuttableDisk.create(place, diskBytes);
		// TMPDIR of the stack: what is killed leaves its sockets there.
		mkdirSync(join(place, "run"), { recursive: true });
		return new LedgerDisk(place, disk);
	}

	/** Made by whoever serves it. */
	get dataFolder(): string {
		return join(this.#disk.folder, `data-${this.#folders}`);
	}

	get databaseFile(): string {
		return join(this.dataFolder, "ledger.db");
	}

	/** The ledger's file and its log, by the names that a trace has for them. */
	get files(): readonly [database: string, log: string] {
		return [this.databaseFile, `${this.databaseFile}-wal`];
	}

	/** The next ledger is another one, in a folder that isn't there yet. */
	renew(): void {
		for (const name of readdirSync(this.#disk.folder))
			if (name.startsWith("data-")) rmSync(join(this.#disk.folder, name), { recursive: true });
		this.#folders += 1;
		this.books = undefined;
	}

	cutPower(): void {
		this.#disk.cutPower();
	}

	/** Some pages of both files reach the disk before their turn, in whatever order: the kernel is free to do that. */
	writeSomeBack(random: Random): void {
		const pageBytes = 4096;
		for (let count = random.below(4); count > 0; count -= 1)
			writeBack(random.pick(this.files), random.below(256) * pageBytes, random.between(1, 32) * pageBytes);
	}

	/**
	 * The power is back; the books are read as the disk has them, before any ledger gets to recover them.
	 * @throws {BooksUnreadable}
	 */
	async reconnect(): Promise<Books> {
		await this.#disk.reconnect();
		try {
			this.books = readBooks(this.databaseFile);
			return this.books;
		} catch (error) {
			throw new BooksUnreadable(`the books can't be read after a power cut: ${(error as Error).message}`);
		}
	}

	/** The same without a look at the books. */
	async reconnectUnread(): Promise<void> {
		await this.#disk.reconnect();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#disk.close();
	}
}

/** Small ones are checkpointed all the time, large ones leave much to recover. */
export function drawLogMb(random: Random): number {
	return random.chance(0.5) ? 1 : logMbMax;
}

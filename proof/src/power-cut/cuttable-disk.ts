/**
 * A disk whose power can be cut: an ext4 in a file, mounted by way of a loop device.
 *
 * cutPower() is the ioctl EXT4_IOC_SHUTDOWN with NOLOGFLUSH: from that instant on nothing reaches the file any more,
 * neither the pages that wait in the kernel's cache nor the file system's own journal, and every sync fails. What
 * the file holds then is what a disk would hold, once nobody uses it: reconnect() mounts it again, which replays
 * ext4's journal as a boot does.
 *
 *     write  sync  write  write   cutPower()   kill -9   reconnect()
 *     [...... kept ......][ as the kernel pleased ][gone]          what is kept is there
 */
import { dlopen } from "bun:ffi";
import {
	closeSync,
	existsSync,
	fstatSync,
	mkdirSync,
	openSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ProofError } from "../place.ts";

/** _IOR('X', 125, __u32), from the kernel's ext4.h. */
const shutdownRequest = 0x8004587dn;
/** EXT4_GOING_FLAGS_NOLOGFLUSH. */
const withoutFlush = 2;
/** SYNC_FILE_RANGE_WRITE and SYNC_FILE_RANGE_WAIT_AFTER: the pages only, not the disk's cache or any metadata. */
const writeAndWait = 2 | 4;

/** Those who were killed a moment ago may still hold a file for an instant. */
const unmountTriesMax = 200;
const unmountRetryMs = 10;

/** mkfs and mount are not always in a user's PATH. */
const path = `${process.env.PATH ?? ""}:/usr/sbin:/sbin:/usr/local/sbin`;

/** Not before it is needed: other systems have none by this name. */
function openLibc() {
	return dlopen("libc.so.6", {
		ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" },
		sync_file_range: { args: ["i32", "i64", "i64", "u32"], returns: "i32" },
	}).symbols;
}

let opened: ReturnType<typeof openLibc> | undefined;

function libc() {
	opened ??= openLibc();
	return opened;
}

export class CuttableDisk implements AsyncDisposable {
	/** Where it is mounted; always the same folder. */
	readonly folder: string;
	readonly #image: string;
	#isMounted = false;

	private constructor(place: string) {
		this.folder = join(place, "disk");
		this.#image = join(place, "disk.img");
	}

	/** An empty one, mounted at `disk` in this folder. To be closed, whatever happens. @throws {ProofError} */
	static async create(place: string, bytes: number): Promise<CuttableDisk> {
		const disk = new CuttableDisk(place);
		mkdirSync(disk.folder, { recursive: true });
		writeFileSync(disk.#image, "");
		truncateSync(disk.#image, bytes);
		// Whole from the beginning, or the kernel goes on making it while it is under attack.
		await run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", disk.#image);
		await disk.#mount();
		return disk;
	}

	/**
	 * From here on nothing reaches the disk, and every sync that begins fails. One that is under way may still claim
	 * success: whoever passes that on has to be stopped before (stand-still.ts).
	 */
	cutPower(): void {
		const descriptor = openSync(this.folder, "r");
		try {
			// Without it, the ioctl would shut down the disk that the folder lies on: this machine's own.
			if (fstatSync(descriptor).dev === statSync(dirname(this.folder)).dev)
				throw new Error(`${this.folder} is not mounted, so there is no power to cut`);
			succeed(
				"EXT4_IOC_SHUTDOWN",
				libc().ioctl(descriptor, shutdownRequest, new Uint32Array([withoutFlush])),
			);
		} finally {
			closeSync(descriptor);
		}
	}

	/** The power is back. Everybody who has a file open there has to be gone, or about to be. */
	async reconnect(): Promise<void> {
		await this.#unmount();
		await this.#mount();
	}

	/** Unmounts, and removes all of it. Whoever still has a file open there keeps that one, and nothing else. */
	async close(): Promise<void> {
		try {
			await this.#unmount();
		} catch {
			await run("umount", "--lazy", this.folder);
			this.#isMounted = false;
		}
		rmSync(this.#image, { force: true });
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.close();
	}

	async #mount(): Promise<void> {
		await run("mount", "-t", "ext4", "-o", "loop", this.#image, this.folder);
		this.#isMounted = true;
	}

	/** With it goes the loop device, which mount has made for this once. */
	async #unmount(): Promise<void> {
		for (let tries = 1; this.#isMounted; tries += 1) {
			try {
				await run("umount", this.folder);
				this.#isMounted = false;
			} catch (error) {
				if (tries === unmountTriesMax) throw error;
				await Bun.sleep(unmountRetryMs);
			}
		}
	}
}

/** Has the kernel write these bytes of a file, as it may at any time, without a promise of any kind. */
export function writeBack(file: string, offset: number, bytes: number): void {
	if (!existsSync(file)) return;
	const descriptor = openSync(file, "r");
	try {
		succeed("sync_file_range", libc().sync_file_range(descriptor, offset, bytes, writeAndWait));
	} finally {
		closeSync(descriptor);
	}
}

function succeed(name: string, result: number): void {
	if (result !== 0) throw new Error(`${name} failed`);
}

async function run(...command: string[]): Promise<void> {
	const child = Bun.spawn(command, { env: { PATH: path, LC_ALL: "C" }, stdio: ["ignore", "pipe", "pipe"] });
	const said = await child.stderr.text();
	if ((await child.exited) !== 0)
		throw new ProofError(`a disk of its own can't be had here: ${command.join(" ")}: ${said.trim()}`);
}

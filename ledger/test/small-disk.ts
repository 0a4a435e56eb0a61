/**
 * A disk of a few megabytes that can be filled to the last byte and emptied again: a tmpfs, or an ext4 in a
 * loop file. Needs root, and a kernel that lets root mount.
 */
import { closeSync, mkdirSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { durableFolder } from "./durable-folder.ts";

const mounted = new Set<SmallDisk>();

/** For afterEach, before its folders are removed: a test that failed may have left one. */
export function unmountSmallDisks(): void {
	for (const disk of mounted) disk.unmount();
}

export const diskKinds = ["tmpfs", "ext4"] as const;
export type DiskKind = (typeof diskKinds)[number];

export class SmallDisk {
	readonly folder: string;
	readonly #filler: string;

	/** @throws when this machine does not let us. */
	constructor(kind: DiskKind, megabytes: number) {
		const place = durableFolder();
		this.folder = join(place, "disk");
		this.#filler = join(this.folder, "filler");
		mkdirSync(this.folder);
		if (kind === "tmpfs") {
			run("mount", "-t", "tmpfs", "-o", `size=${megabytes}m`, "crebito-test", this.folder);
		} else {
			const image = join(place, "disk.img");
			run("truncate", "-s", `${megabytes}M`, image);
			// No blocks kept back for root: full is to mean full. Blocks of 4 KiB as larger disks have them: in smaller ones
			// SQLite's shared index has holes, and a full disk ends a process by SIGBUS (docs/durability.md).
			run("mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", image);
			run("mount", "-o", "loop", image, this.folder);
		}
		mounted.add(this);
	}

	/** Whether this machine can have one. */
	static possible(kind: DiskKind): boolean {
		try {
			new SmallDisk(kind, 8).unmount();
			return true;
		} catch {
			return false;
		}
	}

	/** Writes a file until nothing more fits. */
	fill(): void {
		const descriptor = openSync(this.#filler, "a");
		for (let size = 1 << 20; size >= 1; size >>= 3) {
			const zeros = new Uint8Array(size);
			while (writes(descriptor, zeros));
		}
		closeSync(descriptor);
	}

	free(): void {
		rmSync(this.#filler);
	}

	/** The caller has seen every process on it end. */
	unmount(): void {
		run("umount", this.folder);
		mounted.delete(this);
		rmdirSync(this.folder);
	}
}

function writes(descriptor: number, bytes: Uint8Array): boolean {
	try {
		return writeSync(descriptor, bytes) > 0;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOSPC") return false;
		throw error;
	}
}

function run(...command: string[]): void {
	const { success, stderr } = Bun.spawnSync(command, { stdout: "ignore", stderr: "pipe" });
	if (!success) throw new Error(`${command.join(" ")}: ${stderr.toString().trim()}`);
}

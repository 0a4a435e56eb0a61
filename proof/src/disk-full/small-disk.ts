/** An ext4 of a few megabytes in a loop file, which can be filled to the last byte and emptied again. */
import { closeSync, mkdirSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

export class SmallDisk implements Disposable {
	readonly folder: string;
	readonly #filler: string;
	#isMounted = true;

	/** @throws when this machine does not let us mount. */
	constructor(place: string, megabytes: number) {
		const image = join(place, "disk.img");
		this.folder = join(place, "disk");
		this.#filler = join(this.folder, "filler");
		mkdirSync(this.folder);
		run("truncate", "-s", `${megabytes}M`, image);
		// No blocks kept back for root: full is to mean full. Blocks of 4 KiB as larger disks have them: in smaller ones
		// SQLite's shared index has holes, and a full disk ends a process by SIGBUS (docs/durability.md).
		run("mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", image);
		run("mount", "-o", "loop", image, this.folder);
	}

	/** Writes a file until nothing more fits. */
	fill(): void {
		const descriptor = openSync(this.#filler, "a");
		try {
			for (let size = 1 << 20; size >= 1; size >>= 4) {
				const zeros = new Uint8Array(size);
				while (writes(descriptor, zeros));
			}
		} finally {
			closeSync(descriptor);
		}
	}

	free(): void {
		rmSync(this.#filler, { force: true });
	}

	/** Whoever is on it has been seen to end. */
	[Symbol.dispose](): void {
		if (!this.#isMounted) return;
		this.#isMounted = false;
		run("umount", this.folder);
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
	const PATH = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`;
	const { success, stderr } = Bun.spawnSync(command, { env: { PATH }, stdout: "ignore", stderr: "pipe" });
	if (!success) throw new Error(`${command.join(" ")}: ${stderr.toString().trim()}`);
}

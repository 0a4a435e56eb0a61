/**
 * Clocks of single processes that can be set while they run: libfaketime asks a file at each look at the clock how far
 * it is off. Only the wall clock is: nobody can set the monotonic one.
 */
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProofError } from "../place.ts";

/** Below them, as the distributions have it; the first one is safe in a program with threads. */
const libraryFolders = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib"];
const libraries = ["libfaketimeMT.so.1", "libfaketime.so.1"];

/** @throws {ProofError} there is none. */
export function findLibrary(folders: readonly string[] = libraryFolders): string {
	const present = folders.filter((folder) => existsSync(folder));
	const places = present.flatMap((folder) => [
		folder,
		...readdirSync(folder).map((name) => join(folder, name)),
	]);
	const paths = libraries.flatMap((library) => places.map((place) => join(place, "faketime", library)));
	const found = paths.find((path) => existsSync(path));
	if (found !== undefined) return found;
	throw new ProofError("clock can't be played here: libfaketime is missing: apt-get install libfaketime");
}

export class WallClock {
	readonly #library: string;
	readonly #file: string;
	/** Seconds that it is ahead of the machine's. */
	aheadSeconds = 0;

	/** It agrees with the machine's. */
	constructor(library: string, folder: string, name: string) {
		this.#library = library;
		this.#file = join(folder, `clock-${name}`);
		this.set(0);
	}

	/** For the process that is to go by it. */
	get environment(): Readonly<Record<string, string>> {
		return {
			LD_PRELOAD: this.#library,
			FAKETIME_TIMESTAMP_FILE: this.#file,
			FAKETIME_NO_CACHE: "1",
			FAKETIME_DONT_FAKE_MONOTONIC: "1",
		};
	}

	/** The process finds it at its next look. */
	set(aheadSeconds: number): void {
		// Whoever looks meanwhile finds one of the two.
		const fresh = `${this.#file}.fresh`;
		writeFileSync(fresh, `${aheadSeconds < 0 ? "" : "+"}${aheadSeconds}\n`);
		renameSync(fresh, this.#file);
		this.aheadSeconds = aheadSeconds;
	}
}

/** libfaketime's shared memory of a process that was killed and could not take it away itself. */
export function removeTraces(pid: number): void {
	for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`])
		rmSync(join("/dev/shm", name), { force: true });
}

/** Where an attack is played, and whether it can be: a folder on a disk whose sync means it, and what it needs. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diskFileSystem } from "../../ledger/bench/machine.ts";

/** What was typed or what is here can't be used; the message is one line. */
export class ProofError extends Error {}

/** Ignored by git; the repository lies on a disk more often than the temporary folder does. */
const dataFolder = join(import.meta.dir, "../../data");

/** In Debian; a program that isn't here is its package's name. */
const packages: Readonly<Record<string, string>> = {
	nginx: "nginx-light",
	"mkfs.ext4": "e2fsprogs",
	setpriv: "util-linux",
};

/** @throws {ProofError} */
export function makeProofFolder(): string {
	const place = [tmpdir(), "/var/tmp", dataFolder].find(isOnDisk);
	if (place === undefined)
		throw new ProofError("no folder on ext4, xfs or btrfs was found: set TMPDIR to one that is");
	const folder = mkdtempSync(join(place, "crebito-proof-"));
	// nginx's workers are somebody else.
	chmodSync(folder, 0o755);
	return folder;
}

/** Of these only the repository's own is made. */
function isOnDisk(path: string): boolean {
	if (path === dataFolder) mkdirSync(path, { recursive: true });
	if (!existsSync(path)) return false;
	return process.platform !== "linux" || diskFileSystem(path) !== undefined;
}

/** What an attack lacks here, in one sentence; undefined when it has all. */
export function missing(needs: readonly string[]): string | undefined {
	return needs.map(lack).find((sentence) => sentence !== undefined);
}

function lack(need: string): string | undefined {
	if (need === "linux") return process.platform === "linux" ? undefined : "it needs Linux";
	if (need === "root") return process.getuid?.() === 0 ? undefined : "it has to be run as root";
	const path = `${process.env.PATH ?? ""}:/usr/sbin:/sbin:/usr/local/sbin`;
	if (Bun.which(need, { PATH: path }) !== null) return undefined;
	return `${need} is missing: apt-get install ${packages[need] ?? need}`;
}

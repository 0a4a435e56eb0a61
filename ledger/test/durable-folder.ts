/**
 * A fresh folder on a file system that keeps what it synced: with DURABILITY=fsync the ledger starts on no
 * other, and a temp folder is often a tmpfs.
 */
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** ext4, xfs, btrfs by statfs(2)'s type, written a second time here so that the tests judge the ledger's list. */
const durableTypes = [0xef53, 0x58465342, 0x9123683e];

/** Ignored by git; the repository lies on a disk more often than the temp folder does. */
const dataFolder = fileURLToPath(new URL("../../data", import.meta.url));

const made: string[] = [];

/** For afterEach or afterAll: removes all that were made. (`bun test` runs no exit handlers.) */
export function removeDurableFolders(): void {
	for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** Its path is short enough for a Unix socket inside. */
export function durableFolder(): string {
	const folder = mkdtempSync(join(durablePlace(), "crebito-"));
	made.push(folder);
	return folder;
}

function durablePlace(): string {
	const given = process.env.DURABLE_FOLDER;
	const places = given ? [given] : [tmpdir(), "/var/tmp", dataFolder];
	const place = places.find(isDurable);
	if (place !== undefined) return place;
	throw new Error(
		`none of ${places.join(", ")} lies on ext4, xfs or btrfs: set DURABLE_FOLDER to a folder that does`,
	);
}

function isDurable(place: string): boolean {
	try {
		mkdirSync(place, { recursive: true });
		return process.platform !== "linux" || durableTypes.includes(statfsSync(place).type);
	} catch {
		return false;
	}
}

/** A small disk is full when it is full, and has room again; and a ledger on it is played with for one round. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FullDiskPlay } from "../src/disk-full/full-disk-play.ts";
import { SmallDisk } from "../src/disk-full/small-disk.ts";
import { makeProofFolder } from "../src/place.ts";
import { residentMemory } from "../src/processes.ts";
import { Random } from "../src/random.ts";

const everyPart = process.env.CI_ALL_PARTS === "1";

setDefaultTimeout(120_000);

/** Unmounted and removed whatever happens. */
async function withDisk(megabytes: number, use: (disk: SmallDisk, place: string) => void | Promise<void>) {
	const place = makeProofFolder();
	try {
		using disk = new SmallDisk(place, megabytes);
		await use(disk, place);
	} finally {
		rmSync(place, { recursive: true, force: true });
	}
}

async function canMount(): Promise<boolean> {
	try {
		await withDisk(8, () => undefined);
		return true;
	} catch {
		return false;
	}
}

const possible = everyPart || (await canMount());

describe.skipIf(!possible)("a small disk", () => {
	test("takes nothing more when it is full, and does when there is room", () =>
		withDisk(8, (disk) => {
			const file = join(disk.folder, "file");
			disk.fill();
			expect(() => writeFileSync(file, "x".repeat(4096))).toThrow("ENOSPC");
			disk.free();
			writeFileSync(file, "x".repeat(4096));
		}));

	test("that fills up under a ledger means 503 and nothing applied", () =>
		withDisk(48, async (disk, place) => {
			const folder = join(place, "run");
			mkdirSync(folder);
			await using play = new FullDiskPlay(disk, folder, new Random(1));
			await play.start();
			await play.fill();
			play.expectAlive();
			expect(await play.free(60_000)).toBe(true);
			await play.finish();
			expect(play.broken).toEqual([]);
			expect(play.count(503)).toBeGreaterThan(0);
			expect(play.observed.count("posted")).toBeGreaterThan(0);
		}));
});

test("a process's memory is asked of the kernel, and none is held by one that is gone", () => {
	const { megabytes, megabytesMax } = residentMemory(process.pid);
	expect(megabytes).toBeGreaterThan(1);
	expect(megabytesMax).toBeGreaterThanOrEqual(megabytes);
	expect(residentMemory(2 ** 30)).toEqual({ megabytes: 0, megabytesMax: 0 });
});

/** Files taken away: the ways do what they say, and the evidence is what was there before. */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keepEvidence, losses } from "../src/lost-files/loss.ts";
import { makeProofFolder } from "../src/place.ts";

const folders: string[] = [];
afterEach(() => {
	for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A db file and its log, which say which one they are. */
function files(): { place: string; databaseFile: string } {
	const place = makeProofFolder();
	folders.push(place);
	mkdirSync(join(place, "ledger"));
	const databaseFile = join(place, "ledger", "ledger.db");
	writeFileSync(databaseFile, "db");
	writeFileSync(`${databaseFile}-wal`, "log");
	writeFileSync(`${databaseFile}-shm`, "index");
	return { place, databaseFile };
}

function inodes(databaseFile: string, suffixes = ["", "-wal", "-shm"]): (number | undefined)[] {
	return suffixes.map((suffix) => statSync(databaseFile + suffix, { throwIfNoEntry: false })?.ino);
}

describe("a file is taken away:", () => {
	test.each(losses.map((loss) => [loss.about, loss] as const))("%s", (_, loss) => {
		const { place, databaseFile } = files();
		const before = inodes(databaseFile);
		const kept = keepEvidence(databaseFile, join(place, "kept"));
		const lose = loss.prepare(databaseFile);
		// Nothing has happened yet.
		expect(inodes(databaseFile)).toEqual(before);
		lose();
		expect(inodes(databaseFile)).not.toEqual(before);
		expect(inodes(kept, ["", "-wal"])).toEqual(before.slice(0, 2));
		expect(readFileSync(kept, "utf8")).toBe("db");
		expect(existsSync(`${kept}-wal`)).toBe(true);
	});
});

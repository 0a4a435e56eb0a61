/** I/O errors: what is read off strace's log, what a disk must still have, and one fault played for real. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readBooks } from "../src/books.ts";
import { FaultPlay, type FaultRun } from "../src/io-errors/fault-run.ts";
import { extent } from "../src/io-errors/forgotten-writes.ts";
import { conclude, drawFaults } from "../src/io-errors/io-errors.ts";
import { type Aftermath, faultCalls, faultyWords, ioFault } from "../src/io-errors/io-fault.ts";
import { parseStraceLog } from "../src/io-errors/strace-log.ts";
import { LedgerPair } from "../src/ledger-pair.ts";
import { makeProofFolder } from "../src/place.ts";
import { Random } from "../src/random.ts";
import { writeSeedFile } from "../src/thousand-accounts.ts";

/** Installed, and allowed to trace: containers often are not. */
const hasStrace = Bun.which("strace") !== null && Bun.spawnSync(["strace", "-f", "-q", "true"]).success;
const everyPart = process.env.CI_ALL_PARTS === "1";

setDefaultTimeout(120_000);

const folders: string[] = [];
afterEach(() => {
	for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function log(...lines: string[]) {
	return parseStraceLog(lines.map((line) => `${line}\n`).join(""), 0);
}

describe("strace's log", () => {
	test("tells each call's file, when it was made, and what it returned", () => {
		const [write, sync] = log(
			'7 10.5 pwrite64(6</d/l.db-wal>, "a, b) = 3"..., 2048, 56) = 2048',
			"9 10.7 fdatasync(8</d/l.db-wal>) = 0",
		);
		expect(write).toMatchObject({
			name: "pwrite64",
			file: "/d/l.db-wal",
			numbers: [2048, 56],
			result: 2048,
			atMs: 10_500,
		});
		expect(sync).toMatchObject({ name: "fdatasync", result: 0, isInjected: false });
	});

	test("puts a call that another thread interrupted together again", () => {
		const [sync, ...more] = log(
			"7 10.5 fdatasync(8</d/l.db-wal> <unfinished ...>",
			"9 10.6 exit_group(0) = ?",
			"7 10.9 <... fdatasync resumed>) = -1 EIO (Input/output error) (INJECTED)",
		);
		expect(sync).toMatchObject({ name: "fdatasync", result: undefined, isInjected: true, atMs: 10_500 });
		expect(more).toEqual([]);
	});

	test("holds no call whose line is not whole", () => {
		expect(parseStraceLog("7 10.5 fsync(8</d/l.db>) = ", 0)).toEqual([]);
	});
});

describe("what a disk must have of a log", () => {
	const write = (at: number, length: number, offset: number) =>
		`7 ${at}.0 pwrite64(6</d/l.db-wal>, "x"..., ${length}, ${offset}) = ${length}`;
	const sync = (at: number, result = "0") => `9 ${at}.0 fdatasync(8</d/l.db-wal>) = ${result}`;

	test("is what was written when the last sync began", () => {
		const calls = log(write(1, 32, 0), write(2, 100, 32), sync(3), write(4, 100, 132));
		expect(extent(calls)).toEqual({ synced: 132, written: 232 });
	});

	test("is no more for a sync that failed, or that strace made up", () => {
		const failed = ["-1 EIO (Input/output error) (INJECTED)", "0 (INJECTED)"];
		for (const result of failed)
			expect(extent(log(write(1, 32, 0), sync(2), write(3, 100, 32), sync(4, result)))).toEqual({
				synced: 32,
				written: 132,
			});
	});

	test("begins anew with the log", () => {
		const calls = log(write(1, 32, 0), write(2, 500, 32), sync(3), write(4, 32, 0), sync(5), write(6, 9, 32));
		expect(extent(calls)).toEqual({ synced: 32, written: 41 });
	});

	test("is what was there before the first call, until a sync covers more", () => {
		expect(extent([], 300)).toEqual({ synced: 300, written: 300 });
		expect(extent(log(write(1, 100, 300)), 300)).toEqual({ synced: 300, written: 400 });
		expect(extent(log(write(1, 32, 0)), 300)).toEqual({ synced: 0, written: 32 });
	});

	test("is no more for a db file that was cut", () => {
		const calls = log(write(1, 32, 0), "7 2.0 ftruncate(5</d/l.db>, 4096) = 0");
		expect(extent(calls)).toEqual({ synced: 0, written: 32 });
	});
});

describe("what is drawn", () => {
	test.each(["quick", "full"] as const)("is the same for the same seed, in the %s form", (form) => {
		expect(drawFaults({ form, seed: 7 })).toEqual(drawFaults({ form, seed: 7 }));
	});

	test("holds each n up to 300 in full", () => {
		const faults = drawFaults({ form: "full", seed: 1 });
		const all = Array.from({ length: 300 }, (_, index) => index + 1);
		for (const wanted of faultCalls)
			expect(faults.filter(({ call }) => call === wanted).map(({ nth }) => nth)).toEqual(
				expect.arrayContaining(all),
			);
	});

	test.each([1, 2, 3, 4])("lets a disk and a kernel forget, whatever the seed (%d)", (seed) => {
		for (const form of ["quick", "full"] as const) {
			const serving = drawFaults({ form, seed }).filter(({ isOnBoth, nth }) => isOnBoth && nth >= 20);
			const aftermaths = serving.map(({ aftermath }) => aftermath);
			expect(aftermaths).toEqual(expect.arrayContaining(["no power", "no cache"]));
		}
	});

	test("takes the power after every call, and pages only after an fdatasync of both", () => {
		const faults = drawFaults({ form: "full", seed: 1 });
		const callsBefore = (wanted: Aftermath) =>
			new Set(faults.flatMap(({ call, aftermath }) => (aftermath === wanted ? [call] : [])));
		expect(callsBefore("no power")).toEqual(new Set(faultCalls));
		expect(callsBefore("no cache")).toEqual(new Set(["fdatasync"]));
	});
});

describe("what is concluded", () => {
	const fault = { ...ioFault("ftruncate", 9, new Random(1)), isOnBoth: false };
	const unmet: FaultRun = {
		...{ positions: [], lateMs: [], endMs: [], broken: [] },
		...{ endedAtStart: 0, wentOn: 0, bytesForgotten: undefined, isTooLate: false },
		...{ acknowledged: 9, unknown: 0 },
	};
	const met: FaultRun = { ...unmet, positions: [9], lateMs: [-3], endMs: [5], bytesForgotten: 7 };

	test("is nothing when each fault was met, and a disk forgot", () => {
		expect(conclude([[fault, met]], "full").broken).toEqual([]);
	});

	test("in full, is that a single fault was not met", () => {
		const runs = [[fault, met] as const, [fault, met] as const, [fault, unmet] as const];
		expect(conclude(runs, "full").broken).toEqual(["2 of 3 faults of ftruncate were met"]);
		expect(conclude(runs, "quick").broken).toEqual([]);
	});

	test("in a quick run, is that fewer than half of a call's faults were met", () => {
		const { broken } = conclude([[fault, met] as const, [fault, unmet], [fault, unmet]], "quick");
		expect(broken).toEqual(["1 of 3 faults of ftruncate were met"]);
	});

	test("is that one of two processes has not met it", () => {
		const { broken } = conclude([[{ ...fault, isOnBoth: true }, met]], "full");
		expect(broken).toEqual(["0 of 1 faults of ftruncate were met"]);
	});

	test("is that no disk has forgotten a byte", () => {
		const { broken } = conclude([[fault, { ...met, bytesForgotten: 0 }]], "full");
		expect(broken).toEqual(["there were no disks that forgot, so nothing is shown"]);
	});

	test("has only figures that are numbers", () => {
		for (const runs of [[], [[fault, unmet] as const]])
			for (const figure of Object.values(conclude(runs, "full").figures))
				expect(Number.isFinite(figure)).toBe(true);
	});
});

test("a fault that lasts is asked for with a plus", () => {
	const fault = { ...ioFault("fsync", 9, new Random(1)), lasts: true };
	expect(faultyWords(fault, true, "/log")).toContain("inject=fsync:error=EIO:when=9+");
	expect(faultyWords({ ...fault, lasts: false }, true, "/log")).toContain("inject=fsync:error=EIO:when=9");
});

test.skipIf(!everyPart && !hasStrace)(
	"an fdatasync that fails in one of two processes ends that one, and loses nothing",
	async () => {
		const folder = makeProofFolder();
		folders.push(folder);
		const seedFile = writeSeedFile(folder);
		const place = join(folder, "seeded");
		mkdirSync(place);
		const databaseFile = join(place, "ledger.db");
		await using pair = new LedgerPair({ folder: place, databaseFile, environment: { SEED_FILE: seedFile } });
		await pair.start();
		await pair.kill();
		const beginning = { file: undefined, seedFile, books: readBooks(databaseFile) };
		const faulty = { lasts: false, isOnBoth: false, isFresh: true, aftermath: "none" } as const;
		const fault = { call: "fdatasync", nth: 30, ...faulty } as const;
		const play = new FaultPlay(fault, join(folder, "fault"), beginning, new Random(1));
		const run = await play.play(60_000, new AbortController().signal);
		expect(run.broken).toEqual([]);
		expect(run.positions).toHaveLength(1);
		expect(run.acknowledged).toBeGreaterThan(20);
	},
);

/**
 * The history on disk: all of it comes back, its watermarks hold what they promise, and a disk that fails makes a
 * history that says so, never an exception in the middle of a run.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readdirSync, readlinkSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { History, type HistoryRecord } from "../src/history.ts";
import { below, type Random, randomOf } from "./made-up-history.ts";

const seed = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const outcomes = ["posted", "refused", "shown", "unknown"] as const;
const usualFolder = process.env.TMPDIR;
let folder = "";

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "crebito-test-"));
	process.env.TMPDIR = folder;
});

afterEach(() => {
	if (usualFolder === undefined) delete process.env.TMPDIR;
	else process.env.TMPDIR = usualFolder;
	rmSync(folder, { recursive: true });
});

/** The file's descriptor, by the folder that was made for this test. */
function descriptor(): number {
	return Number(
		readdirSync("/proc/self/fd").find((fd) => {
			try {
				return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
			} catch {
				return false;
			}
		}),
	);
}

function madeUp(random: Random, number: number): HistoryRecord {
	const outcome = outcomes[below(random, 4)] as HistoryRecord["outcome"];
	const invokedAtMs = 1e6 * random();
	const token = () => (random() < 0.2 ? -below(random, 200) - 1 : below(random, 2 ** 32));
	return {
		number,
		outcome,
		invokedAtMs,
		endedAtMs: outcome === "unknown" ? Number.POSITIVE_INFINITY : invokedAtMs + 100 * random(),
		balance: below(random, 2 ** 40) - 2 ** 39,
		entries: outcome === "shown" ? Array.from({ length: below(random, 11) }, token) : [],
	};
}

function write(history: History, record: HistoryRecord): void {
	const { number, outcome, invokedAtMs, endedAtMs, balance, entries } = record;
	history.record(number, outcome, invokedAtMs, endedAtMs, balance, entries);
}

async function readAll(history: History): Promise<HistoryRecord[]> {
	const records: HistoryRecord[] = [];
	await history.read(
		(record) => records.push(record),
		() => true,
	);
	return records;
}

/** How many records come after a watermark that they should have come before. */
async function brokenPromises(promised: (earliestMs: number) => number): Promise<number> {
	const random = randomOf(seed);
	const inFlight = new Map<number, number>();
	const earliestMs = () => Math.min(Number.POSITIVE_INFINITY, ...inFlight.values());
	const history = new History(() => promised(earliestMs()));
	let nowMs = 0;
	for (let number = 0; number < 30_000; number += 1) {
		nowMs += random();
		inFlight.set(number, nowMs);
		if (inFlight.size <= 10) continue;
		const ended = [...inFlight.keys()][below(random, inFlight.size)] as number;
		const invokedAtMs = inFlight.get(ended) as number;
		inFlight.delete(ended);
		history.record(ended, "posted", invokedAtMs, nowMs, 0, []);
	}
	const watermarks: number[] = [];
	let broken = 0;
	await history.read(
		({ invokedAtMs }) => {
			if (invokedAtMs < Math.max(...watermarks)) broken += 1;
		},
		(ms) => watermarks.push(ms) > 0,
	);
	history.close();
	expect(watermarks.length).toBeGreaterThan(3);
	expect(watermarks).toEqual(watermarks.toSorted((a, b) => a - b));
	expect(watermarks.at(-1)).toBe(promised(earliestMs()));
	return broken;
}

describe(`a history (SEED=${seed})`, () => {
	test.each([0, 1, 4093, 30_000])("gives back %p records as they were", async (count) => {
		const random = randomOf(seed);
		const history = new History(() => Number.POSITIVE_INFINITY);
		const records = Array.from({ length: count }, (_, index) =>
			madeUp(random, index % 7 === 0 ? 36 ** 6 - 1 - index : index),
		);
		for (const record of records) write(history, record);
		expect(history.records).toBe(count);
		expect(await readAll(history)).toEqual(records);
		expect(history.failure).toBeUndefined();
		history.close();
	});

	test("promises with each watermark that nothing earlier follows, and keeps it", async () => {
		expect(await brokenPromises((earliest) => earliest)).toBe(0);
	});

	test("that promises more than it can is found out (negative control)", async () => {
		expect(await brokenPromises((earliest) => earliest + 5)).toBeGreaterThan(0);
	});

	test("is read no further than its reader wants", async () => {
		const history = new History(() => Number.POSITIVE_INFINITY);
		for (let number = 0; number < 20_000; number += 1) history.record(number, "posted", 1, 2, 3, []);
		let records = 0;
		await history.read(
			() => {
				records += 1;
			},
			() => false,
		);
		expect(records).toBeGreaterThan(0);
		expect(records).toBeLessThan(5000);
		history.close();
	});

	test("leaves nothing in the folder for temporary files, not even while it is written", () => {
		const history = new History(() => Number.POSITIVE_INFINITY);
		for (let number = 0; number < 10_000; number += 1) history.record(number, "posted", 1, 2, 3, []);
		expect(readdirSync(folder)).toEqual([]);
		const file = descriptor();
		expect(readlinkSync(`/proc/self/fd/${file}`)).toContain("crebito-history");
		history.close();
		expect(descriptor()).toBeNaN();
	});
});

describe("a history whose disk fails", () => {
	test("when it is full says so, and goes on without a word", async () => {
		const history = new History(() => Number.POSITIVE_INFINITY);
		const file = descriptor();
		for (let number = 0; number < 5000; number += 1) history.record(number, "posted", 1, 2, 3, []);
		expect(history.failure).toBeUndefined();
		closeSync(file);
		// The next file that is opened gets the lowest number that is free.
		expect(openSync("/dev/full", "r+")).toBe(file);
		for (let number = 0; number < 20_000; number += 1) history.record(number, "posted", 1, 2, 3, []);
		expect(history.failure).toContain("ENOSPC");
		expect(await readAll(history)).toEqual([]);
		history.close();
	});

	test("when it can't be read says so", async () => {
		const history = new History(() => Number.POSITIVE_INFINITY);
		const file = descriptor();
		for (let number = 0; number < 5000; number += 1) history.record(number, "posted", 1, 2, 3, []);
		closeSync(file);
		expect(openSync(folder, "r")).toBe(file);
		await readAll(history);
		expect(history.failure).toBeDefined();
		history.close();
	});

	test("when it lost its end says so, and gives what is whole", async () => {
		const history = new History(() => Number.POSITIVE_INFINITY);
		const file = descriptor();
		for (let number = 0; number < 10_000; number += 1) history.record(number, "posted", 1, 2, 3, []);
		const short = openSync(join(folder, "short"), "wx+");
		const before: number[] = [];
		await history.read(
			({ number }) => before.push(number),
			() => false,
		);
		// A copy that ends in the middle of its second block takes the file's place.
		writeSync(short, await Bun.file(`/proc/self/fd/${file}`).slice(0, 200_000).bytes());
		closeSync(file);
		expect(openSync(join(folder, "short"), "r+")).toBe(file);
		closeSync(short);
		const records = await readAll(history);
		expect(history.failure).toContain("cut");
		expect(records.map(({ number }) => number)).toEqual(before);
		history.close();
	});
});

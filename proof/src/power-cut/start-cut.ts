/**
 * One power cut while both ledger processes open the file: while they recover what an earlier cut has left, or create
 * it. Whatever they have done by then, the books are what they were, since nobody has posted anything.
 */
import { dirname, join } from "node:path";
import { LedgerPair } from "../ledger-pair.ts";
import type { Random } from "../random.ts";
import { recoveryFindings } from "./cut-verdict.ts";
import { FileCalls } from "./file-calls.ts";
import { type LedgerDisk, LedgerUnusable } from "./ledger-disk.ts";

const startMsMax = 20_000;
const pollMs = 1;
/** Each call that changes a file takes so much longer, that a cut comes between one and the next. */
const holdMs = 2;
const watchedCalls = ["pwrite64", "fsync", "fdatasync", "ftruncate"] as const;

export interface StartCut {
	/** It was begun, and not done by both processes. */
	readonly isHit: boolean;
	/** Calls that changed or synced a file before the cut. */
	readonly calls: number;
	readonly broken: readonly string[];
}

export interface StartCutOptions {
	readonly disk: LedgerDisk;
	readonly random: Random;
	/** After so many calls the power is cut, or when both processes serve. */
	readonly callsMax: number;
	readonly stop: AbortSignal;
}

/** Leaves the disk connected and nobody at it. @throws {LedgerUnusable} */
export async function cutAtStart(options: StartCutOptions): Promise<StartCut> {
	const { disk, random } = options;
	const before = disk.books;
	const { isHit, calls } = await startAndCut(options, random);
	if (before === undefined) {
		await disk.reconnectUnread();
		return { isHit, calls, broken: [] };
	}
	const after = await disk.reconnect();
	return { isHit, calls, broken: recoveryFindings(before, after) };
}

async function startAndCut(
	{ disk, callsMax, stop }: StartCutOptions,
	random: Random,
): Promise<{ readonly isHit: boolean; readonly calls: number }> {
	using first = new FileCalls(join(disk.place, "calls-a"));
	using second = new FileCalls(join(disk.place, "calls-b"));
	const logs = [first, second];
	const watch = {
		files: [
			...disk.files,
			`${disk.databaseFile}-shm`,
			`${disk.databaseFile}-journal`,
			dirname(disk.databaseFile),
		],
		calls: watchedCalls,
		hold: { calls: watchedCalls, at: "exit", ms: holdMs },
	} as const;
	const pair = new LedgerPair({
		folder: join(disk.place, "run"),
		databaseFile: disk.databaseFile,
		wrapper: (index) => (logs[index] as FileCalls).strace(watch),
	});
	try {
		pair.spawn(0);
		pair.spawn(1);
		const calls = await untilCalls(pair, logs, callsMax, stop);
		disk.cutPower();
		const isHit = calls > 0 && !isServing(pair);
		await Bun.sleep(random.below(20));
		return { isHit, calls };
	} finally {
		await pair.kill();
	}
}

/** @returns how many there were. */
async function untilCalls(
	pair: LedgerPair,
	logs: readonly FileCalls[],
	callsMax: number,
	stop: AbortSignal,
): Promise<number> {
	const deadline = performance.now() + startMsMax;
	let calls = 0;
	while (calls < callsMax && !isServing(pair) && !stop.aborted) {
		const gone = pair.processes.find(({ hasEnded }) => hasEnded);
		if (gone !== undefined)
			throw new LedgerUnusable(`a ledger process ended while it recovered:\n${gone.output}`);
		if (performance.now() > deadline)
			throw new LedgerUnusable(`the ledger did not recover within ${startMsMax} ms`);
		await Bun.sleep(pollMs);
		for (const log of logs) calls += log.next().length;
	}
	return calls;
}

function isServing({ processes }: LedgerPair): boolean {
	return processes.every(({ output }) => output.includes(':"listening"'));
}

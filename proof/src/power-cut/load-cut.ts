/**
 * One power cut under load: the whole stack on the disk, clients that note outside of it what they are told, the cut,
 * and the books as the disk has them against all that was told, before the cut and after it.
 */
import { join } from "node:path";
import { type Books, readBooks } from "../books.ts";
import { Clients } from "../clients.ts";
import { Observed } from "../observed.ts";
import type { Random } from "../random.ts";
import { Stack, type StackOptions } from "../stack.ts";
import { cutVerdict } from "./cut-verdict.ts";
import { FileCalls } from "./file-calls.ts";
import { drawLogMb, type LedgerDisk, LedgerUnusable } from "./ledger-disk.ts";
import type { Arrival, Moment } from "./moments.ts";
import { standStill } from "./stand-still.ts";

const startTriesMax = 5;
/** After the cut: answers that were on their way arrive, and have to hold like all others. */
const arrivalMsMax = 40;

export interface LoadCut {
	readonly isHit: boolean;
	readonly broken: readonly string[];
	readonly acknowledged: number;
	readonly statements: number;
	/** Answers to postings and statements that were received when the power was off. */
	readonly receivedAfterCut: number;
	/** Of the postings without an answer, those that are there, and those that are not. */
	readonly unknownKept: number;
	readonly unknownGone: number;
	/** A reset that was under way: whether the disk has it. */
	readonly isResetKept: boolean | undefined;
}

export interface LoadCutOptions {
	readonly disk: LedgerDisk;
	readonly moment: Moment;
	readonly random: Random;
	readonly stop: AbortSignal;
	say(line: string): void;
	/** For controls: what takes a protection away. */
	readonly environment?: Readonly<Record<string, string>>;
	readonly wrapper?: readonly string[];
}

/** Leaves the disk connected and nobody at it. @throws {LedgerUnusable} */
export async function cutUnderLoad(options: LoadCutOptions): Promise<LoadCut> {
	const { disk, moment } = options;
	using calls = moment.watch === undefined ? undefined : new FileCalls(join(disk.place, "calls"));
	await using stack = await startAfterCut(stackOptions(options, calls));
	// A ledger that says it serves has to be there after a cut as well, without a single entry.
	const before = disk.books ?? readBooks(disk.databaseFile);
	const observed = new Observed();
	const { isHit, cutAtMs } = await loadAndCut(options, stack, observed, calls);
	return { isHit, ...judge(before, observed, await disk.reconnect(), cutAtMs) };
}

/** Again and again where its port is somebody else's by now, which is no fault of the ledger. */
async function startAfterCut(options: StackOptions): Promise<Stack> {
	for (let tries = 1; ; tries += 1) {
		try {
			return await Stack.start(options);
		} catch (error) {
			const { message } = error as Error;
			if (tries === startTriesMax || !/PORT=\d+ is taken/.test(message))
				throw new LedgerUnusable(`the stack doesn't start after a power cut: ${message}`);
		}
	}
}

function stackOptions(
	{ disk, moment, random, environment, wrapper }: LoadCutOptions,
	calls: FileCalls | undefined,
): StackOptions {
	const files = moment.isLogIgnored ? disk.files.slice(0, 1) : disk.files;
	const { watch } = moment;
	return {
		dataFolder: disk.dataFolder,
		environment: {
			TMPDIR: join(disk.place, "run"),
			WAL_MAX_MB: String(moment.logMb ?? drawLogMb(random)),
			LOG_LEVEL: "error",
			...environment,
		},
		wrapper: wrapper ?? (watch === undefined ? [] : (calls?.strace({ ...watch, files }) ?? [])),
	};
}

/** When it returns, nobody of the stack is left. */
async function loadAndCut(
	{ disk, moment, random, stop }: LoadCutOptions,
	stack: Stack,
	observed: Observed,
	calls: FileCalls | undefined,
): Promise<{ readonly isHit: boolean; readonly cutAtMs: number }> {
	const { target } = stack;
	const { clients: count = 32, statementShare = 0.3 } = moment;
	const clients = new Clients({
		targets: [target],
		count,
		observed,
		random: random.branch(),
		statementShare,
	});
	let arrival: Arrival | undefined;
	try {
		// Those of the start are not what is waited for.
		calls?.next();
		arrival = await moment.arrive({
			target,
			observed,
			random,
			calls,
			stop,
			ledgerPids: () => stack.ledgerPids(),
		});
		if (random.chance(0.5)) disk.writeSomeBack(random);
		await standStill(stack.process.pid);
		const cutAtMs = performance.now();
		disk.cutPower();
		const isHit = arrival.wasHit();
		await Bun.sleep(random.below(arrivalMsMax));
		return { isHit, cutAtMs };
	} finally {
		await stack.killAll();
		await clients.stop();
		await arrival?.rest;
	}
}

function judge(before: Books, observed: Observed, after: Books, cutAtMs: number): Omit<LoadCut, "isHit"> {
	const there = new Set(after.entries.map(({ description }) => description));
	const unknown = observed.postings.filter(({ fate }) => fate === "unknown");
	const unknownKept = unknown.filter(({ tag }) => there.has(tag)).length;
	const isLate = ({ endedAtMs }: { readonly endedAtMs: number }) =>
		endedAtMs > cutAtMs && endedAtMs < Number.POSITIVE_INFINITY;
	const receivedAfterCut = [...observed.postings, ...observed.statements].filter(isLate).length;
	const acknowledged = observed.count("posted");
	return {
		...cutVerdict(before, observed, after),
		acknowledged,
		statements: observed.statements.length,
		receivedAfterCut,
		unknownKept,
		unknownGone: unknown.length - unknownKept,
	};
}

/** A run of the two ledgers under load, killed and reset on the way, with all that they wrote and answered. */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { type Books, readBooks } from "../books.ts";
import { Clients, resetOnce } from "../clients.ts";
import { Observed } from "../observed.ts";
import { Random } from "../random.ts";
import { findings } from "../verdict.ts";
import { Disk } from "./disk.ts";
import {
	type DiskHistory,
	diskHistory,
	Misunderstood,
	type RecordedFile,
	type Suffix,
	suffixes,
} from "./disk-history.ts";
import { type Exchange, exchangesOf } from "./exchanges.ts";
import { Promises } from "./promises.ts";
import { RecordedPair } from "./recorded-pair.ts";
import type { Start } from "./start.ts";
import { type Call, readTrace } from "./trace.ts";

export type Happening = "one is killed" | "both are killed" | "reset";

export interface RecordingPlan {
	/** Fresh. */
	readonly folder: string;
	readonly seed: number;
	readonly start: Start;
	readonly clients: number;
	/** Of their requests. */
	readonly statementShare: number;
	/** After which it ends. */
	readonly answers: number;
	/** Spread over the run. */
	readonly happenings: readonly Happening[];
	readonly stop: AbortSignal;
}

/** The ends of the writes to the log, by the thread that wrote. */
export type Commits = ReadonlyMap<number, readonly number[]>;

export interface Recording {
	/** When it began. */
	readonly before: Books;
	readonly disk: DiskHistory;
	readonly exchanges: readonly Exchange[];
	readonly commits: Commits;
	/** The lines behind which the disk, or what was promised, is another. */
	readonly moments: readonly number[];
	/** What was wrong already without any power cut. */
	readonly broken: readonly string[];
	/** Acknowledged entries. */
	readonly acknowledged: number;
	/** Syncs of the db file: each ends one. */
	readonly checkpoints: number;
	/** How often the log began from its start. */
	readonly logStarts: number;
}

const pollMs = 5;
const runMsMax = 120_000;
const triesMax = 5;

/** @throws when it does not come about. */
export async function record(plan: RecordingPlan): Promise<Recording> {
	for (let tries = 1; ; tries += 1) {
		try {
			return await recordOnce(plan);
		} catch (error) {
			// A kill has met a process in the middle of a write after all.
			if (!(error instanceof Misunderstood) || tries === triesMax) throw error;
		} finally {
			rmSync(plan.folder, { recursive: true, force: true });
		}
	}
}

async function recordOnce(plan: RecordingPlan): Promise<Recording> {
	mkdirSync(plan.folder, { recursive: true });
	const observed = new Observed();
	await using pair = await RecordedPair.start(plan.folder, plan.start.files);
	await loadPair(pair, plan, observed);
	await pair.end();
	return recordingOf(pair, plan.start, observed);
}

async function loadPair(pair: RecordedPair, plan: RecordingPlan, observed: Observed): Promise<void> {
	const { targets } = pair;
	const random = new Random(plan.seed);
	const { statementShare } = plan;
	const clients = new Clients({ targets, count: plan.clients, statementShare, observed, random });
	try {
		const deadline = performance.now() + runMsMax;
		const parts = plan.happenings.length + 1;
		for (const [index, happening] of [...plan.happenings, undefined].entries()) {
			const answers = Math.round((plan.answers * (index + 1)) / parts);
			while (clients.answers < answers) {
				plan.stop.throwIfAborted();
				if (performance.now() > deadline)
					throw new Error(`only ${clients.answers} answers came under strace`);
				await Bun.sleep(pollMs);
			}
			if (happening === "reset") await resetOnce(targets[0], observed);
			else if (happening !== undefined) await pair.kill(happening === "one is killed" ? 1 : 2, random);
		}
	} finally {
		await clients.stop();
	}
}

function recordingOf({ traceFile, databaseFile }: RecordedPair, start: Start, observed: Observed): Recording {
	const calls = readTrace(readFileSync(traceFile));
	const disk = diskHistory(calls, databaseFile, start.files);
	const exchanges = exchangesOf(calls);
	compareFiles(disk, databaseFile);
	const { acknowledged } = new Promises(start.books, exchanges);
	compareAnswers(acknowledged, observed);
	const after = readBooks(databaseFile);
	return {
		...{ disk, exchanges, moments: momentsOf(disk, exchanges) },
		commits: commitsOf(calls, `${databaseFile}-wal`),
		before: start.books,
		broken: findings(start.books.accounts.length > 0 ? start.books : emptied(after), observed, after),
		acknowledged: acknowledged.size,
		checkpoints: filesOf(disk, "").flatMap(({ syncs }) => syncs).length,
		logStarts: filesOf(disk, "-wal")
			.flatMap(({ changes }) => changes)
			.filter(({ effect }) => effect.kind === "write" && effect.offset === 0).length,
	};
}

function filesOf({ files }: DiskHistory, wanted: Suffix): RecordedFile[] {
	return files.filter(({ suffix }) => suffix === wanted);
}

/** A recording that leaves something out would prove nothing. */
function compareFiles(history: DiskHistory, databaseFile: string): void {
	const disk = new Disk(history);
	disk.advance(Number.POSITIVE_INFINITY);
	const files = disk.filesNamed(() => true);
	for (const suffix of suffixes) {
		const path = databaseFile + suffix;
		const isThere = existsSync(path);
		const recorded = files.get(suffix)?.seen.bytes;
		if (isThere !== (recorded !== undefined) || (recorded && !recorded.equals(readFileSync(path))))
			throw new Error(`the trace does not explain what is in ledger.db${suffix}`);
	}
}

/** What the clients have seen is in the trace, too. */
function compareAnswers(acknowledged: ReadonlyMap<string, number>, { postings }: Observed): void {
	for (const { tag, fate, balance } of postings)
		if (fate === "posted" && acknowledged.get(tag) !== balance)
			throw new Error(`the trace does not have the answer to ${tag}`);
}

function emptied({ accounts }: Books): Books {
	return {
		accounts: accounts.map((account) => ({ ...account, balance: account.initialBalance, sequence: 0 })),
		...{ entries: [], problems: [] },
	};
}

function commitsOf(calls: readonly Call[], logFile: string): Commits {
	const writes = calls.filter(({ name, target }) => name === "pwrite64" && target === logFile);
	const threads = Map.groupBy(writes, ({ thread }) => thread);
	return new Map([...threads].map(([thread, ones]) => [thread, ones.map(({ endedAt }) => endedAt)]));
}

function momentsOf({ files, names, syncs }: DiskHistory, exchanges: readonly Exchange[]): number[] {
	const spans = [...names, ...syncs, ...files.flatMap((file) => [...file.changes, ...file.syncs])];
	const lines = [
		...spans.flatMap(({ startedAt, endedAt }) => [startedAt, endedAt]),
		...exchanges.flatMap(({ receivedAt, answeredAt }) => [receivedAt, answeredAt]),
	];
	const behind = lines.filter(Number.isFinite).map((line) => line + 1);
	return [...new Set(behind)].sort((one, other) => one - other);
}

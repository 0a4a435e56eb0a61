/**
 * One I/O error under load, and what becomes of it: who stops acknowledging and when, who ends and how, whether a
 * restart without the fault recovers, and whether the books are right.
 */
import { SQLiteError } from "bun:sqlite";
import { copyFileSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Books, readBooks } from "../books.ts";
import { Clients } from "../clients.ts";
import { LedgerPair } from "../ledger-pair.ts";
import { Observed } from "../observed.ts";
import type { RunningProgram } from "../program.ts";
import type { Random } from "../random.ts";
import { accountIds } from "../thousand-accounts.ts";
import { findings } from "../verdict.ts";
import { faultEnvironment, loadOf } from "./fault-load.ts";
import { dropUnsynced, forgetUnsynced } from "./forgotten-writes.ts";
import { faultText, faultyWords, type IoFault } from "./io-fault.ts";
import { findMeeting, hasSyncedSince, isHarmless, type Meeting } from "./meeting.ts";

/** After the failed call, nobody may be told 200 by that process for longer than this. */
const lateMsMax = 1000;
/** And it has to have ended; its last sync may be a slow one. */
const endMsMax = 30_000;
/** In which each process has to post an entry in the end. */
const postMsMax = 30_000;
/** In which the process without the fault has to go on. */
const aftermathMs = 50;
const pollMs = 20;
const exitStoreFailed = 70;
const exitNotStarted = 1;

/** A file to start with, and what is in it. */
export interface Beginning {
	/** None when there is no file. */
	readonly file: string | undefined;
	/** The ledger's SEED_FILE. */
	readonly seedFile: string;
	readonly books: Books;
}

export interface FaultRun {
	/** Of each process that met the fault: which of its calls failed first. */
	readonly positions: readonly number[];
	/** Of each that served when it met it: how long after the failed call its last 200 came; below zero, before it. */
	readonly lateMs: readonly number[];
	/** Met it while they started, and ended. */
	readonly endedAtStart: number;
	/** How long after the failed call each one that served ended. */
	readonly endMs: readonly number[];
	/** Met it, and went on rightly. */
	readonly wentOn: number;
	/** Of the log, by a disk that keeps only what it must; undefined where it had power. */
	readonly bytesForgotten: number | undefined;
	/** Both had ended before the cache could be dropped: what it held was nobody's any more. */
	readonly isTooLate: boolean;
	readonly acknowledged: number;
	readonly unknown: number;
	readonly broken: readonly string[];
}

type Index = 0 | 1;
const both: readonly Index[] = [0, 1];

export class FaultPlay {
	readonly #fault: IoFault;
	readonly #folder: string;
	readonly #databaseFile: string;
	readonly #beginning: Beginning;
	readonly #observed = new Observed();
	readonly #pair: LedgerPair;
	readonly #random: Random;
	readonly #broken: string[] = [];
	/** When each process last answered 200. */
	readonly #okAtMs: [number, number] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
	#isFaulty = true;
	readonly #lateMs: number[] = [];
	readonly #endMs: number[] = [];
	#wentOn = 0;
	#endedAtStart = 0;
	#bytesForgotten: number | undefined;
	/** Of the log with which they started; the disk has them. */
	readonly #walBytesBefore: number;
	#isTooLate = false;
	readonly #hasServed: [boolean, boolean] = [false, false];

	/** In a folder of its own, which it makes. */
	constructor(fault: IoFault, folder: string, beginning: Beginning, random: Random, program?: string) {
		this.#fault = fault;
		this.#folder = folder;
		this.#beginning = beginning;
		this.#random = random;
		mkdirSync(folder);
		this.#walBytesBefore = beginning.file === undefined ? 0 : statSync(`${beginning.file}-wal`).size;
		this.#databaseFile = join(folder, "ledger.db");
		if (beginning.file !== undefined)
			for (const suffix of ["", "-wal"]) copyFileSync(beginning.file + suffix, this.#databaseFile + suffix);
		this.#pair = new LedgerPair({
			folder,
			databaseFile: this.#databaseFile,
			environment: { ...faultEnvironment(fault), SEED_FILE: beginning.seedFile },
			...(program === undefined ? {} : { program }),
			wrapper: (index) =>
				this.#isFaulty ? faultyWords(fault, this.#isVictim(index), this.#logFile(index)) : [],
		});
	}

	/** Gives up waiting for the fault after so long under load. */
	async play(loadMsMax: number, stop: AbortSignal): Promise<FaultRun> {
		await using pair = this.#pair;
		await this.#startBoth();
		const load = both.map((index) => this.#load(index));
		await this.#untilMet(performance.now() + loadMsMax, stop);
		if (this.#isCut) await pair.kill();
		else if (this.#fault.aftermath === "no cache") this.#dropCache();
		if (!this.#isCut) await this.#untilEnded();
		await Promise.all(load.map((clients) => clients.stop()));
		this.#forget();
		stop.throwIfAborted();
		const meetings = both.map((index) => this.#meeting(index));
		for (const index of both) await this.#judge(index, meetings[index]);
		await this.#recover();
		await pair.kill();
		return this.#conclude(meetings.filter((meeting) => meeting !== undefined));
	}

	/** Whether the power goes, and both end with it. */
	get #isCut(): boolean {
		return this.#fault.aftermath === "no power";
	}

	#isVictim(index: number): boolean {
		return this.#fault.isOnBoth || index === 0;
	}

	#logFile(index: number): string {
		return join(this.#folder, `strace-${index}.log`);
	}

	#process(index: Index): RunningProgram {
		return this.#pair.processes[index] as RunningProgram;
	}

	/** A victim may end on the way. */
	async #startBoth(): Promise<void> {
		const started = await Promise.allSettled(both.map((index) => this.#pair.startOne(index)));
		for (const index of both) {
			this.#hasServed[index] = started[index]?.status === "fulfilled";
			if (!this.#hasServed[index] && !this.#isVictim(index))
				this.#broken.push(`the process without the fault did not start: ${lastWords(this.#process(index))}`);
		}
	}

	#load(index: Index): Clients {
		return new Clients({
			targets: [this.#pair.targets[index]],
			...loadOf(this.#fault, this.#isVictim(index)),
			accountIds,
			observed: this.#observed,
			random: this.#random,
			onAnswer: (status, atMs) => {
				if (status === 200) this.#okAtMs[index] = atMs;
			},
		});
	}

	async #untilMet(deadline: number, stop: AbortSignal): Promise<void> {
		const isMet = (index: Index) =>
			!this.#isVictim(index) || this.#process(index).hasEnded || this.#meeting(index) !== undefined;
		while (performance.now() < deadline && !stop.aborted && !both.every(isMet)) await Bun.sleep(pollMs);
	}

	/** And until the other one had time to go on. */
	async #untilEnded(): Promise<void> {
		const late = Bun.sleep(endMsMax);
		for (const index of both) {
			const meeting = this.#meeting(index);
			if (meeting !== undefined && !this.#isHarmless(meeting))
				await Promise.race([this.#process(index).ended, late]);
		}
		await Bun.sleep(aftermathMs);
	}

	/** Undefined while the fault has not struck it. */
	#meeting(index: Index): Meeting | undefined {
		return this.#isVictim(index) ? findMeeting(this.#fault, this.#logFile(index)) : undefined;
	}

	#isHarmless(meeting: Meeting): boolean {
		return isHarmless(meeting, this.#fault, this.#folder);
	}

	async #judge(index: Index, meeting: Meeting | undefined): Promise<void> {
		const program = this.#process(index);
		if (meeting === undefined) {
			if (program.hasEnded && !this.#isCut)
				this.#broken.push(`the process that met no error ended: ${lastWords(program)}`);
			return;
		}
		if (this.#isHarmless(meeting) && (this.#isCut || !program.hasEnded)) this.#wentOn += 1;
		else if (program.hasEnded) await this.#judgeEnd(index, meeting);
		else this.#broken.push(`it lived on after ${meeting.injected.file} had failed: ${lastWords(program)}`);
	}

	async #judgeEnd(index: Index, meeting: Meeting): Promise<void> {
		const program = this.#process(index);
		const { code, atMs: endedAtMs } = await program.ended;
		const hasServed = this.#hasServed[index];
		const expected = hasServed ? exitStoreFailed : exitNotStarted;
		if (code !== expected && !this.#isCut)
			this.#broken.push(`it ended with ${code}, not ${expected}: ${lastWords(program)}`);
		const lateMs = this.#okAtMs[index] - meeting.injected.atMs;
		if (lateMs > lateMsMax) this.#broken.push(`it answered 200 ${Math.round(lateMs)} ms after the error`);
		if (hasServed && Number.isFinite(lateMs)) this.#lateMs.push(lateMs);
		if (hasServed) this.#endMs.push(endedAtMs - meeting.injected.atMs);
		else this.#endedAtStart += 1;
		if (hasSyncedSince(meeting, this.#logFile(index), this.#databaseFile))
			this.#broken.push("it asked the disk for a sync again after one that had failed");
		if (!this.#fault.isOnBoth && !this.#isCut && this.#okAtMs[1] < endedAtMs)
			this.#broken.push("the other process did not go on");
	}

	/** As a kernel may do with pages that it could not write. */
	#dropCache(): void {
		this.#isTooLate = both.every((index) => this.#process(index).hasEnded);
		if (this.#isTooLate) return;
		const logFiles = both.map((index) => this.#logFile(index));
		this.#bytesForgotten = dropUnsynced(this.#databaseFile, logFiles, this.#walBytesBefore);
	}

	/** What the disk may have forgotten was acknowledged to nobody. */
	#forget(): void {
		const wasServed = this.#beginning.file !== undefined || this.#hasServed.includes(true);
		if (!this.#isCut || !wasServed) return;
		const copy = join(this.#folder, "left.db");
		const logFiles = both.map((index) => this.#logFile(index));
		this.#bytesForgotten = forgetUnsynced(this.#databaseFile, logFiles, copy, this.#walBytesBefore);
		const found = this.#findings(copy);
		this.#broken.push(...found.map((sentence) => `on a disk that forgot what was not synced, ${sentence}`));
	}

	/** Whoever has ended starts again without the fault, and both post. */
	async #recover(): Promise<void> {
		this.#isFaulty = false;
		for (const index of both) {
			if (!this.#process(index).hasEnded) continue;
			try {
				await this.#pair.startOne(index);
			} catch (error) {
				this.#broken.push(`a restart without the fault: ${(error as Error).message}`);
			}
		}
		await Promise.all(both.map((index) => this.#postOnce(index)));
	}

	async #postOnce(index: Index): Promise<void> {
		const { targets } = this.#pair;
		const clients = new Clients({
			...{ targets: [targets[index]], count: 1, statementShare: 0 },
			...{ observed: this.#observed, random: this.#random, accountIds },
		});
		const deadline = performance.now() + postMsMax;
		while (!clients.statuses.has(200) && performance.now() < deadline) await Bun.sleep(pollMs);
		await clients.stop();
		if (!clients.statuses.has(200)) this.#broken.push(`process ${index} did not serve in the end`);
	}

	#findings(databaseFile: string): string[] {
		try {
			return findings(this.#beginning.books, this.#observed, readBooks(databaseFile));
		} catch (error) {
			if (error instanceof SQLiteError) return [`the books can't be read: ${error.message}`];
			throw error;
		}
	}

	#conclude(met: readonly Meeting[]): FaultRun {
		const observed = this.#observed;
		const broken = [...this.#broken, ...this.#findings(this.#databaseFile)];
		return {
			positions: met.map(({ position }) => position),
			lateMs: this.#lateMs,
			endMs: this.#endMs,
			endedAtStart: this.#endedAtStart,
			bytesForgotten: this.#bytesForgotten,
			isTooLate: this.#isTooLate,
			wentOn: this.#wentOn,
			acknowledged: observed.count("posted"),
			unknown: observed.count("unknown"),
			broken: broken.map((sentence) => `${faultText(this.#fault)}: ${sentence}`),
		};
	}
}

function lastWords({ output }: RunningProgram): string {
	return output.trim().split("\n").at(-1) ?? "";
}

/**
 * I/O errors: a call that waits for the disk, or writes to it, fails for the n-th time that a ledger process makes it.
 * After a failed sync nobody knows what is on the disk, so the process may not acknowledge any more.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Attack, Form, Report, Trial } from "../attack.ts";
import { readBooks } from "../books.ts";
import { Clients } from "../clients.ts";
import { LedgerPair } from "../ledger-pair.ts";
import { nothingMet } from "../nothing-met.ts";
import { Observed } from "../observed.ts";
import { Random } from "../random.ts";
import { accountIds, writeSeedFile } from "../thousand-accounts.ts";
import { playControls } from "./controls.ts";
import { type Beginning, FaultPlay, type FaultRun } from "./fault-run.ts";
import { type FaultCall, faultCalls, type IoFault, ioFault } from "./io-fault.ts";

/** Every n up to it, in full. */
const nthMax = 300;
const quickNths = 8;
/** The quick form stays where a second of load gets. */
const quickNthMax: Readonly<Record<FaultCall, number>> = {
	fdatasync: 150,
	fsync: 30,
	pwrite64: 300,
	ftruncate: 10,
};
/** Of a process that has started; at the least. */
const servingNthMin = 20;
/** It ends as soon as the fault is met. In full each has to be, and a slow disk needs minutes for 300 checkpoints. */
const loadMsMax = { quick: 10_000, full: 600_000 } as const;
const runsAtOnce = 2;

type Played = readonly [IoFault, FaultRun];

export const ioErrors: Attack = {
	name: "io-errors",
	promise: "After an I/O error nobody is told 200 for what may not be on the disk, and a restart recovers",
	about:
		"the n-th fdatasync, fsync, pwrite64 or ftruncate of one or both processes returns EIO, once or from there on, under load and while they start",
	needs: ["linux", "strace"],
	play,
};

async function play(trial: Trial): Promise<Report> {
	const beginnings = await makeBeginnings(trial);
	const faults = drawFaults(trial);
	const runs: Played[] = [];
	let begun = 0;
	const worker = async (): Promise<void> => {
		for (let number = begun++; number < faults.length; number = begun++) {
			trial.stop.throwIfAborted();
			const fault = faults[number] as IoFault;
			const folder = join(trial.folder, `fault-${number}`);
			const beginning = fault.isFresh ? beginnings.fresh : beginnings.used;
			const run = new FaultPlay(fault, folder, beginning, new Random(trial.seed + number));
			runs.push([fault, await run.play(loadMsMax[trial.form], trial.stop)]);
			rmSync(folder, { recursive: true });
			if (runs.length % 50 === 0) trial.say(`${runs.length} of ${faults.length} faults`);
		}
	};
	await Promise.all(Array.from({ length: runsAtOnce }, worker));
	return { ...conclude(runs, trial.form), controls: await playControls(trial, beginnings) };
}

export function drawFaults({ form, seed }: Pick<Trial, "form" | "seed">): IoFault[] {
	const random = new Random(seed);
	const drawn = faultCalls.flatMap((call) => {
		const nths =
			form === "full"
				? Array.from({ length: nthMax }, (_, index) => index + 1)
				: Array.from({ length: quickNths }, () => random.between(1, quickNthMax[call]));
		return nths.map((nth) => ioFault(call, nth, random));
	});
	return [...drawn, ...forgetting(random)];
}

/** However the dice fall, one disk loses its power and one kernel its pages, when both processes serve. */
function forgetting(random: Random): IoFault[] {
	return (["no power", "no cache"] as const).map((aftermath) => {
		const nth = random.between(servingNthMin, quickNthMax.fdatasync);
		return { ...ioFault("fdatasync", nth, random), isOnBoth: true, aftermath };
	});
}

/** No file; and one that killed processes have left, with a log to recover. */
async function makeBeginnings({ folder, seed }: Trial): Promise<{ fresh: Beginning; used: Beginning }> {
	const place = join(folder, "beginning");
	mkdirSync(place);
	const file = join(place, "ledger.db");
	const seedFile = writeSeedFile(place);
	await using pair = new LedgerPair({
		folder: place,
		databaseFile: file,
		environment: { SEED_FILE: seedFile },
	});
	await pair.start();
	const seeded = readBooks(file);
	const clients = new Clients({
		...{ targets: pair.targets, count: 4, observed: new Observed(), random: new Random(seed), accountIds },
	});
	while (clients.answers < 300 && clients.unanswered === 0) await Bun.sleep(10);
	await pair.kill();
	await clients.stop();
	const fresh = { file: undefined, seedFile, books: seeded };
	return { fresh, used: { file, seedFile, books: readBooks(file) } };
}

export function conclude(runs: readonly Played[], form: Form): Omit<Report, "controls"> {
	const all = runs.map(([, run]) => run);
	const sum = (count: (run: FaultRun) => number) => all.reduce((total, run) => total + count(run), 0);
	const acknowledged = sum((run) => run.acknowledged);
	const met = runs.filter(isMet).length;
	const forgotten = all.flatMap(({ bytesForgotten }) => bytesForgotten ?? []);
	const disksThatForgot = forgotten.filter((bytes) => bytes > 0).length;
	return {
		tried: `${runs.length} faults, ${met} of them met; ${acknowledged.toLocaleString("en-US")} acknowledged entries`,
		figures: {
			notMet: runs.length - met,
			...Object.assign({}, ...faultCalls.map((call) => callFigures(runs, call))),
			processesThatMetIt: sum(({ positions }) => positions.length),
			endedAtStart: sum(({ endedAtStart }) => endedAtStart),
			wentOnAfterAFoldersSync: sum(({ wentOn }) => wentOn),
			disksThatForgot,
			endedBeforeTheCacheWasDropped: all.filter(({ isTooLate }) => isTooLate).length,
			bytesForgotten: forgotten.reduce((total, bytes) => total + bytes, 0),
			unknown: sum(({ unknown }) => unknown),
			...largest("last200AfterTheErrorMsMax", runs, ({ lateMs }) => lateMs),
			...largest("endAfterTheErrorMsMax", runs, ({ endMs }) => endMs),
		},
		broken: [
			...all.flatMap(({ broken }) => broken),
			...nothingMet({ "acknowledged entries": acknowledged, "disks that forgot": disksThatForgot }),
			...faultCalls.flatMap((call) => unmetFindings(runs, call, form)),
		],
	};
}

/** In full, each n has to be met; a quick run may have had no time for some. */
function unmetFindings(runs: readonly Played[], call: FaultCall, form: Form): string[] {
	const wanted = runsOf(runs, call);
	const met = wanted.filter(isMet).length;
	return met < (form === "full" ? wanted.length : wanted.length / 2)
		? [`${met} of ${wanted.length} faults of ${call} were met`]
		: [];
}

function callFigures(runs: readonly Played[], call: FaultCall): Record<string, number> {
	const wanted = runsOf(runs, call);
	return {
		[`${call}Met`]: wanted.filter(isMet).length,
		...largest(`${call}NthMax`, wanted, ({ positions }) => positions),
	};
}

function runsOf(runs: readonly Played[], wanted: FaultCall): Played[] {
	return runs.filter(([{ call }]) => call === wanted);
}

/** By each process that was to. */
function isMet([{ isOnBoth }, { positions }]: Played): boolean {
	return positions.length === (isOnBoth ? 2 : 1);
}

/** No figure where there is none. */
function largest(
	name: string,
	runs: readonly Played[],
	valuesOf: (run: FaultRun) => readonly number[],
): Record<string, number> {
	const values = runs.flatMap(([, run]) => valuesOf(run));
	return values.length === 0 ? {} : { [name]: Math.max(...values) };
}

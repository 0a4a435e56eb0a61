/**
 * Files taken away under load: the db file or its log is deleted, moved or replaced. SQLite goes on with what it has
 * open, and every acknowledgement from there on would be of an entry that nobody finds again.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Attack, Control, Report, Trial } from "../attack.ts";
import { type Books, readBooks } from "../books.ts";
import { CarelessPair } from "../careless-pair.ts";
import { Clients } from "../clients.ts";
import { LedgerPair } from "../ledger-pair.ts";
import { nothingMet } from "../nothing-met.ts";
import { Observed } from "../observed.ts";
import type { RunningProgram } from "../program.ts";
import { Random } from "../random.ts";
import { findings } from "../verdict.ts";
import { keepEvidence, type Loss, losses } from "./loss.ts";

const tries = { quick: losses.length, full: 200 } as const;
const clientCount = 8;
const exitStoreFailed = 70;
const endMsMax = 5000;
/** Of the careless ones, which go on. */
const carelessMs = 300;
/** The usual thousand are more than they write: what is lost would wait in a log that is still there. */
const checkpointPages = "10";

export const lostFiles: Attack = {
	name: "lost-files",
	promise:
		"Nobody is told 200 for an entry in a file that is no longer there, and what was acknowledged before is in it",
	about:
		"the db file, its log, the log's index or their folder is deleted, moved away or replaced under load",
	needs: ["linux"],
	play,
};

interface Try {
	readonly loss: Loss;
	/** Answers before it happens. */
	readonly answers: number;
	readonly walMegabytes: number;
}

interface Outcome {
	readonly acknowledged: number;
	/** How long after the loss each process ended. */
	readonly endMs: readonly number[];
	readonly broken: readonly string[];
}

async function play(trial: Trial): Promise<Report> {
	const random = new Random(trial.seed);
	const outcomes: Outcome[] = [];
	for (let number = 0; number < tries[trial.form]; number += 1) {
		trial.stop.throwIfAborted();
		const one = drawTry(number, random);
		const folder = join(trial.folder, `try-${number}`);
		outcomes.push(await playTry(one, folder, random.branch()));
		rmSync(folder, { recursive: true });
		if (outcomes.length % 20 === 0) trial.say(`${outcomes.length} of ${tries[trial.form]} files lost`);
	}
	return { ...conclude(outcomes), controls: await playControls(trial, random) };
}

function drawTry(number: number, random: Random): Try {
	const loss = losses[number % losses.length] as Loss;
	return { loss, answers: random.between(20, 1500), walMegabytes: random.pick([1, 64]) };
}

async function playTry(
	{ loss, answers, walMegabytes }: Try,
	folder: string,
	random: Random,
): Promise<Outcome> {
	const place = join(folder, "ledger");
	mkdirSync(place, { recursive: true });
	const databaseFile = join(place, "ledger.db");
	await using pair = new LedgerPair({
		folder,
		databaseFile,
		environment: { WAL_MAX_MB: String(walMegabytes) },
	});
	await pair.start();
	const before = readBooks(databaseFile);
	const evidence = keepEvidence(databaseFile, join(folder, "kept"));
	const observed = new Observed();
	const lostAtMs = await loseUnderLoad(loss, databaseFile, pair.targets, answers, observed, random, () =>
		haveEnded(pair.processes),
	);
	const { endMs, broken } = await judgeEnds(pair.processes, lostAtMs);
	await pair.kill();
	const found = [
		...broken,
		...lateFindings(observed, lostAtMs),
		...findings(before, observed, readBooks(evidence)),
	];
	return {
		acknowledged: observed.count("posted"),
		endMs,
		broken: found.map((sentence) => `${loss.about}: ${sentence}`),
	};
}

/** @returns when it was lost, by performance.now(), once `aftermath` has resolved. */
async function loseUnderLoad(
	loss: Loss,
	databaseFile: string,
	targets: readonly string[],
	answers: number,
	observed: Observed,
	random: Random,
	aftermath: () => Promise<unknown>,
): Promise<number> {
	const clients = new Clients({ targets, count: clientCount, observed, random });
	const deadline = performance.now() + 30_000;
	while (clients.answers < answers && performance.now() < deadline) await Bun.sleep(1);
	const lose = loss.prepare(databaseFile);
	await Bun.sleep(random.next() * 5);
	lose();
	const lostAtMs = performance.now();
	await aftermath();
	await clients.stop();
	return lostAtMs;
}

async function haveEnded(processes: readonly RunningProgram[]): Promise<void> {
	await Promise.race([Promise.all(processes.map(({ ended }) => ended)), Bun.sleep(endMsMax)]);
}

async function judgeEnds(processes: readonly RunningProgram[], lostAtMs: number) {
	const endMs: number[] = [];
	const broken: string[] = [];
	for (const [index, program] of processes.entries()) {
		if (!program.hasEnded) {
			broken.push(`process ${index} lives on`);
			continue;
		}
		const { code, signal, atMs } = await program.ended;
		endMs.push(atMs - lostAtMs);
		if (code !== exitStoreFailed) broken.push(`process ${index} ended with ${code ?? signal}`);
	}
	return { endMs, broken };
}

/** Whatever was asked for when the file was gone was answered by nobody. */
function lateFindings({ postings, statements }: Observed, lostAtMs: number): string[] {
	const late = postings.filter(
		({ fate, invokedAtMs }) => invokedAtMs > lostAtMs && (fate === "posted" || fate === "refused"),
	);
	const shown = statements.filter(({ invokedAtMs }) => invokedAtMs > lostAtMs);
	return [
		...(late.length > 0 ? [`${late.length} entries were answered after it`] : []),
		...(shown.length > 0 ? [`${shown.length} statements were shown after it`] : []),
	];
}

function conclude(outcomes: readonly Outcome[]): Omit<Report, "controls"> {
	const acknowledged = outcomes.reduce((sum, outcome) => sum + outcome.acknowledged, 0);
	const endMs = outcomes.flatMap((outcome) => outcome.endMs);
	return {
		tried: `${outcomes.length} files lost under load, ${acknowledged.toLocaleString("en-US")} acknowledged entries`,
		figures: { ways: losses.length, processesEnded: endMs.length, endMsMax: Math.max(0, ...endMs) },
		broken: [
			...outcomes.flatMap(({ broken }) => broken),
			...nothingMet({ "acknowledged entries": acknowledged, "processes that ended": endMs.length }),
		],
	};
}

/** Whoever does not look at what the names stand for. */
async function playControls({ folder, form, stop }: Trial, random: Random): Promise<Control[]> {
	const controls: Control[] = [];
	const chosen =
		form === "full"
			? losses.filter(({ losesAtOnce }) => losesAtOnce)
			: [losses[0], losses[2], losses[5]].filter((loss) => loss !== undefined);
	for (const [number, loss] of chosen.entries()) {
		stop.throwIfAborted();
		controls.push(await playControl(loss, join(folder, `control-${number}`), random));
	}
	return controls;
}

async function playControl(loss: Loss, folder: string, random: Random): Promise<Control> {
	const place = join(folder, "ledger");
	mkdirSync(place, { recursive: true });
	const databaseFile = join(place, "ledger.db");
	await using pair = await CarelessPair.start(
		folder,
		databaseFile,
		loss.leavesLog ? { CHECKPOINT_PAGES: checkpointPages } : {},
	);
	const before = readBooks(databaseFile);
	const observed = new Observed();
	const lostAtMs = await loseUnderLoad(loss, databaseFile, pair.targets, 100, observed, random, () =>
		Bun.sleep(carelessMs),
	);
	await pair.kill();
	const late = lateFindings(observed, lostAtMs);
	const lost = lostAtTheName(before, observed, databaseFile);
	const about = `${loss.about} under a ledger that looks at no inode`;
	return {
		about,
		isCaught: late.length > 0 && lost.length > 0,
		detail: [...late, ...lost].join("; ") || "nothing was found",
	};
}

/** What a restart would find under the name. */
function lostAtTheName(before: Books, observed: Observed, databaseFile: string): string[] {
	try {
		const found = findings(before, observed, readBooks(databaseFile));
		const lost = found.filter((sentence) => /acknowledged, and is lost/.test(sentence)).length;
		return lost > 0 ? [`${lost} acknowledged entries were lost, or more`] : [];
	} catch (error) {
		return [`there is no ledger under its name: ${(error as Error).message}`];
	}
}

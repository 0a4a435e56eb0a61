/**
 * Bytes that no honest client sends, a million times, mixed with right requests on the same connections and on others:
 * at the whole stack, and at ledger processes by themselves. An oracle that knows the README says what may come back.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Attack, Report, Trial } from "../attack.ts";
import { readBooks } from "../books.ts";
import { LedgerPair } from "../ledger-pair.ts";
import { descendants } from "../processes.ts";
import { Stack } from "../stack.ts";
import { findings } from "../verdict.ts";
import { playControls } from "./careless-controls.ts";
import { Claimed } from "./claimed.ts";
import { type FuzzRun, play, type Target } from "./fuzz-run.ts";
import { ProgramWatch, type Watched } from "./program-watch.ts";

const counts = { quick: 20_000, full: 1_000_000 } as const;
const controlCounts = { quick: 2000, full: 10_000 } as const;
const players = 96;
/** nginx's two tries take 6.5 s at the most; this is for a machine that has other things to do. */
const answerMsMax = 10_000;
/** Bun ends a silent connection after 30 s, nginx after 5 s. */
const stallMsMax = 60_000;
const residentMbMax = 250;
const findingsMax = 200;

export const fuzz: Attack = {
	name: "fuzz",
	promise: "Bad input is refused, exactly: it brings no 5xx, no hang, no entry, and the process goes on",
	about: "bad and nearly bad requests by raw sockets, through nginx and directly, among right ones",
	needs: ["linux", "nginx"],
	play: playFuzz,
};

async function playFuzz(trial: Trial): Promise<Report> {
	const run = await playStack(trial);
	const controls = await playControls(trial, controlCounts[trial.form]);
	const { made } = run;
	return {
		tried: `${made.toLocaleString("en-US")} requests, ${run.answered.toLocaleString("en-US")} answers`,
		figures: run.figures,
		broken: run.broken,
		controls,
	};
}

interface Outcome {
	readonly made: number;
	readonly answered: number;
	readonly figures: Readonly<Record<string, number>>;
	readonly broken: readonly string[];
}

async function playStack({ folder, form, seed, stop, say }: Trial): Promise<Outcome> {
	const stackFolder = join(folder, "stack");
	const pairFolder = join(folder, "pair");
	const temporary = join(folder, "tmp");
	for (const made of [stackFolder, pairFolder, temporary]) mkdirSync(made, { mode: 0o755 });
	// Whatever ends it, the folder of its sockets goes with the trial's.
	await using stack = await Stack.start({ dataFolder: stackFolder, environment: { TMPDIR: temporary } });
	await using pair = new LedgerPair({ folder, databaseFile: join(pairFolder, "ledger.db") });
	await pair.start();
	const targets = [targetOfStack(stack), targetOfPair(pair, join(pairFolder, "ledger.db"))];
	const watch = new ProgramWatch([watchedStack(stack), ...watchedPair(pair)]);
	const startedAt = performance.now();
	const count = counts[form];
	const tell = progress(count, say);
	const run = await play({
		...{
			targets,
			count,
			players,
			seed,
			answerMsMax,
			stallMsMax: form === "full" ? stallMsMax : 0,
			stop,
			findingsMax,
		},
		look: (made) => {
			watch.look();
			tell(made);
		},
	});
	const seconds = (performance.now() - startedAt) / 1000;
	const said = watch.findings(residentMbMax);
	const figures = { ...runFigures(run, targets, seconds), ...watch.figures() };
	await Promise.all([stack.stop(), pair.stop()]);
	const files = [stack.databaseFile, join(pairFolder, "ledger.db")];
	const books = targets.flatMap((target, index) => bookFindings(target, files[index] as string));
	return {
		made: run.made,
		answered: run.answered,
		figures,
		broken: [...run.findings.sentences, ...said, ...books],
	};
}

/** Says ten times how far it is. */
function progress(count: number, say: (line: string) => void): (made: number) => void {
	let told = 0;
	return (made) => {
		if (made - told < count / 10) return;
		told = made;
		say(`${made.toLocaleString("en-US")} of ${count.toLocaleString("en-US")} requests`);
	};
}

function targetOfStack({ target, databaseFile }: Stack): Target {
	const { hostname, port } = new URL(target);
	const addresses = [{ hostname, port: Number(port) }];
	return { front: "balancer", addresses, before: readBooks(databaseFile), observed: new Claimed() };
}

function targetOfPair({ sockets }: LedgerPair, databaseFile: string): Target {
	const addresses = sockets.map((unix) => ({ unix }));
	return { front: "process", addresses, before: readBooks(databaseFile), observed: new Claimed() };
}

function watchedStack(stack: Stack): Watched {
	const { process } = stack;
	// Health checks and the like come and go; nginx and the ledgers stay.
	const first = descendants(process.pid);
	return {
		name: "the stack",
		pids: () =>
			[process.pid, ...descendants(process.pid)].filter((pid) => pid === process.pid || first.includes(pid)),
		output: () => process.output,
	};
}

function watchedPair({ processes }: LedgerPair): Watched[] {
	return processes.map((child, index) => ({
		name: `process ${index + 1}`,
		pids: () => (child.hasEnded ? [] : [child.pid]),
		output: () => child.output,
	}));
}

/** What the clients saw against what is in the file, which nobody serves any more. */
export function bookFindings({ before, observed, front }: Target, databaseFile: string): string[] {
	const after = readBooks(databaseFile);
	observed.settle(new Set(after.entries.map(({ description }) => description)));
	return findings(before, observed, after).map(
		(sentence) => `books behind the ${front}: ${observed.explained(sentence)}`,
	);
}

function runFigures(
	{ tally, made }: FuzzRun,
	targets: readonly Target[],
	seconds: number,
): Record<string, number> {
	const count = (fate: "posted" | "refused" | "absent" | "unknown") =>
		targets.reduce((sum, { observed }) => sum + observed.count(fate), 0);
	return {
		...tally.figures(),
		...{
			postedEntries: count("posted"),
			refusedByLimit: count("refused"),
			unknownPostings: count("unknown"),
		},
		statementsSeen: targets.reduce((sum, { observed }) => sum + observed.statements.length, 0),
		requestsPerSecond: Math.round(made / seconds),
		seconds: Math.round(seconds),
	};
}

/**
 * A disk that takes its time, or hangs, under two thousand clients. Each sync makes everybody wait; what waits is
 * bounded, what is over the bound is refused at once, and nobody is told 200 before the disk has it.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Attack, Control, Form, Report, Trial } from "../attack.ts";
import { Random } from "../random.ts";
import { SlowDiskPlay, type Slowness, type SlowPhase, waitingMax } from "./slow-disk-play.ts";

const sync = ["fdatasync"];
/** A checkpoint writes and syncs on the event loop; 2.5 s of that, and the watchdog ends the process. */
const everyCall = ["fdatasync", "fsync", "pwrite64"];
/** A hang ends with the phase; until then no fdatasync returns. */
const hung = { name: "hung", calls: sync, delayMs: 3_600_000 };
const slowSync = { name: "fdatasync takes 50 ms", calls: sync, delayMs: 50 };
const slowestSync = { name: "fdatasync takes 500 ms", calls: sync, delayMs: 500 };
const slowCalls = { name: "every write and sync takes 2 ms", calls: everyCall, delayMs: 2 };
const phases: Readonly<Record<Form, readonly Slowness[]>> = {
	quick: [
		{ ...slowSync, forMs: 1000 },
		{ ...slowestSync, forMs: 2000 },
		{ ...slowCalls, forMs: 2000 },
		{ ...hung, forMs: 3000 },
	],
	full: [
		{ ...slowSync, forMs: 20_000 },
		{ ...slowestSync, forMs: 20_000 },
		{ ...slowCalls, forMs: 30_000 },
		{ ...hung, forMs: 30_000 },
		{ ...slowestSync, forMs: 20_000 },
		{ ...hung, forMs: 60_000 },
	],
};
const controlMs = 1000;
const recoverMsMax = 10_000;
/** Of one process; the compose file gives it as much. */
const residentMegabytesMax = 200;

export const slowDisk: Attack = {
	name: "slow-disk",
	promise:
		"However slow the disk, what waits is bounded, the rest is told 503, and nobody is told 200 before the disk has it",
	about:
		"fdatasync, or every write and sync, takes its time or does not return, under two thousand connections; then the disk is back",
	needs: ["linux", "strace"],
	play,
};

async function play(trial: Trial): Promise<Report> {
	const { folder, form, seed, stop, say } = trial;
	const place = join(folder, "slow");
	mkdirSync(place);
	await using play = new SlowDiskPlay(place, new Random(seed));
	await play.start();
	const played: SlowPhase[] = [];
	for (const slowness of phases[form]) {
		const phase = await play.slow(slowness, stop);
		say(`${phase.name}: ${phase.refused} refused, ${phase.waitingMax} waited at most`);
		played.push(phase);
	}
	await play.finish();
	const broken = [...play.broken, ...played.flatMap(phaseFindings)];
	if (play.residentMegabytesMax > residentMegabytesMax)
		broken.push(`a process held ${Math.round(play.residentMegabytesMax)} MB`);
	const controls = [await playUnbounded(trial), await playCareless(trial)];
	return { ...conclude(play, played), broken, controls };
}

function phaseFindings(phase: SlowPhase): string[] {
	const { name, waitingMax: waiting, refused, acknowledged, health, servedAgainMs } = phase;
	const isHung = name === hung.name;
	const found: string[] = [];
	// The probe of /health may wait beyond the bound.
	if (!(waiting <= waitingMax + 1)) found.push(`${waiting} requests waited, over ${waitingMax}`);
	if (refused === 0) found.push("nobody was refused, so the bound was not met");
	if (isHung && acknowledged > 0) found.push(`${acknowledged} entries were acknowledged`);
	// A checkpoint whose every write takes its time may take the whole phase.
	if (!isHung && name !== slowCalls.name && acknowledged === 0) found.push("nothing was acknowledged");
	if (isHung && health.some((status) => status !== 503)) found.push(`/health was ${health.join(" and ")}`);
	if (servedAgainMs > recoverMsMax) found.push(`it took ${Math.round(servedAgainMs)} ms to serve again`);
	return found.map((sentence) => `${name}: ${sentence}`);
}

function conclude(play: SlowDiskPlay, played: readonly SlowPhase[]): Pick<Report, "tried" | "figures"> {
	const sum = (count: (phase: SlowPhase) => number) =>
		played.reduce((total, phase) => total + count(phase), 0);
	const acknowledged = play.observed.count("posted");
	return {
		tried: `${played.length} times slow (${played.map(({ name }) => name).join(", ")}), 2,000 connections; ${acknowledged.toLocaleString("en-US")} acknowledged entries`,
		figures: {
			waitingMax: Math.max(...played.map((phase) => phase.waitingMax)),
			refused: sum(({ refused }) => refused),
			unansweredAfterHalfAMinute: play.unanswered,
			acknowledgedWhileSlow: sum((phase) => phase.acknowledged),
			servedAgainMsMax: Math.max(...played.map(({ servedAgainMs }) => servedAgainMs)),
			residentMegabytesBefore: play.residentMegabytesBefore,
			residentMegabytesMax: play.residentMegabytesMax,
		},
	};
}

/** The bound taken away. */
async function playUnbounded(trial: Trial): Promise<Control> {
	const phase = await playControl(trial, "unbounded", { WAITING_MAX: "100000" });
	const isCaught = phase.waitingMax > waitingMax + 1;
	return { about: "WAITING_MAX=100000", isCaught, detail: `${phase.waitingMax} requests waited` };
}

/** The wait for the disk taken away. */
async function playCareless(trial: Trial): Promise<Control> {
	const phase = await playControl(trial, "careless", { DURABILITY: "os" });
	const detail = `${phase.acknowledged} entries were acknowledged while the disk hung`;
	return { about: "DURABILITY=os", isCaught: phase.acknowledged > 0, detail };
}

async function playControl(
	{ folder, seed, stop }: Trial,
	name: string,
	environment: Readonly<Record<string, string>>,
): Promise<SlowPhase> {
	stop.throwIfAborted();
	const place = join(folder, name);
	mkdirSync(place);
	await using play = new SlowDiskPlay(place, new Random(seed), environment);
	await play.start();
	return await play.slow({ ...hung, forMs: controlMs }, stop);
}

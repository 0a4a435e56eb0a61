/**
 * A disk that is filled to the last byte under load, and emptied again, over and over: while checkpoints are due, and
 * with processes that start on it. SQLite stops before a commit's last frame is in the log, so nothing was applied.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Attack, Control, Report, Trial } from "../attack.ts";
import { readBooks } from "../books.ts";
import { CarelessPair } from "../careless-pair.ts";
import { Clients } from "../clients.ts";
import { nothingMet } from "../nothing-met.ts";
import { Observed } from "../observed.ts";
import { Random } from "../random.ts";
import { findings } from "../verdict.ts";
import { FullDiskPlay } from "./full-disk-play.ts";
import { SmallDisk } from "./small-disk.ts";

const rounds = { quick: 4, full: 60 } as const;
/** In every so many-eth round both processes are killed on the full disk, and started there. */
const restartEvery = 3;
const diskMegabytes = 48;
/** "Within seconds." */
const recoverMsMax = 10_000;
/** A control waits for nothing to happen. */
const controlMs = 1500;
/** A log that begins anew would find the room that it had. */
const carelessEnvironment = { ACKNOWLEDGES: "before", CHECKPOINT_PAGES: "1000000" };
/** Of one process; the compose file gives it as much. */
const residentMegabytesMax = 200;

export const diskFull: Attack = {
	name: "disk-full",
	promise:
		"A full disk means 503 and nothing applied, and the ledger serves again by itself when there is room",
	about:
		"a disk is filled to the last byte under load and emptied, again and again, also with a restart while it is full",
	needs: ["linux", "root", "mkfs.ext4", "mount"],
	play,
};

async function play(trial: Trial): Promise<Report> {
	const held = await withDisk(trial, "held", (disk, place) => playRounds(trial, disk, place));
	const controls = [
		await withDisk(trial, "careless", (disk, place) => playCareless(trial, disk, place)),
		await withDisk(trial, "roomless", (disk, place) => playRoomless(trial, disk, place)),
	];
	return { ...held, controls };
}

/** Unmounts it whatever happens. */
async function withDisk<T>(
	{ folder, stop }: Trial,
	name: string,
	use: (disk: SmallDisk, place: string) => Promise<T>,
): Promise<T> {
	stop.throwIfAborted();
	const place = join(folder, name);
	mkdirSync(place);
	using disk = new SmallDisk(place, diskMegabytes);
	return await use(disk, place);
}

async function playRounds(
	{ form, seed, stop, say }: Trial,
	disk: SmallDisk,
	place: string,
): Promise<Omit<Report, "controls">> {
	await using play = new FullDiskPlay(disk, place, new Random(seed));
	await play.start();
	let restarts = 0;
	for (let round = 1; round <= rounds[form]; round += 1) {
		stop.throwIfAborted();
		await play.fill();
		play.expectAlive();
		if (round % restartEvery === 0) {
			await play.restart();
			restarts += 1;
		}
		if (!(await play.free(recoverMsMax))) play.broken.push(`round ${round}: it did not serve again`);
		if (round % 10 === 0) say(`full and emptied ${round} times`);
	}
	await play.finish();
	const { broken, residentMegabytesMax: megabytes } = play;
	if (megabytes > residentMegabytesMax) broken.push(`a process held ${Math.round(megabytes)} MB`);
	const acknowledged = play.observed.count("posted");
	const refused = play.count(503);
	broken.push(...nothingMet({ "acknowledged entries": acknowledged, refusals: refused, restarts }));
	return {
		tried: `${rounds[form]} times full, ${restarts} of them with a restart there; ${acknowledged.toLocaleString("en-US")} acknowledged entries`,
		figures: {
			refused,
			startsOnTheFullDisk: play.started,
			startsRefusedForWantOfRoom: play.notStarted,
			probesThatFoundRoom: play.healthyProbes,
			servedAgainMsMax: play.servedAgainMsMax,
			residentMegabytesMax: megabytes,
		},
		broken,
	};
}

/** Whoever answers before it commits. */
async function playCareless({ seed }: Trial, disk: SmallDisk, place: string): Promise<Control> {
	const databaseFile = join(disk.folder, "ledger.db");
	await using pair = await CarelessPair.start(place, databaseFile, carelessEnvironment);
	const before = readBooks(databaseFile);
	const observed = new Observed();
	const random = new Random(seed);
	const clients = new Clients({ targets: pair.targets, count: 4, observed, random, pauseMs: 5 });
	await Bun.sleep(controlMs / 3);
	disk.fill();
	await Bun.sleep(controlMs);
	await clients.stop();
	// What it still hopes to commit.
	await Bun.sleep(controlMs / 3);
	await pair.kill();
	disk.free();
	const after = readBooks(databaseFile);
	const kept = new Set(after.entries.map(({ description }) => description));
	// Only what is missing is put before the checker, which names a few of a kind, and there are wrong balances, too.
	const missing = new Observed();
	missing.postings.push(...observed.postings.filter(({ fate, tag }) => fate === "posted" && !kept.has(tag)));
	const lost = missing.postings.length;
	const isCaught = findings(before, missing, after).some((sentence) => /is lost/.test(sentence));
	const detail = isCaught ? `found, ${lost} acknowledged entries were lost` : "nothing was found";
	return { about: "a ledger that answers before it commits", isCaught, detail };
}

/** The disk stays full: then "it serves again" may not be found. */
async function playRoomless({ seed }: Trial, disk: SmallDisk, place: string): Promise<Control> {
	await using play = new FullDiskPlay(disk, place, new Random(seed));
	await play.start();
	await play.fill();
	const serves = await play.servesAfter(performance.now(), controlMs);
	return {
		about: "no room is made",
		isCaught: !serves,
		detail: serves ? "it was found to serve" : "it was found not to serve again",
	};
}

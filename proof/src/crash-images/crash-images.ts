/**
 * What a power cut may leave, a hundred thousand times: the writes of the two ledgers are recorded, and a disk is made
 * up that has lost, reordered and torn of them what no sync had made durable. A real power cut shows one such disk.
 */
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Attack, Control, Form, Report, Trial } from "../attack.ts";
import { Random } from "../random.ts";
import { weakenings } from "./controls.ts";
import { kinds } from "./image.ts";
import { ImageFolder } from "./image-folder.ts";
import { type Played, play, type Serving } from "./player.ts";
import { Promises } from "./promises.ts";
import { type Happening, type Recording, record } from "./recording.ts";
import { serveImage } from "./served-images.ts";
import { drawStart, freshStart, type Start } from "./start.ts";

interface Plan {
	readonly recordings: number;
	readonly answers: number;
	/** One of these; few make small batches, many make large ones. */
	readonly clients: readonly number[];
	/** Of each recording. */
	readonly images: number;
	/** One image in so many is opened by the ledger itself. */
	readonly servedEach: number;
	/** Of each control. */
	readonly controlImages: number;
}

const plans: Readonly<Record<Form, Plan>> = {
	quick: { recordings: 2, answers: 800, clients: [8], images: 1500, servedEach: 700, controlImages: 150 },
	full: {
		recordings: 16,
		answers: 2000,
		clients: [2, 8, 32],
		images: 7000,
		servedEach: 700,
		controlImages: 1000,
	},
};
/** So many runs begin with what a power cut has left of the one before; then the books have grown, and are dropped. */
const chainMax = 4;
const happenings: readonly Happening[] = ["one is killed", "both are killed", "reset"];
const happeningsMax = 4;
/** Where many only look, there are batches that write nothing, and show what the other ledger has not synced yet. */
const statementShares = [0.2, 0.7] as const;
/** Memory, on most machines: an image is opened in 2 ms there. */
const memoryFolder = "/dev/shm";

export const crashImages: Attack = {
	name: "crash-images",
	promise:
		"Whatever a power cut loses, reorders or tears of what was not synced: the books are whole, and have all that was acknowledged or shown",
	about:
		"records every write, sync and answer of two ledgers under load, and makes up what a power cut may leave of it at random moments",
	needs: ["linux", "strace"],
	play: playAttack,
};

async function playAttack(trial: Trial): Promise<Report> {
	const plan = plans[trial.form];
	const random = new Random(trial.seed);
	const memory = makeImageFolder(trial.folder);
	try {
		const images = new ImageFolder(memory);
		const rounds: Round[] = [];
		let controls: Control[] = [];
		let start = freshStart;
		for (let index = 0; index < plan.recordings; index += 1) {
			const recording = await recordOne(trial, plan, index, random, start);
			rounds.push(await playRecording(trial, plan, recording, images, random));
			trial.say(progressText(rounds));
			if (index === 0) controls = await playControls(trial, plan, recording, images, random);
			start = (index + 1) % chainMax === 0 ? freshStart : drawStart(recording, random, images);
		}
		return { ...reportOf(rounds), controls };
	} finally {
		rmSync(memory, { recursive: true, force: true });
	}
}

/** Of one recording, of which the writes are forgotten. */
interface Round {
	readonly played: Played;
	readonly recording: Pick<Recording, "acknowledged" | "broken" | "checkpoints" | "logStarts">;
	readonly answers: number;
	readonly moments: number;
	readonly isAfterPowerCut: boolean;
}

function makeImageFolder(folder: string): string {
	try {
		accessSync(memoryFolder, constants.W_OK);
		return mkdtempSync(join(memoryFolder, "crebito-images-"));
	} catch {
		return join(folder, "images");
	}
}

/** The first one has everything; of the others each what is drawn. */
function recordOne(
	trial: Trial,
	{ answers, clients }: Plan,
	index: number,
	random: Random,
	start: Start,
): Promise<Recording> {
	const drawn = Array.from({ length: random.between(0, happeningsMax) }, () => random.pick(happenings));
	return record({
		folder: join(trial.folder, `run-${index}`),
		seed: random.below(2 ** 32),
		start,
		answers,
		clients: random.pick(clients),
		statementShare: statementShares[index % statementShares.length] as number,
		happenings: index === 0 ? happenings : drawn,
		stop: trial.stop,
	});
}

async function playRecording(
	trial: Trial,
	{ images, servedEach }: Plan,
	recording: Recording,
	folder: ImageFolder,
	random: Random,
): Promise<Round> {
	const { disk, before, exchanges, moments, acknowledged, broken, checkpoints, logStarts } = recording;
	const serving: Serving = {
		each: servedEach,
		serve: (image, books) => serveImage(trial.folder, image, books),
	};
	const promises = new Promises(before, exchanges);
	const played = await play({ disk, promises, moments, images, random, folder, stop: trial.stop, serving });
	return {
		...{ played, recording: { acknowledged, broken, checkpoints, logStarts } },
		...{ answers: exchanges.length, moments: moments.length, isAfterPowerCut: before.accounts.length > 0 },
	};
}

async function playControls(
	{ stop }: Trial,
	{ controlImages: images }: Plan,
	recording: Recording,
	folder: ImageFolder,
	random: Random,
): Promise<Control[]> {
	const controls: Control[] = [];
	for (const { about, weaken } of weakenings) {
		const { disk, exchanges } = weaken(recording);
		const promises = new Promises(recording.before, exchanges);
		const { moments } = recording;
		const { broken, findings } = await play({ disk, promises, moments, images, random, folder, stop });
		const detail = `${broken} of ${images} images were wrong${broken > 0 ? `, the first: ${findings[0]}` : ""}`;
		controls.push({ about, isCaught: broken > 0, detail });
	}
	return controls;
}

function reportOf(rounds: readonly Round[]): Omit<Report, "controls"> {
	const sum = (count: (round: Round) => number) => rounds.reduce((total, round) => total + count(round), 0);
	const images = sum(imagesOf);
	const moments = sum(({ played }) => played.moments.size);
	const acknowledged = sum(({ recording }) => recording.acknowledged);
	return {
		tried: `${images.toLocaleString("en-US")} crash images of ${moments.toLocaleString("en-US")} moments of ${rounds.length} runs, ${acknowledged.toLocaleString("en-US")} acknowledged entries`,
		figures: {
			...{ images, moments, runs: rounds.length, acknowledged },
			runsAfterPowerCut: sum(({ isAfterPowerCut }) => Number(isAfterPowerCut)),
			answers: sum(({ answers }) => answers),
			momentsThereWere: sum((round) => round.moments),
			checkpoints: sum(({ recording }) => recording.checkpoints),
			logStarts: sum(({ recording }) => recording.logStarts),
			imagesUnlikeWhatProcessesSaw: sum(({ played }) => played.differing),
			imagesServedByLedger: sum(({ played }) => played.served),
			...Object.fromEntries(
				kinds.map((kind) => [figureName(kind), sum(({ played }) => played.byKind.get(kind) ?? 0)]),
			),
			unsyncedWritesMax: Math.max(...rounds.map(({ played }) => played.pendingMax)),
			imagesWrong: sum(({ played }) => played.broken),
		},
		broken: rounds.flatMap(({ played, recording }) => [...recording.broken, ...played.findings]),
	};
}

/** "all lost" → imagesAllLost. */
function figureName(kind: string): string {
	return `images ${kind}`.replace(/ (.)/g, (_, first: string) => first.toUpperCase());
}

function imagesOf({ played }: Round): number {
	return [...played.byKind.values()].reduce((sum, count) => sum + count, 0);
}

function progressText(rounds: readonly Round[]): string {
	const { played, answers, moments } = rounds.at(-1) as Round;
	const wrong = rounds.reduce((sum, round) => sum + round.played.broken, 0);
	return `run ${rounds.length}: ${answers} answers, ${moments} moments, ${played.differing} images unlike what the processes saw; wrong so far: ${wrong}`;
}

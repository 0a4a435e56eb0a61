/** An hour at 80 % of what the stack can do within the challenge's limits: what grows, and whether it stays as it was. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Attack, Form, Report, Trial } from "../attack.ts";
import { ProofError } from "../place.ts";
import { Stack } from "../stack.ts";
import { playControls } from "./control.ts";
import { bookFindings, type FinalBooks, readFinalBooks } from "./final-books.ts";
import { type GrowthBounds, growthFigures, growthFindings } from "./growth.ts";
import { JudgeProcess, type JudgeResult } from "./judge.ts";
import { Limits } from "./limits.ts";
import { type MeasuredLoad, playLoad } from "./measured-load.ts";
import { p99DriftPercent, paceFindings } from "./pace.ts";

interface Plan {
	readonly maximumSeconds: number;
	readonly warmUpSeconds: number;
	readonly seconds: number;
	readonly everyMs: number;
	readonly bounds: GrowthBounds;
	/** Of the controls, which are as impatient in both forms. */
	readonly controlWarmUpMs: number;
	/** Of the p99 of the last tenth over that of the first; undefined where it says nothing. */
	readonly driftPercentMax: number | undefined;
}

const plans: Readonly<Record<Form, Plan>> = {
	quick: {
		...{ maximumSeconds: 3, warmUpSeconds: 2, seconds: 12, everyMs: 500 },
		// A process that has just started still grows by right.
		bounds: { memory: { share: 0.1, least: 24 }, descriptors: { share: 0.1, least: 48 } },
		controlWarmUpMs: 6000,
		driftPercentMax: undefined,
	},
	full: {
		...{ maximumSeconds: 30, warmUpSeconds: 60, seconds: 3600, everyMs: 5000 },
		bounds: { memory: { share: 0.1, least: 8 }, descriptors: { share: 0.1, least: 24 } },
		controlWarmUpMs: 30_000,
		driftPercentMax: 10,
	},
};
/** Of a control, before it may be called growing. */
const samplesMin = 12;
const processors = 1.5;
const memoryMb = 550;
const loadShare = 0.8;
/** In flight: enough to fill the batches when it is measured how much goes, and no bound when a rate is asked. */
const closedConnections = 64;
const openConnections = 128;
const saysEvery = 60;

export const soak: Attack = {
	name: "soak",
	promise:
		"An hour under load leaves the ledger as it was: nothing grows but the history, and the books are right",
	about:
		"serves 80 % of the maximum for an hour within 1.5 processors and 550 MB, looks at memory, descriptors and the log each 5 s, and audits the books",
	needs: ["linux", "root", "nginx"],
	play,
};

async function play(trial: Trial): Promise<Report> {
	const plan = plans[trial.form];
	const limits = createLimits();
	// The promise is one within the limits. A quick run goes on without: root in a container, which is what CI often is,
	// may not set any, and what leaks does so without them, too. Its report says that there were none.
	if (typeof limits === "string" && trial.form === "full")
		throw new ProofError(`it can't be played in full: the limits can't be set: ${limits}`);
	if (typeof limits === "string") trial.say(`without the challenge's limits: ${limits}`);
	const wrapper = typeof limits === "string" ? [] : limits.wrapper;
	const environment = stackEnvironment(trial.folder);
	const dataFolder = join(trial.folder, "data");
	try {
		const stack = await Stack.start({ dataFolder, environment, wrapper });
		const { maximum, load } = await playMeasured(trial, plan, stack);
		const books = await readFinalBooks(stack.databaseFile);
		const memoryKills = typeof limits === "string" ? 0 : limits.memoryKills;
		const { bounds, controlWarmUpMs: warmUpMs } = plan;
		const controls = await playControls(trial, environment, { bounds, warmUpMs, samplesMin });
		const limitText =
			typeof limits === "string" ? `without limits (${limits})` : "within 1.5 CPUs and 550 MB";
		return { ...reportOf(plan, maximum, load, books, memoryKills, limitText), controls };
	} finally {
		if (typeof limits !== "string") await limits.remove();
	}
}

/** The stack has stopped when it returns or throws. */
async function playMeasured(
	{ seed, folder, stop, say }: Trial,
	{ maximumSeconds, warmUpSeconds, seconds, everyMs }: Plan,
	stack: Stack,
): Promise<{ readonly maximum: number; readonly load: MeasuredLoad }> {
	try {
		const shared = { target: stack.target, seed, folder };
		const closed = { ...shared, seconds: maximumSeconds, warmUpSeconds: 1, connections: closedConnections };
		await using fastest = new JudgeProcess(closed);
		const maximum = (await fastest.result()).summary.rate;
		const rate = Math.floor(maximum * loadShare);
		say(`the maximum is ${Math.round(maximum)} requests/s, ${rate} are asked for ${seconds} s`);
		const { databaseFile } = stack;
		const open = { ...shared, rate, seconds, warmUpSeconds, connections: openConnections, databaseFile };
		let taken = 0;
		const load = await playLoad(stack, open, {
			...{ everyMs, stop },
			onSample: (samples) => {
				taken += 1;
				if (taken % saysEvery !== 0) return;
				const { ledgerMemoryMb, logMbMax } = growthFigures(samples);
				say(
					`${(taken * everyMs) / 1000} s: a ledger has ${ledgerMemoryMb?.toFixed(1)} MB, log ${logMbMax} MB`,
				);
			},
		});
		await stack.stop();
		return { maximum, load };
	} finally {
		await stack[Symbol.asyncDispose]();
	}
}

function reportOf(
	{ bounds, driftPercentMax }: Plan,
	maximum: number,
	{ samples, result }: MeasuredLoad,
	books: FinalBooks,
	memoryKills: number,
	limitText: string,
): Omit<Report, "controls"> {
	const { summary, latency, consistency, validity } = result;
	const found = [...growthFindings(samples, bounds), ...answerFindings(result), ...bookFindings(books)];
	if (memoryKills > 0) found.push(`${memoryKills} processes were killed for want of memory`);
	if (consistency.verdict !== "consistent")
		found.push(`the books are ${consistency.verdict}: ${consistency.reason}`);
	if (driftPercentMax !== undefined) found.push(...paceFindings(result, driftPercentMax));
	return {
		tried: `${summary.requests.toLocaleString("en-US")} requests at ${Math.round(summary.rate)}/s ${limitText}; the generator: ${validity.verdict}`,
		figures: {
			...{ maximumPerSecond: maximum, ratePerSecond: summary.rate, requests: summary.requests },
			...{ unsent: summary.unsent, entries: books.entries, bytesPerEntry: books.bytes / books.entries },
			...{
				latencyMsP99: p99Of(result),
				latencyMsMax: latency.response.maxMs,
				p99DriftPercent: p99DriftPercent(result.seconds),
			},
			...growthFigures(samples),
		},
		broken: found,
	};
}

function answerFindings({ summary: { otherStatus, failed } }: JudgeResult): string[] {
	const found: string[] = [];
	if (otherStatus > 0) found.push(`${otherStatus} requests were answered with a status that none may have`);
	if (failed > 0) found.push(`${failed} requests had no answer`);
	return found;
}

function p99Of({ latency }: JudgeResult): number {
	return latency.response.percentiles.find(({ percentile }) => percentile === 99)?.ms ?? Number.NaN;
}

/** Or why there are none. */
function createLimits(): Limits | string {
	try {
		return Limits.create(`crebito-proof-${process.pid}`, processors, memoryMb * 1_000_000);
	} catch (error) {
		return (error as Error).message;
	}
}

function stackEnvironment(folder: string): Record<string, string> {
	const temporary = join(folder, "tmp");
	mkdirSync(temporary, { recursive: true });
	return { TMPDIR: temporary, LOG_LEVEL: "warn" };
}

/** What has to be found: acknowledgements that the disk has not kept, and one that nobody earned. */
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { Control, Trial } from "../attack.ts";
import { type Books, readBooks } from "../books.ts";
import { Clients } from "../clients.ts";
import { LedgerPair } from "../ledger-pair.ts";
import { Observed } from "../observed.ts";
import { Random } from "../random.ts";
import { findings } from "../verdict.ts";
import { type Beginning, FaultPlay } from "./fault-run.ts";
import { forgetUnsynced, tracedForWrites } from "./forgotten-writes.ts";
import { tracing } from "./io-fault.ts";

const answersMin = 300;
const reactionMsMax = 20_000;
const lost = /was acknowledged, and is lost/;

/** By what is done to the pair. */
const careless: readonly { about: string; environment: Record<string, string>; injection?: string }[] = [
	{
		about: "the disk claims to have synced, from the 10th fdatasync of a thread on, and has not",
		environment: {},
		injection: "fdatasync:retval=0:when=10+",
	},
	{ about: "DURABILITY=os, which does not wait for the disk", environment: { DURABILITY: "os" } },
];

/** Ledgers that wait for the disk, and do the wrong thing when it fails; and what is found of it. */
const reactions = [
	{
		about: "ledgers that end by closing SQLite after a failed sync",
		program: "closing-ledger.ts",
		fault: { lasts: false, aftermath: "no cache" },
		finding: /it asked the disk for a sync again/,
	},
	{
		about: "ledgers that don't look whether their sync has failed",
		program: "ignoring-ledger.ts",
		fault: { lasts: true, aftermath: "no power" },
		finding: lost,
	},
] as const;

export async function playControls(
	trial: Trial,
	{ fresh, used }: { readonly fresh: Beginning; readonly used: Beginning },
): Promise<Control[]> {
	const { folder, seed, stop } = trial;
	const { books: before, seedFile } = fresh;
	const controls: Control[] = [];
	for (const [number, { about, environment, injection }] of careless.entries()) {
		stop.throwIfAborted();
		const random = new Random(seed + number);
		const place = join(folder, `control-${number}`);
		const found = await forgetfulRun(
			place,
			before,
			random,
			{ ...environment, SEED_FILE: seedFile },
			injection,
		);
		const losses = found.filter((sentence) => lost.test(sentence)).length;
		const detail = losses > 0 ? "acknowledged entries found lost" : "nothing was found";
		controls.push({ about, isCaught: losses > 0, detail });
	}
	for (const reaction of reactions) controls.push(await playReaction(trial, used, reaction));
	return [...controls, madeUpAcknowledgement(before)];
}

async function playReaction(
	{ folder, seed, stop }: Pick<Trial, "folder" | "seed" | "stop">,
	used: Beginning,
	{ about, program, fault, finding }: (typeof reactions)[number],
): Promise<Control> {
	const whole = { call: "fdatasync", nth: 12, isOnBoth: true, isFresh: false, ...fault } as const;
	const place = join(folder, `control-${basename(program, ".ts")}`);
	const path = join(import.meta.dir, program);
	const { broken } = await new FaultPlay(whole, place, used, new Random(seed), path).play(
		reactionMsMax,
		stop,
	);
	const found = broken.find((sentence) => finding.test(sentence));
	return { about, isCaught: found !== undefined, detail: found ?? broken[0] ?? "nothing was found" };
}

/** A pair under load whose disk then forgets what was not synced. */
async function forgetfulRun(
	folder: string,
	before: Books,
	random: Random,
	environment: Readonly<Record<string, string>>,
	injection: string | undefined,
): Promise<string[]> {
	mkdirSync(folder);
	const databaseFile = join(folder, "ledger.db");
	const logFiles = [0, 1].map((index) => join(folder, `strace-${index}.log`));
	await using pair = new LedgerPair({
		...{ folder, databaseFile, environment },
		wrapper: (index) => tracing(logFiles[index] as string, tracedForWrites, injection),
	});
	await pair.start();
	const observed = new Observed();
	const clients = new Clients({ targets: pair.targets, count: 4, observed, random });
	const deadline = performance.now() + 20_000;
	while (clients.answers < answersMin && performance.now() < deadline) await Bun.sleep(10);
	await pair.kill();
	await clients.stop();
	const copy = join(folder, "left.db");
	forgetUnsynced(databaseFile, logFiles, copy);
	return findings(before, observed, readBooks(copy));
}

function madeUpAcknowledgement(books: Books): Control {
	const observed = new Observed();
	const posting = observed.invokePosting(1, 100);
	Object.assign(posting, {
		fate: "posted",
		balance: 100,
		limit: 100_000,
		endedAtMs: posting.invokedAtMs + 1,
	});
	const isCaught = findings(books, observed, books).some((sentence) => lost.test(sentence));
	const about = "an acknowledgement of an entry that isn't there, added to what the clients saw";
	return { about, isCaught, detail: isCaught ? "found lost" : "nothing was found" };
}

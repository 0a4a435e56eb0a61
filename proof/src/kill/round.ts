/** One round: load, and kill after kill; then silence, all of it killed, and the books are held against the clients. */
import { type Books, readBooks } from "../books.ts";
import { Clients, resetOnce } from "../clients.ts";
import { Observed } from "../observed.ts";
import type { Random } from "../random.ts";
import { findings } from "../verdict.ts";
import type { LastingStack } from "./lasting-stack.ts";
import { Silences } from "./silences.ts";
import { killHard, pidsOf, type Victim } from "./victims.ts";

const clientCount = 12;
/** Between an answer and the next request: so that books of half an hour are read in seconds. */
const pauseMs = 3;
/** Books with more are reset between two rounds. */
const entriesMax = 150_000;

export interface RoundPlan {
	readonly random: Random;
	readonly victims: Iterator<Victim, never>;
	readonly seconds: number;
	readonly kills: number;
	readonly waitMsMin: number;
	readonly waitMsMax: number;
	readonly stop: AbortSignal;
}

export interface Round {
	readonly kills: ReadonlyMap<Victim, number>;
	readonly silences: ReadonlyMap<string, readonly number[]>;
	readonly acknowledged: number;
	readonly refused: number;
	readonly unknown: number;
	readonly findings: readonly string[];
}

/** The stack serves before and after it. */
export async function playRound(stack: LastingStack, plan: RoundPlan): Promise<Round> {
	const before = await calmBooks(stack);
	const observed = new Observed();
	const silences = new Silences(performance.now());
	const clients = new Clients({
		...{ targets: [stack.target], count: clientCount, pauseMs, observed, random: plan.random.branch() },
		onAnswer: (status, atMs) => {
			if (status < 500) silences.answered(atMs);
		},
	});
	let kills: ReadonlyMap<Victim, number>;
	let isBack: boolean;
	try {
		kills = await killOften(stack, plan, silences);
		isBack = await stack.isBack();
		silences.end(performance.now());
	} finally {
		await clients.stop();
	}
	await stack.stack.killAll();
	const after = readBooks(stack.databaseFile);
	await stack.startAgain();
	const late = isBack ? [] : ["the service was not back half a minute after the last kill"];
	const counts = {
		acknowledged: observed.count("posted"),
		refused: observed.count("refused"),
		unknown: observed.count("unknown"),
	};
	return {
		...{ kills, silences: silences.byVictim, ...counts },
		findings: [...late, ...findings(before, observed, after)],
	};
}

async function killOften(
	stack: LastingStack,
	{ random, victims, seconds, kills: killsMax, waitMsMin, waitMsMax, stop }: RoundPlan,
	silences: Silences,
): Promise<ReadonlyMap<Victim, number>> {
	const kills = new Map<Victim, number>();
	const endsAtMs = performance.now() + seconds * 1000;
	for (let count = 0; count < killsMax && performance.now() < endsAtMs; count += 1) {
		await Bun.sleep(random.between(waitMsMin, waitMsMax));
		stop.throwIfAborted();
		const victim = victims.next().value;
		const pids = pidsOf(victim, stack.stack, random);
		if (pids.length === 0) continue;
		silences.killed(victim, performance.now());
		if (victim === "the supervisor") {
			await stack.killSupervisor();
			await stack.startAgain();
		} else if (!killHard(pids)) continue;
		kills.set(victim, (kills.get(victim) ?? 0) + 1);
	}
	return kills;
}

/** Of a stack that serves and has nothing to do; its file is read while nobody has it. */
async function calmBooks(stack: LastingStack): Promise<Books> {
	await stack.stack.killAll();
	const books = readBooks(stack.databaseFile);
	await stack.startAgain();
	if (books.entries.length <= entriesMax) return books;
	await resetOnce(stack.target, new Observed());
	return calmBooks(stack);
}

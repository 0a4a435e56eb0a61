/**
 * kill -9, for half an hour: of a ledger, of both, of nginx, of what supervises them, under load and whatever they are
 * at. The clients repeat nothing, nginx does.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Attack, Control, Form, Report, Trial } from "../attack.ts";
import { nothingMet } from "../nothing-met.ts";
import { Random } from "../random.ts";
import { LastingStack } from "./lasting-stack.ts";
import { playRound, type Round, type RoundPlan } from "./round.ts";
import { median } from "./silences.ts";
import { drawVictims, type Victim } from "./victims.ts";

interface Plan {
	readonly seconds: number;
	readonly roundSeconds: number;
}

const plans: Readonly<Record<Form, Plan>> = {
	quick: { seconds: 12, roundSeconds: 12 },
	full: { seconds: 1800, roundSeconds: 20 },
};
const killsOfRound = 50;
const waitMsMin = 100;
const waitMsMax = 1500;
const controlRoundsMax = 12;
const controlRoundSeconds = 3;
const forgetfulStackPath = join(import.meta.dir, "forgetful-stack.ts");

export const kill: Attack = {
	name: "kill",
	promise:
		"What was acknowledged survives kill -9 of any process of the stack at any moment, once, and the service comes back by itself while its supervisor lives",
	about:
		"kills one ledger, both, nginx, its worker or the supervisor each 0.1 to 1.5 s under load, starts a killed supervisor again, and reads the books after each round",
	needs: ["linux", "nginx", "setpriv"],
	play,
};

async function play(trial: Trial): Promise<Report> {
	const rounds = await playRounds(trial, plans[trial.form]);
	const control = await withoutIdentity(trial);
	return { ...reportOf(rounds), controls: [control] };
}

async function playRounds(trial: Trial, { seconds, roundSeconds }: Plan): Promise<Round[]> {
	const random = new Random(trial.seed);
	const victims = drawVictims(random.branch());
	const rounds: Round[] = [];
	await using stack = await LastingStack.start({
		dataFolder: join(trial.folder, "data"),
		environment: stackEnvironment(trial.folder),
	});
	const endsAtMs = performance.now() + seconds * 1000;
	while (performance.now() < endsAtMs) {
		const plan = { ...roundPlan(trial, random.branch()), victims, seconds: roundSeconds };
		rounds.push(await playRound(stack, plan));
		trial.say(progressText(rounds));
	}
	return rounds;
}

/** Without the request's identity, what nginx sends again is a second entry. */
async function withoutIdentity(trial: Trial): Promise<Control> {
	const about = "ledgers that don't recognize the request that nginx sends again (BEHIND_BALANCER=off)";
	const random = new Random(trial.seed);
	const plan = { ...roundPlan(trial, random), seconds: controlRoundSeconds, waitMsMax: 300 };
	await using stack = await LastingStack.start({
		dataFolder: join(trial.folder, "control"),
		environment: stackEnvironment(trial.folder),
		program: forgetfulStackPath,
	});
	for (let round = 1; round <= controlRoundsMax; round += 1) {
		const { findings, kills } = await playRound(stack, { ...plan, victims: oneLedgerOnly() });
		const found = findings.find((sentence) => / is there \d+ times$/.test(sentence));
		if (found !== undefined)
			return { about, isCaught: true, detail: `${found}, after ${sumOf([kills])} kills` };
	}
	return { about, isCaught: false, detail: `nothing was there twice in ${controlRoundsMax} rounds` };
}

function* oneLedgerOnly(): Generator<Victim, never> {
	for (;;) yield "one ledger";
}

function roundPlan({ stop }: Trial, random: Random): Omit<RoundPlan, "victims" | "seconds"> {
	return { random, kills: killsOfRound, waitMsMin, waitMsMax, stop };
}

/** A supervisor that is killed leaves the folder of its sockets: it goes with the trial's. */
function stackEnvironment(folder: string): Record<string, string> {
	const temporary = join(folder, "tmp");
	mkdirSync(temporary, { recursive: true });
	return { TMPDIR: temporary, LOG_LEVEL: "warn" };
}

function reportOf(rounds: readonly Round[]): Omit<Report, "controls"> {
	const sum = (count: (round: Round) => number) => rounds.reduce((total, round) => total + count(round), 0);
	const kills = sumOf(rounds.map((round) => round.kills));
	const acknowledged = sum((round) => round.acknowledged);
	return {
		tried: `${kills} kills in ${rounds.length} rounds, ${acknowledged.toLocaleString("en-US")} acknowledged entries`,
		figures: {
			...{ kills, rounds: rounds.length, acknowledged },
			...{ refused: sum((round) => round.refused), unknown: sum((round) => round.unknown) },
			...awayFigures(rounds),
		},
		broken: [
			...rounds.flatMap((round) => round.findings),
			...nothingMet({ "acknowledged entries": acknowledged, kills }),
		],
	};
}

const victimNames: Readonly<Record<Victim, string>> = {
	"one ledger": "OneLedger",
	"both ledgers": "BothLedgers",
	nginx: "Nginx",
	"nginx's worker": "Worker",
	"the supervisor": "Supervisor",
};

/** By victim: how many, and how long nothing was answered then. */
function awayFigures(rounds: readonly Round[]): Record<string, number> {
	return Object.fromEntries(
		Object.entries(victimNames).flatMap(([victim, name]) => {
			const silences = rounds.flatMap((round) => round.silences.get(victim) ?? []);
			if (silences.length === 0) return [];
			return [
				[`kills${name}`, silences.length],
				[`away${name}MsP50`, median(silences)],
				[`away${name}MsMax`, Math.max(...silences)],
			];
		}),
	);
}

function sumOf(kills: readonly ReadonlyMap<Victim, number>[]): number {
	return kills.flatMap((map) => [...map.values()]).reduce((sum, count) => sum + count, 0);
}

function progressText(rounds: readonly Round[]): string {
	const last = rounds.at(-1) as Round;
	const found = rounds.flatMap(({ findings }) => findings).length;
	return `round ${rounds.length}: ${sumOf([last.kills])} kills, ${last.acknowledged} acknowledged, ${last.unknown} unknown; findings so far: ${found}`;
}

/**
 * Clocks that are set while the ledger serves: an hour ahead, an hour back, of the whole machine or of one process, with
 * requests under way and requests that nginx sends twice.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Attack, Form, Report, Trial } from "../attack.ts";
import { readBooks } from "../books.ts";
import { nothingMet } from "../nothing-met.ts";
import { Observed } from "../observed.ts";
import { ProofError } from "../place.ts";
import { Random } from "../random.ts";
import { findings } from "../verdict.ts";
import { ClockedService } from "./clocked-service.ts";
import { withoutIdentity, withoutMemoryOfDates } from "./controls.ts";
import { askStatement, bookDateFindings } from "./dates.ts";
import { type Jump, type Jumped, playJumps, type Who } from "./jumps.ts";
import { drawRepeat, playRepeat, type RepeatPlan } from "./repeats.ts";
import { findLibrary } from "./wall-clocks.ts";

interface Plan {
	readonly turns: number;
	readonly whos: readonly Who[];
	readonly seconds: readonly number[];
	readonly holdMs: number;
	readonly settleMs: number;
	readonly repeats: number;
}

const plans: Readonly<Record<Form, Plan>> = {
	quick: {
		...{ turns: 1, whos: ["all", "one ledger", "nginx"], seconds: [3600] },
		...{ holdMs: 900, settleMs: 300, repeats: 4 },
	},
	full: {
		...{ turns: 3, whos: ["all", "one ledger", "both ledgers", "nginx"], seconds: [1, 11, 3600, 86_400] },
		...{ holdMs: 3000, settleMs: 1500, repeats: 150 },
	},
};
/** What any clock jump leaves behind, and a process started anew: the others are drawn. */
const firstRepeat: RepeatPlan = { onceAheadSeconds: 3600, jumpSeconds: 0, isRestarted: true };
const hourSeconds = 3600;
/** Of the jumps, those that come with a kill -9. */
const killShare = 0.4;

export const clock: Attack = {
	name: "clock",
	promise:
		"Clocks that are set lose no entry and post none twice, no history goes back in time, and the service goes on",
	about:
		"sets the clocks of both ledgers and nginx, together and apart, by up to a day in both directions under load, kills ledgers meanwhile, and sends requests twice",
	needs: ["linux", "nginx"],
	play,
};

async function play(trial: Trial): Promise<Report> {
	const library = findLibrary();
	const plan = plans[trial.form];
	const random = new Random(trial.seed);
	const turns: Jumped[] = [];
	for (let turn = 1; turn <= plan.turns; turn += 1) {
		turns.push(await playTurn(trial, library, plan, random.branch(), `turn-${turn}`));
		trial.say(`turn ${turn}: ${turns.at(-1)?.jumps} jumps, findings: ${turns.at(-1)?.findings.length}`);
	}
	const repeats = await playRepeats(trial, library, plan.repeats, random);
	trial.say(`${plan.repeats} requests sent twice, findings: ${repeats.length}`);
	return {
		...reportOf(turns, plan.repeats, repeats),
		controls: [
			await withoutIdentity(newFolder(trial, "forgetful"), library, random),
			await withoutMemoryOfDates(newFolder(trial, "undated"), library),
		],
	};
}

async function playTurn(
	trial: Trial,
	library: string,
	plan: Plan,
	random: Random,
	name: string,
): Promise<Jumped> {
	await using service = new ClockedService({ folder: newFolder(trial, name), library });
	await service.start();
	await assureClocks(service);
	const { holdMs, settleMs } = plan;
	const before = readBooks(service.databaseFile);
	return await playJumps(service, before, {
		jumps: drawJumps(plan, random),
		holdMs,
		settleMs,
		random,
		stop: trial.stop,
	});
}

/** Each once, in the seed's order. */
function drawJumps({ whos, seconds }: Plan, random: Random): Jump[] {
	const left = whos.flatMap((who) =>
		seconds.flatMap((ahead) =>
			[ahead, -ahead].map((aheadSeconds) => ({ who, aheadSeconds, isKilling: random.chance(killShare) })),
		),
	);
	return Array.from({ length: left.length }, () => left.splice(random.below(left.length), 1)[0] as Jump);
}

/** @throws {ProofError} a process doesn't go by the clock that it was given. */
async function assureClocks(service: ClockedService): Promise<void> {
	service.setClocks([0, 1, 2], hourSeconds);
	for (const socket of service.pair.sockets) {
		const date = (await askStatement(socket, 1))?.saldo.data_extrato ?? "";
		if (!isAhead(date))
			throw new ProofError("clock can't be played here: libfaketime sets no clock of this Bun");
	}
	const answer = await fetch("http://front/", { unix: service.socket });
	if (!isAhead(answer.headers.get("date") ?? ""))
		throw new ProofError("clock can't be played here: libfaketime sets no clock of this nginx");
	service.setClocks([0, 1, 2], 0);
}

function isAhead(date: string): boolean {
	return Date.parse(date) - Date.now() > (hourSeconds / 2) * 1000;
}

async function playRepeats(trial: Trial, library: string, count: number, random: Random): Promise<string[]> {
	await using service = new ClockedService({ folder: newFolder(trial, "repeats"), library });
	await service.start();
	const before = readBooks(service.databaseFile);
	const observed = new Observed();
	const found: string[] = [];
	for (let index = 0; index < count; index += 1) {
		trial.stop.throwIfAborted();
		const plan = index === 0 ? firstRepeat : drawRepeat(random);
		const contradiction = await playRepeat(service, observed, random, plan);
		if (contradiction !== undefined) found.push(`${contradiction} ${planText(plan)}`);
	}
	await service.kill();
	const after = readBooks(service.databaseFile);
	return [...found, ...bookDateFindings(after), ...findings(before, observed, after)];
}

function planText({ onceAheadSeconds, jumpSeconds, isRestarted }: RepeatPlan): string {
	return [
		`(the clocks had been ${onceAheadSeconds} s ahead once,`,
		`were set by ${jumpSeconds} s between the tries,`,
		`and the second process was ${isRestarted ? "" : "not "}started anew)`,
	].join(" ");
}

function reportOf(
	turns: readonly Jumped[],
	repeats: number,
	repeatFindings: readonly string[],
): Omit<Report, "controls"> {
	const sum = (count: (turn: Jumped) => number) => turns.reduce((total, turn) => total + count(turn), 0);
	const jumps = sum((turn) => turn.jumps);
	const statements = sum((turn) => turn.statements);
	const acknowledged = sum((turn) => turn.acknowledged);
	const share = (who: Who) => {
		const shares = turns.map(({ refusedShares }) => refusedShares.get(who) ?? 0);
		return (100 * shares.reduce((total, each) => total + each, 0)) / shares.length;
	};
	return {
		tried: `${jumps} jumps, ${acknowledged.toLocaleString("en-US")} acknowledged entries, ${repeats} requests sent twice`,
		figures: {
			...{
				jumps,
				kills: sum((turn) => turn.kills),
				acknowledged,
				repeats,
				statements,
			},
			refusedWhileAllAgreePercent: share("all"),
			refusedWhileOneLedgerIsOffPercent: share("one ledger"),
			refusedWhileNginxIsOffPercent: share("nginx"),
			refusedAfterMsMax: Math.max(0, ...turns.map(({ refusedAfterMsMax }) => refusedAfterMsMax)),
		},
		broken: [
			...turns.flatMap((turn) => turn.findings),
			...repeatFindings,
			...nothingMet({ jumps, "acknowledged entries": acknowledged, "statements with dates": statements }),
		],
	};
}

function newFolder({ folder }: Trial, name: string): string {
	const path = join(folder, name);
	mkdirSync(path);
	return path;
}

/** One seed, from an empty ledger to its verdict. */
import { Random } from "../random.ts";
import { Clients, type Done, type Habits } from "./clients.ts";
import { type Account, type Commit, Disk } from "./disk.ts";
import type { Engine } from "./engine.ts";
import { Machine, type Trouble, troubleNames } from "./machine.ts";
import { orderFindings } from "./order.ts";
import type { Stage } from "./stage.ts";
import { simulationFindings } from "./verdict.ts";
import { outside, World } from "./world.ts";

const accounts: readonly Account[] = [
	{ accountId: 1, limit: 100, balance: 0 },
	{ accountId: 2, limit: 0, balance: 50 },
];
const template = Disk.template(accounts);
/** A world that has run so far does not come to an end. */
const stepsMax = 200_000;
/** So often something happens; then the world calms down, so that those who ask come to an end. */
const strikesMaxes = [0, 3, 10, 40];
/** A request takes some ten steps. */
const strikeStepsMaxes = [6, 20, 60];

export const countNames = ["requests", "commits", "repeats", "unknowns", "steps"] as const;
export type Count = (typeof countNames)[number];

export interface Run {
	readonly findings: readonly string[];
	readonly done: readonly Done[];
	readonly commits: readonly Commit[];
	readonly counts: Readonly<Record<Count | Trouble, number>>;
	/** Of everything that happened: the same for the same seed. */
	readonly trace: string;
}

export { accounts };

/** The stage is free again when it returns. */
export function runSeed(seed: number, engine: Engine, stage: Stage): Run {
	const random = new Random(seed);
	const world = new World(random);
	const disk = new Disk(template);
	stage.world = world;
	try {
		const machine = new Machine(world, disk, engine);
		const clients = new Clients(world, machine.balancer, drawHabits(random));
		planTroubles(world, machine, clients);
		world.run(stepsMax);
		machine.calmDown();
		for (const process of machine.processes) clients.lookAt(process);
		world.run(stepsMax);
		const { done, surprises, sentAgain } = clients;
		if (machine.unanswered > 0)
			surprises.push(`a drain left ${machine.unanswered} requests without an answer`);
		const { commits } = disk;
		const findings = [
			...surprises,
			...simulationFindings(accounts, done, commits, world.clockSets),
			...(world.clockSets.length === 0 ? orderFindings(accounts, done, commits) : []),
		];
		const counts = {
			...machine.troubles,
			requests: done.length + sentAgain.same + sentAgain.other,
			commits: commits.length,
			repeats: machine.balancer.repeats + sentAgain.same + sentAgain.other,
			unknowns: done.filter((one) => one.type !== "statement" && one.fate === "unknown").length,
			steps: world.steps,
		};
		const trace = Bun.hash.xxHash64(JSON.stringify([done, commits, world.steps, world.nowMs])).toString(16);
		return { findings, done, commits, counts, trace };
	} finally {
		stage.world = undefined;
		disk.close();
	}
}

/** Keys end with a reset, so a run has the one or the other. */
function drawHabits(random: Random): Habits {
	const hasKeys = random.chance(0.4);
	return {
		clients: random.between(1, 7),
		requests: random.between(4, 14),
		accounts: random.chance(0.5) ? accounts : accounts.slice(0, 1),
		amountMax: random.pick([3, 40, 120]),
		debitShare: random.pick([0.5, 0.6, 0.75]),
		statementShare: random.pick([0.1, 0.3, 0.6]),
		resetShare: !hasKeys && random.chance(0.4) ? 0.08 : 0,
		keyShare: hasKeys ? 0.6 : 0,
		thinkMsMax: random.pick([0, 3, 60, 700]),
		patienceMs: random.pick([100, 4000, 60_000, 60_000]),
	};
}

/** Some kinds of trouble in each run, at any time while somebody asks. */
function planTroubles(world: World, machine: Machine, clients: Clients): void {
	const { random } = world;
	const kinds = troubleNames.filter(() => random.chance(0.35));
	const pauseMsMax = random.pick([20, 200, 1500]);
	const strikeStepsMax = random.pick(strikeStepsMaxes);
	let left = random.pick(strikesMaxes);
	const strike = () => {
		if (left === 0 || !clients.areBusy) return machine.calmDown();
		left -= 1;
		machine.strike(random.pick(kinds));
		if (random.chance(0.3)) world.after(random.next() * pauseMsMax, strike, outside);
		else world.afterSteps(random.between(1, strikeStepsMax), strike);
	};
	if (kinds.length > 0) world.after(random.next() * pauseMsMax * 2, strike, outside);
}

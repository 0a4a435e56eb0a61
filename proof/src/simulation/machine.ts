/** The simulated machine: two ledger processes on one disk behind a balancer, and all that may happen to them. */
import { Balancer } from "./balancer.ts";
import type { Disk } from "./disk.ts";
import type { Engine } from "./engine.ts";
import { LedgerProcess } from "./ledger-process.ts";
import { outside, type World } from "./world.ts";

export const troubleNames = [
	"kill",
	"killBoth",
	"drain",
	"balancerKill",
	"powerCut",
	"stop",
	"clock",
	"diskFull",
	"lock",
	"slowDisk",
	"diskError",
] as const;
export type Trouble = (typeof troubleNames)[number];

/** Before a process that has ended is started again. */
const restartMsMin = 5;
const restartMsMax = 150;
/** A stopped process wakes before its watchdog would have ended it, or long after the balancer gave up. */
const stopMsMax = 14_000;
const clockMsMax = 3_600_000;
/** Of this disk, one of them. */
const syncMsMaxes = [1, 3, 30, 300];
/** Of the commits, that find no room on a full disk. */
const fullShare = 0.7;
/** Where the balancer's patience ends. */
const longMsMin = 2500;

export class Machine {
	readonly balancer: Balancer;
	readonly processes: readonly [LedgerProcess, LedgerProcess];
	/** How often each has happened. */
	readonly troubles: Record<Trouble, number>;
	readonly #world: World;
	readonly #disk: Disk;
	#isFull = false;
	#isSlow = false;
	/** Syncs that fail yet. */
	#errors = 0;
	#lockedUntilMs = 0;
	readonly #syncMsMax: number;

	constructor(world: World, disk: Disk, engine: Engine) {
		this.#world = world;
		this.#disk = disk;
		this.#syncMsMax = world.random.pick(syncMsMaxes);
		this.troubles = Object.fromEntries(troubleNames.map((name) => [name, 0])) as Record<Trouble, number>;
		const around = {
			...{ world, disk },
			isLocked: () => world.nowMs < this.#lockedUntilMs,
			// Others free some of it and take it again.
			isFull: () => this.#isFull && world.random.chance(fullShare),
			syncMs: () => this.#syncMs(),
			failsSync: () => this.#failsSync(),
		};
		const newProcess = () => {
			const process: LedgerProcess = new LedgerProcess(world, engine, around, () => this.#restart(process));
			return process;
		};
		this.processes = [newProcess(), newProcess()];
		for (const process of this.processes) process.start();
		this.balancer = new Balancer(world, this.processes);
	}

	/** Something happens, now. */
	strike(trouble: Trouble): void {
		this.troubles[trouble] += 1;
		this.#strikes[trouble]();
	}

	/** Requests that a process left without an answer although it ended in order. */
	get unanswered(): number {
		return this.processes.reduce((sum, { unanswered }) => sum + unanswered, 0);
	}

	/** Whatever lasts is over. */
	calmDown(): void {
		this.#isFull = false;
		this.#isSlow = false;
		this.#errors = 0;
		this.#lockedUntilMs = 0;
	}

	readonly #strikes: Readonly<Record<Trouble, () => void>> = {
		kill: () => this.#kill(this.#anyProcess()),
		killBoth: () => {
			for (const process of this.processes) this.#kill(process);
		},
		drain: () => this.#anyProcess().drain(),
		balancerKill: () => this.balancer.kill(),
		powerCut: () => this.#cutPower(),
		stop: () => this.#anyProcess().stop(this.#longMs(stopMsMax)),
		clock: () => {
			const { random } = this.#world;
			// A little, or more than anything is remembered for.
			const ms = this.#drawnMs(random.chance(0.5) ? 9000 : clockMsMax);
			this.#world.setClock(random.chance(0.4) ? 0 : random.chance(0.5) ? ms : -ms);
		},
		diskFull: () => this.#lasts((isOn) => (this.#isFull = isOn)),
		lock: () => {
			this.#lockedUntilMs = this.#world.nowMs + this.#drawnMs(3000);
		},
		slowDisk: () => this.#lasts((isOn) => (this.#isSlow = isOn)),
		diskError: () => {
			this.#errors = this.#world.random.between(1, 2);
		},
	};

	#kill(process: LedgerProcess): void {
		if (process.life.isOver) return;
		process.kill();
		this.#restart(process);
	}

	/** Everything is gone but the disk, which has what was synced, and perhaps some of what came after. */
	#cutPower(): void {
		const { random } = this.#world;
		for (const process of this.processes) process.kill();
		this.balancer.kill();
		this.#disk.cutPower(random.between(this.#disk.synced, this.#disk.commits.length));
		for (const process of this.processes) this.#restart(process);
	}

	#restart(process: LedgerProcess): void {
		const { life } = process;
		this.#world.after(
			this.#world.random.between(restartMsMin, restartMsMax),
			// Somebody else may have started it meanwhile.
			() => process.life === life && process.start(),
			outside,
		);
	}

	#lasts(turn: (isOn: boolean) => void): void {
		turn(true);
		this.#world.after(this.#drawnMs(4000), () => turn(false), outside);
	}

	#syncMs(): number {
		const { random } = this.#world;
		return this.#isSlow ? this.#longMs(5000) : 0.05 + random.next() * this.#syncMsMax;
	}

	#failsSync(): boolean {
		if (this.#errors === 0) return false;
		this.#errors -= 1;
		return true;
	}

	/** Mostly the one with more to do. */
	#anyProcess(): LedgerProcess {
		const { random } = this.#world;
		const [one, other] = this.processes;
		if (one.open === other.open || random.chance(0.3)) return random.pick(this.processes);
		return one.open > other.open ? one : other;
	}

	/** Often so long that the balancer gives up. */
	#longMs(msMax: number): number {
		const { random } = this.#world;
		return random.chance(0.4) ? random.between(longMsMin, msMax) : this.#drawnMs(msMax);
	}

	/** Short ones as often as long ones. */
	#drawnMs(msMax: number): number {
		return msMax ** this.#world.random.next();
	}
}

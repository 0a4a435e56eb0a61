/** The world in which the ledger's engine is simulated: its queue, its processes, its clock, and its stage. */
import { describe, expect, test } from "bun:test";
import { Random } from "../src/random.ts";
import { wasSetALittle } from "../src/simulation/clock-sets.ts";
import { Disk } from "../src/simulation/disk.ts";
import { Stage } from "../src/simulation/stage.ts";
import { type Life, outside, World } from "../src/simulation/world.ts";

const seed = 7;
const stepsMax = 10_000;

function newWorld(): World {
	return new World(new Random(seed));
}

describe(`the world (seed ${seed})`, () => {
	test("runs its events by their time, and those of one instant as they were planned", () => {
		const world = newWorld();
		const random = new Random(seed);
		const planned = Array.from({ length: 500 }, (_, number) => ({ number, atMs: random.below(40) }));
		const ran: typeof planned = [];
		for (const event of planned) world.after(event.atMs, () => ran.push(event));
		world.run(stepsMax);
		expect(ran).toEqual(planned.toSorted((one, other) => one.atMs - other.atMs || one.number - other.number));
	});

	test("settles all promises of an event before the next one", () => {
		const world = newWorld();
		const said: string[] = [];
		world.after(1, async () => {
			for (let turn = 0; turn < 5; turn += 1) await undefined;
			said.push("first");
		});
		world.after(1, () => said.push("second"));
		world.run(stepsMax);
		expect(said).toEqual(["first", "second"]);
	});

	test("forgets what a process had planned when it has ended, and keeps it back while it sleeps", () => {
		const world = newWorld();
		const [dead, asleep]: Life[] = [
			{ isOver: false, asleepUntilMs: 0 },
			{ isOver: false, asleepUntilMs: 50 },
		];
		const ran: [string, number][] = [];
		world.after(10, () => ran.push(["dead", world.nowMs]), dead);
		world.after(10, () => ran.push(["asleep", world.nowMs]), asleep);
		world.after(20, () => ran.push(["outside", world.nowMs]), outside);
		world.after(5, () => Object.assign(dead as Life, { isOver: true }));
		world.run(stepsMax);
		expect(ran).toEqual([
			["outside", 20],
			["asleep", 50],
		]);
	});

	test("plans for whoever plans, unless it is said to be outside", () => {
		const world = newWorld();
		const life: Life = { isOver: false, asleepUntilMs: 0 };
		const ran: string[] = [];
		const plan = () => {
			world.after(10, () => ran.push("own"));
			world.after(10, () => ran.push("outside"), outside);
			life.isOver = true;
		};
		world.after(1, plan, life);
		world.run(stepsMax);
		expect(ran).toEqual(["outside"]);
	});

	test("strikes after so many events, whenever they come", () => {
		const world = newWorld();
		const ran: (number | string)[] = [];
		for (let number = 1; number <= 5; number += 1) world.after(number * 100, () => ran.push(number));
		world.afterSteps(3, () => ran.push("strike"));
		world.run(stepsMax);
		expect(ran).toEqual([1, 2, 3, "strike", 4, 5]);
	});

	test("says so when it never comes to an end", () => {
		const world = newWorld();
		const again = () => void world.after(1, again);
		again();
		expect(() => world.run(100)).toThrow("goes on after 100 steps");
	});
});

describe("the stage", () => {
	test("stands for clocks and timers of the runtime, and gives them back", () => {
		const real = [setTimeout, clearTimeout, setImmediate, Date.now, performance.now, Temporal];
		const world = newWorld();
		const stage = new Stage();
		const seen: number[] = [];
		try {
			stage.world = world;
			const cancelled = setTimeout(() => seen.push(Number.NaN), 5);
			setTimeout(() => seen.push(performance.now(), Date.now()), 10);
			clearTimeout(cancelled);
			world.run(stepsMax);
			stage.world = undefined;
			expect(() => Date.now()).toThrow("outside of a world");
		} finally {
			stage.restore();
		}
		expect(seen).toEqual([10, world.wallMs()]);
		expect([setTimeout, clearTimeout, setImmediate, Date.now, performance.now, Temporal]).toEqual(real);
	});
});

describe("the disk", () => {
	test("has after a power cut what was synced, and a prefix of the rest", () => {
		const disk = new Disk(Disk.template([{ accountId: 1, limit: 100, balance: 0 }]));
		const append = disk.db.prepare(
			"INSERT INTO entries (position, account_id, sequence, previous, change, balance, description, posted_at) VALUES (?, 1, ?, 0, 1, 1, 'x', 1)",
		);
		for (const position of [1, 2, 3]) {
			append.run(position, position);
			disk.committed(position);
		}
		disk.syncedUpTo(1);
		expect(() => disk.cutPower(0)).toThrow("can't leave 0 commits");
		disk.cutPower(2);
		expect(disk.commits.map(({ atMs }) => atMs)).toEqual([1, 2]);
		expect(disk.db.query("SELECT position FROM entries").values()).toEqual([[1], [2]]);
		disk.close();
	});

	test("tells of an entry that a reset of the same transaction took away", () => {
		const disk = new Disk(Disk.template([{ accountId: 1, limit: 100, balance: 0 }]));
		disk.db.run("BEGIN");
		disk.sql.append.run(1, 1, 1, 0, 5, 5, "x", 1, null);
		disk.sql.deleteEntries.run();
		disk.sql.recordReset.run(1, 1);
		disk.db.run("COMMIT");
		disk.committed(1);
		expect(disk.commits[0]?.steps.map(({ type }) => type)).toEqual(["entry", "reset"]);
		disk.close();
	});
});

describe("a clock that is set", () => {
	const sets = [
		{ atMs: 100, offsetMs: 3000 },
		{ atMs: 200, offsetMs: 60_000 },
		{ atMs: 300, offsetMs: 60_000 },
	];
	test.each([
		["by a little", 50, 150, true],
		["by more than a request may be old", 150, 250, false],
		["to what it was", 250, 350, false],
		["before", 310, 400, false],
	])("%s, excuses what was under way: from %d to %d ms %p", (_how, fromMs, toMs, isExcused) => {
		expect(wasSetALittle(sets, fromMs, toMs)).toBe(isExcused);
	});
});

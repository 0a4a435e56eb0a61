/** The pacer alone: it sleeps, turns, rests and stops, as its owner's answers say. */
import { describe, expect, test } from "bun:test";
import { Pacer } from "../src/pacer.ts";
import { until } from "./raw-target.ts";

/** Answers each turn with the next of these waits; Infinity after them. */
function pacerOf(...waitsMs: readonly number[]) {
	const turnsAtMs: number[] = [];
	const pacer = new Pacer(() => {
		turnsAtMs.push(performance.now());
		return waitsMs[turnsAtMs.length - 1] ?? Number.POSITIVE_INFINITY;
	});
	return { pacer, turnsAtMs };
}

describe("a pacer", () => {
	test("does nothing until it is woken, and turns at once when it is", () => {
		const { pacer, turnsAtMs } = pacerOf();
		expect(turnsAtMs.length).toBe(0);
		pacer.wake();
		expect(turnsAtMs.length).toBe(1);
	});

	test("rests when nothing is due, and can be woken again", () => {
		const { pacer, turnsAtMs } = pacerOf();
		for (let times = 1; times <= 3; times += 1) {
			pacer.wake();
			expect(turnsAtMs.length).toBe(times);
		}
		pacer.stop();
	});

	test("isn't woken while it turns, from within or without", () => {
		let turns = 0;
		const pacer: Pacer = new Pacer(() => {
			turns += 1;
			pacer.wake();
			return 1000;
		});
		pacer.wake();
		pacer.wake();
		expect(turns).toBe(1);
		pacer.stop();
	});

	test("never oversleeps by a timer: its last turn before something is due comes before it", async () => {
		// The owner says what is left, as a sender does.
		const dueMs = performance.now() + 40;
		const leftMs: number[] = [];
		const pacer = new Pacer(() => {
			const left = dueMs - performance.now();
			leftMs.push(left);
			return left > 0 ? left : Number.POSITIVE_INFINITY;
		});
		pacer.wake();
		await until(() => (leftMs.at(-1) as number) <= 0);
		expect(leftMs.length).toBeGreaterThan(2);
		expect(leftMs.filter((left) => left <= 0).length).toBe(1);
	});

	test("turns at once when it is rescheduled, and sleeps anew", async () => {
		const { pacer, turnsAtMs } = pacerOf(100_000, 5);
		pacer.wake();
		pacer.reschedule();
		expect(turnsAtMs.length).toBe(2);
		await until(() => turnsAtMs.length >= 3);
		pacer.reschedule();
		expect(turnsAtMs.length).toBe(4);
		pacer.stop();
	});

	test("sleeps a second at most, since what is due may change meanwhile", async () => {
		const { pacer, turnsAtMs } = pacerOf(100_000);
		pacer.wake();
		await until(() => turnsAtMs.length === 2);
		pacer.stop();
	});

	test("turns no more once it is stopped, whatever it was doing", async () => {
		for (const waitMs of [0, 3, Number.POSITIVE_INFINITY]) {
			const { pacer, turnsAtMs } = pacerOf(waitMs);
			pacer.wake();
			pacer.stop();
			pacer.wake();
			pacer.reschedule();
			await Bun.sleep(10);
			expect(turnsAtMs.length).toBe(1);
		}
	});

	test("may be stopped by its own turn", async () => {
		let turns = 0;
		const pacer: Pacer = new Pacer(() => {
			turns += 1;
			pacer.stop();
			return 0;
		});
		pacer.wake();
		await Bun.sleep(5);
		expect(turns).toBe(1);
	});
});

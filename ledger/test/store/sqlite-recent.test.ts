/**
 * The newest requests' ids, in memory: whatever is added, exactly the newest are found again. Judged by a plain
 * list, which is itself shown to notice what could be wrong.
 */
import { describe, expect, test } from "bun:test";
import { RecentRequests } from "../../src/store/sqlite-recent.ts";
import { property, Random } from "../random.ts";

interface Item {
	readonly requestId: string;
	readonly position: number;
}

/** The same, by going through a list. */
class Model {
	readonly items: Item[] = [];
	readonly max: number;

	constructor(max: number) {
		this.max = max;
	}

	get kept(): Item[] {
		return this.items.slice(-this.max);
	}

	get oldest(): number | undefined {
		return this.items.length > this.max ? this.kept[0]?.position : undefined;
	}

	/** Two ids of the same hash can't be told apart in memory, and needn't. */
	candidates(requestId: string): number[] {
		const same = this.kept.filter(
			(item) => Bun.hash.xxHash32(item.requestId) === Bun.hash.xxHash32(requestId),
		);
		return same.map(({ position }) => position).toReversed();
	}
}

function idOf(number: number): string {
	return number.toString(16).padStart(32, "0");
}

/** The first thing that ring and model tell differently, after so many adds, few enough ids to come again. */
function firstDifference(random: Random, ring: RecentRequests, model: Model, adds: number) {
	const ids = Array.from({ length: model.max * 3 }, () => idOf(random.below(2 ** 50)));
	let position = 0;
	for (let round = 0; round < adds; round += 1) {
		position += random.between(1, 3);
		const requestId = random.pick(ids);
		ring.add(requestId, position);
		model.items.push({ requestId, position });
		if (ring.oldest !== model.oldest) return `oldest ${ring.oldest}, not ${model.oldest}, after ${round}`;
		const asked = random.chance(0.5) ? requestId : random.pick(ids);
		const [found, expected] = [[...ring.candidates(asked)], model.candidates(asked)];
		if (!Bun.deepEquals(found, expected)) return `${found} found, not ${expected}, after ${round}`;
		if (ring.mayHold(asked) !== expected.length > 0) return `mayHold, after ${round}`;
	}
	return undefined;
}

describe("the newest requests", () => {
	property("are found as a plain list finds them, in rings of every size", (random) => {
		for (const max of [1, 2, 4, 8, 16, 64, 256])
			expect([max, firstDifference(random, new RecentRequests(max), new Model(max), 1500)]).toEqual([
				max,
				undefined,
			]);
	});

	const mistakes: [string, new (max: number) => Model][] = [
		[
			"forgets one too late",
			class extends Model {
				override get kept() {
					return this.items.slice(-this.max - 1);
				}
			},
		],
		[
			"forgets one too early",
			class extends Model {
				override get kept() {
					return this.max === 1 ? [] : this.items.slice(1 - this.max);
				}
			},
		],
		[
			"calls the next one the oldest",
			class extends Model {
				override get oldest() {
					return this.items.length > this.max ? this.kept[1]?.position : undefined;
				}
			},
		],
		[
			"knows of an oldest before it has forgotten any",
			class extends Model {
				override get oldest() {
					return this.kept[0]?.position;
				}
			},
		],
		[
			"finds the oldest first",
			class extends Model {
				override candidates(requestId: string) {
					return super.candidates(requestId).toReversed();
				}
			},
		],
		[
			"finds an id once only",
			class extends Model {
				override candidates(requestId: string) {
					return super.candidates(requestId).slice(0, 1);
				}
			},
		],
	];
	test.each(mistakes)("are told from those of a list that %s (control)", (_, Mistaken) => {
		expect(firstDifference(new Random(1), new RecentRequests(8), new Mistaken(8), 1500)).toBeString();
	});

	test("are forgotten one by one, and none before the ring is full", () => {
		const ring = new RecentRequests(8);
		expect(ring.max).toBe(8);
		expect(ring.mayHold(idOf(1))).toBe(false);
		for (let number = 1; number <= 8; number += 1) ring.add(idOf(number), number * 10);
		expect(ring.oldest).toBeUndefined();
		for (let number = 9; number <= 20; number += 1) {
			expect(ring.mayHold(idOf(number - 8))).toBe(true);
			ring.add(idOf(number), number * 10);
			expect(ring.mayHold(idOf(number - 8))).toBe(false);
			expect(ring.oldest).toBe((number - 7) * 10);
		}
	});

	test("are all found while they share one slot of the ring, and none that was overwritten", () => {
		const ring = new RecentRequests(8);
		const slotOf = (requestId: string) => Bun.hash.xxHash32(requestId) & 7;
		const sharing = Array.from({ length: 2000 }, (_, number) => idOf(number)).filter(
			(requestId) => slotOf(requestId) === 5,
		);
		expect(sharing.length).toBeGreaterThan(100);
		for (const [index, requestId] of sharing.entries()) {
			ring.add(requestId, index);
			for (const [at, other] of sharing.slice(0, index + 1).entries())
				expect([at, [...ring.candidates(other)]]).toEqual([at, at > index - 8 ? [at] : []]);
			if (index === 40) break;
		}
	});

	test("are told as candidates together, newest first, when their hashes are the same", () => {
		const [one, other] = twoOfOneHash();
		const ring = new RecentRequests(8);
		ring.add(one, 1);
		ring.add(idOf(7), 2);
		ring.add(other, 3);
		ring.add(one, 4);
		for (const requestId of [one, other]) expect([...ring.candidates(requestId)]).toEqual([4, 3, 1]);
		expect([...ring.candidates(idOf(7))]).toEqual([2]);
	});

	test("stay right, and within the memory they began with, over a million", () => {
		const max = 1024;
		const ring = new RecentRequests(max);
		const before = process.memoryUsage().arrayBuffers;
		for (let number = 1; number <= 1_000_000; number += 1) ring.add(idOf(number), number);
		expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
		expect(ring.oldest).toBe(1_000_001 - max);
		for (let number = 1_000_000; number > 1_000_000 - max; number -= 1)
			expect([...ring.candidates(idOf(number))]).toContain(number);
		expect([...ring.candidates(idOf(1_000_000 - max))]).not.toContain(1_000_000 - max);
	});

	test.each([0, -8, 3, 6, 1000, 2 ** 18 + 1])("are not kept %d at a time: no power of two", (max) => {
		expect(() => new RecentRequests(max)).toThrow(RangeError);
	});
});

/** By the birthday paradox, 80,000 random ids hold a pair more often than not. */
function twoOfOneHash(): [string, string] {
	const random = new Random(1);
	const seen = new Map<number, string>();
	for (;;) {
		const requestId = `${idOf(random.below(2 ** 53)).slice(16)}${idOf(random.below(2 ** 53)).slice(16)}`;
		const hash = Bun.hash.xxHash32(requestId);
		const other = seen.get(hash);
		if (other !== undefined && other !== requestId) return [other, requestId];
		seen.set(hash, requestId);
	}
}

/** A run in which nothing happened shows nothing; and one seed draws the same, whoever else draws. */
import { expect, test } from "bun:test";
import { drawVictims } from "../src/kill/victims.ts";
import { nothingMet } from "../src/nothing-met.ts";
import { Random } from "../src/random.ts";

test("what there was none of, or nobody knows of, is said", () => {
	expect(nothingMet({ kills: 3, "acknowledged entries": 1 })).toEqual([]);
	expect(nothingMet({ kills: 0, "acknowledged entries": Number.NaN })).toEqual([
		"there were no kills, so nothing is shown",
		"there were no acknowledged entries, so nothing is shown",
	]);
});

test("a branch draws the same, however often its root draws afterwards, and another one something else", () => {
	const victims = (draws: number) => {
		const random = new Random(7);
		const drawn = drawVictims(random.branch());
		const others = random.branch();
		for (let count = 0; count < draws; count += 1) others.next();
		return [...Array.from({ length: 20 }, () => drawn.next().value), random.next()];
	};
	expect(victims(1000)).toEqual(victims(0));
	expect(new Random(7).branch().next()).not.toBe(new Random(8).branch().next());
});

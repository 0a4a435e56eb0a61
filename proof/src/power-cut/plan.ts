/** Which cuts are made, and in which order: drawn once from the seed. */
import type { Form } from "../attack.ts";
import type { Random } from "../random.ts";
import { type MomentName, moments } from "./moments.ts";

/**
 * Under load at a moment; or while the processes recover, and again while they recover from that; or while they
 * create the file, and then under load.
 */
export type Item = MomentName | "recovery" | "creation";

/** 600 cuts: a recovery and a creation are two. */
const fullCounts: Readonly<Record<Item, number>> = {
	random: 240,
	checkpoint: 15,
	pages: 15,
	between: 15,
	"file-sync": 15,
	header: 30,
	"first-commits": 30,
	reset: 30,
	"reset-held": 30,
	killed: 30,
	unsynced: 30,
	recovery: 39,
	creation: 20,
};

/** Shuffled, the quick one has everything once; and a recovery from whatever came last. */
export function drawPlan(form: Form, random: Random): Item[] {
	const items = Object.keys(fullCounts) as Item[];
	const plan = items.flatMap((item) => Array<Item>(form === "full" ? fullCounts[item] : 1).fill(item));
	for (let last = plan.length - 1; last > 0; last -= 1) {
		const other = random.below(last + 1);
		[plan[last], plan[other]] = [plan[other] as Item, plan[last] as Item];
	}
	return [...plan, "recovery"];
}

export function momentOf(name: MomentName) {
	const moment = moments.find((candidate) => candidate.name === name);
	if (moment === undefined) throw new Error(`there is no moment ${name}`);
	return moment;
}

/**
 * When trouble comes, of which kind, and to whom: read from what was typed, and drawn by the seed. The same rules,
 * number of victims, seed and end make the same events, whatever the target does meanwhile.
 */
import type { ChaosEvent } from "./chaos-record.ts";
import { parseDuration } from "./duration.ts";
import { durationMsMax } from "./schedule.ts";

export interface ChaosRule {
	/** As it was given. */
	readonly text: string;
	readonly action: ChaosEvent["action"];
	/** How long a pause lasts; 0 for the others. */
	readonly pauseMs: number;
	/** Again and again, or once. */
	readonly repeats: boolean;
	/** The time between two, or of the one, from the start of the measured time. */
	readonly timeMs: number;
}

export interface DueEvent {
	/** From the start of the measured time. */
	readonly atMs: number;
	readonly rule: ChaosRule;
	/** Which of the victims, from 0. */
	readonly victim: number;
}

/** An event more often than this would be a flood of processes and not of load. */
const timeMsMin = 100;

const takes = '"kill every 2s", "pause 4s every 10s", "restart at 5s"';

/** @throws {Error} what it takes. */
export function parseChaos(text: string): ChaosRule {
	const match = /^(kill|restart|pause (\S+)) (every|at) (\S+)$/.exec(text.trim().replaceAll(/\s+/g, " "));
	if (match === null) throw new Error(`give something like ${takes}, not ${JSON.stringify(text)}`);
	const [, what = "", pause, when, time = ""] = match;
	const rule: ChaosRule = {
		text: text.trim(),
		action: pause === undefined ? (what as "kill" | "restart") : "pause",
		pauseMs: pause === undefined ? 0 : parseDuration(pause),
		repeats: when === "every",
		timeMs: parseDuration(time),
	};
	if (rule.repeats && rule.timeMs < timeMsMin) throw new Error(`every ${time} is too often: at least 100ms`);
	if (Math.max(rule.timeMs, rule.pauseMs) > durationMsMax) throw new Error(`${text.trim()} is over a week`);
	if (rule.action === "pause" && rule.pauseMs < 1) throw new Error(`a pause of ${pause} is none`);
	if (rule.repeats && rule.pauseMs >= rule.timeMs)
		throw new Error(`a pause of ${pause} every ${time} would never end: it must be shorter`);
	return rule;
}

/** In the order of time; of those at the same time, in the order of the rules. None is due at `endMs` or after it. */
export function* scheduleOf(
	rules: readonly ChaosRule[],
	victims: number,
	seed: number,
	endMs: number,
): Generator<DueEvent> {
	const random = randomOf(seed);
	const next = rules.map(({ timeMs }) => timeMs);
	for (;;) {
		const atMs = Math.min(...next);
		if (atMs >= endMs) return;
		const index = next.indexOf(atMs);
		const rule = rules[index] as ChaosRule;
		next[index] = rule.repeats ? atMs + rule.timeMs : Number.POSITIVE_INFINITY;
		yield { atMs, rule, victim: Math.floor(random() * victims) };
	}
}

/** mulberry32 (Tommy Ettinger, public domain), from 0 up to 1: the same seed takes the same victims in turn. */
function randomOf(seed: number): () => number {
	let state = seed | 0;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

/**
 * Trouble on purpose: while the target is under load, processes of it are killed, stopped and restarted, at times
 * that were asked for. The books are checked afterwards as in any run; what was in flight is carried as unknown.
 */
import type { ChaosEvent, ChaosRecord } from "./chaos-record.ts";
import { parseDuration } from "./duration.ts";
import type { SecondRow } from "./result.ts";
import type { Victim } from "./victim.ts";

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

export interface ChaosPlan {
	readonly rules: readonly ChaosRule[];
	/** At least one; each event takes one of them at random. */
	readonly victims: readonly Victim[];
}

/** An event more often than this would be a flood of processes and not of load. */
const timeMsMin = 100;
/** How long a victim is waited for after the run; one that takes longer did not come back. */
const backMsMax = 15_000;
const backPollMs = 20;

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
	if (rule.action === "pause" && rule.pauseMs < 1) throw new Error(`a pause of ${pause} is none`);
	if (rule.repeats && rule.pauseMs >= rule.timeMs)
		throw new Error(`a pause of ${pause} every ${time} would never end: it must be shorter`);
	return rule;
}

type Event = { -readonly [K in keyof ChaosEvent]: ChaosEvent[K] };

export class Chaos {
	readonly #plan: ChaosPlan;
	readonly #endMs: number;
	readonly #random: () => number;
	readonly #events: Event[] = [];
	readonly #running = new Set<Promise<void>>();
	readonly #timers = new Set<Timer>();
	readonly #pauses = new Map<Victim, number>();
	readonly #stopping = Promise.withResolvers<void>();
	readonly #onExit = () => this.#resumeAll();
	#startedAtMs = 0;
	#isOver = false;

	/** No event is due after `endMs` of the measured time; a pause ends there. */
	constructor(plan: ChaosPlan, seed: number, endMs: number) {
		this.#plan = plan;
		this.#endMs = endMs;
		this.#random = randomOf(seed);
	}

	/**
	 * Whether all victims are there.
	 * @throws {Error} one of them isn't, or can't be asked for: then nothing would happen to it.
	 */
	async look(): Promise<void> {
		for (const victim of this.#plan.victims)
			if ((await victim.pid()) === undefined) throw new Error(`--victim ${victim.name} isn't there`);
	}

	/** With the measured time. */
	start(): void {
		this.#startedAtMs = performance.now();
		process.on("exit", this.#onExit);
		for (const rule of this.#plan.rules) this.#schedule(rule, rule.timeMs);
	}

	/** Continues whatever is stopped, and waits for the victims to come back, but not for ever. */
	async stop(): Promise<void> {
		this.#isOver = true;
		for (const timer of this.#timers) clearTimeout(timer);
		this.#stopping.resolve();
		await Promise.all(this.#running);
		process.off("exit", this.#onExit);
	}

	/** What happened, with what it did to the seconds in which it happened. */
	result(seconds: readonly SecondRow[]): ChaosRecord {
		return {
			victims: this.#plan.victims.map(({ name }) => name),
			events: this.#events.map((event) => {
				const first = Math.floor(event.atSecond);
				const touched = seconds.filter(({ second }) => second === first || second === first + 1);
				const p99s = touched.map(({ p99Ms }) => p99Ms).filter((ms) => ms !== null);
				return {
					...event,
					errors: touched.reduce((total, { errors }) => Math.max(total, errors), 0),
					p99Ms: p99s.length === 0 ? null : Math.max(...p99s),
				};
			}),
		};
	}

	#schedule(rule: ChaosRule, atMs: number): void {
		if (atMs >= this.#endMs || this.#isOver) return;
		const timer = setTimeout(() => {
			this.#timers.delete(timer);
			const running = this.#strike(rule).finally(() => this.#running.delete(running));
			this.#running.add(running);
			if (rule.repeats) this.#schedule(rule, atMs + rule.timeMs);
		}, atMs - this.#nowMs());
		this.#timers.add(timer);
	}

	async #strike(rule: ChaosRule): Promise<void> {
		const { victims } = this.#plan;
		const victim = victims[Math.floor(this.#random() * victims.length)] as Victim;
		const event: Event = {
			atSecond: this.#nowMs() / 1000,
			action: rule.action,
			victim: victim.name,
			...{ pid: null, lastedMs: null, backMs: null, error: null, errors: 0, p99Ms: null },
		};
		this.#events.push(event);
		try {
			const pid = await victim.pid();
			if (pid === undefined) throw new Error("it wasn't there");
			event.pid = pid;
			event.atSecond = this.#nowMs() / 1000;
			if (rule.action === "pause") await this.#pause(victim, pid, rule, event);
			else await this.#fell(victim, pid, rule.action, event);
		} catch (error) {
			event.error = error instanceof Error ? error.message : String(error);
		}
	}

	async #fell(victim: Victim, pid: number, action: "kill" | "restart", event: Event): Promise<void> {
		const fromMs = this.#nowMs();
		await victim[action](pid);
		event.backMs = await this.#untilBack(victim, pid, fromMs);
		if (event.backMs === null) event.error = "it didn't come back";
	}

	async #pause(victim: Victim, pid: number, { pauseMs }: ChaosRule, event: Event): Promise<void> {
		if (this.#pauses.has(victim)) throw new Error("it is stopped already");
		const fromMs = this.#nowMs();
		await victim.pause(pid);
		this.#pauses.set(victim, pid);
		const forMs = Math.min(pauseMs, this.#endMs - fromMs);
		const pause = Promise.race([Bun.sleep(forMs), this.#stopping.promise]);
		// Its watchdog may end it meanwhile, and another one serve.
		const back = this.#untilBack(victim, pid, fromMs, pause);
		await pause;
		await victim.resume(pid);
		this.#pauses.delete(victim);
		event.lastedMs = this.#nowMs() - fromMs;
		event.backMs = await back;
	}

	/** Milliseconds until another process serves as the victim; null once `pause` is over and it is the same one still. */
	async #untilBack(
		victim: Victim,
		pid: number,
		fromMs: number,
		pause?: Promise<void>,
	): Promise<number | null> {
		let sinceMs = pause === undefined ? fromMs : Number.POSITIVE_INFINITY;
		void pause?.then(() => {
			sinceMs = this.#nowMs();
		});
		for (;;) {
			const found = await victim.pid().catch(() => undefined);
			if (found !== undefined && found !== pid) return this.#nowMs() - fromMs;
			const isOver = this.#nowMs() >= sinceMs;
			if (isOver && ((pause && found === pid) || this.#nowMs() - sinceMs > backMsMax)) return null;
			await Bun.sleep(backPollMs);
		}
	}

	#resumeAll(): void {
		for (const [victim, pid] of this.#pauses) victim.resumeAtOnce(pid);
	}

	#nowMs(): number {
		return performance.now() - this.#startedAtMs;
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

/**
 * Trouble on purpose: while the target is under load, processes of it are killed, stopped and restarted, at times
 * that were asked for. The books are checked afterwards as in any run; what was in flight is carried as unknown.
 */
import type { ChaosEvent, ChaosRecord } from "./chaos-record.ts";
import { type ChaosRule, type DueEvent, scheduleOf } from "./chaos-schedule.ts";
import type { SecondRow } from "./result.ts";
import type { Victim } from "./victim.ts";

export interface ChaosPlan {
	readonly rules: readonly ChaosRule[];
	/** At least one; each event takes one of them at random. */
	readonly victims: readonly Victim[];
}

/** The load that it happens under: nothing happens any more when that has no more to send. */
interface Load {
	/** Of the measured time, without pauses by hand. */
	elapsedMs(now: number): number;
	readonly isEnding: boolean;
}

/** How long a victim is waited for after the run; one that takes longer did not come back. */
const backMsMax = 15_000;
const backPollMs = 20;
/** How soon an end of the load is noticed, and with it that of a pause. */
const endPollMs = 50;

type Event = { -readonly [K in keyof ChaosEvent]: ChaosEvent[K] };

export class Chaos {
	readonly #plan: ChaosPlan;
	readonly #schedule: Iterable<DueEvent>;
	readonly #endMs: number;
	readonly #events: Event[] = [];
	readonly #running = new Set<Promise<void>>();
	/** By process id, from before it is stopped until it surely goes on. */
	readonly #pauses = new Map<number, Victim>();
	readonly #onExit = () => this.#resumeAll();
	#load: Load | undefined;
	#isStopped = false;

	/** No event is due after `endMs` of the measured time; a pause ends there. */
	constructor(plan: ChaosPlan, seed: number, endMs: number) {
		this.#plan = plan;
		this.#schedule = scheduleOf(plan.rules, plan.victims.length, seed, endMs);
		this.#endMs = endMs;
	}

	/** What happened last, for the screen. */
	get lastEvent(): ChaosEvent | undefined {
		return this.#events.at(-1);
	}

	/**
	 * Whether all victims are there.
	 * @throws {Error} one of them isn't, or can't be asked for: then nothing would happen to it.
	 */
	async look(): Promise<void> {
		for (const victim of this.#plan.victims)
			if ((await victim.pid()) === undefined) throw new Error(`--victim ${victim.name} isn't there`);
	}

	/** With the measured time, once its clock runs. */
	start(load: Load): void {
		this.#load = load;
		process.on("exit", this.#onExit);
		this.#track(this.#run());
	}

	/** Continues whatever is stopped, and waits for the victims to come back, but not for ever. */
	async stop(): Promise<void> {
		this.#isStopped = true;
		while (this.#running.size > 0) await Promise.all(this.#running);
		// Of whom the order to go on has failed, in case that it was for a moment only.
		this.#resumeAll();
		process.off("exit", this.#onExit);
	}

	/** What happened, with what it did to the seconds in which it happened. */
	result(seconds: readonly SecondRow[]): ChaosRecord {
		return {
			victims: this.#plan.victims.map(({ name }) => name),
			events: this.#events
				.toSorted((one, other) => one.atSecond - other.atSecond)
				.map((event) => ({ ...event, ...harmOf(event, seconds) })),
		};
	}

	async #run(): Promise<void> {
		for (const due of this.#schedule) {
			while (!this.#isOver() && this.#elapsedMs() < due.atMs)
				await Bun.sleep(Math.min(endPollMs, Math.ceil(due.atMs - this.#elapsedMs())));
			if (this.#isOver()) return;
			this.#track(this.#strike(due));
		}
	}

	async #strike({ rule, victim: index }: DueEvent): Promise<void> {
		const victim = this.#plan.victims[index] as Victim;
		const event: Event = {
			atSecond: this.#elapsedMs() / 1000,
			action: rule.action,
			victim: victim.name,
			...{ pid: null, lastedMs: null, backMs: null, error: null, errors: 0, p99Ms: null },
		};
		this.#events.push(event);
		try {
			const pid = await victim.pid();
			if (pid === undefined) throw new Error("it wasn't there");
			// An engine takes its time to answer, and the load may be over by then.
			if (this.#isOver()) throw new Error("the run was over before it could be done");
			event.pid = pid;
			event.atSecond = this.#elapsedMs() / 1000;
			if (rule.action === "pause") await this.#pause(victim, pid, rule, event);
			else await this.#fell(victim, pid, rule.action, event);
		} catch (error) {
			event.error = error instanceof Error ? error.message : String(error);
		}
	}

	async #fell(victim: Victim, pid: number, action: "kill" | "restart", event: Event): Promise<void> {
		const fromMs = performance.now();
		await victim[action](pid);
		event.backMs = await untilBack(victim, pid, fromMs);
		if (event.backMs === null) event.error = "it didn't come back";
	}

	async #pause(victim: Victim, pid: number, { pauseMs }: ChaosRule, event: Event): Promise<void> {
		if (this.#pauses.has(pid)) throw new Error("it is stopped already");
		const fromMs = performance.now();
		// Before the order: an engine may have carried it out when this process ends without its answer.
		this.#pauses.set(pid, victim);
		try {
			await victim.pause(pid);
		} catch (error) {
			await this.#goOn(victim, pid).catch(() => undefined);
			throw error;
		}
		const pause = this.#pauseOver(fromMs + pauseMs);
		// Its watchdog may end it meanwhile, and another one serve.
		const back = untilBack(victim, pid, fromMs, pause);
		await pause;
		await this.#goOn(victim, pid);
		event.lastedMs = performance.now() - fromMs;
		event.backMs = await back;
	}

	async #goOn(victim: Victim, pid: number): Promise<void> {
		await victim.resume(pid);
		this.#pauses.delete(pid);
	}

	async #pauseOver(untilMs: number): Promise<void> {
		for (;;) {
			const leftMs = untilMs - performance.now();
			if (leftMs <= 0 || this.#isOver()) return;
			await Bun.sleep(Math.min(endPollMs, Math.ceil(leftMs)));
		}
	}

	#track(work: Promise<void>): void {
		const running = work.finally(() => this.#running.delete(running));
		this.#running.add(running);
	}

	#resumeAll(): void {
		for (const [pid, victim] of this.#pauses) victim.resumeAtOnce(pid);
	}

	#isOver(): boolean {
		return this.#isStopped || this.#load?.isEnding !== false || this.#elapsedMs() >= this.#endMs;
	}

	#elapsedMs(): number {
		return this.#load?.elapsedMs(performance.now()) ?? 0;
	}
}

/** Milliseconds until another process serves as the victim; null once `pause` is over and it is the same one still. */
async function untilBack(
	victim: Victim,
	pid: number,
	fromMs: number,
	pause?: Promise<void>,
): Promise<number | null> {
	let sinceMs = pause === undefined ? fromMs : Number.POSITIVE_INFINITY;
	void pause?.then(() => {
		sinceMs = performance.now();
	});
	for (;;) {
		const isOver = performance.now() >= sinceMs;
		if ((await victim.successor(pid).catch(() => undefined)) !== undefined) return performance.now() - fromMs;
		if (isOver && pause && (await victim.pid().catch(() => undefined)) === pid) return null;
		if (isOver && performance.now() - sinceMs > backMsMax) return null;
		await Bun.sleep(backPollMs);
	}
}

/** Of the second of the event and the one after it, the worse. */
function harmOf(
	{ atSecond }: Event,
	seconds: readonly SecondRow[],
): { readonly errors: number; readonly p99Ms: number | null } {
	const first = Math.floor(atSecond);
	const touched = seconds.filter(({ second }) => second === first || second === first + 1);
	const p99s = touched.map(({ p99Ms }) => p99Ms).filter((ms) => ms !== null);
	return {
		errors: touched.reduce((total, { errors }) => Math.max(total, errors), 0),
		p99Ms: p99s.length === 0 ? null : Math.max(...p99s),
	};
}

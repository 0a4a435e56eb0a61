/**
 * A stretch of load from its first request to its last answer, and what it amounts to second by second. The
 * warm-up is one, the measured time another.
 */
import { existsSync, readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import type { Metrics } from "./metrics.ts";
import type { Figures, Latency, Machine, Summary } from "./result.ts";
import { Sender, type SendObserver, type SendPlan } from "./sender.ts";

/** A last second that lacks no more than this counts as one. */
const secondLackMs = 50;
const pausePollMs = 50;
const ownStatus = "/proc/self/status";

export class Measurement {
	readonly metrics: Metrics;
	readonly sender: Sender;
	/** On the clock of performance.now(). */
	startedAtMs = 0;
	/** Of the run, without pauses. */
	elapsedMs = 0;
	/** Somebody paused it, or changed the window or the rate. */
	isAdjusted = false;

	readonly #isOpen: boolean;
	#dueBefore = 0;
	#due = 0;
	#durationMs: number;
	#cpuBefore = process.cpuUsage();
	#cpuTakenAtMs = 0;
	#cpuMs = 0;
	#tick: ReturnType<typeof setTimeout> | undefined;

	constructor(plan: SendPlan, observer: SendObserver, metrics: Metrics) {
		this.#isOpen = plan.arrivals !== undefined;
		this.#durationMs = plan.durationMs;
		this.metrics = metrics;
		this.sender = new Sender(plan, observer);
	}

	/** Resolves when the last request has its end. */
	async run(): Promise<void> {
		this.startedAtMs = this.#cpuTakenAtMs = performance.now();
		this.#cpuBefore = process.cpuUsage();
		this.#scheduleTick();
		await this.sender.run();
		clearTimeout(this.#tick);
		const now = performance.now();
		this.elapsedMs = this.sender.elapsedMs(now);
		if (this.elapsedMs >= 1000 * (this.metrics.secondsEnded + 1) - secondLackMs) this.#endSecond(now);
		this.metrics.collect();
		this.#cpuShare(now);
		this.#due = this.sender.dueCount(now);
	}

	/** No more requests. */
	interrupt(): void {
		this.sender.stop();
	}

	pause(isPaused: boolean): void {
		this.isAdjusted = true;
		this.sender.pause(isPaused);
	}

	setWindow(window: number): void {
		this.isAdjusted = true;
		this.sender.setWindow(window);
	}

	multiplyRate(factor: number): void {
		this.isAdjusted = true;
		this.sender.multiplyRate(factor);
	}

	/** Whether it was interrupted is for its owner to say. */
	summary(): Omit<Summary, "interrupted"> {
		const { sent, answered, succeeded, otherStatus, failed, refused, bytesSent, bytesReceived } =
			this.metrics;
		const elapsedSeconds = this.elapsedMs / 1000;
		const unsent = this.#isOpen ? Math.max(0, this.#due - sent) : 0;
		const askedSeconds = Math.min(this.elapsedMs, this.#durationMs) / 1000;
		return {
			elapsedSeconds,
			requests: sent + unsent,
			succeeded,
			otherStatus,
			failed,
			refused,
			successShare: sent + unsent === 0 ? 0 : succeeded / (sent + unsent),
			rate: elapsedSeconds > 0 ? answered / elapsedSeconds : 0,
			rateAsked: this.#isOpen ? this.#due / Math.max(askedSeconds, 0.001) : null,
			unsent,
			bytesSent,
			bytesReceived,
			// Of less than a millisecond nothing can be said.
			generatorCpuShare: this.elapsedMs > 1 ? this.#cpuMs / this.elapsedMs : 0,
			generatorMemoryMb: peakMemoryMb(),
		};
	}

	latency(percentiles: readonly number[]): Latency {
		const { response, service, lateness } = this.metrics;
		return {
			response: response.distribution(percentiles),
			service: service.distribution(percentiles),
			lateness: this.#isOpen ? lateness.distribution(percentiles) : null,
		};
	}

	figures(violations: number): Figures {
		const { response, lateness } = this.metrics;
		const { rate, requests, succeeded } = this.summary();
		const at = (percentile: number) => response.percentileMs(percentile) ?? Number.NaN;
		return {
			rate,
			mean: response.count > 0 ? response.meanMs : Number.NaN,
			p50: at(50),
			p90: at(90),
			p99: at(99),
			p999: at(99.9),
			max: response.count > 0 ? response.maxMs : Number.NaN,
			errorShare: requests > 0 ? (requests - succeeded) / requests : Number.NaN,
			errors: requests - succeeded,
			violations,
			latenessP99: (this.#isOpen ? lateness.percentileMs(99) : undefined) ?? Number.NaN,
		};
	}

	#scheduleTick(): void {
		const elapsedMs = this.sender.elapsedMs(performance.now());
		const waitMs = this.sender.isPaused ? pausePollMs : 1000 * (this.metrics.secondsEnded + 1) - elapsedMs;
		this.#tick = setTimeout(
			() => {
				const now = performance.now();
				if (this.sender.elapsedMs(now) >= 1000 * (this.metrics.secondsEnded + 1)) this.#endSecond(now);
				this.#scheduleTick();
			},
			Math.max(0, waitMs),
		);
	}

	#endSecond(now: number): void {
		const due = this.#isOpen ? this.sender.dueCount(now) : 0;
		const asked = this.#isOpen ? due - this.#dueBefore : null;
		this.#dueBefore = due;
		this.metrics.endSecond({ asked, inFlight: this.sender.inFlight, cpuShare: this.#cpuShare(now) });
	}

	/** Since the last call. */
	#cpuShare(now: number): number {
		const cpu = process.cpuUsage();
		const usedMs = (cpu.user + cpu.system - this.#cpuBefore.user - this.#cpuBefore.system) / 1000;
		const passedMs = now - this.#cpuTakenAtMs;
		this.#cpuBefore = cpu;
		this.#cpuTakenAtMs = now;
		this.#cpuMs += usedMs;
		return passedMs > 0 ? usedMs / passedMs : 0;
	}
}

/**
 * Linux's VmHWM, which is this program's own. getrusage() also counts what the process was before it became this
 * program: forked from a large one, it would report that one's memory.
 */
function peakMemoryMb(): number {
	const status = existsSync(ownStatus) ? readFileSync(ownStatus, "latin1") : "";
	const kilobytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS);
	return (kilobytes * 1024) / 1e6;
}

export function thisMachine(): Machine {
	const processors = cpus();
	return {
		processor: processors[0]?.model.trim() ?? "unknown",
		processors: processors.length,
		memoryMb: Math.round(totalmem() / 1e6),
		system: `${type()} ${release()}`,
	};
}

/**
 * Takes what the screen shows from a run. Latencies are read only when a second is over, so that a frame costs
 * the load next to nothing.
 */
import type { Histogram } from "../histogram.ts";
import type { Metrics } from "../metrics.ts";
import type { LoadOptions, RinhaOptions } from "../options.ts";
import type { Progress } from "../progress.ts";
import type { ErrorRow, SecondRow, StatusRow } from "../result.ts";
import type { Percentiles, ScreenLatency, ScreenOperation, ScreenState } from "./state.ts";

const historySeconds = 60;

export class Snapshots {
	readonly #options: LoadOptions | RinhaOptions;
	readonly #progress: Progress;
	#metrics: Metrics | undefined;
	#secondsRead = -1;
	#latency: ScreenLatency = { recent: null, overall: null, p99HistoryMs: [] };
	#operations: readonly ScreenOperation[] = [];
	#statuses: readonly StatusRow[] = [];
	#errors: readonly ErrorRow[] = [];

	constructor(options: LoadOptions | RinhaOptions, progress: Progress) {
		this.#options = options;
		this.#progress = progress;
	}

	take(): ScreenState {
		const { options, progress } = { options: this.#options, progress: this.#progress };
		const { measurement, judge, phase } = progress;
		const metrics = measurement?.metrics ?? this.#metrics;
		const sender = measurement?.sender;
		const now = performance.now();
		const elapsedMs = sender?.elapsedMs(now) ?? 0;
		if (metrics !== undefined) this.#read(metrics, elapsedMs / 1000);
		const rows = metrics?.seconds.slice(-historySeconds) ?? [];
		const last = rows.at(-1);
		const ends = this.#ends();
		return {
			target: options.target.text,
			model: options.command === "rinha" ? "simulation" : options.schedule === null ? "closed" : "open",
			shape: shapeText(options),
			phase: phase === "measuring" && isDraining(elapsedMs, ends.durationMs, progress) ? "draining" : phase,
			isPaused: sender?.isPaused ?? false,
			isAdjusted: measurement?.isAdjusted ?? false,
			repetition: progress.repetition,
			repetitions: options.command === "load" ? options.repeat : 1,
			elapsedSeconds: elapsedMs / 1000,
			doneShare: this.#doneShare(elapsedMs, metrics?.sent ?? 0),
			durationSeconds: ends.durationMs === null ? null : ends.durationMs / 1000,
			iterations: ends.iterations,
			counts: {
				sent: metrics?.sent ?? 0,
				succeeded: metrics?.succeeded ?? 0,
				otherStatus: metrics?.otherStatus ?? 0,
				failed: metrics?.failed ?? 0,
			},
			rate: {
				asked: last?.asked ?? null,
				lastSecond: last?.answered ?? 0,
				mean: elapsedMs > 0 ? ((metrics?.answered ?? 0) * 1000) / elapsedMs : 0,
				history: rows.map(({ answered }) => answered),
			},
			inFlight: sender?.inFlight ?? 0,
			window: sender?.window ?? 0,
			waiting:
				metrics?.isOpen && sender !== undefined ? Math.max(0, sender.dueCount(now) - metrics.sent) : null,
			latency: this.#latency,
			statuses: this.#statuses,
			errors: this.#errors,
			operations: this.#operations,
			consistency: {
				responsesChecked: judge?.responsesChecked ?? 0,
				violations: judge?.violationsTotal ?? 0,
				lastMessage: judge?.violations.at(-1)?.message ?? null,
			},
			lastEvent: progress.chaos?.lastEvent ?? null,
			latenessP99Ms: last?.latenessP99Ms ?? null,
			generatorCpuShare: last?.cpuShare ?? 0,
		};
	}

	/** What is read when a second is over. */
	#read(metrics: Metrics, elapsedSeconds: number): void {
		if (metrics === this.#metrics && metrics.secondsEnded === this.#secondsRead) return;
		this.#metrics = metrics;
		this.#secondsRead = metrics.secondsEnded;
		this.#latency = {
			recent: percentiles(metrics.recent()),
			overall: percentiles(metrics.response),
			p99HistoryMs: metrics.seconds.slice(-historySeconds).map(({ p99Ms }: SecondRow) => p99Ms),
		};
		this.#statuses = metrics.statuses();
		this.#errors = metrics.errors();
		this.#operations = metrics
			.operations(elapsedSeconds)
			.map(({ kind, requests, rate, p50Ms, p99Ms }) => ({ kind, count: requests, rate, p50Ms, p99Ms }));
	}

	#doneShare(elapsedMs: number, sent: number): number | null {
		if (this.#progress.phase === "checking the books") return this.#progress.checkedShare;
		const { durationMs, iterations } = this.#ends();
		const shares = [
			durationMs === null ? 0 : elapsedMs / durationMs,
			iterations === null ? 0 : sent / iterations,
		];
		return durationMs === null && iterations === null ? null : Math.min(1, Math.max(...shares));
	}

	/** Of the phase. */
	#ends(): { readonly durationMs: number | null; readonly iterations: number | null } {
		const { phase } = this.#progress;
		const options = this.#options;
		if (options.command === "rinha") return { durationMs: 240_000 * options.timeScale, iterations: null };
		if (phase === "warming up") return { durationMs: options.warmUpMs, iterations: null };
		const scheduleMs = options.schedule?.durationMs ?? Number.POSITIVE_INFINITY;
		const durationMs = options.durationMs ?? (Number.isFinite(scheduleMs) ? scheduleMs : null);
		return { durationMs, iterations: options.iterations };
	}
}

function isDraining(elapsedMs: number, durationMs: number | null, progress: Progress): boolean {
	return progress.isInterrupted || (durationMs !== null && elapsedMs > durationMs);
}

function shapeText(options: LoadOptions | RinhaOptions): string {
	if (options.command === "rinha") {
		const factor = options.multiply === 1 ? "" : ` × ${options.multiply}`;
		return `official simulation${factor} in ${Math.round(240 * options.timeScale)} s`;
	}
	const window = `${options.concurrency} in flight`;
	return options.schedule === null ? window : `${options.schedule.text}, ${window}`;
}

function percentiles(histogram: Histogram): Percentiles | null {
	if (histogram.count === 0) return null;
	const at = (percentile: number) => histogram.percentileMs(percentile) as number;
	return { p50Ms: at(50), p90Ms: at(90), p99Ms: at(99), p999Ms: at(99.9), maxMs: histogram.maxMs };
}

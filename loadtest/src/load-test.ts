/**
 * The load test, from the first look at the target to the result:
 *
 *     (reset) → look at the accounts → warm up → measure → final statements → check the books
 *
 * The warm-up isn't measured, but its answers are checked and its entries are part of the books.
 */
import { statSync } from "node:fs";
import { lookAtAccounts, resetAccounts, Unusable } from "./accounts.ts";
import { checkBooks } from "./books.ts";
import { Chaos } from "./chaos.ts";
import { Checks } from "./checks.ts";
import { conclude } from "./conclusion.ts";
import { History } from "./history.ts";
import { Judge } from "./judge.ts";
import { Measurement } from "./measurement.ts";
import { Metrics } from "./metrics.ts";
import type { LoadOptions } from "./options.ts";
import type { Progress } from "./progress.ts";
import type { Figures, Result, Shape } from "./result.ts";
import { Scenario } from "./scenario.ts";
import { constantSchedule, type Schedule } from "./schedule.ts";
import { operationsMax } from "./tags.ts";

/**
 * One run. Repetitions before it go into the result's repeats, this one's figures last.
 * @throws {Unusable} the target doesn't answer like this API.
 */
export async function runLoadTest(
	options: LoadOptions,
	command: string,
	progress: Progress,
	repeatsBefore: readonly Figures[],
): Promise<Result> {
	const { target, timeoutMs, accountIds } = options;
	const chaos = chaosOf(options);
	progress.chaos = chaos;
	await chaos?.look().catch((error: Error) => Promise.reject(new Unusable(error.message)));
	if (options.databasePath !== null) assertDatabase(options.databasePath);
	if (options.reset) await resetAccounts(target, timeoutMs);
	const accounts = await lookAtAccounts(target, accountIds, timeoutMs);
	const source = new Scenario(options, target);
	const checks = new Checks(source, accounts);
	const isOpen = options.schedule !== null;
	const history = new History(
		() => progress.measurement?.sender.earliestInvocation() ?? Number.POSITIVE_INFINITY,
	);
	try {
		const judge = new Judge(source, checks, history, new Metrics(isOpen));
		progress.judge = judge;
		const startedAt = new Date();
		judge.startedAtMs = performance.now();
		if (options.warmUpMs > 0) await warmUp(options, source, judge, progress);
		const measurement = await measure(options, source, judge, progress, chaos);
		const consistency = await checkBooks({
			target,
			source,
			accounts,
			checks,
			judge,
			history,
			timeoutMs,
			databaseFile: options.databasePath ?? undefined,
			progress,
		});
		const shape = shapeOf(options, measurement.isAdjusted);
		return conclude({
			options,
			command,
			startedAt,
			shape,
			measurement,
			isInterrupted: progress.isInterrupted,
			consistency,
			repeatsBefore,
			simulation: null,
			chaos: chaos?.result(measurement.metrics.seconds) ?? null,
		});
	} finally {
		history.close();
	}
}

async function warmUp(
	options: LoadOptions,
	source: Scenario,
	judge: Judge,
	progress: Progress,
): Promise<void> {
	const { schedule, warmUpMs } = options;
	const warmUpSchedule = schedule === null ? undefined : constantSchedule(warmUpRate(schedule), undefined);
	const measurement = newMeasurement(options, source, judge, warmUpSchedule, warmUpMs, null);
	progress.begin("warming up", measurement);
	await measurement.run();
	judge.metrics = new Metrics(schedule !== null);
}

/** What the measured time begins with, so that it begins on a target that is used to it. */
function warmUpRate(schedule: Schedule): number {
	return schedule.rateAt(0) || 1;
}

async function measure(
	options: LoadOptions,
	source: Scenario,
	judge: Judge,
	progress: Progress,
	chaos: Chaos | undefined,
): Promise<Measurement> {
	const { schedule, iterations } = options;
	const boundMs = boundMsOf(options);
	const measurement = newMeasurement(options, source, judge, schedule ?? undefined, boundMs, iterations);
	progress.begin("measuring", measurement);
	judge.startedAtMs = performance.now();
	const running = measurement.run();
	chaos?.start(measurement.sender);
	try {
		await running;
	} finally {
		// Who was killed is back before anyone is asked for a statement.
		await chaos?.stop();
	}
	return measurement;
}

/** Before the load, since a slip of the pen would only be found after it. */
function assertDatabase(path: string): void {
	if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
		throw new Unusable(`--db ${path} is no file, while the target serves`);
}

function chaosOf(options: LoadOptions): Chaos | undefined {
	return options.chaos === null ? undefined : new Chaos(options.chaos, options.seed, boundMsOf(options));
}

/** When the measured time ends, unless iterations end it before. */
function boundMsOf({ durationMs, schedule }: LoadOptions): number {
	return durationMs ?? schedule?.durationMs ?? Number.POSITIVE_INFINITY;
}

function newMeasurement(
	options: LoadOptions,
	source: Scenario,
	judge: Judge,
	schedule: Schedule | undefined,
	durationMs: number,
	iterations: number | null,
): Measurement {
	const { target, concurrency, connections, timeoutMs } = options;
	return new Measurement(
		{
			target,
			source,
			firstNumber: judge.sentCount,
			window: concurrency,
			isPerRequest: connections === "per-request",
			timeoutMs,
			arrivals: schedule,
			operationsMax: Math.min(iterations ?? Number.POSITIVE_INFINITY, operationsMax - judge.sentCount),
			durationMs,
		},
		judge,
		judge.metrics,
	);
}

function shapeOf(options: LoadOptions, adjusted: boolean): Shape {
	const { schedule, concurrency, durationMs, iterations, warmUpMs, connections, mix } = options;
	const { timeoutMs, accountIds, amountMin, amountMax, chaos } = options;
	return {
		model: schedule === null ? "closed" : "open",
		concurrency,
		schedule: schedule?.text ?? null,
		durationSeconds: durationMs === null ? null : durationMs / 1000,
		iterations,
		warmUpSeconds: warmUpMs / 1000,
		connections,
		mix,
		timeoutMs,
		accountIds,
		...{ amountMin, amountMax },
		chaos: chaos?.rules.map(({ text }) => text) ?? [],
		adjusted,
	};
}

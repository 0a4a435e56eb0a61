/**
 * The official simulation, to the letter:
 *
 *     25 debits at once → statement → 25 credits at once → statement → 5 accounts' users, all at once
 *                                                                    └ 1 user of an account that isn't there
 *                                                                        └ four minutes of load
 *
 * It judges as the challenge does, in USD. What this judge does besides, it does here too: every answer is
 * checked, and the books are proven.
 */
import { lookAtAccounts, resetAccounts, Unusable } from "./accounts.ts";
import { checkBooks } from "./books.ts";
import { type Account, Checks } from "./checks.ts";
import { conclude } from "./conclusion.ts";
import type { Connection, FailureKind } from "./connection.ts";
import { History } from "./history.ts";
import { Judge } from "./judge.ts";
import { Measurement } from "./measurement.ts";
import { Metrics } from "./metrics.ts";
import type { RinhaOptions } from "./options.ts";
import type { Progress } from "./progress.ts";
import type { Result, Shape, Simulation } from "./result.ts";
import type { SendObserver } from "./sender.ts";
import {
	fines,
	OfficialLoad,
	officialLimits,
	SimulationSource,
	validationRequests,
	verdictUsd,
} from "./simulation-script.ts";
import { Script } from "./simulation-validations.ts";
import { isAboutBalance, named, type Validations } from "./validations.ts";

/** Users of the load at the same time; each has a connection of its own. */
const usersMax = 10_000;
const retryMs = 1000;

/** @throws {Unusable} the target doesn't answer in time, or not like this API. */
export async function runSimulation(
	options: RinhaOptions,
	command: string,
	progress: Progress,
): Promise<Result> {
	const { target, timeoutMs, timeScale, multiply, connections } = options;
	const accounts = await waitForAccounts(options, progress);
	const load = new OfficialLoad(timeScale, multiply);
	const source = new SimulationSource(load, options.seed, target);
	const checks = new Checks(source, accounts);
	let earliestValidationMs = () => Number.POSITIVE_INFINITY;
	const history = new History(() =>
		Math.min(
			earliestValidationMs(),
			progress.measurement?.sender.earliestInvocation() ?? Number.POSITIVE_INFINITY,
		),
	);
	try {
		const judge = new Judge(source, checks, history, new Metrics(true));
		progress.judge = judge;
		judge.startedAtMs = performance.now();
		const startedAt = new Date();
		const script = new Script(options, source, judge, () => progress.isInterrupted);
		earliestValidationMs = () => script.earliestInvocation();
		const observer = new LoadObserver(judge, source, script.validations);
		const measurement = new Measurement(
			{
				target,
				source,
				firstNumber: source.firstLoadNumber,
				window: usersMax,
				isPerRequest: connections === "per-request",
				timeoutMs,
				arrivals: load,
				operationsMax: load.count,
				durationMs: Number.POSITIVE_INFINITY,
			},
			observer,
			judge.metrics,
		);
		await script.run(async () => {
			if (progress.isInterrupted) return;
			progress.begin("measuring", measurement);
			await measurement.run();
		});
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
		return conclude({
			options,
			command,
			startedAt,
			shape: shapeOf(options, load, measurement.isAdjusted),
			measurement,
			isInterrupted: progress.isInterrupted,
			consistency,
			repeatsBefore: [],
			chaos: null,
			simulation: verdict({ options, load, script, observer, measurement }),
		});
	} finally {
		history.close();
	}
}

/** As the official script does, it waits for a target that is still starting. */
async function waitForAccounts(
	{ target, timeoutMs, waitMs, reset }: RinhaOptions,
	progress: Progress,
): Promise<Account[]> {
	const giveUpAtMs = performance.now() + waitMs;
	for (;;) {
		try {
			if (reset) await resetAccounts(target, timeoutMs);
			return await lookAtAccounts(target, [...officialLimits.keys()], timeoutMs);
		} catch (error) {
			if (!(error instanceof Unusable) || performance.now() + retryMs > giveUpAtMs || progress.isInterrupted)
				throw error;
		}
		await new Promise((resolve) => setTimeout(resolve, retryMs));
	}
}

interface VerdictFacts {
	readonly options: RinhaOptions;
	readonly load: OfficialLoad;
	readonly script: Script;
	readonly observer: LoadObserver;
	readonly measurement: Measurement;
}

function verdict({ options, load, script, observer, measurement }: VerdictFacts): Simulation {
	const { sent } = measurement.metrics;
	// A request that was never sent, because somebody stopped the run, wasn't answered in time either.
	const shareWithin250Ms = observer.inTime / load.count;
	const validations = script.validations.rows();
	const inconsistentBalances = validations
		.filter(({ name }) => isAboutBalance.has(name))
		.reduce((sum, { failed }) => sum + failed, 0);
	return {
		requests: script.requests + sent,
		requestsExpected: validationRequests + load.count,
		timeScale: options.timeScale,
		multiply: options.multiply,
		validations,
		shareWithin250Ms,
		inconsistentBalances,
		...verdictUsd(shareWithin250Ms, inconsistentBalances),
	};
}

function shapeOf(
	{ timeScale, connections, timeoutMs }: RinhaOptions,
	load: OfficialLoad,
	adjusted: boolean,
): Shape {
	const texts = Array.from(load.schedules, ([kind, schedule]) => `${kind}s ${schedule.text}`);
	return {
		model: "simulation",
		concurrency: usersMax,
		schedule: texts.join("; "),
		durationSeconds: 240 * timeScale,
		iterations: null,
		warmUpSeconds: 0,
		connections,
		mix: { debit: 220, credit: 110, statement: 10 },
		timeoutMs,
		accountIds: [...officialLimits.keys()],
		...{ amountMin: 1, amountMax: 10_000, chaos: [] },
		adjusted,
	};
}

/** The load's own validations, which every answer has to pass; the judge does the rest. */
class LoadObserver implements SendObserver {
	/** Answered within the time that costs nothing, with 200 or 422. */
	inTime = 0;
	readonly #judge: Judge;
	readonly #source: SimulationSource;
	readonly #validations: Validations;

	constructor(judge: Judge, source: SimulationSource, validations: Validations) {
		this.#judge = judge;
		this.#source = source;
		this.#validations = validations;
	}

	sending(number: number, latenessMs: number): void {
		this.#judge.sending(number, latenessMs);
	}

	answered(connection: Connection): void {
		const { kind } = this.#source.operation(connection.operationNumber);
		const { status } = connection.response;
		this.#judge.answered(connection);
		const isExpected = status === 200 || (status === 422 && kind === "debit");
		this.#validations.add(named.status[kind], isExpected ? undefined : `status ${status}`);
		if (status === 200) this.#validations.add(named.limit[kind], this.#judge.balanceFailure);
		const responseMs = connection.endedAtMs - connection.dueAtMs;
		if (responseMs < fines.latencyMs && (status === 200 || status === 422)) this.inTime += 1;
	}

	failed(connection: Connection, failure: FailureKind, message: string): void {
		const { kind } = this.#source.operation(connection.operationNumber);
		this.#judge.failed(connection, failure, message);
		this.#validations.add(named.status[kind], message);
	}
}

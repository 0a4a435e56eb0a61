/**
 * The official simulation of Rinha de Backend 2024/Q1 as data: its requests, its rates and its fines.
 *
 * Sources: the challenge's Gatling script (RinhaBackendCrebitosSimulation.scala) and its rules. With
 * `simulation.ts`, `scenario.ts`, `checks.ts` and `audit.ts` this is the border where Portuguese ends.
 */
import type { Kind, Operation, Token } from "./operation.ts";
import { Requests, wireKind } from "./requests.ts";
import type { Simulation } from "./result.ts";
import { matchingToken, type OperationSource, Scenario, type WireEntry } from "./scenario.ts";
import { Schedule } from "./schedule.ts";
import type { Arrivals } from "./sender.ts";
import type { Tags } from "./tags.ts";
import type { Target } from "./target.ts";

const userAgent = "User-Agent: Agente do Caos - 2024/Q1";

/** The accounts that a fresh target has, with their limits in cents. */
export const officialLimits: ReadonlyMap<number, number> = new Map([
	[1, 100_000],
	[2, 80_000],
	[3, 1_000_000],
	[4, 10_000_000],
	[5, 500_000],
]);
export const missingAccountId = 6;

/** Users that debit account 1 at once, and then credit it. */
export const concurrentUsers = 25;
/** Statements that an account's user asks for at once, after a credit that they must show. */
export const concurrentStatements = 4;

/** Bodies that must be answered 422 or 400. */
export const invalidBodies: readonly string[] = [
	'{"valor":1.2,"tipo":"d","descricao":"devolve"}',
	'{"valor":1,"tipo":"x","descricao":"devolve"}',
	'{"valor":1,"tipo":"c","descricao":"123456789 e mais um pouco"}',
	'{"valor":1,"tipo":"c","descricao":""}',
	'{"valor":1,"tipo":"c","descricao":null}',
];

/** Without the load: 52 about concurrency, 14 for each account, one for the account that doesn't exist. */
export const validationRequests = 2 * (concurrentUsers + 1) + 14 * officialLimits.size + 1;

const minuteMs = 60_000;
/** Arrivals a second at the start, and from the second minute's end to the fourth's. */
const rates: Readonly<Record<Kind, readonly [number, number]>> = {
	debit: [1, 220],
	credit: [1, 110],
	statement: [1, 10],
};

export const fines = {
	/** What a target has that was never wrong and seldom slow. */
	fullUsd: 100_000,
	latencyMs: 250,
	/** The share of the requests that must be answered within it, in percent, and what each percent less costs. */
	percentMin: 98,
	usdPerPercent: 1_000,
	usdPerInconsistency: 803.01,
} as const;

/** What the target is paid after its fines, to the cent; `shareInTime` is of all the load's requests. */
export function verdictUsd(
	shareInTime: number,
	inconsistentBalances: number,
): Pick<Simulation, "fineLatencyUsd" | "fineConsistencyUsd" | "verdictUsd"> {
	const lackingPercent = Math.max(0, fines.percentMin - 100 * shareInTime);
	const fineLatencyUsd = cents(lackingPercent * fines.usdPerPercent);
	const fineConsistencyUsd = cents(inconsistentBalances * fines.usdPerInconsistency);
	const verdictUsd = cents(fines.fullUsd - fineLatencyUsd - fineConsistencyUsd);
	return { fineLatencyUsd, fineConsistencyUsd, verdictUsd };
}

function cents(usd: number): number {
	return Math.round(usd * 100) / 100;
}

/** Debits, credits and statements at their own rates, merged: at the same instant in this order. */
export class OfficialLoad implements Arrivals {
	readonly count: number;
	readonly schedules: ReadonlyMap<Kind, Schedule>;
	readonly #timesMs: Float64Array;
	readonly #kinds: Uint8Array;

	/** The time is so many times four minutes at rates that keep the counts, and these are so many times as many. */
	constructor(timeScale: number, multiply: number) {
		this.schedules = new Map(
			loadKinds.map((kind) => [
				kind,
				officialSchedule(kind).scaled({ time: timeScale, rate: multiply / timeScale }),
			]),
		);
		const schedules = loadKinds.map((kind) => this.schedules.get(kind) as Schedule);
		this.count = schedules.reduce((sum, { arrivals }) => sum + arrivals, 0);
		this.#timesMs = new Float64Array(this.count);
		this.#kinds = new Uint8Array(this.count);
		const next = schedules.map(() => 0);
		const nextMs = schedules.map((schedule) => dueMs(schedule, 0));
		for (let k = 0; k < this.count; k += 1) {
			const earliest = nextMs.indexOf(Math.min(...nextMs));
			this.#timesMs[k] = nextMs[earliest] as number;
			this.#kinds[k] = earliest;
			next[earliest] = (next[earliest] as number) + 1;
			nextMs[earliest] = dueMs(schedules[earliest] as Schedule, next[earliest] as number);
		}
	}

	kind(k: number): Kind {
		return loadKinds[this.#kinds[k] as number] as Kind;
	}

	timeOf(k: number): number {
		return this.#timesMs[k] ?? Number.POSITIVE_INFINITY;
	}

	dueBefore(ms: number): number {
		let [low, high] = [0, this.count];
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((this.#timesMs[middle] as number) < ms) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}

/**
 * An arrival is due at the end of its unit of area, not at its beginning: so nothing is sent in the first 0.7 s,
 * in which the accounts' users are still at their validations.
 */
function dueMs(schedule: Schedule, k: number): number {
	if (k >= schedule.arrivals) return Number.POSITIVE_INFINITY;
	return k + 1 === schedule.arrivals ? schedule.durationMs : schedule.timeOf(k + 1);
}

const loadKinds: readonly Kind[] = ["debit", "credit", "statement"];

function officialSchedule(kind: Kind): Schedule {
	const [fromRate, toRate] = rates[kind];
	return new Schedule([
		{ fromRate, toRate, durationMs: 2 * minuteMs },
		{ fromRate: toRate, toRate, durationMs: 2 * minuteMs },
	]);
}

/** A credit or debit of one cent, or a statement, in the validations. */
export interface Step {
	readonly kind: Kind;
	readonly accountId: number;
	/** Of a credit or debit; several have the same. */
	readonly description: string;
}

/**
 * All operations of the simulation. The validations' come first, numbered as they are asked for, and after them
 * the load's, so that both can go on at the same time.
 */
export class SimulationSource implements OperationSource {
	readonly isAllTagged = false;
	/** The number of the load's first operation. */
	readonly firstLoadNumber = validationRequests;
	readonly #steps: Step[] = [];
	readonly #load: OfficialLoad;
	readonly #random: Scenario;
	readonly #requests: Requests;
	readonly #tags: Tags;

	constructor(load: OfficialLoad, seed: number, target: Target) {
		const accountIds = [...officialLimits.keys()];
		this.#load = load;
		// Accounts and amounts are drawn as the load test draws them; the kind is the schedule's.
		const mix = { debit: 1, credit: 0, statement: 0 };
		this.#random = new Scenario({ seed, mix, accountIds, amountMin: 1, amountMax: 10_000 }, target);
		this.#tags = this.#random.tags;
		this.#requests = new Requests(target, [userAgent]);
	}

	/** The number of a further operation of the validations. */
	add(step: Step): number {
		return this.#steps.push(step) - 1;
	}

	operation(number: number): Operation {
		const step = this.#steps[number];
		if (number < this.firstLoadNumber) {
			if (step === undefined) throw new Error(`validation ${number} was never begun`);
			const { kind, accountId } = step;
			return { number, kind, accountId, amount: kind === "statement" ? 0 : 1 };
		}
		const kind = this.#load.kind(number - this.firstLoadNumber);
		const drawn = this.#random.operation(number);
		return { ...drawn, kind, amount: kind === "statement" ? 0 : drawn.amount };
	}

	token(number: number): Token {
		const step = this.#steps[number];
		return step === undefined ? number : lookToken(step.description, wireKind(step.kind));
	}

	tokenOf(entry: WireEntry, accountId: number, sent: number): Token | string {
		const number = this.numberOf(entry.descricao);
		if (number !== undefined) return matchingToken(entry, accountId, sent, number, this);
		const isOurs = this.#steps.some(
			(step) =>
				step.accountId === accountId &&
				step.description === entry.descricao &&
				wireKind(step.kind) === entry.tipo &&
				entry.valor === 1,
		);
		return isOurs ? lookToken(entry.descricao, entry.tipo) : `${entry.descricao} was not sent by this run`;
	}

	/** The validations' operations have numbers, but no tags. */
	numberOf(description: string): number | undefined {
		const number = this.#tags.numberOf(description);
		return number === undefined || number < this.firstLoadNumber ? undefined : number;
	}

	request(number: number): Buffer {
		const operation = this.operation(number);
		if (operation.kind === "statement") return this.#requests.statement(operation.accountId);
		const step = this.#steps[number];
		return step === undefined
			? this.#requests.taggedEntry(operation, this.#tags)
			: this.#requests.entry(operation, step.description);
	}

	/** A request that is no operation: a body that must be refused. */
	invalid(accountId: number, body: string): Buffer {
		return this.#requests.post(`/clientes/${accountId}/transacoes`, body);
	}

	statement(accountId: number): Buffer {
		return this.#requests.statement(accountId);
	}
}

/** Below those of entries from before the run. The same for all that look the same: their order can't be told. */
function lookToken(description: string, tipo: string): Token {
	const looks = ["validacao", "toma", "devolve", "danada"];
	return -100 - 2 * looks.indexOf(description) - (tipo === "d" ? 1 : 0);
}

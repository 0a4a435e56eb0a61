/** A pair under more clients than it can serve on a slow disk, and what it does with them. */
import { join } from "node:path";
import { type Answer, ask, NoAnswer } from "../../../loadtest/src/ask.ts";
import { parseTarget, type Target } from "../../../loadtest/src/target.ts";
import { type Books, readBooks } from "../books.ts";
import { Clients } from "../clients.ts";
import { LedgerPair } from "../ledger-pair.ts";
import { Observed } from "../observed.ts";
import { residentMemory } from "../processes.ts";
import type { Random } from "../random.ts";
import { accountIds, writeSeedFile } from "../thousand-accounts.ts";
import { findings } from "../verdict.ts";
import { SlowDiskSwitch } from "./slow-disk-switch.ts";

/** Together with what travels in a batch far fewer than the clients of one process. */
export const waitingMax = 256;
const clientsEach = 1000;
/** After each answer: a refusal comes at once, and would be asked for again at once. */
const pauseMs = 50;
const clientTimeoutMs = 120_000;
/** The ledger's server closes a connection that is silent for 30 s, whoever waits; its timer goes by steps of 4 s. */
const unansweredMsMin = 25_000;
/** Of each client, before the disk gets slow. */
const answersEach = 2;
const sampleMs = 200;
const askMsMax = 10_000;
const healthMsMax = 5000;
const pollMs = 10;

type Index = 0 | 1;
const both: readonly Index[] = [0, 1];

/** How the disk is slow, and for how long. */
export interface Slowness {
	readonly name: string;
	/** As strace names them. */
	readonly calls: readonly string[];
	readonly delayMs: number;
	readonly forMs: number;
}

/** While the disk was slow. */
export interface SlowPhase {
	readonly name: string;
	/** Requests that waited for a batch of one process, at most. */
	readonly waitingMax: number;
	readonly refused: number;
	/** Of entries that were asked for and acknowledged in it. */
	readonly acknowledged: number;
	/** What /health said at its end, by process. */
	readonly health: readonly number[];
	/** From its end until both processes acknowledge entries that were asked for after it. */
	readonly servedAgainMs: number;
}

export class SlowDiskPlay implements AsyncDisposable {
	readonly broken: string[] = [];
	readonly observed = new Observed();
	/** Of one process, with all its clients connected and the disk well; and the most that there ever was. */
	residentMegabytesBefore = 0;
	residentMegabytesMax = 0;
	/** Requests whose connection was closed while the disk hung: nobody can say what becomes of them. */
	unanswered = 0;
	readonly #pair: LedgerPair;
	readonly #databaseFile: string;
	readonly #random: Random;
	#disk = new SlowDiskSwitch([]);
	#before: Books | undefined;
	#load: readonly Clients[] = [];

	constructor(folder: string, random: Random, environment: Readonly<Record<string, string>> = {}) {
		this.#random = random;
		this.#databaseFile = join(folder, "ledger.db");
		this.#pair = new LedgerPair({
			...{ folder, databaseFile: this.#databaseFile },
			environment: { WAITING_MAX: String(waitingMax), SEED_FILE: writeSeedFile(folder), ...environment },
		});
	}

	async start(): Promise<void> {
		await this.#pair.start();
		this.#before = readBooks(this.#databaseFile);
		this.#disk = new SlowDiskSwitch(this.#pair.processes.map(({ pid }) => pid));
		this.#load = both.map(
			(index) =>
				new Clients({
					...{ targets: [this.#pair.targets[index]], count: clientsEach, accountIds, pauseMs },
					...{ observed: this.observed, random: this.#random, timeoutMs: clientTimeoutMs },
				}),
		);
		while (this.#load.some(({ answers }) => answers < answersEach * clientsEach)) await Bun.sleep(pollMs);
		this.#measure();
		this.residentMegabytesBefore = this.residentMegabytesMax;
	}

	async slow({ name, calls, delayMs, forMs }: Slowness, stop: AbortSignal): Promise<SlowPhase> {
		await this.#disk.slow(calls, delayMs);
		const fromMs = performance.now();
		const refusedBefore = this.#count(503);
		let waiting = 0;
		while (performance.now() < fromMs + forMs && !stop.aborted) {
			await Bun.sleep(sampleMs);
			waiting = Math.max(waiting, ...(await Promise.all(both.map((index) => this.#waiting(index)))));
			this.#measure();
		}
		const health = await Promise.all(both.map((index) => this.#health(index)));
		const untilMs = performance.now();
		await this.#disk.restore();
		stop.throwIfAborted();
		const acknowledged = this.observed.postings.filter(
			({ fate, invokedAtMs, endedAtMs }) => fate === "posted" && invokedAtMs > fromMs && endedAtMs < untilMs,
		).length;
		const refused = this.#count(503) - refusedBefore;
		return {
			name,
			waitingMax: waiting,
			refused,
			acknowledged,
			health,
			servedAgainMs: await this.#serves(),
		};
	}

	/** Ends all, and looks at the books. */
	async finish(): Promise<void> {
		await Promise.all(this.#load.map((clients) => clients.stop()));
		for (const { unanswered, unansweredMsMin: afterMs, statuses } of this.#load) {
			this.unanswered += unanswered;
			if (afterMs < unansweredMsMin)
				this.broken.push(
					`of ${unanswered} requests without an answer, one waited only ${Math.round(afterMs)} ms`,
				);
			for (const [status, count] of statuses)
				if (![200, 422, 503].includes(status)) this.broken.push(`${count} answers were ${status}`);
		}
		for (const index of both) {
			const health = await this.#health(index);
			if (health !== 200) this.broken.push(`/health was ${health} when the disk was well again`);
		}
		await this.#pair.kill();
		this.broken.push(...findings(this.#before as Books, this.observed, readBooks(this.#databaseFile)));
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#disk.restore();
		await this.#pair.kill();
		await Promise.all(this.#load.map((clients) => clients.stop()));
	}

	#count(status: number): number {
		return this.#load.reduce((sum, { statuses }) => sum + (statuses.get(status) ?? 0), 0);
	}

	#measure(): void {
		const held = this.#pair.processes.map(({ pid }) => residentMemory(pid).megabytesMax);
		this.residentMegabytesMax = Math.max(this.residentMegabytesMax, ...held);
	}

	/** @returns how long it took. @throws when it takes too long. */
	async #serves(): Promise<number> {
		const sinceMs = performance.now();
		await Promise.all(both.map((index) => this.#postsOn(index)));
		return performance.now() - sinceMs;
	}

	async #postsOn(index: Index): Promise<void> {
		const clients = new Clients({
			...{ targets: [this.#pair.targets[index]], count: 4, accountIds, pauseMs, statementShare: 0 },
			...{ observed: this.observed, random: this.#random, timeoutMs: clientTimeoutMs },
		});
		const deadline = performance.now() + clientTimeoutMs;
		while (!clients.statuses.has(200) && performance.now() < deadline) await Bun.sleep(pollMs);
		await clients.stop();
		if (!clients.statuses.has(200)) this.broken.push(`process ${index} did not serve when the disk was back`);
	}

	async #waiting(index: Index): Promise<number> {
		const { body } = await this.#get(index, "/metrics", askMsMax);
		return Number(/^crebito_waiting_requests (\d+)$/m.exec(body)?.[1]);
	}

	/** 0 when there was no answer. */
	async #health(index: Index): Promise<number> {
		try {
			return (await this.#get(index, "/health", healthMsMax)).status;
		} catch (error) {
			if (error instanceof NoAnswer) return 0;
			throw error;
		}
	}

	#get(index: Index, path: string, msMax: number): Promise<Answer> {
		const target = parseTarget(this.#pair.targets[index]);
		return ask(target, getRequest(target, path), msMax);
	}
}

function getRequest({ base, host }: Target, path: string): Buffer {
	return Buffer.from(`GET ${base}${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
}

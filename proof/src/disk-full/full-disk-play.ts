/** Rounds on one disk: full under load, perhaps a restart there, room again; and what the ledger makes of it. */
import { join } from "node:path";
import { ask } from "../../../loadtest/src/ask.ts";

import { parseTarget, type Target } from "../../../loadtest/src/target.ts";
import { type Books, readBooks } from "../books.ts";
import { Clients } from "../clients.ts";
import { LedgerPair } from "../ledger-pair.ts";
import { Observed } from "../observed.ts";
import { residentMemory } from "../processes.ts";
import type { RunningProgram } from "../program.ts";
import type { Random } from "../random.ts";
import { findings } from "../verdict.ts";
import type { SmallDisk } from "./small-disk.ts";

const clientsEach = 4;
const readersEach = 1;
/** After each answer, or a full disk would be asked twenty thousand times a second. */
const pauseMs = 1;
/** With such a small log there is always a checkpoint due. */
const walMegabytes = "1";
const answersWanted = 200;
const refusalsWanted = 100;
const waitMsMax = 20_000;
/** Without an entry posted for so long, the disk is full for the log, too, which has room of its own to use up. */
const quietMs = 300;
/** A start that neither listens nor ends by then. */
const startMsMax = 15_000;
const pollMs = 5;
const probesMax = 4;

type Index = 0 | 1;
const both: readonly Index[] = [0, 1];

export class FullDiskPlay implements AsyncDisposable {
	readonly broken: string[] = [];
	readonly observed = new Observed();
	/** After room was made, until each process served: the longest. */
	servedAgainMsMax = 0;
	/** Of starts on the full disk. */
	started = 0;
	notStarted = 0;
	residentMegabytesMax = 0;
	/** Times that /health found room where entries found none. */
	healthyProbes = 0;
	readonly #disk: SmallDisk;
	readonly #databaseFile: string;
	readonly #pair: LedgerPair;
	readonly #random: Random;
	#before: Books | undefined;
	#load: readonly Clients[] = [];
	/** When each process last posted an entry. */
	readonly #postedAtMs: [number, number] = [0, 0];

	/** The sockets are beside the disk. */
	constructor(disk: SmallDisk, place: string, random: Random) {
		this.#disk = disk;
		this.#random = random;
		this.#databaseFile = join(disk.folder, "ledger.db");
		this.#pair = new LedgerPair({
			...{ folder: place, databaseFile: this.#databaseFile },
			environment: { WAL_MAX_MB: walMegabytes },
		});
	}

	async start(): Promise<void> {
		await this.#pair.start();
		this.#before = readBooks(this.#databaseFile);
		this.#load = both.flatMap((index) => [this.#posters(index), this.#readers(index)]);
	}

	count(status: number): number {
		return this.#load.reduce((sum, { statuses }) => sum + (statuses.get(status) ?? 0), 0);
	}

	/** Resolves when the disk is full and both processes say so. */
	async fill(): Promise<void> {
		await this.#more(200, answersWanted, "answers before the disk was full");
		await Bun.sleep(this.#random.below(50));
		this.#disk.fill();
		await this.#more(503, refusalsWanted, "refusals on the full disk");
		await this.#untilQuiet();
		for (const index of both) await this.#expectUnhealthy(index);
		this.#measure();
	}

	/** What a checkpoint gives back is taken as well. */
	async #untilQuiet(): Promise<void> {
		const deadline = performance.now() + waitMsMax;
		while (performance.now() < Math.max(...this.#postedAtMs) + quietMs && performance.now() < deadline) {
			this.#disk.fill();
			await Bun.sleep(quietMs / 10);
		}
	}

	/** kill -9 of both; who then doesn't start for want of room is started by `free`. */
	async restart(): Promise<void> {
		await this.#pair.kill();
		for (const index of both) {
			const program = this.#pair.spawn(index);
			await Promise.race([program.says(':"listening"', startMsMax).catch(() => undefined), program.ended]);
			if (!program.hasEnded) this.started += 1;
			else this.#judgeRefusedStart(program, (await program.ended).code);
		}
	}

	/** Makes room. @returns whether both processes serve again within so long. */
	async free(msMax: number): Promise<boolean> {
		this.#disk.free();
		const freedAtMs = performance.now();
		for (const index of both) if (this.#program(index).hasEnded) await this.#pair.startOne(index);
		return await this.servesAfter(freedAtMs, msMax);
	}

	async servesAfter(sinceMs: number, msMax: number): Promise<boolean> {
		const serve = () => both.every((index) => this.#postedAtMs[index] > sinceMs);
		while (!serve() && performance.now() < sinceMs + msMax) await Bun.sleep(pollMs);
		this.servedAgainMsMax = Math.max(this.servedAgainMsMax, performance.now() - sinceMs);
		this.#measure();
		return serve();
	}

	/** Ends all, and looks at the books. */
	async finish(): Promise<void> {
		await Promise.all(this.#load.map((clients) => clients.stop()));
		for (const { code } of await this.#pair.stop())
			if (code !== 0) this.broken.push(`a process that was asked to end did so with ${code}`);
		for (const status of this.#statuses())
			if (![200, 422, 503].includes(status)) this.broken.push(`${this.count(status)} answers were ${status}`);
		this.broken.push(...findings(this.#before as Books, this.observed, readBooks(this.#databaseFile)));
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#pair.kill();
		await Promise.all(this.#load.map((clients) => clients.stop()));
	}

	/** In a round without a restart. */
	expectAlive(): void {
		for (const index of both)
			if (this.#program(index).hasEnded)
				this.broken.push(`process ${index} ended: ${this.#program(index).output.slice(-300)}`);
	}

	#program(index: Index): RunningProgram {
		return this.#pair.processes[index] as RunningProgram;
	}

	#posters(index: Index): Clients {
		return this.#clients(index, clientsEach, 0, (status, atMs) => {
			if (status === 200) this.#postedAtMs[index] = atMs;
		});
	}

	/** Apart, since a statement needs no room. */
	#readers(index: Index): Clients {
		return this.#clients(index, readersEach, 1, () => undefined);
	}

	#clients(
		index: Index,
		count: number,
		statementShare: number,
		onAnswer: (status: number, atMs: number) => void,
	): Clients {
		const targets = [this.#pair.targets[index]];
		const random = this.#random;
		return new Clients({
			targets,
			count,
			statementShare,
			pauseMs,
			observed: this.observed,
			random,
			onAnswer,
		});
	}

	#statuses(): Set<number> {
		return new Set(this.#load.flatMap(({ statuses }) => [...statuses.keys()]));
	}

	async #more(status: number, wanted: number, what: string): Promise<void> {
		const enough = this.count(status) + wanted;
		const deadline = performance.now() + waitMsMax;
		while (this.count(status) < enough && performance.now() < deadline) await Bun.sleep(pollMs);
		if (this.count(status) < enough) this.broken.push(`there were no ${wanted} ${what} in ${waitMsMax} ms`);
	}

	#judgeRefusedStart({ output }: RunningProgram, code: number | null): void {
		this.notStarted += 1;
		if (code !== 1 || !/full/.test(output))
			this.broken.push(`a start on the full disk ended with ${code}: ${output.slice(-300)}`);
	}

	/** A probe is a page, an entry is three: in what is left of the log's last block, one or two probes have room. */
	async #expectUnhealthy(index: Index): Promise<void> {
		const target = parseTarget(this.#pair.targets[index]);
		for (let probes = 1; probes <= probesMax; probes += 1) {
			const { status } = await ask(target, healthRequest(target), waitMsMax);
			if (status === 503) return;
			this.healthyProbes += 1;
		}
		this.broken.push(`/health of process ${index} said ${probesMax} times that it was well on the full disk`);
	}

	#measure(): void {
		const held = both.map((index) => residentMemory(this.#program(index).pid).megabytesMax);
		this.residentMegabytesMax = Math.max(this.residentMegabytesMax, ...held);
	}
}

function healthRequest({ base, host }: Target): Buffer {
	return Buffer.from(`GET ${base}/health HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
}

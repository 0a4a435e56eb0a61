/**
 * The project's judge as a process: it makes the load, looks at each answer, and audits the books when it is over.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";

export interface JudgeLoad {
	readonly target: string;
	readonly seconds: number;
	readonly warmUpSeconds: number;
	/** Requests in flight at most. */
	readonly connections: number;
	/** Requests a second; undefined is as fast as the answers come. */
	readonly rate?: number | undefined;
	readonly seed: number;
	/** To be audited; undefined leaves it out. */
	readonly databaseFile?: string | undefined;
	/** For what it writes, if there is too little memory for it. */
	readonly folder: string;
}

/** What is read of it: loadtest/src/result.ts has all. */
export interface JudgeResult {
	readonly summary: {
		readonly rate: number;
		readonly requests: number;
		readonly otherStatus: number;
		readonly failed: number;
		readonly unsent: number;
		readonly generatorMemoryMb: number;
	};
	readonly seconds: readonly { readonly p99Ms: number | null }[];
	readonly latency: {
		readonly response: {
			readonly maxMs: number;
			readonly percentiles: readonly { readonly percentile: number; readonly ms: number }[];
		};
	};
	readonly validity: { readonly verdict: string; readonly reason: string };
	readonly consistency: { readonly verdict: string; readonly reason: string };
}

const program = join(import.meta.dir, "../../../loadtest/src/main.ts");
/** Measured, books inconsistent, measurement invalid: each comes with a result. */
const exitCodesWithResult = [0, 4, 5];
/** Its history takes some 40 bytes for each request; on the ledger's disk it would share the ledger's syncs. */
const memoryFolder = "/dev/shm";
const historyBytesOfRequest = 100;
const requestsOfSecondMax = 20_000;

export class JudgeProcess implements AsyncDisposable {
	readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
	readonly #folder: string;
	readonly #words: Promise<[string, string]>;

	/** It begins at once. */
	constructor(load: JudgeLoad) {
		this.#folder = mkdtempSync(join(historyParent(load), "crebito-judge-"));
		this.#process = Bun.spawn([process.execPath, "--no-orphans", program, ...judgeArguments(load)], {
			env: { PATH: process.env.PATH, TMPDIR: this.#folder },
			stdio: ["ignore", "pipe", "pipe"],
			detached: true,
		});
		this.#words = Promise.all([this.#process.stdout.text(), this.#process.stderr.text()]);
	}

	get pid(): number {
		return this.#process.pid;
	}

	get hasEnded(): boolean {
		return this.#process.exitCode !== null || this.#process.signalCode !== null;
	}

	/** @throws when there is none; a bad one is a result. */
	async result(): Promise<JudgeResult> {
		const [output, complaint] = await this.#words;
		const code = await this.#process.exited;
		if (exitCodesWithResult.includes(code) && output !== "") return JSON.parse(output) as JudgeResult;
		throw new Error(`the judge ended with ${code} and no result: ${complaint.trimEnd()}`);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#process.kill("SIGKILL");
		await this.#process.exited;
		rmSync(this.#folder, { recursive: true, force: true });
	}
}

function judgeArguments(load: JudgeLoad): string[] {
	const { target, seconds, warmUpSeconds, connections, rate, seed, databaseFile } = load;
	return [
		...["load", target, "-d", `${seconds}s`, "-w", `${warmUpSeconds}s`, "-c", String(connections)],
		...["--seed", String(seed), "-o", "json", "--no-screen", "--quiet"],
		...(rate === undefined ? [] : ["-r", String(rate)]),
		...(databaseFile === undefined ? [] : ["--db", databaseFile]),
	];
}

/** Memory if it is large enough, else the trial's folder. */
function historyParent({ folder, seconds, rate = requestsOfSecondMax }: JudgeLoad): string {
	const neededBytes = seconds * rate * historyBytesOfRequest;
	if (existsSync(memoryFolder)) {
		const { bavail, bsize } = statfsSync(memoryFolder);
		if (bavail * bsize > 2 * neededBytes) return memoryFolder;
	}
	mkdirSync(folder, { recursive: true });
	return folder;
}

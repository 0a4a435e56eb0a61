/**
 * The judge as a process: it makes the load and the trouble, and says what became of every request. What is read of
 * its result is written down here once more; nothing of it is imported.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Load {
	readonly url: string;
	readonly seconds: number;
	readonly connections: number;
	readonly seed: number;
	readonly chaos: readonly string[];
	readonly victims: readonly string[];
	/** To be audited when the load is over. */
	readonly databaseFile: string;
}

/** Something that was done to the stack, and what it did to the second in which it was done. */
export interface ChaosEvent {
	readonly atSecond: number;
	readonly backMs: number | null;
	readonly error: string | null;
	readonly p99Ms: number | null;
}

export interface JudgeResult {
	readonly startedAt: string;
	readonly summary: {
		readonly elapsedSeconds: number;
		readonly requests: number;
		readonly otherStatus: number;
		readonly failed: number;
		readonly unsent: number;
	};
	readonly latency: {
		readonly response: {
			readonly maxMs: number;
			readonly percentiles: readonly { readonly percentile: number; readonly ms: number }[];
		};
	};
	readonly statuses: readonly { readonly status: number; readonly count: number }[];
	readonly errors: readonly { readonly message: string; readonly count: number }[];
	readonly seconds: readonly { readonly second: number; readonly p99Ms: number | null }[];
	readonly consistency: {
		readonly verdict: string;
		readonly reason: string;
		readonly violationsTotal: number;
		readonly audit: readonly { readonly source: string; readonly verdict: string; readonly reason: string }[];
	};
	readonly chaos: { readonly events: readonly ChaosEvent[] } | null;
}

const program = join(import.meta.dir, "../../loadtest/src/main.ts");
/** Measured, books inconsistent, measurement invalid, ended before its time: each comes with a result. */
const exitCodesWithResult = [0, 4, 5, 130];
/** It keeps its history in files, and on the disk they would share the ledger's syncs. */
const memoryFolder = "/dev/shm";
const endMsMax = 10_000;

export class Judge implements AsyncDisposable {
	readonly #folder = mkdtempSync(join(existsSync(memoryFolder) ? memoryFolder : tmpdir(), "crebito-judge-"));
	readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
	readonly #words: Promise<[string, string]>;

	constructor(load: Load) {
		this.#process = Bun.spawn([process.execPath, "--no-orphans", program, ...judgeArguments(load)], {
			env: { ...process.env, TMPDIR: this.#folder },
			stdio: ["ignore", "pipe", "pipe"],
			// Its own session: a Ctrl-C reaches the campaign only, which ends the rest in order.
			detached: true,
		});
		this.#words = Promise.all([this.#process.stdout.text(), this.#process.stderr.text()]);
	}

	get hasEnded(): boolean {
		return this.#process.exitCode !== null || this.#process.signalCode !== null;
	}

	/** Ends the load; the verdict follows. */
	end(): void {
		this.#process.kill("SIGINT");
	}

	/** @throws when there is none; a bad one is a result. */
	async result(): Promise<JudgeResult> {
		const [output, complaint] = await this.#words;
		const code = await this.#process.exited;
		if (exitCodesWithResult.includes(code) && output !== "") return JSON.parse(output) as JudgeResult;
		throw new Error(`the judge ended with ${code} and no result: ${complaint.trimEnd()}`);
	}

	/** It continues whatever it has stopped, if it is given the time. */
	async [Symbol.asyncDispose](): Promise<void> {
		this.#process.kill("SIGTERM");
		const overdue = setTimeout(() => this.#process.kill("SIGKILL"), endMsMax);
		await this.#process.exited;
		clearTimeout(overdue);
		rmSync(this.#folder, { recursive: true, force: true });
	}
}

function judgeArguments({ url, seconds, connections, seed, chaos, victims, databaseFile }: Load): string[] {
	return [
		...["load", url, "-c", String(connections), "-d", `${seconds}s`, "--seed", String(seed)],
		...["-o", "json", "--no-screen", "--quiet", "--db", databaseFile],
		...chaos.flatMap((rule) => ["--chaos", rule]),
		...(chaos.length === 0 ? [] : victims.flatMap((victim) => ["--victim", victim])),
	];
}

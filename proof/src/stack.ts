/** The whole stack as `npm start` runs it: nginx, two ledger processes, and what restarts them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../deploy/free-port.ts";
import { descendants, isAlive, signalTo } from "./processes.ts";
import { RunningProgram } from "./program.ts";

const stackPath = join(import.meta.dir, "../../deploy/stack.ts");
const startMsMax = 30_000;
const stopMsMax = 20_000;

export interface StackOptions {
	/** Of the ledger's file; on the disk under test. */
	readonly dataFolder: string;
	/** DURABILITY, WAL_MAX_MB and so on. */
	readonly environment?: Readonly<Record<string, string>>;
	/** Put before the command. */
	readonly wrapper?: readonly string[];
	/** In place of deploy/stack.ts. */
	readonly program?: string;
}

export class Stack implements AsyncDisposable {
	/** For clients. */
	readonly target: string;
	readonly databaseFile: string;
	readonly process: RunningProgram;
	readonly #dataFolder: string;

	private constructor(
		{ dataFolder, environment, wrapper = [], program = stackPath }: StackOptions,
		port: number,
	) {
		this.target = `http://127.0.0.1:${port}`;
		this.#dataFolder = dataFolder;
		this.databaseFile = join(dataFolder, "ledger.db");
		this.process = new RunningProgram([...wrapper, process.execPath, "--no-orphans", program], {
			...{ HOST: "127.0.0.1", PORT: String(port), DATA_DIR: dataFolder, BALANCER: "nginx" },
			...environment,
		});
	}

	/** Resolves when it serves. @throws when it doesn't. */
	static async start(options: StackOptions): Promise<Stack> {
		const stack = new Stack(options, freePort());
		try {
			await stack.process.says("crebito serves at ", startMsMax);
			return stack;
		} catch (error) {
			await stack.killAll();
			throw error;
		}
	}

	/** Of the ledger processes that serve. */
	ledgerPids(): number[] {
		return ["api-1.pid", "api-2.pid"].flatMap((name) => {
			try {
				return [Number(readFileSync(join(this.#dataFolder, name), "utf8"))];
			} catch {
				return [];
			}
		});
	}

	/** kill -9 of everything at once, as a power cut leaves nothing. */
	async killAll(): Promise<void> {
		const pids = descendants(this.process.pid);
		this.process.signal("SIGKILL");
		for (const pid of pids) signalTo(pid, "SIGKILL");
		await this.process.ended;
		while (pids.some(isAlive)) await Bun.sleep(2);
	}

	/** In the order that loses no answer. */
	async stop(): Promise<void> {
		this.process.signal("SIGTERM");
		const overdue = setTimeout(() => void this.killAll(), stopMsMax);
		await this.process.ended;
		clearTimeout(overdue);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		if (!this.process.hasEnded) await this.killAll();
	}
}

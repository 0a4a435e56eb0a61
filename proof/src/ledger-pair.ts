/** Two ledger processes on one file, as `npm start` runs them, each on a socket of its own and without a balancer. */
import { join } from "node:path";
import { type End, RunningProgram } from "./program.ts";

const mainPath = join(import.meta.dir, "../../ledger/src/main.ts");
const startMsMax = 30_000;

export interface LedgerPairOptions {
	/** For the sockets. */
	readonly folder: string;
	readonly databaseFile: string;
	/** Beyond DATABASE_URL, API_SOCKET and LOG_LEVEL=info. */
	readonly environment?: Readonly<Record<string, string>>;
	/** For controls: a ledger with a fault, in place of the real one. */
	readonly program?: string;
	/** Put before the command: strace, say. It has to exec or to stay its parent. */
	readonly wrapper?: (index: number) => readonly string[];
}

export class LedgerPair implements AsyncDisposable {
	readonly sockets: readonly [string, string];
	/** As targets for clients. */
	readonly targets: readonly [string, string];
	/** The one started last under each index. */
	readonly processes: RunningProgram[] = [];
	readonly #options: LedgerPairOptions;

	/** Starts nothing. */
	constructor(options: LedgerPairOptions) {
		this.#options = options;
		this.sockets = [join(options.folder, "a.sock"), join(options.folder, "b.sock")];
		this.targets = [`unix:${this.sockets[0]}`, `unix:${this.sockets[1]}`];
	}

	/** Both; resolves when they listen. @throws when one doesn't. */
	async start(): Promise<void> {
		await Promise.all([this.startOne(0), this.startOne(1)]);
	}

	/** Resolves when it listens. @throws when it doesn't. */
	async startOne(index: 0 | 1): Promise<void> {
		await this.spawn(index).says(':"listening"', startMsMax);
	}

	/** Without waiting for anything. */
	spawn(index: 0 | 1): RunningProgram {
		const { databaseFile, environment, wrapper, program = mainPath } = this.#options;
		const command = [...(wrapper?.(index) ?? []), process.execPath, "--smol", program];
		const child = new RunningProgram(command, {
			API_SOCKET: this.sockets[index],
			DATABASE_URL: `sqlite://${databaseFile}`,
			LOG_LEVEL: "info",
			...environment,
		});
		this.processes[index] = child;
		return child;
	}

	/** kill -9 of both, and of what they were wrapped in. */
	async kill(): Promise<readonly End[]> {
		await Promise.all(this.processes.map((child) => child.kill()));
		return Promise.all(this.processes.map(({ ended }) => ended));
	}

	/** SIGTERM, and how they ended. */
	async stop(): Promise<readonly End[]> {
		for (const child of this.processes) child.signalGroup("SIGTERM");
		return Promise.all(this.processes.map(({ ended }) => ended));
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.kill();
	}
}

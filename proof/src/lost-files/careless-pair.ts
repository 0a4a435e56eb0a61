/** Two careless ledgers (careless.ts) on one file. */
import { join } from "node:path";
import { RunningProgram } from "../program.ts";

const carelessPath = join(import.meta.dir, "careless.ts");
const startMsMax = 30_000;

export class CarelessPair implements AsyncDisposable {
	/** As targets for clients. */
	readonly targets: readonly string[];
	readonly processes: readonly RunningProgram[];

	private constructor(folder: string, databaseFile: string, environment: Readonly<Record<string, string>>) {
		const sockets = ["careless-a.sock", "careless-b.sock"].map((name) => join(folder, name));
		this.targets = sockets.map((socket) => `unix:${socket}`);
		this.processes = sockets.map(
			(socket) =>
				new RunningProgram([process.execPath, "--smol", carelessPath], {
					...{ API_SOCKET: socket, DATABASE_FILE: databaseFile },
					...environment,
				}),
		);
	}

	/** @throws when one doesn't listen. */
	static async start(
		folder: string,
		databaseFile: string,
		environment: Readonly<Record<string, string>> = {},
	): Promise<CarelessPair> {
		const pair = new CarelessPair(folder, databaseFile, environment);
		try {
			await Promise.all(pair.processes.map((program) => program.says("listening", startMsMax)));
		} catch (error) {
			await pair.kill();
			throw error;
		}
		return pair;
	}

	async kill(): Promise<void> {
		await Promise.all(this.processes.map((program) => program.kill()));
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.kill();
	}
}

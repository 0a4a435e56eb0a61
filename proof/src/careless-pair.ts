/** Two careless ledgers (careless-ledger.ts) on one file. */
import { join } from "node:path";
import { RunningProgram } from "./program.ts";

const carelessPath = join(import.meta.dir, "careless-ledger.ts");
const startMsMax = 30_000;

export class CarelessPair implements AsyncDisposable {
	/** As targets for clients. */
	readonly targets: string[] = [];
	readonly processes: RunningProgram[] = [];

	/** One after the other: they would get in each other's way at a fresh file. @throws when one doesn't listen. */
	static async start(
		folder: string,
		databaseFile: string,
		environment: Readonly<Record<string, string>> = {},
	): Promise<CarelessPair> {
		const pair = new CarelessPair();
		try {
			for (const name of ["careless-a.sock", "careless-b.sock"])
				await pair.#startOne({ API_SOCKET: join(folder, name), DATABASE_FILE: databaseFile, ...environment });
		} catch (error) {
			await pair.kill();
			throw error;
		}
		return pair;
	}

	async #startOne(environment: Readonly<Record<string, string>>): Promise<void> {
		const program = new RunningProgram([process.execPath, "--smol", carelessPath], environment);
		this.processes.push(program);
		this.targets.push(`unix:${environment.API_SOCKET}`);
		await program.says("listening", startMsMax);
	}

	async kill(): Promise<void> {
		await Promise.all(this.processes.map((program) => program.kill()));
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.kill();
	}
}

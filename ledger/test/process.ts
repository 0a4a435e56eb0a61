/**
 * One real ledger process: `bun ledger/src/main.ts` with its own environment, listening on a Unix socket.
 * Ended by its id.
 */
import { fileURLToPath } from "node:url";

const mainPath = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const readyMsMax = 20_000;
const endMsMax = 20_000;

const living = new Set<LedgerProcess>();

/** For afterEach or afterAll: a test that failed may have left some. (`bun test` runs no exit handlers.) */
export async function killLivingProcesses(): Promise<void> {
	await Promise.all([...living].map((ledger) => ledger.kill()));
}

export interface LedgerProcessOptions {
	readonly socket: string;
	readonly databasePath: string;
	/** Further variables; nothing is taken over from this process's environment but PATH. */
	readonly environment?: Readonly<Record<string, string>>;
	/** Put before the command line, to run it under strace. It must exec, or the process id is not the ledger's. */
	readonly wrapper?: readonly string[];
}

/** How a process ended: by its own code, or by a signal. */
export interface End {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | number | null;
}

export class LedgerProcess {
	readonly socket: string;
	readonly pid: number;
	readonly ended: Promise<End>;
	#output = "";
	readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
	readonly #listening = Promise.withResolvers<void>();

	/** Starts one and does not wait: see ready(). */
	constructor(options: LedgerProcessOptions) {
		this.socket = options.socket;
		this.#child = Bun.spawn([...(options.wrapper ?? []), process.execPath, mainPath], {
			env: {
				PATH: process.env.PATH ?? "",
				API_SOCKET: options.socket,
				DATABASE_URL: `sqlite://${options.databasePath}`,
				...options.environment,
			},
			stdin: "ignore",
			stdout: "pipe",
			stderr: "pipe",
		});
		this.pid = this.#child.pid;
		living.add(this);
		const outputs = [this.#follow(this.#child.stdout), this.#follow(this.#child.stderr)];
		this.ended = this.#child.exited.then(async () => {
			living.delete(this);
			await Promise.all(outputs);
			const { exitCode: code, signalCode: signal } = this.#child;
			this.#listening.reject(new Error(`it ended with ${signal ?? code}:\n${this.#output}`));
			return { code, signal };
		});
		// Who doesn't ask whether it is ready may not care.
		this.#listening.promise.catch(() => undefined);
	}

	/** Starts one and waits until it listens. */
	static async start(options: LedgerProcessOptions): Promise<LedgerProcess> {
		const ledger = new LedgerProcess(options);
		await ledger.ready();
		return ledger;
	}

	/** All that it has written to standard output and standard error. */
	get output(): string {
		return this.#output;
	}

	get running(): boolean {
		return living.has(this);
	}

	/** Resolves when it listens; rejects with its last words when it ends instead. */
	async ready(): Promise<void> {
		await within(readyMsMax, this.#listening.promise, () => `it does not listen:\n${this.#output}`);
	}

	signal(signal: NodeJS.Signals): void {
		this.#child.kill(signal);
	}

	/** SIGKILL, and resolves when the process is gone. */
	async kill(): Promise<void> {
		this.signal("SIGKILL");
		await this.ended;
	}

	/** SIGTERM, and resolves with how it ended. */
	async stop(): Promise<End> {
		this.signal("SIGTERM");
		return this.end();
	}

	/** Waits for an end that something else brings about. */
	end(): Promise<End> {
		return within(endMsMax, this.ended, () => `it does not end:\n${this.#output}`);
	}

	async #follow(stream: ReadableStream<Uint8Array>): Promise<void> {
		const decoder = new TextDecoder();
		for await (const chunk of stream) {
			this.#output += decoder.decode(chunk, { stream: true });
			if (this.#output.includes(':"listening"')) this.#listening.resolve();
		}
	}
}

/** Rejects with what `complaint` says when `promise` takes longer than `ms`. */
async function within<T>(ms: number, promise: Promise<T>, complaint: () => string): Promise<T> {
	const late = Promise.withResolvers<never>();
	const timer = setTimeout(() => late.reject(new Error(`after ${ms} ms ${complaint()}`)), ms);
	try {
		return await Promise.race([promise, late.promise]);
	} finally {
		clearTimeout(timer);
	}
}

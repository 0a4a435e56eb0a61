/** One process that an attack starts: followed, signalled, and seen to end. */
import { signalTo } from "./processes.ts";

/** Characters of what it has said that are kept, and those of them that an error shows; the last ones. */
const outputMax = 100_000;
const shownMax = 500;

export interface End {
	readonly code: number | null;
	readonly signal: string | number | null;
	/** By performance.now(). */
	readonly atMs: number;
}

export class RunningProgram {
	readonly pid: number;
	readonly ended: Promise<End>;
	/** The end of what it has said on both streams. */
	output = "";
	hasEnded = false;
	readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
	readonly #waiting = new Set<() => void>();

	/** Nothing of this process's environment is passed on but PATH. */
	constructor(command: readonly string[], environment: Readonly<Record<string, string>>) {
		this.#child = Bun.spawn([...command], {
			env: { PATH: process.env.PATH ?? "", ...environment },
			stdio: ["ignore", "pipe", "pipe"],
			// A session of its own: a Ctrl-C reaches the attack only, which ends the rest in order.
			detached: true,
		});
		this.pid = this.#child.pid;
		const outputs = [this.#child.stdout, this.#child.stderr].map((stream) => this.#follow(stream));
		this.ended = this.#end(outputs);
	}

	/** @throws when it ends before it says so, or takes too long. */
	async says(text: string, msMax: number): Promise<void> {
		const deadline = performance.now() + msMax;
		while (!this.output.includes(text)) {
			if (this.hasEnded) throw new Error(`it ended instead of saying "${text}":\n${this.#lastWords}`);
			const leftMs = deadline - performance.now();
			if (leftMs <= 0) throw new Error(`it did not say "${text}" within ${msMax} ms:\n${this.#lastWords}`);
			await Promise.race([Bun.sleep(Math.min(leftMs, 100)), this.#change()]);
		}
	}

	/** No error when it has ended. */
	signal(signal: NodeJS.Signals): void {
		this.#child.kill(signal);
	}

	/** To its whole group: all that it has started, unless they left it. */
	signalGroup(signal: NodeJS.Signals): void {
		signalTo(-this.pid, signal);
	}

	async kill(): Promise<void> {
		this.signalGroup("SIGKILL");
		await this.ended;
	}

	get #lastWords(): string {
		return this.output.slice(-shownMax);
	}

	#change(): Promise<void> {
		return new Promise((resolve) => this.#waiting.add(resolve));
	}

	async #end(outputs: readonly Promise<void>[]): Promise<End> {
		await this.#child.exited;
		const atMs = performance.now();
		this.hasEnded = true;
		// What it has started may hold its pipes for ever.
		await Promise.race([Promise.all(outputs), Bun.sleep(500)]);
		this.#wake();
		return { code: this.#child.exitCode, signal: this.#child.signalCode, atMs };
	}

	async #follow(stream: ReadableStream<Uint8Array>): Promise<void> {
		const decoder = new TextDecoder();
		for await (const chunk of stream) {
			this.output = (this.output + decoder.decode(chunk, { stream: true })).slice(-outputMax);
			this.#wake();
		}
	}

	#wake(): void {
		for (const resolve of this.#waiting) resolve();
		this.#waiting.clear();
	}
}

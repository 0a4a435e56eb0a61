/**
 * A process that is started again whenever it ends, and says who it is in a pid file as soon as it serves: what a
 * supervisor does for the target, with a victim that a test owns.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";

export interface SupervisedOptions {
	readonly pidFile: string;
	/** Does nothing for five minutes when it isn't given. */
	readonly command?: readonly string[];
	/** It serves once it has written that; at once when it isn't given. */
	readonly servesWhen?: string;
	/** From its end to its next start. */
	readonly backMs?: number;
}

export class Supervised {
	readonly pidFile: string;
	/** Of all that there were, the present one last. */
	readonly pids: number[] = [];
	readonly #options: SupervisedOptions;
	#process: Bun.Subprocess<"ignore", "pipe", "ignore"> | undefined;
	#isStopped = false;
	readonly #ended: Promise<void>;

	constructor(options: SupervisedOptions) {
		this.#options = options;
		this.pidFile = options.pidFile;
		this.#ended = this.#run();
	}

	/** The present one's id. */
	get pid(): number {
		return this.pids.at(-1) ?? Number.NaN;
	}

	/** Resolves when one serves. */
	async serves(): Promise<void> {
		while (this.pids.length === 0) await Bun.sleep(10);
	}

	async stop(): Promise<void> {
		this.#isStopped = true;
		this.#process?.kill("SIGKILL");
		await this.#ended;
	}

	async #run(): Promise<void> {
		const { command = ["sleep", "300"], servesWhen = "", backMs = 50 } = this.#options;
		while (!this.#isStopped) {
			const child = Bun.spawn([...command], { stdio: ["ignore", "pipe", "ignore"] });
			this.#process = child;
			if (servesWhen !== "") await untilSaid(child.stdout, servesWhen);
			this.pids.push(child.pid);
			writeFileSync(this.pidFile, `${child.pid}\n`);
			await child.exited;
			rmSync(this.pidFile, { force: true });
			for (let leftMs = backMs; leftMs > 0 && !this.#isStopped; leftMs -= 50)
				await Bun.sleep(Math.min(50, leftMs));
		}
	}
}

async function untilSaid(output: ReadableStream<Uint8Array>, text: string): Promise<void> {
	const reader = output.getReader();
	const decoder = new TextDecoder();
	for (let said = ""; !said.includes(text); ) {
		const { value, done } = await reader.read();
		if (done) return;
		said += decoder.decode(value, { stream: true });
	}
}

export function isStopped(pid: number): boolean {
	return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}

export async function untilStopped(pid: number): Promise<void> {
	while (!isStopped(pid)) await Bun.sleep(10);
}

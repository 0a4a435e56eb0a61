/**
 * A disk that is slow while somebody wants it to be: strace takes hold of running ledgers, keeps each call of some kinds
 * from returning for a while, and lets go again, upon which what it kept returns at once.
 */
import { RunningProgram } from "../program.ts";

const attachMsMax = 20_000;

export class SlowDiskSwitch implements AsyncDisposable {
	readonly #pids: readonly number[];
	#strace: RunningProgram | undefined;

	constructor(pids: readonly number[]) {
		this.#pids = pids;
	}

	/** Resolves when every one of these calls takes so long from here on. */
	async slow(calls: readonly string[], delayMs: number): Promise<void> {
		const whose = this.#pids.flatMap((pid) => ["-p", String(pid)]);
		const names = calls.join(",");
		const injection = `inject=${names}:delay_exit=${delayMs}ms`;
		const words = ["strace", "-f", ...whose, "-o", "/dev/null", "-e", `trace=${names}`, "-e", injection];
		this.#strace = new RunningProgram(words, {});
		for (const pid of this.#pids) await this.#strace.says(`Process ${pid} attached`, attachMsMax);
	}

	/** Resolves when nothing keeps it any more. */
	async restore(): Promise<void> {
		const strace = this.#strace;
		if (strace === undefined) return;
		this.#strace = undefined;
		strace.signal("SIGTERM");
		await strace.ended;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.restore();
	}
}

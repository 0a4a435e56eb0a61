/**
 * One process that is kept running: started, watched until it serves, started again when it dies, stopped.
 *
 *     start()       [starting...][ready.....
 *     supervise()                     ......died]  wait  [starting...][ready......died]  wait  [starting
 *     restart()                                  signal [draining..][starting...][ready
 *     stop()                                                                   signal [draining..]
 *
 * After a life that was healthy for a while there is no wait; it doubles with each short one, up to half a second if
 * that served: whoever is killed again and again must be back soon. Before supervise() a death is final: what never
 * served would only die again. A start that hangs is ended after supervise(); before, somebody sees that it takes
 * its time.
 *
 * Each child leads a process group. So a Ctrl-C in the terminal reaches the stack alone, which stops its
 * children in order, and nothing that a child had started (nginx's workers) outlives it.
 */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { Subprocess } from "bun";

/** Variables for a process; an empty one is as good as none. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What to run, and how to tell that it serves. */
export interface Program {
	readonly name: string;
	readonly command: readonly string[];
	readonly environment: Environment;
	/** Asks the process to finish what it holds and to exit. */
	readonly stopSignal: "SIGTERM" | "SIGQUIT";
	/** How long that may take; then it is killed. */
	readonly drainMsMax: number;
	/** Asked again and again until it says yes. */
	readonly isReady: (pid: number) => Promise<boolean>;
	/** Holds the process's id while it serves, and is not there while it doesn't. */
	readonly pidFile?: string;
	/** Files that it leaves when it is killed, and with which it wouldn't start. */
	readonly leftovers?: readonly string[];
	/** How long starting it again may take; then that start is given up. 30 s unless said otherwise. */
	readonly restartMsMax?: number;
}

const readyPollMs = 20;
const slowStartMs = 10_000;
const restartMsMax = 30_000;
const restartWaitMsMin = 100;
const restartWaitMsMax = 10_000;
/** After a life that served, however short. */
const servedWaitMsMax = 500;
/** A life that was ready for this long was a healthy one: whatever ended it, starting anew is no waste. */
const healthyMs = 1000;
/** Lines of stderr kept until it is clear whether they belong to a failed start. */
const heldLinesMax = 50;
/** A longer line is passed on in pieces. */
const lineLengthMax = 8192;

export class Child {
	readonly #program: Program;
	/** Takes one line for the person at the terminal. */
	readonly #say: (line: string) => void;
	readonly #ready = Promise.withResolvers<void>();
	readonly #lost = Promise.withResolvers<string>();
	readonly #stopping = new AbortController();
	#life: Promise<void> = Promise.resolve();
	#process: Subprocess | undefined;
	/** Somebody waits for another process to serve than the one of this id. */
	#restarting: { readonly pid: number | undefined; readonly served: () => void } | undefined;
	#supervised = false;
	#heldLines: string[] = [];

	constructor(program: Program, say: (line: string) => void) {
		this.#program = program;
		this.#say = say;
	}

	/** Resolves when the process serves for the first time. */
	get ready(): Promise<void> {
		return this.#ready.promise;
	}

	/** Resolves, with the reason, if the process ends without anybody having asked, before supervise(). */
	get lost(): Promise<string> {
		return this.#lost.promise;
	}

	start(): void {
		// Of a stack that was killed, and couldn't: by now the number may be another process's.
		this.#writePidFile(undefined);
		this.#life = this.#live();
	}

	/** From here on a death is followed by a restart, and stderr is passed on as it comes. */
	supervise(): void {
		this.#supervised = true;
		this.#releaseLines();
	}

	/** Lets the process finish what it holds, and resolves when it is gone. */
	async stop(): Promise<void> {
		this.#stopping.abort();
		await this.#drain(this.#life);
	}

	/** Lets the process finish what it holds, starts it again, and resolves when it serves, or is stopped. */
	async restart(): Promise<void> {
		const { promise, resolve } = Promise.withResolvers<void>();
		this.#restarting = { pid: this.#process?.pid, served: resolve };
		const ended = this.#process?.exited ?? Promise.resolve();
		await this.#drain(ended);
		await Promise.race([promise, this.#life]);
	}

	/** Asks the process to end, and kills it if it doesn't. */
	async #drain(ended: Promise<unknown>): Promise<void> {
		this.#process?.kill(this.#program.stopSignal);
		const { name, drainMsMax } = this.#program;
		const pid = this.#process?.pid;
		const deadline = setTimeout(() => {
			this.#say(`${name} did not end within ${drainMsMax / 1000} s: killed`);
			if (pid !== undefined) killGroup(pid);
		}, drainMsMax);
		await ended;
		clearTimeout(deadline);
	}

	/** Ends the process and all it started, at once. It is not started again. */
	kill(): void {
		this.#stopping.abort();
		if (this.#process !== undefined) killGroup(this.#process.pid);
	}

	async #live(): Promise<void> {
		const { name } = this.#program;
		let shortLives = 0;
		for (let isRestart = false; ; isRestart = true) {
			const { pid, end, readyMs } = await this.#liveOnce(isRestart);
			if (this.#stopping.signal.aborted) return;
			if (!this.#supervised) return this.#lost.resolve(this.#withLastWords(end));
			shortLives = readyMs >= healthyMs ? 0 : shortLives + 1;
			if (pid !== undefined && pid === this.#restarting?.pid) continue;
			const waitMsMax = readyMs > 0 ? servedWaitMsMax : restartWaitMsMax;
			const waitMs = shortLives === 0 ? 0 : Math.min(restartWaitMsMin * 2 ** (shortLives - 1), waitMsMax);
			const when = waitMs === 0 ? "at once" : `in ${waitMs / 1000} s`;
			this.#say(`${name} ended unasked (${end}), starting it again ${when}`);
			await wait(waitMs, undefined, this.#stopping).catch(() => undefined);
			if (this.#stopping.signal.aborted) return;
		}
	}

	/** From the start to the end of one process: how it ended, and for how long it had been ready. */
	async #liveOnce(isRestart: boolean): Promise<{ pid?: number; end: string; readyMs: number }> {
		const { name, command, environment, leftovers = [] } = this.#program;
		for (const path of leftovers) rmSync(path, { force: true });
		let process: Subprocess<"ignore", "inherit", "pipe">;
		try {
			process = Bun.spawn([...command], {
				env: environment,
				stdio: ["ignore", "inherit", "pipe"],
				detached: true,
			});
		} catch (error) {
			return { end: String(error), readyMs: 0 };
		}
		this.#process = process;
		const lastWords = this.#passOn(process.stderr);
		const isReady = await this.#untilReady(process);
		const readyAt = performance.now();
		if (isReady) this.#serves(process.pid, isRestart);
		await process.exited;
		this.#writePidFile(undefined);
		const readyMs = isReady ? performance.now() - readyAt : 0;
		killGroup(process.pid);
		this.#process = undefined;
		await Promise.race([lastWords, wait(500)]);
		const end =
			process.signalCode === null ? `exit code ${process.exitCode}` : `signal ${process.signalCode}`;
		// Whoever is asked while it starts may not have learnt yet to do more than die of it.
		const isAsked = end === "exit code 0" || process.signalCode === this.#program.stopSignal;
		if (this.#supervised && this.#stopping.signal.aborted && !isAsked)
			this.#say(`${name} was stopped, and ended with ${end}`);
		return { pid: process.pid, end, readyMs };
	}

	#serves(pid: number, isRestart: boolean): void {
		this.#writePidFile(pid);
		this.#ready.resolve();
		if (isRestart) this.#say(`${this.#program.name} serves again`);
		if (this.#restarting === undefined || this.#restarting.pid === pid) return;
		this.#restarting.served();
		this.#restarting = undefined;
	}

	/** A data folder that was taken away is no reason to stop serving. */
	#writePidFile(pid: number | undefined): void {
		const { pidFile } = this.#program;
		if (pidFile === undefined) return;
		try {
			if (pid === undefined) rmSync(pidFile, { force: true });
			else {
				// Whoever reads it meanwhile finds all of it.
				writeFileSync(`${pidFile}.fresh`, `${pid}\n`);
				renameSync(`${pidFile}.fresh`, pidFile);
			}
		} catch (error) {
			this.#say(`${pidFile} can't be written: ${error}`);
		}
	}

	async #untilReady(process: Subprocess): Promise<boolean> {
		const { name, restartMsMax: givenUpMs = restartMsMax } = this.#program;
		const slowStart = setInterval(() => {
			this.#say(`${name} is still starting`);
			this.#releaseLines();
		}, slowStartMs);
		const deadline = setTimeout(() => {
			if (!this.#supervised) return;
			this.#say(`${name} did not serve within ${givenUpMs / 1000} s: killed`);
			killGroup(process.pid);
		}, givenUpMs);
		try {
			while (process.exitCode === null && process.signalCode === null) {
				if (await this.#program.isReady(process.pid)) return true;
				await wait(readyPollMs);
			}
			return false;
		} finally {
			clearInterval(slowStart);
			clearTimeout(deadline);
		}
	}

	/** Passes stderr on line by line, under the child's name. */
	async #passOn(stderr: ReadableStream<Uint8Array>): Promise<void> {
		const decoder = new TextDecoder();
		let rest = "";
		for await (const chunk of stderr) {
			const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
			rest = lines.pop() ?? "";
			if (rest.length > lineLengthMax) {
				lines.push(rest);
				rest = "";
			}
			for (const line of lines) this.#heldLines.push(line);
			if (this.#supervised) this.#releaseLines();
			else this.#heldLines = this.#heldLines.slice(-heldLinesMax);
		}
		if (rest !== "") this.#heldLines.push(rest);
		if (this.#supervised) this.#releaseLines();
	}

	#releaseLines(): void {
		for (const line of this.#heldLines.splice(0)) this.#say(`${this.#program.name}: ${line}`);
	}

	/** Why a start failed: the last line that the process left says it best; the others come before. */
	#withLastWords(end: string): string {
		const words = this.#heldLines.filter((line) => line.trim() !== "");
		const reason = words.pop();
		this.#heldLines = words;
		this.#releaseLines();
		const ended = `${this.#program.name} ended before it was ready (${end})`;
		return reason === undefined ? ended : `${ended}: ${reason}`;
	}
}

function killGroup(leaderPid: number): void {
	try {
		process.kill(-leaderPid, "SIGKILL");
	} catch (error) {
		// ESRCH: nobody is left in the group, which is what was wanted. macOS says EPERM while only the dead are.
		if (!isErrno(error, "ESRCH") && !isErrno(error, "EPERM")) throw error;
	}
}

function isErrno(error: unknown, code: string): boolean {
	return error instanceof Error && "code" in error && error.code === code;
}

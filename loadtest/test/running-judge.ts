/**
 * The judge as people run it: a process with arguments, whose output, complaints and exit code a test looks at.
 *
 * However many tests ask for one at the same time, only a few run: they share the processors with the servers
 * that they test. Each is killed at a deadline that is generous, and then the test fails with what it had said.
 */
import { fileURLToPath } from "node:url";
import type { Result } from "../src/result.ts";

const program = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const atOnceMax = 3;
const deadlineMs = 40_000;

export interface JudgeOptions {
	/** Beside this process's own. */
	readonly environment?: Readonly<Record<string, string>>;
	readonly folder?: string;
	/** Who takes the standard output: all of it, nobody (the pipe is closed), only after a second, or a full device. */
	readonly reader?: "eager" | "gone" | "late" | "full";
}

export interface Ended {
	/** Null when a signal ended it. */
	readonly code: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

export interface RunningJudge {
	kill(signal: "SIGINT" | "SIGTERM" | "SIGQUIT" | "SIGUSR1"): void;
	/** Resolves when the text is in stderr; rejects when the judge ends before. */
	says(text: string): Promise<void>;
	readonly ended: Promise<Ended>;
}

/** Resolves when it ended. */
export async function runJudge(args: readonly string[], options: JudgeOptions = {}): Promise<Ended> {
	return (await startJudge(args, options)).ended;
}

/** Resolves when it is its turn and the process is there. */
export async function startJudge(args: readonly string[], options: JudgeOptions = {}): Promise<RunningJudge> {
	const { environment = {}, folder, reader = "eager" } = options;
	await takeSeat();
	const child = Bun.spawn([process.execPath, program, ...args], {
		...(folder === undefined ? {} : { cwd: folder }),
		env: { ...process.env, NO_COLOR: "1", ...environment },
		stdin: "ignore",
		stdout: reader === "full" ? Bun.file("/dev/full") : "pipe",
		stderr: "pipe",
	});
	const stderr = new Listener(child.stderr);
	const ended = (async () => {
		const isLate = { value: false };
		const deadline = setTimeout(() => {
			isLate.value = true;
			child.kill("SIGKILL");
		}, deadlineMs);
		try {
			const [stdout] = await Promise.all([read(child.stdout, reader), stderr.ended, child.exited]);
			if (isLate.value) throw new Error(`${args.join(" ")} did not end: ${stdout}\n${stderr.text}`);
			return { code: child.exitCode, stdout, stderr: stderr.text };
		} finally {
			clearTimeout(deadline);
			leaveSeat();
		}
	})();
	// Whoever awaits it later hears of a failure then.
	ended.catch(() => undefined);
	return { kill: (signal) => child.kill(signal), says: (text) => stderr.says(text), ended };
}

/** What `-o json` printed. */
export function resultOf({ stdout, stderr, code }: Ended): Result {
	try {
		return JSON.parse(stdout) as Result;
	} catch {
		throw new Error(`no result was printed, the code is ${code}: ${stdout}\n${stderr}`);
	}
}

/** Nothing comes out of a pipe that isn't there. */
async function read(
	output: ReadableStream<Uint8Array> | number | undefined,
	reader: JudgeOptions["reader"],
): Promise<string> {
	if (!(output instanceof ReadableStream)) return "";
	if (reader === "gone") {
		await output.cancel();
		return "";
	}
	if (reader === "late") await Bun.sleep(1000);
	return new Response(output).text();
}

/** Everything that comes out of a pipe, and whoever waits for a part of it. */
class Listener {
	text = "";
	readonly ended: Promise<void>;
	#waiting: { text: string; resolve(): void; reject(error: Error): void }[] = [];

	constructor(output: ReadableStream<Uint8Array>) {
		this.ended = this.#listen(output);
	}

	says(text: string): Promise<void> {
		return new Promise((resolve, reject) => {
			this.#waiting.push({ text, resolve, reject });
			this.#look();
		});
	}

	async #listen(output: ReadableStream<Uint8Array>): Promise<void> {
		const decoder = new TextDecoder();
		for await (const piece of output) {
			this.text += decoder.decode(piece, { stream: true });
			this.#look();
		}
		for (const { text, reject } of this.#waiting)
			reject(new Error(`it ended without ${JSON.stringify(text)}: ${this.text}`));
	}

	#look(): void {
		for (const { text, resolve } of this.#waiting) if (this.text.includes(text)) resolve();
	}
}

let seatsTaken = 0;
const queue: (() => void)[] = [];

async function takeSeat(): Promise<void> {
	if (seatsTaken < atOnceMax) seatsTaken += 1;
	else await new Promise<void>((resolve) => queue.push(resolve));
}

function leaveSeat(): void {
	const next = queue.shift();
	if (next === undefined) seatsTaken -= 1;
	else next();
}

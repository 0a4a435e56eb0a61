/**
 * A process that the benchmark starts, caps, watches and ends.
 *
 * A shell joins the cap and becomes the program (exec keeps the id), so not one instruction of the program
 * runs uncapped. Its output goes to a file, because a pipe that nobody empties would stop it.
 */
import { readFileSync } from "node:fs";
import { Cap, type Throttling } from "./cgroup.ts";

const joinCap = 'echo $$ >"$0" && exec "$@"';
const stopPatienceMs = 10_000;
const living = new Set<Child>();
let capsMade = 0;

/** Whatever ends this process, nothing it started may outlive it. */
process.on("exit", () => {
	for (const child of living) child.kill();
});

export interface ChildPlan {
	name: string;
	command: string[];
	env: Record<string, string>;
	logFile: string;
	/** Its share, enforced; undefined leaves it uncapped. */
	processors: number | undefined;
}

/** Of a process and those it started itself: nginx works in a child. */
interface Memory {
	rssKb: number;
	rssPeakKb: number;
	/** Pages that several processes share count in parts, or not at all. Absent where the kernel hides it. */
	pssKb?: number;
	privateKb?: number;
}

/** What a process used since it was started, and what it was kept from using. */
export interface Effort {
	name: string;
	cpuSeconds: number;
	throttled: Throttling;
}

export interface Usage extends Effort, Memory {}

export class Child {
	readonly name: string;
	readonly #pid: number;
	readonly #process: Bun.Subprocess;
	readonly #logFile: string;
	readonly #cap: Cap | undefined;

	constructor({ name, command, env, logFile, processors }: ChildPlan) {
		this.name = name;
		this.#logFile = logFile;
		this.#cap = processors ? Cap.create(`crebito-bench-${process.pid}-${++capsMade}`, processors) : undefined;
		this.#process = Bun.spawn(
			this.#cap ? ["sh", "-c", joinCap, this.#cap.membersFile, ...command] : command,
			{
				env: { PATH: process.env.PATH ?? "", ...env },
				stdin: "ignore",
				stdout: Bun.file(logFile),
				stderr: Bun.file(`${logFile}.err`),
				// Its own session: Ctrl-C reaches this process only, which then ends the rest in order.
				detached: true,
			},
		);
		this.#pid = this.#process.pid;
		living.add(this);
		this.#process.exited.then(() => living.delete(this));
	}

	/** Throws with the last lines of its log when it has ended on its own. */
	assertRunning(): void {
		const { exitCode, signalCode } = this.#process;
		if (exitCode === null && signalCode === null) return;
		throw new Error(`${this.name} ended by itself (${signalCode ?? exitCode}):\n${this.lastWords()}`);
	}

	lastWords(): string {
		const text = [this.#logFile, `${this.#logFile}.err`].map((file) => readFileSync(file, "utf8")).join("");
		return text.trimEnd().split("\n").slice(-12).join("\n");
	}

	/** Asks first. An unclean end is an error: a ledger that doesn't drain is a finding. */
	async stop(): Promise<void> {
		this.#process.kill("SIGTERM");
		const overdue = setTimeout(() => this.kill(), stopPatienceMs);
		const code = await this.#process.exited;
		clearTimeout(overdue);
		await this.#cap?.remove();
		if (code !== 0)
			throw new Error(`${this.name} ended with ${code} when asked to stop:\n${this.lastWords()}`);
	}

	kill(): void {
		this.#process.kill("SIGKILL");
	}

	/** Cheap enough to be asked while it works; counting a process's pages stops it for a moment. */
	effort(): Effort {
		return {
			name: this.name,
			cpuSeconds: this.#pids().reduce((seconds, pid) => seconds + cpuSecondsOf(pid), 0),
			throttled: this.#cap?.throttling() ?? { count: 0, seconds: 0 },
		};
	}

	usage(): Usage {
		return { ...this.effort(), ...this.#pids().map(memoryOf).reduce(sum) };
	}

	#pids(): number[] {
		const children = readFileSync(`/proc/${this.#pid}/task/${this.#pid}/children`, "utf8");
		return [this.#pid, ...children.split(" ").filter(Boolean).map(Number)];
	}
}

/** Linux counts in hundredths here, whatever the kernel's own tick. */
function cpuSecondsOf(pid: number): number {
	const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
	const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
	return (Number(fields[11]) + Number(fields[12])) / 100;
}

function memoryOf(pid: number): Memory {
	const status = kilobytes(readFileSync(`/proc/${pid}/status`, "utf8"));
	const memory = { rssKb: status("VmRSS"), rssPeakKb: status("VmHWM") };
	try {
		const sharing = kilobytes(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"));
		const privateKb = sharing("Private_Clean") + sharing("Private_Dirty");
		return { ...memory, pssKb: sharing("Pss"), privateKb };
	} catch {
		return memory;
	}
}

function sum(a: Memory, b: Memory): Memory {
	const total = { rssKb: a.rssKb + b.rssKb, rssPeakKb: a.rssPeakKb + b.rssPeakKb };
	if (a.pssKb === undefined || b.pssKb === undefined) return total;
	return { ...total, pssKb: a.pssKb + b.pssKb, privateKb: (a.privateKb ?? 0) + (b.privateKb ?? 0) };
}

function kilobytes(text: string): (field: string) => number {
	return (field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1]);
}

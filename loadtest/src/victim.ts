/**
 * A process of the target's that may be killed, stopped or restarted: by the file that holds its id, or as a
 * container. It is looked up anew each time, since whoever supervises it starts it as another process.
 */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

/** A restart alone may take ten seconds. */
const engineMsMax = 30_000;

export interface Victim {
	/** As it was given. */
	readonly name: string;
	/** The process that serves as it; undefined while there is none. */
	pid(): Promise<number | undefined>;
	/** The process that serves as it instead of that one; undefined while there is none. */
	successor(pid: number): Promise<number | undefined>;
	/** All of these resolve once the order is given, and throw one sentence if it can't be. */
	kill(pid: number): Promise<void>;
	pause(pid: number): Promise<void>;
	resume(pid: number): Promise<void>;
	restart(pid: number): Promise<void>;
	/** On the way out of this process, when nothing can be awaited any more. */
	resumeAtOnce(pid: number): void;
}

/** `container:NAME`, of docker, podman or whatever `engine` names; or the path of a file with a process id. */
export function parseVictim(text: string, engine?: string): Victim {
	const name = /^container:([A-Za-z0-9][\w.-]{0,127})$/.exec(text)?.[1];
	if (name !== undefined) return containerVictim(text, name, engine);
	if (text === "" || text.startsWith("container:") || text.includes("\0"))
		throw new Error(`give the path of a pid file, or container:NAME, not ${JSON.stringify(text)}`);
	return processVictim(text, resolve(text));
}

function processVictim(name: string, path: string): Victim {
	const read = () => {
		const text = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
		const pid = /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : 0;
		return mayBeSignalled(pid) && isAlive(pid) ? pid : undefined;
	};
	/** When those that are stopped began: their ids may be others' by the time that they are to go on. */
	const beginnings = new Map<number, string>();
	const resume = (pid: number) => {
		if (beginnings.get(pid) === beginningOf(pid)) resumeProcess(pid);
		beginnings.delete(pid);
	};
	return {
		name,
		pid: async () => read(),
		successor: async (pid) => {
			const found = read();
			return found === pid ? undefined : found;
		},
		kill: async (pid) => signal(pid, "SIGKILL"),
		pause: async (pid) => {
			beginnings.set(pid, beginningOf(pid));
			signal(pid, "SIGSTOP");
		},
		resume: async (pid) => resume(pid),
		restart: async (pid) => signal(pid, "SIGTERM"),
		resumeAtOnce: resume,
	};
}

/** Killed from outside, by its main process: after the engine's own "kill" its restart policy would not act. */
function containerVictim(text: string, name: string, engine: string | undefined): Victim {
	const ask = (...args: readonly string[]) => askEngine(programOf(engine), args);
	const find = async () => {
		const pid = Number(await ask("inspect", "--format", "{{.State.Pid}}", name));
		return mayBeSignalled(pid) ? pid : undefined;
	};
	return {
		name: text,
		pid: find,
		// A process that is there costs a look, the engine a process of its own, which the load would feel.
		successor: async (pid) => {
			const found = isAlive(pid) ? undefined : await find();
			return found === pid ? undefined : found;
		},
		kill: async (pid) => signal(pid, "SIGKILL"),
		pause: async () => void (await ask("pause", name)),
		resume: async (pid) => {
			// One that was killed meanwhile isn't paused, and the engine would complain.
			if (isAlive(pid)) await ask("unpause", name);
		},
		restart: async () => void (await ask("restart", name)),
		resumeAtOnce: () => {
			const stdio = ["ignore", "ignore", "ignore"] as const;
			Bun.spawnSync([programOf(engine), "unpause", name], { stdio: [...stdio], timeout: engineMsMax });
		},
	};
}

function programOf(engine: string | undefined): string {
	const program = engine || Bun.which("docker") || Bun.which("podman");
	if (!program) throw new Error("neither docker nor podman is in PATH (CONTAINER_ENGINE names another)");
	return program;
}

async function askEngine(program: string, args: readonly string[]): Promise<string> {
	const child = Bun.spawn([program, ...args], {
		stdio: ["ignore", "pipe", "pipe"],
		timeout: engineMsMax,
		killSignal: "SIGKILL",
	});
	const texts = Promise.all([child.stdout.text(), child.stderr.text()]);
	const code = await child.exited;
	// Its own children may keep the pipes open.
	if (child.signalCode !== null) throw new Error(`${args[0]} did not end within 30 s`);
	const [output, complaint] = await texts;
	if (code !== 0) throw new Error(complaint.trim().split("\n").at(-1) || `${args[0]} ended with ${code}`);
	return output.trim();
}

/** No number of none or of all processes, not the one that holds everything up, and not this one. */
function mayBeSignalled(pid: number): boolean {
	return Number.isSafeInteger(pid) && pid > 1 && pid !== process.pid;
}

function signal(pid: number, name: NodeJS.Signals): void {
	try {
		process.kill(pid, name);
	} catch (error) {
		throw new Error(`${name} can't be sent to ${pid}: ${(error as NodeJS.ErrnoException).code ?? error}`);
	}
}

/** Of one that is gone, nothing is to be resumed. */
function resumeProcess(pid: number): void {
	try {
		process.kill(pid, "SIGCONT");
	} catch {
		// Ended while it was stopped, by its own watchdog for one.
	}
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "EPERM";
	}
}

/** Differs between two processes that had the same id, where the system tells; otherwise it is empty. */
function beginningOf(pid: number): string {
	try {
		// After the name, which may hold anything, comes the third field; the beginning is the 22nd.
		const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)?.split(" ");
		return fields?.[19] ?? "";
	} catch {
		return "";
	}
}

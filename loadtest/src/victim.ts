/**
 * A process of the target's that may be killed, stopped or restarted: by the file that holds its id, or as a
 * container. It is looked up anew each time, since whoever supervises it starts it as another process.
 */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";

export interface Victim {
	/** As it was given. */
	readonly name: string;
	/** The process that serves as it; undefined while there is none. */
	pid(): Promise<number | undefined>;
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
	return {
		name,
		pid: async () => {
			const text = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
			const pid = /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : 0;
			return pid > 1 && pid !== process.pid && isAlive(pid) ? pid : undefined;
		},
		kill: async (pid) => signal(pid, "SIGKILL"),
		pause: async (pid) => signal(pid, "SIGSTOP"),
		resume: async (pid) => resume(pid),
		restart: async (pid) => signal(pid, "SIGTERM"),
		resumeAtOnce: resume,
	};
}

/** Killed from outside, by its main process: after the engine's own "kill" its restart policy would not act. */
function containerVictim(text: string, name: string, engine: string | undefined): Victim {
	const ask = (...args: readonly string[]) => askEngine(programOf(engine), args);
	return {
		name: text,
		pid: async () => {
			const pid = Number(await ask("inspect", "--format", "{{.State.Pid}}", name));
			return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
		},
		kill: async (pid) => signal(pid, "SIGKILL"),
		pause: async () => void (await ask("pause", name)),
		resume: async () => void (await ask("unpause", name)),
		restart: async () => void (await ask("restart", name)),
		resumeAtOnce: () => {
			Bun.spawnSync([programOf(engine), "unpause", name], { stdio: ["ignore", "ignore", "ignore"] });
		},
	};
}

function programOf(engine: string | undefined): string {
	const program = engine || Bun.which("docker") || Bun.which("podman");
	if (!program) throw new Error("neither docker nor podman is in PATH (CONTAINER_ENGINE names another)");
	return program;
}

async function askEngine(program: string, args: readonly string[]): Promise<string> {
	const child = Bun.spawn([program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
	const [output, complaint, code] = await Promise.all([
		child.stdout.text(),
		child.stderr.text(),
		child.exited,
	]);
	if (code !== 0) throw new Error(complaint.trim().split("\n").at(-1) || `${args[0]} ended with ${code}`);
	return output.trim();
}

function signal(pid: number, name: NodeJS.Signals): void {
	try {
		process.kill(pid, name);
	} catch (error) {
		throw new Error(`${name} can't be sent to ${pid}: ${(error as NodeJS.ErrnoException).code ?? error}`);
	}
}

/** Of one that is gone, nothing is to be resumed. */
function resume(pid: number): void {
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

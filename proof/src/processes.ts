/** Processes by their ids, as /proc has them: who has started whom, who lives, and what they hold. */
import { readFileSync } from "node:fs";

/** Of all processes below it, each with its parent. */
export function descendants(root: number): number[] {
	const found = [root];
	for (let index = 0; index < found.length; index += 1) found.push(...childrenOf(found[index] as number));
	return found.slice(1);
}

function childrenOf(pid: number): number[] {
	try {
		const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
		return text.trim().split(" ").filter(Boolean).map(Number);
	} catch {
		return [];
	}
}

/** To a process, or by a negative id to its group. @returns whether there was anybody. */
export function signalTo(pid: number, signal: NodeJS.Signals): boolean {
	try {
		process.kill(pid, signal);
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
		return false;
	}
}

/** A zombie does not live. */
export function isAlive(pid: number): boolean {
	const state = statusOf(pid, "State");
	return state !== "" && !/^[ZX]/.test(state);
}

/** Megabytes in memory now, and the most there ever were; zeros for a process that is gone. */
export function residentMemory(pid: number): { readonly megabytes: number; readonly megabytesMax: number } {
	const megabytesOf = (name: string) => (Number.parseInt(statusOf(pid, name), 10) || 0) / 1024;
	return { megabytes: megabytesOf("VmRSS"), megabytesMax: megabytesOf("VmHWM") };
}

/** A line of /proc/…/status, without its name; empty when the process is gone. */
export function statusOf(pid: number, name: string): string {
	try {
		const status = readFileSync(`/proc/${pid}/status`, "utf8");
		return new RegExp(`^${name}:\\s+(.*)$`, "m").exec(status)?.[1] ?? "";
	} catch {
		return "";
	}
}

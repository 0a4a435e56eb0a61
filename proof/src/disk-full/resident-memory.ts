/** What processes hold in memory, as the kernel counts it. */
import { readFileSync } from "node:fs";

/** Megabytes now, and the most there ever were; zeros for a process that is gone. */
export function residentMemory(pid: number): { readonly megabytes: number; readonly megabytesMax: number } {
	try {
		const status = readFileSync(`/proc/${pid}/status`, "utf8");
		const megabytesOf = (name: string) =>
			Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) / 1024;
		return { megabytes: megabytesOf("VmRSS"), megabytesMax: megabytesOf("VmHWM") };
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
		return { megabytes: 0, megabytesMax: 0 };
	}
}

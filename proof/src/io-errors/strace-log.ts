/** What strace noted of a process's calls: which, on what file, when, and whether it made them fail. */
import { existsSync, readFileSync } from "node:fs";

export interface TracedCall {
	readonly name: string;
	/** The path behind its descriptor. */
	readonly file: string;
	/** After the descriptor, as strace writes it; of a write without its bytes, see `lastNumbers`. */
	readonly argumentsText: string;
	readonly isInjected: boolean;
	/** By performance.now() of this process: when it was made, and when it returned, as near as the log tells. */
	readonly atMs: number;
	readonly returnedAtMs: number;
}

const linePattern = /^(\d+) +(\d+\.\d+) (.*)$/;
const callPattern = /^(\w+)\(\d+<([^>]*)>(.*)$/;
const unfinished = " <unfinished ...>";

/** In the order in which they returned; none when there is no log. Lines that aren't whole are not there yet. */
export function readStraceLog(logFile: string): TracedCall[] {
	if (!existsSync(logFile)) return [];
	const lines = readFileSync(logFile, "latin1").split("\n").slice(0, -1);
	const begun = new Map<string, { readonly text: string; readonly atMs: number }>();
	const calls: TracedCall[] = [];
	for (const line of lines) {
		const [, thread, seconds, text] = (linePattern.exec(line) ?? []) as (string | undefined)[];
		if (thread === undefined || text === undefined) continue;
		const atMs = Number(seconds) * 1000 - clockOffsetMs();
		if (text.endsWith(unfinished)) {
			begun.set(thread, { text: text.slice(0, -unfinished.length), atMs });
			continue;
		}
		const before = text.startsWith("<... ") ? begun.get(thread) : undefined;
		const whole = (before?.text ?? "") + text.replace(/^<\.\.\. \w+ resumed>/, "");
		const [, name, file, argumentsText] = callPattern.exec(whole) ?? [];
		if (name === undefined || file === undefined || argumentsText === undefined) continue;
		const isInjected = argumentsText.endsWith("(INJECTED)");
		calls.push({ name, file, argumentsText, isInjected, atMs: before?.atMs ?? atMs, returnedAtMs: atMs });
	}
	return calls;
}

/** What the wall clock, which strace writes, is ahead of performance.now(). */
function clockOffsetMs(): number {
	return Date.now() - performance.now();
}

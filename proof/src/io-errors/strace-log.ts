/** What strace noted of a process's calls: which, on what file, when, and whether it made them fail. */
import { existsSync, readFileSync } from "node:fs";

export interface TracedCall {
	readonly name: string;
	/** The path behind its descriptor. */
	readonly file: string;
	/** Its last arguments, as far as they are whole numbers: of pwrite64 the length and the offset. */
	readonly numbers: readonly number[];
	/** Undefined when the call was not made, or has failed. */
	readonly result: number | undefined;
	/** Whether strace made up what it returned. */
	readonly isInjected: boolean;
	/** When it was made, by performance.now() of this process. */
	readonly atMs: number;
}

const linePattern = /^(\d+) +(\d+\.\d+) (.*)$/;
/** A call of whatever has a descriptor for its first argument. */
const callPattern = /^(\w+)\(\d+<([^>]*)>(.*)\) += (-?\d+)(.*)$/;
const numbersPattern = /(?:, \d+)*$/;
const unfinished = " <unfinished ...>";

/** In the order in which they returned; none when there is no log. A line that isn't whole is not there yet. */
export function readStraceLog(logFile: string): TracedCall[] {
	if (!existsSync(logFile)) return [];
	// What the wall clock, which strace writes, is ahead of performance.now().
	const aheadMs = Date.now() - performance.now();
	return parseStraceLog(readFileSync(logFile, "latin1"), aheadMs);
}

export function parseStraceLog(text: string, aheadMs: number): TracedCall[] {
	const begun = new Map<string, { readonly text: string; readonly atMs: number }>();
	const calls: TracedCall[] = [];
	for (const line of text.split("\n").slice(0, -1)) {
		const [, thread, seconds, said] = linePattern.exec(line) ?? [];
		if (thread === undefined || said === undefined) continue;
		const atMs = Number(seconds) * 1000 - aheadMs;
		if (said.endsWith(unfinished)) {
			begun.set(thread, { text: said.slice(0, -unfinished.length), atMs });
			continue;
		}
		const before = said.startsWith("<... ") ? begun.get(thread) : undefined;
		const whole = (before?.text ?? "") + said.replace(/^<\.\.\. \w+ resumed>/, "");
		const call = parseCall(whole, before?.atMs ?? atMs);
		if (call !== undefined) calls.push(call);
	}
	return calls;
}

function parseCall(text: string, atMs: number): TracedCall | undefined {
	const [, name, file, given, returned, more] = callPattern.exec(text) ?? [];
	if (name === undefined || file === undefined || given === undefined) return undefined;
	const isInjected = more?.endsWith("(INJECTED)") ?? false;
	const isMade = !isInjected && Number(returned) >= 0;
	const numbers = (numbersPattern.exec(given)?.[0] ?? "").split(", ").slice(1).map(Number);
	return { name, file, numbers, result: isMade ? Number(returned) : undefined, isInjected, atMs };
}

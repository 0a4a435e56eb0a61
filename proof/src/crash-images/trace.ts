/**
 * What strace wrote (`-f -y -xx -o`), as calls. One strace follows every process, so its lines are in the order in
 * which the calls were seen to begin and to end, and a process goes on only after its line: whatever happened because
 * of a call stands below it. A line's number is therefore the time of everything here.
 *
 *     1234  pwrite64(5</d/ledger.db-wal>, "\x00…", 24, 32) = 24        began and ended
 *     1234  fdatasync(8</d/ledger.db-wal> <unfinished ...>             began
 *     1235  …
 *     1234  <... fdatasync resumed>)     = 0                           ended
 */

export interface Call {
	readonly thread: number;
	readonly name: string;
	/** What the first argument's descriptor stands for: a path, or "socket:[…]". */
	readonly target: string;
	/** Whether the name that it was opened by is gone. */
	readonly isDeleted: boolean;
	readonly strings: readonly Buffer[];
	/** What follows the last string, or the descriptor, as it was printed. */
	readonly rest: readonly string[];
	/** Below zero: failed. NaN: it was never seen to end. */
	readonly result: number;
	readonly startedAt: number;
	/** Infinity when it was never seen to end. */
	readonly endedAt: number;
}

interface Begun {
	readonly text: string;
	readonly startedAt: number;
}

const unfinished = " <unfinished ...>";
const newline = 10;

/** In the order in which they began. @throws when a string was cut short. */
export function readTrace(bytes: Buffer): Call[] {
	const calls: Call[] = [];
	const begun = new Map<number, Begun>();
	let at = 0;
	for (let lineStart = 0; lineStart < bytes.length; at += 1) {
		const found = bytes.indexOf(newline, lineStart);
		const lineEnd = found < 0 ? bytes.length : found;
		const call = readLine(bytes.toString("latin1", lineStart, lineEnd), at, begun);
		if (call !== undefined) calls.push(call);
		lineStart = lineEnd + 1;
	}
	for (const [thread, { text, startedAt }] of begun)
		calls.push(readCall(thread, text, startedAt, Number.POSITIVE_INFINITY));
	return calls.sort((one, other) => one.startedAt - other.startedAt);
}

/** @returns the call that ended in this line. */
function readLine(line: string, at: number, begun: Map<number, Begun>): Call | undefined {
	const [, threadText, text] = /^(\d+) +(.*)$/.exec(line) ?? [];
	if (threadText === undefined || text === undefined) return undefined;
	const thread = Number(threadText);
	if (/^(\+\+\+|---)/.test(text)) return undefined;
	const resumed = /^<\.\.\. \w+ resumed>/.exec(text);
	const first = resumed === null ? undefined : begun.get(thread);
	const whole = resumed === null ? text : (first?.text ?? "") + text.slice(resumed[0].length);
	if (whole.endsWith(unfinished)) {
		begun.set(thread, { text: whole.slice(0, -unfinished.length), startedAt: first?.startedAt ?? at });
		return undefined;
	}
	begun.delete(thread);
	return readCall(thread, whole, first?.startedAt ?? at, at);
}

function readCall(thread: number, text: string, startedAt: number, endedAt: number): Call {
	const opens = text.indexOf("(");
	// Strings and paths are hexadecimal: no parenthesis is theirs.
	const [closing = "", resultText = ""] = /\) += (-?\d+|\?)/.exec(text) ?? [];
	const args = text.slice(opens + 1, closing === "" ? text.length : text.indexOf(closing, opens));
	const [descriptor = "", path = "", deleted] =
		/^(?:AT_FDCWD|\d+)<([^>]*)>(\(deleted\))?(?:, )?/.exec(args) ?? [];
	const { strings, end } = readStrings(args, descriptor.length, text);
	return {
		...{ thread, name: text.slice(0, opens), target: decoded(path).toString(), strings, startedAt, endedAt },
		isDeleted: deleted !== undefined,
		rest: args.slice(end).split(", ").filter(Boolean),
		result: resultText === "" || resultText === "?" ? Number.NaN : Number(resultText),
	};
}

function readStrings(args: string, from: number, line: string): { strings: Buffer[]; end: number } {
	const strings: Buffer[] = [];
	let end = from;
	for (let opens = args.indexOf('"', from); opens >= 0; opens = args.indexOf('"', end)) {
		const closes = args.indexOf('"', opens + 1);
		if (closes < 0 || args.startsWith("...", closes + 1))
			throw new Error(`strace cut a string short: ${line.slice(0, 100)}`);
		strings.push(decoded(args.slice(opens + 1, closes)));
		end = closes + 1;
	}
	return { strings, end };
}

/** "\x2f\x64" → "/d". */
function decoded(text: string): Buffer {
	return Buffer.from(text.replaceAll("\\x", ""), "hex");
}

/**
 * The live screen on a terminal: takes it over, draws what has changed, listens to keys, and gives it back as
 * it was, whichever way the program ends.
 */
import type { ReadStream, WriteStream } from "node:tty";
import { render } from "./render.ts";
import type { ScreenState } from "./state.ts";
import { TerminalOutput } from "./terminal-output.ts";

export type Key = "stop" | "pause" | "windowUp" | "windowDown" | "rateUp" | "rateDown";

export interface Screen {
	/** Costs a fraction of a millisecond, and is left out while the terminal is busy or the program suspended. */
	draw(state: ScreenState): void;
	/** The terminal is as it was when this returns. May be called again. */
	close(): void;
}

export interface ScreenOptions {
	readonly input: ReadStream;
	readonly output: WriteStream & { readonly fd: number };
	readonly color: boolean;
	readonly onKey: (key: Key) => void;
	/** Ctrl-C, which is no signal while the screen is open. */
	readonly onInterrupt: () => void;
}

/** Alternative screen, no cursor, no automatic line breaks. */
const takeOver = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const giveBack = "\x1b[?2026l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
/** The terminal shows what is between them at once. */
const beginFrame = "\x1b[?2026h";
const endFrame = "\x1b[?2026l";
/** How long a terminal that doesn't read may hold up the end of the program. */
const giveBackMsMax = 1000;

const keys: Readonly<Record<string, Key | "interrupt" | "suspend" | "redraw">> = {
	q: "stop",
	Q: "stop",
	p: "pause",
	P: "pause",
	" ": "pause",
	"+": "windowUp",
	"=": "windowUp",
	"-": "windowDown",
	"]": "rateUp",
	"[": "rateDown",
	"\x03": "interrupt",
	"\x1a": "suspend",
	"\x0c": "redraw",
};

export function openScreen({ input, output, color, onKey, onInterrupt }: ScreenOptions): Screen {
	const terminal = new TerminalOutput(output.fd);
	let isTaken = false;
	/** What the terminal shows, by row; empty when it has to be drawn anew. */
	let shown: readonly string[] = [];
	let size = "";

	const take = () => {
		isTaken = true;
		shown = [];
		input.setRawMode(true);
		terminal.write(takeOver);
	};
	const release = () => {
		if (!isTaken) return;
		isTaken = false;
		terminal.writeLast(giveBack, giveBackMsMax);
		try {
			input.setRawMode(false);
		} catch {
			// The terminal has gone away, and its modes with it.
		}
	};

	const suspend = () => {
		release();
		process.off("SIGTSTP", suspend);
		// The whole group, as the terminal would: a shell waits for whoever started this program, npx for one.
		process.kill(0, "SIGTSTP");
		// Comes when the program goes on, or at once where there is no shell that could let it go on.
		setImmediate(goOn);
	};
	/** After a suspension, or a SIGSTOP that gave no time to give the terminal back. */
	const goOn = () => {
		if (isClosed) return;
		process.off("SIGTSTP", suspend).on("SIGTSTP", suspend);
		if (isTaken) input.setRawMode(false);
		take();
	};

	let isClosed = false;
	const pressed = keyReader((key) => {
		if (key === "interrupt") onInterrupt();
		else if (key === "suspend") suspend();
		else if (key === "redraw") shown = [];
		else onKey(key);
	});
	const ignore = () => undefined;
	const rejected = (reason: unknown) => {
		release();
		if (process.listenerCount("unhandledRejection") === 1) throw reason;
	};

	take();
	input.on("data", pressed).on("error", ignore).resume();
	process.on("exit", release);
	// Before the message is printed, which would vanish with the alternative screen.
	process.on("uncaughtExceptionMonitor", release).on("unhandledRejection", rejected);
	process.on("SIGTSTP", suspend).on("SIGCONT", goOn);

	return {
		draw(state) {
			if (!isTaken || !terminal.isReady()) return;
			const [columns, rows] = output.getWindowSize();
			const isResized = size !== `${columns}x${rows}`;
			size = `${columns}x${rows}`;
			if (isResized) shown = [];
			const lines = render(state, columns, rows, color);
			terminal.write(frame(shown, lines, rows));
			shown = lines;
		},
		close() {
			if (isClosed) return;
			isClosed = true;
			release();
			input.off("data", pressed).off("error", ignore).pause();
			process.off("exit", release).off("SIGTSTP", suspend).off("SIGCONT", goOn);
			process.off("uncaughtExceptionMonitor", release).off("unhandledRejection", rejected);
			terminal.close();
		},
	};
}

/** What turns the rows that are shown into the lines wanted; only rows that differ. */
function frame(shown: readonly string[], lines: readonly string[], rows: number): string {
	let changes = shown.length === 0 ? "\x1b[2J" : "";
	for (let row = 0; row < rows; row += 1) {
		const line = lines[row] ?? "";
		if (line !== (shown[row] ?? "")) changes += `\x1b[${row + 1};1H\x1b[2K${line}`;
	}
	return changes === "" ? "" : beginFrame + changes + endFrame;
}

/**
 * Calls back for each key that means something. Arrows and the like come as escape sequences, of which no
 * character counts as a key; one may arrive in pieces.
 */
function keyReader(callback: (key: (typeof keys)[string]) => void): (chunk: Buffer | string) => void {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
	const sequences = /\x1b(?:\[[\d;?]*[@-~]|O[@-~])/g;
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
	const beginning = /\x1b(?:\[[\d;?]*|O)?$/;
	let kept = "";
	return (chunk) => {
		const typed = (kept + chunk.toString()).replaceAll(sequences, "");
		kept = beginning.exec(typed)?.[0] ?? "";
		for (const character of typed.slice(0, typed.length - kept.length)) {
			const key = keys[character];
			if (key !== undefined) callback(key);
		}
	};
}

/**
 * The live screen on a terminal: takes it over, has the state drawn by worker.ts, listens to keys, and gives
 * the terminal back as it was, whichever way the program ends.
 */
import { constants, openSync } from "node:fs";
import type { ReadStream, WriteStream } from "node:tty";
import { type Key, keyReader } from "./keyboard.ts";
import type { ScreenState } from "./state.ts";
import { TerminalOutput } from "./terminal-output.ts";
import { Turns } from "./turns.ts";
import type { Beginning, Frame } from "./worker.ts";

export type { Key } from "./keyboard.ts";

export interface Screen {
	/** Costs a tenth of a millisecond. Left out while the terminal is busy or the program suspended. */
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

const alternativeScreen = "\x1b[?1049h";
/** No cursor, no automatic line breaks, nothing to be seen yet. */
const takeOver = "\x1b[?25l\x1b[?7l\x1b[2J";
const giveBack = "\x1b[?2026l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
/** Ends an escape sequence of which the terminal has got the beginning only. */
const cancel = "\x18";
/** How long a terminal that doesn't read may hold up the end of the program. */
const giveBackMsMax = 1000;
/** The drawing thread never has its turn so long, unless it is gone. */
const turnMsMax = 100;

export function openScreen({ input, output, color, onKey, onInterrupt }: ScreenOptions): Screen {
	const descriptor = openAgain(output.fd);
	const terminal = new TerminalOutput(descriptor);
	const turns = new Turns();
	const worker = new Worker(new URL("./worker.ts", import.meta.url));
	let isTaken = false;
	let isClosed = false;
	let screenNumber = 0;

	const take = () => {
		screenNumber += 1;
		// The stream may believe that it is in raw mode already, but a shell has been there.
		if (isTaken) input.setRawMode(false);
		input.setRawMode(true);
		terminal.write(isTaken ? takeOver : alternativeScreen + takeOver);
		isTaken = true;
		turns.leave();
	};
	const release = () => {
		if (!isTaken) return;
		isTaken = false;
		turns.take(turnMsMax);
		const isPartial = turns.isPartial || terminal.isPartial;
		terminal.drop();
		terminal.writeLast(isPartial ? cancel + giveBack : giveBack, giveBackMsMax);
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
	/** After a suspension, or after a SIGSTOP, which left no time to give the terminal back. */
	const goOn = () => {
		if (isClosed) return;
		process.off("SIGTSTP", suspend).on("SIGTSTP", suspend);
		take();
	};
	const pressed = keyReader((key) => {
		if (key === "interrupt") onInterrupt();
		else if (key === "suspend") suspend();
		else if (key === "redraw") screenNumber += 1;
		else if (key !== undefined) onKey(key);
	});
	const rejected = (reason: unknown) => {
		release();
		if (process.listenerCount("unhandledRejection") > 1) return;
		console.error(reason);
		process.exit(1);
	};
	const screen: Screen = {
		draw(state) {
			if (!isTaken || turns.isPending || !terminal.isReady()) return;
			// Asked for each frame, which costs microseconds, rather than learnt from SIGWINCH.
			const [columns, rows] = output.getWindowSize();
			turns.isPending = true;
			worker.postMessage({ state, columns, rows, screenNumber } satisfies Frame);
		},
		close() {
			if (isClosed) return;
			isClosed = true;
			release();
			worker.terminate();
			input.off("data", pressed).off("error", ignore).pause();
			process.off("exit", release).off("SIGTSTP", suspend).off("SIGCONT", goOn);
			process.off("uncaughtExceptionMonitor", release).off("unhandledRejection", rejected);
		},
	};

	worker.unref();
	worker.postMessage({ descriptor, turns: turns.memory, color } satisfies Beginning);
	// Without a screen the test is as good as with one.
	worker.onerror = ({ message }) => {
		screen.close();
		console.error(`the live screen has failed: ${message}`);
	};
	take();
	input.on("data", pressed).on("error", ignore).resume();
	process.on("exit", release);
	// Before the message is printed, which would vanish with the alternative screen.
	process.on("uncaughtExceptionMonitor", release).on("unhandledRejection", rejected);
	process.on("SIGTSTP", suspend).on("SIGCONT", goOn);
	return screen;
}

function ignore(): void {}

/**
 * The same terminal by a descriptor of its own. On the given one not to wait would be a property of the open
 * file, which the shell and other programs share. Where it can't be opened a second time the given one has to
 * do, and a terminal that stops reading stops the drawing thread, though not the test.
 */
function openAgain(descriptor: number): number {
	for (const path of [`/proc/self/fd/${descriptor}`, "/dev/tty"])
		try {
			return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
		} catch {
			// The next one may be there.
		}
	return descriptor;
}

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

export function openScreen(options: ScreenOptions): Screen {
	return new TerminalScreen(options);
}

class TerminalScreen implements Screen {
	readonly #input: ReadStream;
	readonly #output: ScreenOptions["output"];
	readonly #terminal: TerminalOutput;
	readonly #turns = new Turns();
	readonly #worker = new Worker(new URL("./worker.ts", import.meta.url));
	readonly #pressed: (chunk: Buffer | string) => void;
	/** Between take and release. */
	#isTaken = false;
	#isClosed = false;
	#screenNumber = 0;

	constructor({ input, output, color, onKey, onInterrupt }: ScreenOptions) {
		const descriptor = openAgain(output.fd);
		this.#input = input;
		this.#output = output;
		this.#terminal = new TerminalOutput(descriptor);
		this.#pressed = keyReader((key) => {
			if (key === "interrupt") onInterrupt();
			else if (key === "suspend") this.#suspend();
			else if (key === "redraw") this.#screenNumber += 1;
			else onKey(key);
		});
		this.#worker.unref();
		// Without a screen the test is as good as with one.
		this.#worker.onerror = ({ message }) => {
			this.close();
			console.error(`the live screen has failed: ${message}`);
		};
		this.#worker.postMessage({ descriptor, turns: this.#turns.memory, color } satisfies Beginning);
		this.#take();
		input.on("data", this.#pressed).on("error", ignore).resume();
		this.#listen("on");
	}

	draw(state: ScreenState): void {
		if (!this.#isTaken || this.#turns.isPending || !this.#terminal.isReady()) return;
		// Asked for each frame, which costs microseconds, rather than learnt from SIGWINCH.
		const [columns, rows] = this.#output.getWindowSize();
		const frame: Frame = { state, columns, rows, screenNumber: this.#screenNumber };
		this.#turns.isPending = true;
		this.#worker.postMessage(frame);
	}

	close(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#release();
		this.#listen("off");
		this.#input.off("data", this.#pressed).off("error", ignore).pause();
		this.#worker.terminate();
	}

	#listen(way: "on" | "off"): void {
		process[way]("exit", this.#release);
		// Before the message is printed, which would vanish with the alternative screen.
		process[way]("uncaughtExceptionMonitor", this.#release);
		process[way]("unhandledRejection", this.#rejected);
		process[way]("SIGTSTP", this.#suspend);
		process[way]("SIGCONT", this.#goOn);
	}

	#take(): void {
		this.#screenNumber += 1;
		if (this.#isTaken) {
			this.#turns.take(turnMsMax);
			// The stream believes that it is in raw mode already, but a shell has been there.
			this.#setRawMode(false);
		}
		this.#setRawMode(true);
		this.#terminal.write(this.#isTaken ? takeOver : alternativeScreen + takeOver);
		this.#isTaken = true;
		this.#turns.leave();
	}

	readonly #release = () => {
		if (!this.#isTaken) return;
		this.#isTaken = false;
		this.#turns.take(turnMsMax);
		const isPartial = this.#turns.isPartial || this.#terminal.isPartial;
		this.#terminal.drop();
		this.#terminal.writeLast(isPartial ? cancel + giveBack : giveBack, giveBackMsMax);
		this.#setRawMode(false);
	};

	#setRawMode(isRaw: boolean): void {
		try {
			this.#input.setRawMode(isRaw);
		} catch {
			// The terminal has gone away, and its modes with it.
		}
	}

	/** Nobody else listens: then it ends the program, as it would have without a screen. */
	readonly #rejected = (reason: unknown) => {
		this.#release();
		if (process.listenerCount("unhandledRejection") > 1) return;
		console.error(reason);
		process.exit(1);
	};

	readonly #suspend = () => {
		this.#release();
		process.off("SIGTSTP", this.#suspend);
		// The whole group, as the terminal would: a shell waits for whoever started this program, npx for one.
		process.kill(0, "SIGTSTP");
		// Comes when the program goes on, or at once where there is no shell that could let it go on.
		setImmediate(this.#goOn);
	};

	/** After a suspension, or after a SIGSTOP, which left no time to give the terminal back. */
	readonly #goOn = () => {
		if (this.#isClosed) return;
		process.off("SIGTSTP", this.#suspend).on("SIGTSTP", this.#suspend);
		this.#take();
	};
}

function ignore(): void {}

/**
 * The same terminal by a descriptor of its own. On the given one not to wait would be a property of the open
 * file, which the shell and other programs share. Where it can't be opened a second time the given one has to
 * do, and a terminal that stops reading stops the drawing thread, though not the test. Stays open till the end:
 * the drawing thread may be about to use it.
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

/**
 * The drawing thread: gets the state of the run, renders it, and writes the rows that have changed.
 *
 * It has a thread because the main one paces the requests. Drawing five times a second takes 0.6 to 0.8 ms a
 * frame, as code that runs so seldom is never fast; handing the state over takes 0.1 ms.
 */
import { render } from "./render.ts";
import type { ScreenState } from "./state.ts";
import { TerminalOutput } from "./terminal-output.ts";
import { Turns } from "./turns.ts";

/** The first message. */
export interface Beginning {
	/** An open file that is told not to wait. */
	readonly descriptor: number;
	readonly turns: SharedArrayBuffer;
	readonly color: boolean;
}

export interface Frame {
	readonly state: ScreenState;
	readonly columns: number;
	readonly rows: number;
	/** Another one than before: nothing is on the screen of what was drawn. */
	readonly screenNumber: number;
}

/** The terminal shows what is between them at once. */
const beginFrame = "\x1b[?2026h";
const endFrame = "\x1b[?2026l";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<Beginning>) => {
	const turns = new Turns(data.turns);
	const draw = drawer(new TerminalOutput(data.descriptor), data.color);
	self.onmessage = ({ data: frame }: MessageEvent<Frame>) => {
		turns.draw(() => draw(frame));
		turns.isPending = false;
	};
};

/** Draws a frame, and says whether the terminal has got the beginning of it only. */
function drawer(terminal: TerminalOutput, color: boolean): (frame: Frame) => boolean {
	/** What the terminal shows, by row. */
	let shown: readonly string[] = [];
	let screen = "";
	return ({ state, columns, rows, screenNumber }) => {
		const wanted = `${screenNumber} ${columns}x${rows}`;
		if (screen !== wanted) shown = [];
		if (!screen.startsWith(`${screenNumber} `)) terminal.drop();
		if (!terminal.isReady()) return terminal.isPartial;
		const lines = render(state, columns, rows, color);
		const cleared = screen === wanted ? "" : "\x1b[2J";
		const changes = cleared + changedRows(shown, lines, rows);
		if (changes !== "") terminal.write(beginFrame + changes + endFrame);
		shown = lines;
		screen = wanted;
		return terminal.isPartial;
	};
}

function changedRows(shown: readonly string[], lines: readonly string[], rows: number): string {
	let changes = "";
	for (let row = 0; row < rows; row += 1) {
		const line = lines[row] ?? "";
		if (line !== (shown[row] ?? "")) changes += `\x1b[${row + 1};1H\x1b[2K${line}`;
	}
	return changes;
}

/** Shows how a run goes: on a live screen where there is a terminal, otherwise in a line every few seconds. */
import type { LoadOptions, RinhaOptions } from "../options.ts";
import type { Progress } from "../progress.ts";
import { Snapshots } from "./snapshot.ts";
import { statusLine } from "./status-line.ts";
import { type Key, openScreen } from "./terminal.ts";

const frameMs = 200;
const lineMs = 5000;

export interface Watch {
	/** The terminal is as it was when it resolves. */
	close(): Promise<void>;
}

export function watch(options: LoadOptions | RinhaOptions, progress: Progress): Watch {
	if (options.quiet) return { close: async () => undefined };
	const snapshots = new Snapshots(options, progress);
	if (!options.screen || !process.stdout.isTTY || !process.stdin.isTTY) return watchInLines(snapshots);
	const screen = openScreen({
		input: process.stdin,
		output: process.stdout,
		color: !process.env.NO_COLOR,
		onKey: (key) => obey(progress, key),
		onInterrupt: () => process.kill(process.pid, "SIGINT"),
	});
	const timer = setInterval(() => screen.draw(snapshots.take()), frameMs);
	return {
		close: async () => {
			clearInterval(timer);
			await screen.close();
		},
	};
}

function watchInLines(snapshots: Snapshots): Watch {
	const timer = setInterval(() => process.stderr.write(`${statusLine(snapshots.take())}\n`), lineMs);
	return { close: async () => clearInterval(timer) };
}

function obey(progress: Progress, key: Key): void {
	const actions: Readonly<Record<Key, () => void>> = {
		stop: () => progress.interrupt(),
		pause: () => progress.togglePause(),
		windowUp: () => progress.changeWindow(1),
		windowDown: () => progress.changeWindow(-1),
		rateUp: () => progress.changeRate(1),
		rateDown: () => progress.changeRate(-1),
	};
	actions[key]();
}

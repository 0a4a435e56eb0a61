/**
 * A program with a live screen that ends in the way its argument names, for tui-terminal.test.ts. Writes its
 * process id and what it saw to files in the folder of the second argument.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openScreen } from "../src/tui/terminal.ts";
import { openState } from "./tui-states.ts";

const [ending = "close", folder = "."] = process.argv.slice(2);
const pressed: string[] = [];
let frames = 0;
let frameMsTotal = 0;
let ticks = 0;

const screen = openScreen({
	input: process.stdin,
	output: process.stdout,
	color: true,
	onKey: (key) => pressed.push(key),
	onInterrupt: () => process.kill(process.pid, "SIGINT"),
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
	process.on(signal, () => {
		screen.close();
		report();
		process.exit(signal === "SIGINT" ? 130 : 143);
	});

function report(): void {
	writeFileSync(join(folder, "seen"), JSON.stringify({ pressed, frames, frameMsTotal, ticks }));
}

function drawFrame(): void {
	const beforeMs = performance.now();
	screen.draw({ ...openState, elapsedSeconds: frames, rate: { ...openState.rate, lastSecond: frames } });
	frameMsTotal += performance.now() - beforeMs;
	frames += 1;
}

const endings: Readonly<Record<string, () => void>> = {
	close: () => {
		screen.close();
		report();
		clearInterval(ticker);
		clearInterval(drawer);
	},
	exit: () => process.exit(3),
	throw: () => {
		throw new Error("thrown on purpose");
	},
	reject: () => void Promise.reject(new Error("rejected on purpose")),
	/** Nobody gives the terminal back: what the tests must notice. */
	die: () => process.kill(process.pid, "SIGKILL"),
};

drawFrame();
const ticker = setInterval(() => {
	ticks += 1;
}, 1);
/** So many frames that a terminal that doesn't read is full long before the end. */
const isStalled = ending === "stall";
const drawer = setInterval(drawFrame, isStalled ? 2 : 20);
writeFileSync(join(folder, "pid"), String(process.pid));
if (ending !== "wait")
	setTimeout(endings[isStalled ? "close" : ending] as () => void, isStalled ? 1500 : 150);

/**
 * A program with a live screen that ends in the way its first argument names, for tui-terminal.test.ts. What it
 * saw, it writes to a file in the folder of the second.
 */
import { renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { openScreen } from "../src/tui/terminal.ts";
import { openState } from "./tui-states.ts";

const [ending = "close", folder = "."] = process.argv.slice(2);
const pressed: string[] = [];
let frames = 0;
let ticks = 0;

const screen = openScreen({
	input: process.stdin,
	output: process.stdout,
	color: true,
	onKey: (key) => {
		pressed.push(key);
		if (key === "stop") end("close");
	},
	onInterrupt: () => process.kill(process.pid, "SIGINT"),
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
	process.on(signal, () => {
		if (ending !== "hang-up") end("signal");
	});

function writeWhole(name: string, text: string): void {
	writeFileSync(join(folder, `${name}.part`), text);
	renameSync(join(folder, `${name}.part`), join(folder, name));
}

function end(way: string): void {
	if (way === "exit") process.exit(3);
	if (way === "throw") throw new Error("thrown on purpose");
	if (way === "reject") return void Promise.reject(new Error("rejected on purpose"));
	// Nobody gives the terminal back: what the tests must notice.
	if (way === "die") return void process.kill(process.pid, "SIGKILL");
	screen.close();
	clearInterval(ticker);
	writeWhole("seen", JSON.stringify({ pressed, frames, ticks }));
	if (way === "signal") process.exit(143);
}

function draw(): void {
	frames += 1;
	// As a careless program would: it waits for the terminal.
	if (ending === "careless") writeSync(1, `${"\x1b[1;1H".repeat(500)}${frames}`);
	else screen.draw({ ...openState, rate: { ...openState.rate, lastSecond: frames } });
}

const isLong = ["stall", "careless", "hang-up"].includes(ending);
const ticker = setInterval(() => {
	ticks += 1;
	if (isLong || ticks % 10 === 1) draw();
	if (ticks === (isLong ? 600 : 150) && ending !== "wait") end(ending);
}, 2);
writeWhole("pid", String(process.pid));

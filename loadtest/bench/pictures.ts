/**
 * The pictures of the documentation, taken from a real run: `bun loadtest/bench/pictures.ts http://127.0.0.1:9999`.
 *
 * The judge runs in a pseudo terminal (script, of Debian's bsdutils); the last whole frame of what it wrote there
 * becomes docs/images/screen.png, and its HTML report docs/images/report.png, both through Chromium.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ansiHtml } from "../test/ansi-html.ts";

const root = join(import.meta.dir, "../..");
const images = join(root, "docs/images");
const [columns, rows] = [110, 36];
const browserFlags = [
	...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"],
	...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

async function takePictures(url: string): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), "crebito-pictures-"));
	try {
		const [typescript, report, page] = ["typescript", "report.html", "screen.html"].map((name) =>
			join(folder, name),
		) as [string, string, string];
		const judge = `${process.execPath} ${join(root, "loadtest/src/main.ts")} load ${url} --reset`;
		const command = `stty cols ${columns} rows ${rows}; exec ${judge} -c 64 --stages "ramp 200..3000 15s, hold 3000 10s" --html ${report}`;
		await run(["script", "-qfc", command, typescript]);
		writeFileSync(page, ansiHtml(lastFrame(readFileSync(typescript, "utf8"))));
		mkdirSync(images, { recursive: true });
		await photograph(page, "screen.png", 1120, 720);
		await photograph(report, "report.png", 1280, 1500);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** Knows what the screen writes: a row's place, the row, and nothing else that moves the cursor. */
function lastFrame(written: string): string[] {
	const end = written.lastIndexOf("\x1b[?1049l");
	const begin = written.lastIndexOf("\x1b[?1049h", end);
	const frames = written.slice(begin, end).split("\x1b[?2026l");
	const screen = new Array<string>(rows).fill("");
	// The last second is that of the books; the picture is of the load.
	for (const frame of frames.slice(0, -8))
		for (const part of frame.split("\x1b[").slice(1)) readPart(screen, part);
	return screen;
}

let row = 0;

function readPart(screen: string[], part: string): void {
	const [, parameters = "", command = "", text = ""] = /^([?\d;]*)([A-Za-z])([\s\S]*)$/.exec(part) ?? [];
	if (command === "H") row = Number(parameters.split(";")[0]) - 1;
	else if (command === "J") screen.fill("");
	else if (command === "K") screen[row] = text;
	else if (command === "m") screen[row] += `\x1b[${parameters}m${text}`;
}

async function photograph(page: string, name: string, width: number, height: number): Promise<void> {
	const browser = Bun.which("chromium") ?? Bun.which("chromium-browser");
	if (browser === null) throw new Error("chromium is missing: apt-get install chromium");
	const size = `--window-size=${width},${height}`;
	await run([browser, ...browserFlags, size, `--screenshot=${join(images, name)}`, `file://${page}`]);
}

async function run(command: string[]): Promise<void> {
	const child = Bun.spawn(command, { stdin: "inherit", stdout: "ignore", stderr: "ignore" });
	if ((await child.exited) !== 0) process.stderr.write(`${command[0]} ended with ${child.exitCode}\n`);
}

const [url] = process.argv.slice(2);
if (url === undefined) throw new Error("give the URL of a target whose entries may be destroyed");
await takePictures(url);

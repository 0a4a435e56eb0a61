/** The live screen in a real terminal: what it leaves behind, whichever way its program ends. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { keyReader } from "../src/tui/keyboard.ts";
import { openTerminal, type Terminal } from "./pty.ts";

const program = `"${process.execPath}" "${fileURLToPath(new URL("./tui-program.ts", import.meta.url))}"`;
const takeOver = "\x1b[?1049h\x1b[?25l";
const giveBack = "\x1b[?25h\x1b[?1049l";

setDefaultTimeout(30_000);

let opened: Terminal[] = [];

afterEach(async () => {
	for (const terminal of opened) await terminal.close();
	opened = [];
});

function run(ending: string): Terminal {
	return open(`${program} ${ending} "$FOLDER"`);
}

function open(command: string): Terminal {
	const terminal = openTerminal(command);
	opened.push(terminal);
	return terminal;
}

function drawn(terminal: Terminal): Promise<void> {
	return terminal.until(() => terminal.text().includes("in flight"), "the screen is drawn");
}

function seen(terminal: Terminal): { pressed: string[]; frames: number; ticks: number } {
	return JSON.parse(terminal.read("seen") ?? "{}");
}

/** What a terminal that was given back has; undefined if all is well. */
function damage(terminal: Terminal): string | undefined {
	const text = terminal.text();
	if (!text.includes(takeOver)) return "the screen was never there";
	if (text.lastIndexOf(giveBack) < text.lastIndexOf(takeOver)) return "still on the alternative screen";
	if (text.slice(text.lastIndexOf(giveBack)).includes("\x1b[?2026h")) return "a late frame";
	return terminal.read("before") === terminal.read("after") ? undefined : "other modes";
}

describe("the terminal is given back", () => {
	const endings = [
		{ ending: "close", code: 0, message: "" },
		{ ending: "exit", code: 3, message: "" },
		{ ending: "throw", code: 1, message: "thrown on purpose" },
		{ ending: "reject", code: 1, message: "rejected on purpose" },
	];
	for (const { ending, code, message } of endings)
		test(`when the program ends by ${ending}, and what it had to say can be read`, async () => {
			const terminal = run(ending);
			expect(await terminal.ended).toBe(code);
			expect(damage(terminal)).toBeUndefined();
			expect(terminal.text().slice(terminal.text().lastIndexOf(giveBack))).toContain(message);
		});

	for (const signal of ["SIGTERM", "SIGHUP"] as const)
		test(`when the program is sent ${signal}`, async () => {
			const terminal = run("wait");
			await drawn(terminal);
			process.kill(Number(terminal.read("pid")), signal);
			expect(await terminal.ended).toBe(143);
			expect(damage(terminal)).toBeUndefined();
		});

	test("when somebody types Ctrl-C, which interrupts the program", async () => {
		const terminal = run("wait");
		await drawn(terminal);
		terminal.type("\x03");
		expect(await terminal.ended).toBe(143);
		expect(damage(terminal)).toBeUndefined();
	});

	test("while the program is suspended, and taken over again when it goes on", async () => {
		const terminal = open(`set -m; ${program} wait "$FOLDER"; stty -a > "$FOLDER/suspended"; fg`);
		await drawn(terminal);
		terminal.type("\x1a");
		await terminal.until(
			() => terminal.text().split(takeOver).length === 3,
			"the screen is there a second time",
		);
		expect(terminal.read("suspended")).toBe(terminal.read("before"));
		terminal.type("q");
		expect(await terminal.ended).toBe(0);
		expect(terminal.text().split(giveBack)).toHaveLength(3);
		expect(damage(terminal)).toBeUndefined();
	});

	test("and a program that can't give it back is noticed", async () => {
		const terminal = run("die");
		await terminal.ended;
		expect(damage(terminal)).toBe("still on the alternative screen");
		expect(terminal.read("after")).not.toBe(terminal.read("before"));
	});
});

describe("a terminal", () => {
	test("that stops reading doesn't stop the program", async () => {
		const terminal = run("stall");
		await terminal.until(() => terminal.read("pid") !== undefined, "the program runs");
		terminal.freeze();
		await terminal.until(() => terminal.read("seen") !== undefined, "the program has ended its work");
		expect(seen(terminal)).toMatchObject({ ticks: 600, frames: 600 });
		terminal.thaw();
		expect(await terminal.ended).toBe(0);
		expect(terminal.read("after")).toBe(terminal.read("before") as string);
	});

	test("that stops reading does stop a program that writes to it carelessly", async () => {
		const terminal = run("careless");
		await terminal.until(() => terminal.read("pid") !== undefined, "the program runs");
		terminal.freeze();
		await Bun.sleep(3000);
		expect(terminal.read("seen")).toBeUndefined();
		terminal.thaw();
		expect(await terminal.ended).toBe(0);
		expect(seen(terminal)).toMatchObject({ ticks: 600 });
	});

	test("that reads again gets the rest of the frame, and is given back", async () => {
		const terminal = run("wait");
		await drawn(terminal);
		terminal.freeze();
		await Bun.sleep(500);
		terminal.thaw();
		const length = terminal.text().length;
		await terminal.until(() => terminal.text().length > length + 1000, "frames are drawn again");
		terminal.type("q");
		expect(await terminal.ended).toBe(0);
		expect(damage(terminal)).toBeUndefined();
	});

	test("that goes away ends neither the program nor its work", async () => {
		const terminal = run("hang-up");
		await drawn(terminal);
		const pid = Number(terminal.read("pid"));
		terminal.vanish();
		await terminal.until(() => terminal.read("seen") !== undefined, "the program has ended its work");
		expect(seen(terminal).ticks).toBe(600);
		await terminal.until(() => !isRunning(pid), "the program has ended");
	});

	test("that changes its size gets the whole screen anew", async () => {
		const terminal = run("wait");
		await drawn(terminal);
		const tty = (terminal.read("tty") as string).trim();
		Bun.spawnSync(["stty", "-F", tty, "cols", "100", "rows", "30"]);
		await terminal.until(() => terminal.text().includes("\x1b[30;1H"), "the thirtieth row is drawn");
		expect(terminal.text().split("\x1b[?2026h\x1b[2J")).toHaveLength(3);
		terminal.type("q");
		await terminal.ended;
	});
});

describe("keys", () => {
	test("reach the program, in order", async () => {
		const terminal = run("wait");
		await drawn(terminal);
		terminal.type("p+-\x1b[A][q");
		expect(await terminal.ended).toBe(0);
		expect(seen(terminal).pressed).toEqual(["pause", "windowUp", "windowDown", "rateUp", "rateDown", "stop"]);
	});

	const cases = [
		{ chunks: ["p", "q"], keys: ["pause", "stop"] },
		{ chunks: ["\x1b[A\x1b[1;5C\x1bOP", "p"], keys: ["pause"] },
		{ chunks: ["\x1b", "[", "A", "p"], keys: ["pause"] },
		{ chunks: ["\x1b", "q"], keys: ["stop"] },
		{ chunks: ["x", "7", "\x00", "ção", "\x03", "\x1a", "\x0c"], keys: ["interrupt", "suspend", "redraw"] },
	];
	for (const { chunks, keys } of cases)
		test(`${JSON.stringify(chunks)} mean ${keys.join(", ")}`, () => {
			const read: string[] = [];
			const reader = keyReader((key) => read.push(key));
			for (const chunk of chunks) reader(chunk);
			expect(read).toEqual(keys);
		});
});

function isRunning(pid: number): boolean {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
}

/** What people look at, in golden files; and for any state and size, that it fits and holds no control codes. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clean, cut, wrapped } from "../src/tui/line.ts";
import { render } from "../src/tui/render.ts";
import type { ScreenState } from "../src/tui/state.ts";
import { statusLine } from "../src/tui/status-line.ts";
import * as states from "./tui-states.ts";

setDefaultTimeout(30_000);

const golden = join(import.meta.dir, "golden");
const isUpdating = process.env.UPDATE_GOLDEN === "1";
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));

describe("the screen looks as in its golden file:", () => {
	const sizes = [
		[80, 24],
		[120, 40],
		[40, 12],
	] as const;
	for (const [columns, rows] of sizes)
		for (const [name, state] of Object.entries(states)) {
			const file = `screen-${name.replace("State", "")}-${columns}x${rows}.txt`;
			test(file, () => {
				expectGolden(file, render(state, columns, rows, false));
			});
		}

	test("screen-colour-80x24.txt", () => {
		const lines = render(states.errorsState, 80, 24, true);
		expectGolden(
			"screen-colour-80x24.txt",
			lines.map((line) => line.replaceAll("\x1b", "␛")),
		);
	});
});

function expectGolden(name: string, lines: readonly string[]): void {
	const path = join(golden, name);
	const text = `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
	if (isUpdating) {
		mkdirSync(golden, { recursive: true });
		writeFileSync(path, text);
	}
	if (!existsSync(path)) throw new Error(`${name} is missing: UPDATE_GOLDEN=1 makes it`);
	expect(text).toBe(readFileSync(path, "utf8"));
}

describe(`for any state and size (SEED=${seed})`, () => {
	test("no line is wider than the terminal, there are no more than its rows, and no control codes", () => {
		const random = generator(seed);
		for (let round = 0; round < 600; round += 1) {
			const state = randomState(random);
			const columns = 1 + Math.floor(random() ** 2 * 300);
			const rows = 1 + Math.floor(random() ** 2 * 100);
			const problem = misfit(render(state, columns, rows, random() < 0.5), columns, rows);
			if (problem !== undefined) throw new Error(`round ${round}, ${columns}x${rows}: ${problem}`);
		}
	});

	test("the status line is one line without control codes", () => {
		const random = generator(seed);
		for (let round = 0; round < 200; round += 1) expect(statusLine(randomState(random))).toMatch(/^\P{C}+$/u);
	});

	test("a line that is too wide, one too many, or a control code is found", () => {
		expect(misfit(["12345"], 5, 1)).toBeUndefined();
		expect(misfit(["\x1b[0;2m12345\x1b[0m"], 5, 1)).toBeUndefined();
		expect(misfit(["123456"], 5, 1)).toContain("6 columns");
		expect(misfit(["日本語"], 5, 1)).toContain("6 columns");
		expect(misfit(["1", "2"], 5, 1)).toContain("2 lines");
		expect(misfit(["1\x1b[2J"], 5, 1)).toContain("control");
		expect(misfit(["1\u0085"], 5, 1)).toContain("control");
		expect(misfit(["1\u202e"], 5, 1)).toContain("control");
	});
});

describe("text from the target", () => {
	const cases = [
		{ text: "plain text", shown: "plain text" },
		{ text: "\x1b[2J\x07\r\n\t\x7f", shown: "␛[2J␇␍␊␉␡" },
		{ text: "\u009b31m \u202eabc\u200b\u2028\ufeff", shown: "·31m ·abc···" },
		{ text: "transa\u0063\u0327a\u0303o", shown: "transação" },
		{ text: "z\u0351\u036b\u0343algo", shown: "zalgo" },
		{ text: "a\u00a0b\u3000c", shown: "a b c" },
		{ text: "\ud800", shown: "·" },
	];
	for (const { text, shown } of cases)
		test(`${JSON.stringify(text)} is shown as ${JSON.stringify(shown)}`, () => {
			expect(clean(text)).toBe(shown);
		});

	test("is cut by the columns that it takes", () => {
		expect(cut("abcdef", 6)).toBe("abcdef");
		expect(cut("abcdef", 5)).toBe("abcd…");
		expect(cut("日本語", 5)).toBe("日本…");
		expect(cut("日本語", 4)).toBe("日…");
		expect(cut("abc", 0)).toBe("");
	});

	test("is broken between words where it can be, and cut after the last line", () => {
		expect(wrapped("one two three", 7, 3)).toEqual(["one two", "three"]);
		expect(wrapped("onetwothree four", 7, 3)).toEqual(["onetwot", "hree", "four"]);
		expect(wrapped("one two three four", 7, 2)).toEqual(["one two", "three …"]);
		expect(wrapped("日本", 1, 2)).toEqual([]);
	});
});

test("the status line has the numbers of the last seconds", () => {
	const { openState, closedState, pausedState, errorsState, chaosState } = states;
	const lines = [openState, closedState, pausedState, errorsState, chaosState].map((state) =>
		statusLine(state),
	);
	expect(lines).toEqual([
		"57 s  3,412/s (asked 3,400)  p50 0.56 ms  p99 4.13 ms  errors 0  violations 0",
		"57 s  3,412/s  p50 0.56 ms  p99 4.13 ms  errors 0  violations 0",
		"57 s  paused  0/s (asked 3,400)  p50 –  p99 –  errors 0  violations 0",
		"57 s  2,710/s (asked 3,400)  p50 0.56 ms  p99 4.13 ms  errors 2,693  violations 0",
		"57 s  3,412/s  p50 0.56 ms  p99 4.13 ms  errors 14  violations 0  0:56 kill api-1.pid, back 312 ms",
	]);
});

/** What is wrong with the lines for a terminal of that size, by rules of its own. */
function misfit(lines: readonly string[], columns: number, rows: number): string | undefined {
	if (lines.length > rows) return `${lines.length} lines`;
	for (const line of lines) {
		// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
		const plain = line.replaceAll(/\x1b\[0(?:;\d+)*m/g, "");
		if (/[\p{C}\p{Zl}\p{Zp}]/u.test(plain)) return `a control code in ${JSON.stringify(plain)}`;
		const taken = Bun.stringWidth(plain);
		if (taken > columns) return `${taken} columns: ${JSON.stringify(plain)}`;
	}
	return undefined;
}

function randomState(random: () => number): ScreenState {
	const pick = <Value>(...values: readonly Value[]) => values[Math.floor(random() * values.length)] as Value;
	const number = () => pick(0, random(), random() * 1e3, random() * 1e6, random() * 1e9, random() * 1e15);
	const whole = () => Math.floor(number());
	const list = <Item>(max: number, item: () => Item) =>
		Array.from({ length: Math.floor(random() * (max + 1)) }, item);
	const text = () => list(random() < 0.03 ? 3000 : 40, () => String.fromCodePoint(codePoint())).join("");
	const codePoint = () =>
		pick(
			Math.floor(random() * 0x110000),
			Math.floor(random() * 0x3000),
			Math.floor(random() * 128),
			0x1b,
			0x20,
		);
	const percentiles = () =>
		pick(null, { p50Ms: number(), p90Ms: number(), p99Ms: number(), p999Ms: number(), maxMs: number() });
	return {
		target: text(),
		model: pick("open", "closed", "simulation"),
		shape: text(),
		phase: pick("waiting", "warming up", "measuring", "draining", "checking the books"),
		isPaused: random() < 0.3,
		isAdjusted: random() < 0.3,
		repetition: whole(),
		repetitions: whole(),
		elapsedSeconds: number(),
		doneShare: pick(null, random(), number(), Number.NaN),
		durationSeconds: pick(null, number()),
		iterations: pick(null, whole()),
		counts: { sent: whole(), succeeded: whole(), otherStatus: whole(), failed: whole() },
		rate: { asked: pick(null, number()), lastSecond: number(), mean: number(), history: list(60, number) },
		inFlight: whole(),
		window: whole(),
		waiting: pick(null, whole()),
		latency: {
			recent: percentiles(),
			overall: percentiles(),
			p99HistoryMs: list(60, () => pick(null, number())),
		},
		statuses: list(12, () => ({ status: Math.floor(random() * 1000), count: whole() })),
		errors: list(50, () => ({
			kind: pick("connect", "reset", "timeout", "malformed"),
			message: text(),
			count: whole(),
		})),
		operations: list(3, () => ({
			kind: pick("credit", "debit", "statement"),
			count: whole(),
			rate: number(),
			p50Ms: number(),
			p99Ms: number(),
		})),
		consistency: {
			responsesChecked: whole(),
			violations: whole(),
			lastMessage: pick(null, text()),
		},
		lastEvent: pick(null, {
			...{ atSecond: number(), action: pick("kill", "pause", "restart"), victim: text(), pid: whole() },
			...{ lastedMs: pick(null, number()), backMs: pick(null, number()), error: pick(null, text()) },
			...{ errors: whole(), p99Ms: pick(null, number()) },
		}),
		latenessP99Ms: pick(null, number()),
		generatorCpuShare: number() / 100,
	};
}

/** Mulberry32: the same numbers for the same seed. */
function generator(start: number): () => number {
	let state = start >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

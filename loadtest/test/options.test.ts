/** The arguments: what each option takes, what it is when it isn't given, and the sentence for everything else. */
import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { commandText } from "../src/command-line.ts";
import { parseDuration } from "../src/duration.ts";
import { type LoadOptions, type RinhaOptions, readOptions, UsageError } from "../src/options.ts";

const url = "http://127.0.0.1:9999";

function load(...args: string[]): LoadOptions {
	const options = readOptions(["load", url, ...args]);
	if (options.command !== "load") throw new Error(`it is read as ${options.command}`);
	return options;
}

function rinha(...args: string[]): RinhaOptions {
	const options = readOptions(["rinha", url, ...args]);
	if (options.command !== "rinha") throw new Error(`it is read as ${options.command}`);
	return options;
}

describe("without options", () => {
	test("load runs 14 connections for ten seconds and destroys nothing", () => {
		const { target, seed, ...rest } = load();
		expect(target.address).toEqual({ hostname: "127.0.0.1", port: 9999 });
		expect(seed).toBeWithin(0, 2 ** 32);
		expect(rest).toEqual({
			command: "load",
			concurrency: 14,
			schedule: null,
			durationMs: 10_000,
			iterations: null,
			warmUpMs: 0,
			connections: "shared",
			timeoutMs: 10_000,
			mix: { debit: 22, credit: 11, statement: 1 },
			accountIds: [1, 2, 3, 4, 5],
			amountMin: 1,
			amountMax: 10_000,
			chaos: null,
			repeat: 1,
			reset: false,
			databasePath: null,
			reports: [{ format: "text", path: null }],
			percentiles: [10, 25, 50, 75, 90, 95, 99, 99.9, 99.99],
			thresholds: [],
			saveBaseline: null,
			baseline: null,
			baselineFolder: resolve(".baselines"),
			noiseShare: 0.02,
			screen: true,
			quiet: false,
		});
	});

	test("rinha plays the simulation as it is, with a connection for each request", () => {
		const { target, seed, ...rest } = rinha();
		expect(target.text).toBe(url);
		expect(seed).toBeWithin(0, 2 ** 32);
		expect(rest).toEqual({
			command: "rinha",
			timeScale: 1,
			multiply: 1,
			waitMs: 40_000,
			connections: "per-request",
			timeoutMs: 10_000,
			reset: false,
			databasePath: null,
			reports: [{ format: "text", path: null }],
			percentiles: [10, 25, 50, 75, 90, 95, 99, 99.9, 99.99],
			thresholds: [],
			screen: true,
			quiet: false,
		});
	});

	test("another seed is drawn each time", () => {
		const seeds = new Set(Array.from({ length: 8 }, () => load().seed));
		expect(seeds.size).toBeGreaterThan(1);
	});
});

describe("an option of load is read", () => {
	const good: [string[], Partial<LoadOptions>][] = [
		[["-c", "1"], { concurrency: 1 }],
		[["--concurrency=10000"], { concurrency: 10_000 }],
		[["-d", "2m"], { durationMs: 120_000 }],
		[["-d", "1m30s"], { durationMs: 90_000 }],
		[["-n", "1"], { iterations: 1, durationMs: null }],
		[["-n", "5", "-d", "1s"], { iterations: 5, durationMs: 1000 }],
		[["-w", "1.5s"], { warmUpMs: 1500 }],
		[["-w", "0"], { warmUpMs: 0 }],
		[["-t", "250ms"], { timeoutMs: 250 }],
		[["--connections", "per-request"], { connections: "per-request" }],
		[["--mix", "1:0:0"], { mix: { debit: 1, credit: 0, statement: 0 } }],
		[["--mix", "1000:1000:1000"], { mix: { debit: 1000, credit: 1000, statement: 1000 } }],
		[["--accounts", "7"], { accountIds: [7] }],
		[["--accounts", "9, 1-3,5"], { accountIds: [1, 2, 3, 5, 9] }],
		[["--amount", "5"], { amountMin: 5, amountMax: 5 }],
		[["--amount", "1-2147483647"], { amountMin: 1, amountMax: 2_147_483_647 }],
		[["--seed", "0"], { seed: 0 }],
		[["--seed", "4294967295"], { seed: 4_294_967_295 }],
		[["--percentiles", "99.9,50,99,50"], { percentiles: [50, 99, 99.9] }],
		[["--reset"], { reset: true }],
		[["--no-reset"], { reset: false }],
		[["--reset", "--no-reset"], { reset: false }],
		[["--db", "/data/ledger.db"], { databasePath: "/data/ledger.db" }],
		[["--db", "data/ledger.db"], { databasePath: resolve("data/ledger.db") }],
		[["--repeat", "5"], { repeat: 5 }],
		[["--save-baseline", "v1.2_main-A"], { saveBaseline: "v1.2_main-A" }],
		[
			["--baseline", "main", "--baseline-folder", "/b"],
			{ baseline: "main", baselineFolder: "/b", noiseShare: 0.02 },
		],
		[["--baseline", "main", "--save-baseline", "next"], { baseline: "main", saveBaseline: "next" }],
		[["--baseline", "main", "--noise", "0.5"], { noiseShare: 0.005 }],
		[["--baseline", "main", "--noise", "5%"], { noiseShare: 0.05 }],
		[["--no-screen"], { screen: false, quiet: false }],
		[["--quiet"], { screen: false, quiet: true }],
	];
	test.each(good)("%j", (args, expected) => {
		expect(load(...args)).toMatchObject(expected as Record<string, unknown>);
	});

	test("ten thousand accounts are the most", () => {
		expect(load("--accounts", "1-10000").accountIds).toHaveLength(10_000);
		expect(() => load("--accounts", "1-10001")).toThrow("at most 10000 accounts");
		expect(() => load("--accounts", "1-6000,7001-12000")).toThrow("at most 10000 accounts");
	});
});

describe("the model is", () => {
	test("closed without a rate", () => {
		expect(load("-c", "3").schedule).toBeNull();
	});

	test("open with one, and the duration is the run's, not the schedule's", () => {
		const { schedule, durationMs, concurrency } = load("-r", "340", "-d", "2m");
		expect([schedule?.text, schedule?.arrivals, durationMs, concurrency]).toEqual([
			"340/s",
			Infinity,
			120_000,
			14,
		]);
		expect(load("-r", "0.5").durationMs).toBe(10_000);
		expect(load("-r", "0.5", "-n", "3").durationMs).toBeNull();
	});

	test("open with stages, which say how long it takes", () => {
		const { schedule, durationMs } = load("--stages", "ramp 1..220 2m, hold 220 2m");
		expect([schedule?.arrivals, schedule?.durationMs, durationMs]).toEqual([39_660, 240_000, null]);
		expect(load("--stages", "1s@5", "-n", "3")).toMatchObject({ iterations: 3, durationMs: null });
	});
});

describe("an option of rinha is read", () => {
	const good: [string[], Partial<RinhaOptions>][] = [
		[["--time-scale", "0.05"], { timeScale: 0.05 }],
		[["--time-scale", "10"], { timeScale: 10 }],
		[["--multiply", "100"], { multiply: 100 }],
		[["--wait", "0"], { waitMs: 0 }],
		[["--wait", "2m"], { waitMs: 120_000 }],
		[["--connections", "shared"], { connections: "shared" }],
		[
			["--reset", "--db", "/a.db", "--seed", "7", "-t", "1s"],
			{ reset: true, databasePath: "/a.db", seed: 7 },
		],
		[["--quiet"], { screen: false, quiet: true }],
	];
	test.each(good)("%j", (args, expected) => {
		expect(rinha(...args)).toMatchObject(expected as Record<string, unknown>);
	});
});

describe("reports", () => {
	test("go to the standard output unless a file is named, and others beside it", () => {
		expect(load("-o", "csv").reports).toEqual([{ format: "csv", path: null }]);
		expect(load("-o", "json", "-O", "/r.json", "--html", "/r.html", "--junit", "/r.xml").reports).toEqual([
			{ format: "json", path: "/r.json" },
			{ format: "html", path: "/r.html" },
			{ format: "junit", path: "/r.xml" },
		]);
		expect(rinha("--json", "r.json").reports[1]).toEqual({ format: "json", path: resolve("r.json") });
	});

	test("never go to the same file", () => {
		expect(() => load("--html", "r", "--json", "./r")).toThrow("two reports would be written to");
		expect(() => load("-O", "r", "--junit", "r")).toThrow("two reports would be written to");
	});
});

test("thresholds add up", () => {
	const { thresholds } = load("--threshold", "p99<250ms", "--threshold", "errors==0");
	expect(thresholds.map(({ text }) => text)).toEqual(["p99<250ms", "errors==0"]);
});

describe("a target is", () => {
	const good: [string, unknown][] = [
		["http://localhost:8080/base/", { address: { hostname: "localhost", port: 8080 }, base: "/base" }],
		["unix:/run/a.sock", { address: { unix: "/run/a.sock" }, base: "" }],
		["http://unix:/run/a.sock:/base", { address: { unix: "/run/a.sock" }, base: "/base" }],
	];
	test.each(good)("%s", (text, target) => {
		expect(readOptions(["load", text])).toMatchObject({ target } as Record<string, unknown>);
	});
});

describe("what can't be used is refused in one sentence", () => {
	const bad: [string[], string][] = [
		[[], "a command is missing: load or rinha"],
		[["lode", url], "unknown command 'lode' (Did you mean load?)"],
		[["load"], "missing required argument 'url'"],
		[["load", url, "more"], "too many arguments"],
		[["load", url, "--concurency", "3"], "unknown option '--concurency' (Did you mean --concurrency?)"],
		[["load", url, "-c"], "argument missing"],
		[["load", "https://example.org"], "https is not supported"],
		[["load", "localhost:9999"], "is no target"],
		[["load", url, "-c", "0"], '--concurrency: give a whole number from 1 to 10000, not "0"'],
		[["load", url, "-c", "10001"], "from 1 to 10000"],
		[["load", url, "-c", "1.5"], "from 1 to 10000"],
		[["load", url, "-c", ""], "from 1 to 10000"],
		[["load", url, "-d", "10"], '--duration: "10" is no length of time'],
		[["load", url, "-d", "0s"], "--duration: 0s is too short"],
		[["load", url, "-d", "169h"], "--duration: 169h is too long"],
		[["load", url, "-n", "0"], "--iterations: give a whole number"],
		[["load", url, "-w", "-1s"], "--warm-up"],
		[["load", url, "-r", "0"], "--rate: give a number above 0"],
		[["load", url, "-r", "1000001"], "--rate: give a number above 0, at most 1000000"],
		[["load", url, "-r", "Infinity"], "--rate"],
		[["load", url, "--stages", "climb"], '--stages: "climb" is no stage'],
		[["load", url, "-t", "0"], "--timeout"],
		[["load", url, "-t", "11m"], "--timeout"],
		[["load", url, "--connections", "pooled"], "--connections: give shared or per-request"],
		[["load", url, "--mix", "22:11"], "--mix: give debits:credits:statements"],
		[["load", url, "--mix", "0:0:0"], "at least one number above zero"],
		[["load", url, "--mix", "1001:1:1"], "numbers up to 1000"],
		[["load", url, "--accounts", "0"], "--accounts: give numbers and ranges"],
		[["load", url, "--accounts", "5-1"], "--accounts: give numbers and ranges"],
		[["load", url, "--accounts", "1,,2"], "--accounts: give numbers and ranges"],
		[["load", url, "--accounts", "2147483648"], "--accounts: give numbers and ranges"],
		[["load", url, "--accounts", "1-5,3"], "names 3 twice"],
		[["load", url, "--amount", "0-5"], "--amount: give cents"],
		[["load", url, "--amount", "10-5"], "--amount: give cents"],
		[["load", url, "--amount", "1-2147483648"], "--amount: give cents"],
		[["load", url, "--seed", "4294967296"], "--seed: give a whole number from 0 to 4294967295"],
		[["load", url, "-o", "xml"], '--output: give text or json or csv or junit, not "xml"'],
		[["load", url, "--html", ""], "--html: give a path"],
		[["load", url, "--percentiles", "0,50"], "--percentiles"],
		[["load", url, "--percentiles", "50,101"], "--percentiles"],
		[["load", url, "--percentiles", Array.from({ length: 21 }, (_, p) => p + 1).join()], "21 are too many"],
		[["load", url, "--repeat", "101"], "--repeat"],
		[["load", url, "--save-baseline", "../x"], "--save-baseline: give a name"],
		[["load", url, "--save-baseline", ".."], "--save-baseline: give a name"],
		[["load", url, "--baseline", "x".repeat(65)], "--baseline: give a name"],
		[["load", url, "--baseline", "b", "--noise", "101"], "--noise: give a percentage"],
		[["load", url, "--threshold", "p98<1"], '--threshold: "p98" is nothing'],
		[["rinha", url, "-c", "5"], "unknown option '-c'"],
		[["rinha", url, "--time-scale", "0"], "--time-scale: give a number above 0, at most 10"],
		[["rinha", url, "--time-scale", "11"], "--time-scale"],
		[["rinha", url, "--multiply", "1.5"], "--multiply: give a whole number from 1 to 100"],
		[["rinha", url, "--multiply", "101"], "--multiply"],
		[["rinha", url, "--wait", "soon"], "--wait"],
	];
	const contradictions: [string[], string][] = [
		[["load", url, "--stages", "1s@1", "-r", "5"], "--stages and --rate exclude each other"],
		[["load", url, "--stages", "1s@1", "-d", "5s"], "--stages and --duration exclude each other"],
		[["load", url, "--baseline", "a", "--save-baseline", "a"], "need different names"],
		[["load", url, "--noise", "5"], "--noise needs --baseline"],
	];
	test.each([...bad, ...contradictions])("%j", (args, part) => {
		const error = errorOf(() => readOptions(args));
		expect(error).toBeInstanceOf(UsageError);
		expect(error.message).toContain(part);
		expect(error.message).not.toContain("\n");
		expect(error.message).not.toStartWith("error:");
	});
});

describe("a text is given back, not printed", () => {
	test("the version is a number with dots", () => {
		for (const flag of ["-V", "--version"]) {
			const line = readOptions([flag]);
			expect(line).toEqual({ command: "version", text: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string });
		}
	});

	const help: [string[], string[]][] = [
		[["--help"], ["load [options] <url>", "rinha [options] <url>", "Examples", "Exit codes"]],
		[["help"], ["load [options] <url>", "Exit codes"]],
		[
			["load", "--help"],
			["--concurrency", "--stages", "--baseline", "--threshold", "Exit codes"],
		],
		[
			["help", "load"],
			["--concurrency", "Exit codes"],
		],
		[
			["rinha", "-h"],
			["--time-scale", "--multiply", "--wait", "Exit codes"],
		],
	];
	test.each(help)("%j", (args, parts) => {
		const line = readOptions(args);
		if (line.command !== "help") throw new Error(`it is read as ${line.command}`);
		for (const part of parts) expect(line.text).toContain(part);
		for (const code of [0, 1, 2, 3, 4, 5, 130]) expect(line.text).toMatch(new RegExp(`^ {2}${code} `, "m"));
		for (const row of line.text.split("\n")) expect(row.length).toBeLessThanOrEqual(100);
	});

	test("and every example of the help can be typed", () => {
		const line = readOptions(["--help"]);
		if (line.command !== "help") throw new Error(`it is read as ${line.command}`);
		const examples = [...line.text.matchAll(/^ {2}((?:load|rinha) \S+:\S.*?)(?: {3,}.*)?$/gm)].map(
			([, text]) => text,
		);
		expect(examples.length).toBeGreaterThanOrEqual(6);
		for (const example of examples) {
			const args = [...(example as string).matchAll(/"([^"]*)"|(\S+)/g)].map(
				([, inQuotes, word]) => inQuotes ?? word,
			);
			expect(readOptions(args as string[]).command).toBe(args[0] as "load");
		}
	});
});

describe("the text of a command", () => {
	test("is quoted only where a shell needs it", () => {
		expect(commandText(["load", url, "-c", "14", "--mix", "22:11:1"])).toBe(
			`load ${url} -c 14 --mix 22:11:1`,
		);
		expect(commandText(["--threshold", "p99<250ms", "it's", ""])).toBe(
			`--threshold 'p99<250ms' 'it'\\''s' ''`,
		);
	});

	test("gives a shell the same arguments again", () => {
		const args = [
			"a b",
			"it's",
			'"',
			"$HOME",
			"`x`",
			"\\",
			"*",
			"~",
			"p99<1",
			"é",
			"",
			"a\nb",
			"!",
			"#",
			"-r",
			"%s",
			"&;|",
		];
		const shell = Bun.spawnSync([
			"sh",
			"-c",
			`for arg in ${commandText(args)}; do printf '%s\\0' "$arg"; done`,
		]);
		expect(shell.stdout.toString().split("\0").slice(0, -1)).toEqual(args);
	});
});

describe("a length of time is read", () => {
	const good: [string, number][] = [
		["500ms", 500],
		["30s", 30_000],
		["2m", 120_000],
		["1h", 3_600_000],
		["1.5m", 90_000],
		["1m30s", 90_000],
		["120 s", 120_000],
		["800µs", 0.8],
		["1.1s", 1100],
		["0.07s", 70],
		["0s", 0],
	];
	test.each(good)("%s: %p ms", (text, ms) => {
		expect(parseDuration(text)).toBe(ms);
	});

	test.each([
		"",
		"s",
		"5",
		"5 minutes",
		"-5s",
		"+5s",
		"1e3s",
		".5s",
		"5.s",
		"5s ",
		"5s,",
		"5S",
		"0x5s",
		"NaNs",
	])("or refused: %p", (text) => {
		expect(() => parseDuration(text)).toThrow("is no length of time");
	});
});

function errorOf(run: () => unknown): Error {
	try {
		run();
	} catch (error) {
		return error as Error;
	}
	throw new Error("it was accepted");
}

/**
 * Every variable: what it takes, what it refuses with a message that names it, and what holds without it.
 */
import { describe, expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { readSettings, type Settings, SettingsError } from "../src/settings.ts";

function read(environment: Record<string, string | undefined>): Settings {
	return readSettings(environment);
}

test("an empty environment gives a ledger in ./data on 127.0.0.1:8080 that waits for the disk", () => {
	expect(read({})).toEqual({
		database: { technology: "sqlite", path: resolve("data/ledger.db") },
		listen: { host: "127.0.0.1", port: 8080, reusePort: false },
		logLevel: "info",
		durability: "fsync",
		reset: true,
		behindBalancer: false,
		watchdogMs: 2500,
		seedPath: undefined,
		batchMax: 512,
		waitingMax: 4096,
		walBytesMax: 64_000_000,
	});
});

test("an empty variable is as good as none", () => {
	const names = [
		"DATABASE_URL",
		"API_HOST",
		"API_PORT",
		"API_SOCKET",
		"REUSE_PORT",
		"LOG_LEVEL",
		"DURABILITY",
	];
	const more = [
		"RESET",
		"SEED_FILE",
		"BATCH_MAX",
		"WAITING_MAX",
		"WAL_MAX_MB",
		"BEHIND_BALANCER",
		"WATCHDOG_MS",
	];
	expect(read(Object.fromEntries([...names, ...more].map((name) => [name, ""])))).toEqual(read({}));
});

test("variables that the ledger doesn't know are not its business", () => {
	expect(read({ PATH: "/bin", BATCH: "x", batch_max: "x" })).toEqual(read({}));
});

describe("a variable is taken:", () => {
	const taken: [name: string, value: string, expected: Partial<Settings>][] = [
		[
			"DATABASE_URL",
			"sqlite:///var/lib/crebito/ledger.db",
			{ database: { technology: "sqlite", path: "/var/lib/crebito/ledger.db" } },
		],
		[
			"DATABASE_URL",
			"postgres://me:secret@db/x",
			{ database: { technology: "postgres", url: "postgres://me:secret@db/x" } },
		],
		["DATABASE_URL", "sqlite://./x.db", { database: { technology: "sqlite", path: resolve("x.db") } }],
		[
			"DATABASE_URL",
			"sqlite://./a/b c/ü.db",
			{ database: { technology: "sqlite", path: resolve("a/b c/ü.db") } },
		],
		["DATABASE_URL", "sqlite://../x.db", { database: { technology: "sqlite", path: resolve("../x.db") } }],
		["DATABASE_URL", "sqlite:///a/../b/./x.db", { database: { technology: "sqlite", path: "/b/x.db" } }],
		["API_HOST", "0.0.0.0", { listen: { host: "0.0.0.0", port: 8080, reusePort: false } }],
		["API_HOST", "::1", { listen: { host: "::1", port: 8080, reusePort: false } }],
		["API_HOST", "localhost", { listen: { host: "localhost", port: 8080, reusePort: false } }],
		["API_PORT", "0", { listen: { host: "127.0.0.1", port: 0, reusePort: false } }],
		["API_PORT", "1", { listen: { host: "127.0.0.1", port: 1, reusePort: false } }],
		["API_PORT", "65535", { listen: { host: "127.0.0.1", port: 65_535, reusePort: false } }],
		["REUSE_PORT", "on", { listen: { host: "127.0.0.1", port: 8080, reusePort: true } }],
		["REUSE_PORT", "off", { listen: { host: "127.0.0.1", port: 8080, reusePort: false } }],
		["API_SOCKET", "/run/crebito/1.sock", { listen: { socket: "/run/crebito/1.sock" } }],
		["API_SOCKET", "./1.sock", { listen: { socket: resolve("1.sock") } }],
		["API_SOCKET", `/${"s".repeat(89)}`, { listen: { socket: `/${"s".repeat(89)}` } }],
		["DURABILITY", "fsync", { durability: "fsync" }],
		["DURABILITY", "os", { durability: "os" }],
		["RESET", "on", { reset: true }],
		["RESET", "off", { reset: false }],
		["SEED_FILE", "/etc/seed.json", { seedPath: "/etc/seed.json" }],
		["SEED_FILE", "seed.json", { seedPath: resolve("seed.json") }],
		["BEHIND_BALANCER", "on", { behindBalancer: true }],
		["BEHIND_BALANCER", "off", { behindBalancer: false }],
		["WATCHDOG_MS", "0", { watchdogMs: 0 }],
		["WATCHDOG_MS", "600000", { watchdogMs: 600_000 }],
		["BATCH_MAX", "1", { batchMax: 1 }],
		["BATCH_MAX", "4096", { batchMax: 4096 }],
		["WAITING_MAX", "1", { waitingMax: 1 }],
		["WAITING_MAX", "100000", { waitingMax: 100_000 }],
		["WAL_MAX_MB", "1", { walBytesMax: 1_000_000 }],
		["WAL_MAX_MB", "65536", { walBytesMax: 65_536_000_000 }],
		...(["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const).map(
			(level): [string, string, Partial<Settings>] => ["LOG_LEVEL", level, { logLevel: level }],
		),
	];
	test.each(taken)("%s=%s", (name, value, expected) => {
		expect(read({ [name]: value })).toEqual({ ...read({}), ...expected });
	});
});

describe("a variable is refused by a message of one line that names it and the value:", () => {
	const databases = ["ledger.db", "/var/ledger.db", "sqlite:", "sqlite://", "sqlite:///", "sqlite:///data/"];
	const foreign = [
		"sqlite://x.db",
		"sqlite://host/x.db",
		"SQLITE:///x.db",
		"sqlite://./",
		"mysql://localhost/x",
	];
	const pathological = [
		"sqlite:///x.db?mode=ro",
		"sqlite:///x.db#a",
		"sqlite:///a%20b.db",
		"sqlite:///a\0.db",
	];
	const numbers = [
		"-1",
		"+1",
		"1.5",
		"1e3",
		"0x10",
		"ten",
		" 1",
		"1 ",
		"1,000",
		"1_000",
		"9".repeat(30),
		"NaN",
	];
	const outside: [string, string[]][] = [
		["API_PORT", ["65536", "99999"]],
		["BATCH_MAX", ["0", "4097"]],
		["WAITING_MAX", ["0", "100001"]],
		["WAL_MAX_MB", ["0", "65537"]],
	];
	const choices: [string, string[]][] = [
		["LOG_LEVEL", ["INFO", "verbose", "info ", "30"]],
		["DURABILITY", ["FSYNC", "none", "off", "full"]],
		["RESET", ["ON", "true", "1", "no"]],
		["REUSE_PORT", ["ON", "true", "1", "no"]],
	];
	const refused = [
		...[...databases, ...foreign, ...pathological].map((value) => ["DATABASE_URL", value] as const),
		...outside.flatMap(([name, values]) => [...values, ...numbers].map((value) => [name, value] as const)),
		...choices.flatMap(([name, values]) => values.map((value) => [name, value] as const)),
	];
	test.each(refused)("%s=%j", (name, value) => {
		const message = refusal({ [name]: value });
		expect(message).toContain(name);
		expect(message).toContain(JSON.stringify(value));
		expect(message).not.toContain("\n");
	});
});

test("a socket's path that the system would cut off is refused, relative ones at their full length", () => {
	expect(refusal({ API_SOCKET: `/${"s".repeat(90)}` })).toContain("API_SOCKET");
	expect(refusal({ API_SOCKET: `/${"é".repeat(45)}` })).toContain("API_SOCKET");
	expect(refusal({ API_SOCKET: join("x".repeat(80), "y".repeat(10)) })).toContain("API_SOCKET");
});

test("a socket and a port at once are refused, naming both", () => {
	const message = refusal({ API_SOCKET: "/run/1.sock", API_PORT: "8080" });
	expect(message).toContain("API_SOCKET");
	expect(message).toContain("API_PORT");
});

test("a refused number or choice is told with what would be taken", () => {
	expect(refusal({ BATCH_MAX: "0" })).toContain("from 1 to 4096");
	expect(refusal({ DURABILITY: "off" })).toContain("fsync, os");
	expect(refusal({ DATABASE_URL: "x" })).toContain("sqlite:///");
});

function refusal(environment: Record<string, string>): string {
	try {
		read(environment);
	} catch (error) {
		expect(error).toBeInstanceOf(SettingsError);
		return (error as Error).message;
	}
	throw new Error("it was taken");
}

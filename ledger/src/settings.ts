/**
 * The environment, read once and checked whole. Every message names the variable and what it takes.
 */
import { isAbsolute, resolve } from "node:path";

export interface Settings {
	/** The absolute path of the file; or the URL as it was given, since the store knows what may stand in it. */
	readonly database:
		| { readonly technology: "sqlite"; readonly path: string }
		| { readonly technology: "postgres"; readonly url: string };
	readonly listen:
		| { readonly host: string; readonly port: number; readonly reusePort: boolean }
		| { readonly socket: string };
	readonly logLevel: LogLevel;
	/** "fsync": acknowledged means on disk. "os": acknowledged survives the process, not a power cut. */
	readonly durability: Durability;
	/** Whether POST /reset exists. */
	readonly reset: boolean;
	/** Whether nobody but a balancer that sets X-Request-Id can reach it: then a repeated request is applied once. */
	readonly behindBalancer: boolean;
	/** An event loop that stands still for so long is ended by the kernel; 0: never. */
	readonly watchdogMs: number;
	/** Undefined: the five accounts of the Rinha, ledger/seed.json. */
	readonly seedPath: string | undefined;
	readonly batchMax: number;
	readonly waitingMax: number;
	readonly walBytesMax: number;
}

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

const durabilities = ["fsync", "os"] as const;
export type Durability = (typeof durabilities)[number];

/** A variable that can't be used; the message is one line for the person who set it. */
export class SettingsError extends Error {
	override readonly name = "SettingsError";
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {SettingsError} */
export function readSettings(environment: Environment): Settings {
	const seedPath = given(environment, "SEED_FILE");
	return {
		database: database(environment.DATABASE_URL),
		listen: listenAddress(environment),
		logLevel: oneOf(environment, "LOG_LEVEL", logLevels, "info"),
		durability: oneOf(environment, "DURABILITY", durabilities, "fsync"),
		reset: oneOf(environment, "RESET", ["on", "off"], "on") === "on",
		behindBalancer: oneOf(environment, "BEHIND_BALANCER", ["on", "off"], "off") === "on",
		watchdogMs: wholeNumber(environment, "WATCHDOG_MS", 0, 600_000, 2500),
		seedPath: seedPath === undefined ? undefined : resolve(seedPath),
		batchMax: wholeNumber(environment, "BATCH_MAX", 1, 4096, 512),
		waitingMax: wholeNumber(environment, "WAITING_MAX", 1, 100_000, 4096),
		walBytesMax: wholeNumber(environment, "WAL_MAX_MB", 1, 65_536, 64) * 1_000_000,
	};
}

/** Whether a DATABASE_URL names a PostgreSQL server and not a file. */
export function isPostgresUrl(url: string | undefined): url is string {
	return url !== undefined && /^postgres(ql)?:\/\//.test(url);
}

function database(url: string | undefined): Settings["database"] {
	if (isPostgresUrl(url)) return { technology: "postgres", url };
	return { technology: "sqlite", path: databasePath(url) };
}

/**
 * The file that a DATABASE_URL names: sqlite:///absolute/path or sqlite://./relative. Unset or empty it is
 * ./data/ledger.db, the one that `npm start` serves.
 * @throws {SettingsError}
 */
export function databasePath(given: string | undefined): string {
	const url = given || "sqlite://./data/ledger.db";
	const scheme = "sqlite://";
	const path = url.slice(scheme.length);
	const relative = path.startsWith("./") || path.startsWith("../");
	if (!url.startsWith(scheme) || !(isAbsolute(path) || relative) || path.endsWith("/")) {
		throw new SettingsError(
			`DATABASE_URL takes sqlite:///absolute/path, sqlite://./relative/path or postgres://…, not ${JSON.stringify(url)}`,
		);
	}
	if (/[?#%\0]/.test(path))
		throw new SettingsError(`DATABASE_URL takes a plain path without ? # or %: ${JSON.stringify(url)}`);
	return resolve(path);
}

function listenAddress(environment: Environment): Settings["listen"] {
	const socket = given(environment, "API_SOCKET");
	const port = given(environment, "API_PORT");
	if (socket === undefined) {
		return {
			host: given(environment, "API_HOST") ?? "127.0.0.1",
			port: wholeNumber(environment, "API_PORT", 0, 65_535, 8080),
			reusePort: oneOf(environment, "REUSE_PORT", ["on", "off"], "off") === "on",
		};
	}
	if (port !== undefined) throw new SettingsError("API_SOCKET and API_PORT exclude each other: set one");
	// sun_path holds 108 bytes on Linux, 104 on macOS; ".12345678" is added while the socket is made.
	if (Buffer.byteLength(resolve(socket)) > 90)
		throw new SettingsError("API_SOCKET takes a path of at most 90 bytes");
	return { socket: resolve(socket) };
}

/** An empty variable is as good as none: compose files pass those on. */
function given(environment: Environment, name: string): string | undefined {
	const value = environment[name];
	return value === "" ? undefined : value;
}

function oneOf<const T extends string>(
	environment: Environment,
	name: string,
	choices: readonly T[],
	preset: T,
): T {
	const value = given(environment, name);
	if (value === undefined) return preset;
	const choice = choices.find((candidate) => candidate === value);
	if (choice === undefined)
		throw new SettingsError(`${name} takes ${choices.join(", ")}, not ${JSON.stringify(value)}`);
	return choice;
}

function wholeNumber(
	environment: Environment,
	name: string,
	min: number,
	max: number,
	preset: number,
): number {
	const value = given(environment, name);
	if (value === undefined) return preset;
	const number = /^[0-9]{1,9}$/.test(value) ? Number(value) : Number.NaN;
	if (!(number >= min && number <= max)) {
		throw new SettingsError(
			`${name} takes a whole number from ${min} to ${max}, not ${JSON.stringify(value)}`,
		);
	}
	return number;
}

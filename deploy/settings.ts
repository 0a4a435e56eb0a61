/**
 * The environment of `npm start`, checked whole before anything is started. Every message names the variable.
 * The ledger processes get the same environment and read the rest of it themselves.
 */
import { accessSync, constants, mkdirSync, mkdtempSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { dirname, join, resolve } from "node:path";
import { type Address, addressText, bindError } from "./address.ts";
import type { Environment } from "./child.ts";

export interface Settings {
	readonly address: Address;
	/** Absolute. */
	readonly dataFolder: string;
	readonly balancer: (typeof balancers)[number];
}

const balancers = ["auto", "nginx", "kernel"] as const;

/** Why nothing can be started; the message is one line for the person who tries. */
export class StartError extends Error {
	override readonly name = "StartError";
}

/** @throws {StartError} */
export function readSettings(environment: Environment, defaultDataFolder: string): Settings {
	const host = environment.HOST || "127.0.0.1";
	if (host !== "localhost" && isIP(host) === 0) {
		throw new StartError(`HOST takes an IP address of this machine, 0.0.0.0 for all, not "${host}"`);
	}
	const port = environment.PORT || "9999";
	if (!/^[1-9][0-9]{0,4}$/.test(port) || Number(port) > 65_535) {
		throw new StartError(`PORT takes a whole number from 1 to 65535, not "${port}"`);
	}
	const balancer = balancers.find((choice) => choice === (environment.BALANCER || "auto"));
	if (balancer === undefined) {
		throw new StartError(`BALANCER takes ${balancers.join(", ")}, not "${environment.BALANCER}"`);
	}
	const dataFolder = resolve(environment.DATA_DIR || defaultDataFolder);
	// The ledger takes its path in a URL, and takes it literally.
	if (/[?#%]/.test(dataFolder))
		throw new StartError(`DATA_DIR takes a path without ? # or %: "${dataFolder}"`);
	return {
		address: { host: host === "localhost" ? "127.0.0.1" : host, port: Number(port) },
		dataFolder,
		balancer,
	};
}

/** @throws {StartError} something else listens there, or nobody may. */
export async function checkAddress(address: Address): Promise<void> {
	const code = await bindError(address);
	if (code === undefined) return;
	if (code === "EADDRINUSE") {
		throw new StartError(
			`PORT=${address.port} is taken on ${address.host}: stop what listens there, or set another`,
		);
	}
	if (code === "EACCES")
		throw new StartError(`PORT=${address.port} is not for this user to listen on (${code})`);
	throw new StartError(
		`HOST=${address.host} PORT=${address.port}: can't listen on ${addressText(address)} (${code})`,
	);
}

/** @throws {StartError} it can't be made or written to. */
export function makeDataFolder(path: string): void {
	try {
		mkdirSync(path, { recursive: true });
		accessSync(path, constants.W_OK | constants.X_OK);
	} catch (error) {
		throw new StartError(`DATA_DIR=${path} can't be written to (${errno(error)})`);
	}
}

/**
 * A folder for this run alone: sockets, nginx's configuration and what nginx insists on.
 * @throws {StartError} it can't be made, or its path can't be used for sockets or in nginx.conf.
 */
export function makeRunFolder(temporaryFolder: string): string {
	const parent = resolve(temporaryFolder);
	// A socket's path is at most 90 bytes for the ledger, and nginx.conf has characters of its own.
	if (!/^[\w./+@,=-]{1,60}$/.test(parent)) {
		throw new StartError(
			`TMPDIR takes at most 60 plain characters for nginx, or set BALANCER=kernel: "${parent}"`,
		);
	}
	const shut = process.getuid?.() === 0 ? shutFolder(parent) : undefined;
	if (shut !== undefined) {
		throw new StartError(
			`TMPDIR=${parent}: nginx's workers don't stay root and can't pass ${shut} (chmod o+x)`,
		);
	}
	try {
		return mkdtempSync(join(parent, "crebito-"));
	} catch (error) {
		throw new StartError(`TMPDIR=${parent} can't be written to (${errno(error)})`);
	}
}

/** The topmost folder on the way to this one that only its owner can pass. */
function shutFolder(path: string): string | undefined {
	const parent = dirname(path);
	const above = parent === path ? undefined : shutFolder(parent);
	const othersPass = 0o001;
	const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? othersPass;
	return above ?? ((mode & othersPass) === 0 ? path : undefined);
}

function errno(error: unknown): string {
	return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

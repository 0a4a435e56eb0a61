/** One API process, whatever variant it runs: how it is started, where it listens, when it is ready. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Child } from "./child.ts";
import type { Variant } from "./variant.ts";

/** The challenge's share of nginx and of each API process. */
export const processorsEach = 0.5;
/** A process that can't start says so and ends; the patience is for one that reads a large file first. */
const readyPatienceMs = 120_000;
const pollMs = 2;

/** The process's own socket, or a port on the loopback interface. */
export type Address = { unix: string } | { port: number };

export interface ApiPlan {
	name: string;
	variant: Variant;
	folder: string;
	address: Address;
	capped: boolean;
}

export function startApi({ name, variant, folder, address, capped }: ApiPlan): Child {
	const listen: Record<string, string> =
		"unix" in address
			? { API_SOCKET: address.unix }
			: { API_HOST: "127.0.0.1", API_PORT: String(address.port) };
	return new Child({
		name,
		// As npm start does: a smaller heap.
		command: [process.execPath, "--smol", variant.main],
		env: { DATABASE_URL: `sqlite://${databaseFile(folder)}`, LOG_LEVEL: "warn", ...variant.env, ...listen },
		logFile: join(folder, `${name}.log`),
		processors: capped ? processorsEach : undefined,
	});
}

export function databaseFile(folder: string): string {
	return join(folder, "ledger.db");
}

/** Resolves some 2 ms after GET /health first answers 200; throws when one of the children has ended. */
export async function ready(address: Address, children: Child[], stop: AbortSignal): Promise<void> {
	const deadline = performance.now() + readyPatienceMs;
	while (!(await healthy(address))) {
		stop.throwIfAborted();
		for (const child of children) child.assertRunning();
		if (performance.now() > deadline) throw new Error(`not ready after ${readyPatienceMs} ms`);
		await Bun.sleep(pollMs);
	}
	for (const child of children) child.assertRunning();
}

async function healthy(address: Address): Promise<boolean> {
	if ("unix" in address && !existsSync(address.unix)) return false;
	const url = "port" in address ? `http://127.0.0.1:${address.port}/health` : "http://ledger/health";
	try {
		const { status } = await fetch(url, "unix" in address ? { unix: address.unix } : {});
		return status === 200;
	} catch {
		return false;
	}
}

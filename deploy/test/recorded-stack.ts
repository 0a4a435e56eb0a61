/** A stack of nginx and two recording stand-ins, and what was sent to them. */
import { existsSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Arrival } from "./recording-ledger.ts";
import { RunningStack, type StackOptions } from "./running-stack.ts";

const ledgerPath = fileURLToPath(import.meta.resolve("./recording-ledger.ts"));

/** An answer that isn't mended: fetch sends a request again by itself when its connection is closed. */
export interface Reply {
	readonly status: number;
	readonly contentType: string | undefined;
	readonly json: unknown;
}

export interface Ask {
	readonly method?: string;
	readonly body?: string;
	readonly headers?: Readonly<Record<string, string>>;
}

export function recordedStack({ environment, ...options }: StackOptions = {}): Promise<RunningStack> {
	return RunningStack.serving({
		...{ ledgerPath, environment: { BALANCER: "nginx", ...environment } },
		...options,
	});
}

/** What the stand-ins were sent, in the order in which they wrote it down. */
export function arrivalsAt(stack: RunningStack): Arrival[] {
	const path = join(stack.folder, "data", "arrivals");
	if (!existsSync(path)) return [];
	return readFileSync(path, "utf8")
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line) as Arrival);
}

/** On a connection of its own, once. */
export function ask(
	to: { port: number } | { socketPath: string },
	path: string,
	what: Ask = {},
): Promise<Reply> {
	const { method = "GET", body, headers = {} } = what;
	return new Promise((resolve, reject) => {
		const place = "port" in to ? { host: "127.0.0.1", port: to.port } : to;
		const asked = request({ ...place, path, method, headers, agent: false }, async (answer) => {
			const text = (await Array.fromAsync(answer as AsyncIterable<Buffer>)).join("");
			const { statusCode: status = 0, headers: answered } = answer;
			const contentType = answered["content-type"];
			const isJson = contentType?.includes("json") ?? false;
			resolve({ status, contentType, json: isJson ? JSON.parse(text) : text });
		});
		asked.on("error", reject);
		asked.end(body);
	});
}

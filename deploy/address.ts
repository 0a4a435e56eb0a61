/**
 * Where requests arrive: an address of the machine, seen from outside. Whether it can be had, who listens
 * there, whether what listens is healthy.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { request } from "node:http";
import { createServer, isIPv6 } from "node:net";

export interface Address {
	/** An IPv4 or IPv6 address, no name. */
	readonly host: string;
	readonly port: number;
}

/** The ledger gives its own check of the disk two seconds. */
const healthWaitMs = 3000;

/** As in a URL, and in nginx's "listen". */
export function addressText({ host, port }: Address): string {
	return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Where a program on this machine reaches the address: that of all interfaces is none to connect to. */
export function localAddress({ host, port }: Address): Address {
	if (host === "0.0.0.0") return { host: "127.0.0.1", port };
	return { host: host === "::" ? "::1" : host, port };
}

/** The errno for which the address can't be listened on by one program alone, undefined if it can. */
export function bindError(address: Address): Promise<string | undefined> {
	const server = createServer();
	return new Promise((resolve) => {
		server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
		server.listen({ ...address, exclusive: true }, () => server.close(() => resolve(undefined)));
	});
}

/** Whether the path is answered with 200. (fetch would ask the proxy that the environment names.) */
export function isHealthy(at: Address | { readonly socketPath: string }, path = "/health"): Promise<boolean> {
	return new Promise((resolve) => {
		const asked = request({ ...at, path, agent: false, timeout: healthWaitMs }, (answer) => {
			answer.resume();
			resolve(answer.statusCode === 200);
		});
		asked.on("timeout", () => asked.destroy());
		asked.on("error", () => resolve(false));
		asked.on("close", () => resolve(false));
		asked.end();
	});
}

/**
 * Whether this very process listens on the port: of several that share one, GET /health reaches any. Linux
 * tells by way of the sockets' inode numbers.
 */
export function isListening(pid: number, port: number): boolean {
	try {
		const inodes = new Set([...listeningInodes(pid, "tcp", port), ...listeningInodes(pid, "tcp6", port)]);
		return readdirSync(`/proc/${pid}/fd`).some((fd) => {
			const inode = /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/fd/${fd}`))?.[1];
			return inode !== undefined && inodes.has(inode);
		});
	} catch {
		// The process ended meanwhile.
		return false;
	}
}

/** Fields of /proc/PID/net/tcp: number, local address:port in hexadecimal, remote, state (0A: LISTEN), … */
function* listeningInodes(pid: number, table: "tcp" | "tcp6", port: number): Generator<string> {
	for (const line of readFileSync(`/proc/${pid}/net/${table}`, "utf8").split("\n")) {
		const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
		const localPort = Number.parseInt(local?.split(":")[1] ?? "", 16);
		if (state === "0A" && localPort === port && inode !== undefined) yield inode;
	}
}

/** A descriptor may be closed between being listed and being read. */
function readLink(path: string): string {
	try {
		return readlinkSync(path);
	} catch {
		return "";
	}
}

/**
 * How one address becomes several ledger processes: nginx in front of Unix sockets, or the kernel, which
 * spreads connections over the processes that share a port. There is no third way of our own.
 */
import { accessSync, chmodSync, constants, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Address, addressText, isHealthy, isListening, localAddress } from "./address.ts";
import type { Environment, Program } from "./child.ts";
import { StartError } from "./settings.ts";

/** What runs: ledger processes, and what stands in front of them, if anything. */
export interface Balancing {
	/** Who balances, in words for the terminal. */
	readonly balancer: string;
	readonly ledgers: readonly Program[];
	readonly front?: Program;
}

/** How to start a ledger process, whatever it listens on. */
export interface LedgerStart {
	readonly command: readonly string[];
	readonly environment: Environment;
	/** Where the process of this name leaves its id while it serves. */
	readonly pidFile: (name: string) => string;
}

/** Longer than the ledger and nginx.conf give themselves for a drain. */
const drainMsMax = 10_000;

/** Where nginx is installed to, though often not in an ordinary user's PATH. */
const systemFolders = ["/usr/sbin", "/usr/local/sbin"];

/** The first executable nginx in PATH or the system's folders. */
export function findNginx(path: string, moreFolders: readonly string[] = systemFolders): string | undefined {
	const folders = [...path.split(delimiter), ...moreFolders].filter((folder) => folder !== "");
	return folders.map((folder) => join(folder, "nginx")).find(isExecutable);
}

/** Two processes on Unix sockets in the run folder, which only they and nginx use, and nginx in front. */
export function nginxBalancing(
	nginxPath: string,
	confTemplate: string,
	runFolder: string,
	address: Address,
	ledger: LedgerStart,
): Balancing {
	const confPath = join(runFolder, "nginx.conf");
	writeFileSync(confPath, renderNginxConf(confTemplate, runFolder, address));
	// nginx's workers don't stay root: they must get through to the sockets.
	if (process.getuid?.() === 0) chmodSync(runFolder, 0o755);
	const front: Program = {
		name: "nginx",
		command: [nginxPath, "-p", `${runFolder}/`, "-e", "stderr", "-c", confPath, "-g", "daemon off;"],
		environment: ledger.environment,
		stopSignal: "SIGQUIT",
		drainMsMax,
		// Somebody else's nginx may answer there: ours holds the port itself, or isn't ready.
		isReady: async (pid) =>
			(process.platform !== "linux" || isListening(pid, address.port)) &&
			(await isHealthy(localAddress(address))),
	};
	const ledgers = ["api-1", "api-2"].map((name): Program => {
		const socketPath = join(runFolder, `${name}.sock`);
		// Nobody but nginx is told where the socket is: what it says of a request can be believed.
		const listen = {
			...{ API_SOCKET: socketPath, API_HOST: "", API_PORT: "", REUSE_PORT: "" },
			BEHIND_BALANCER: "on",
		};
		return ledgerProgram(name, ledger, listen, () => isHealthy({ socketPath }));
	});
	return { balancer: `nginx (${nginxPath}), in front of two processes`, ledgers, front };
}

/** Two processes that share the port where the kernel spreads connections over them, else one. */
export function kernelBalancing(platform: NodeJS.Platform, address: Address, ledger: LedgerStart): Balancing {
	const listen = {
		...{ API_SOCKET: "", API_HOST: address.host, API_PORT: String(address.port) },
		BEHIND_BALANCER: "off",
	};
	const isServing = () => isHealthy(localAddress(address));
	if (platform !== "linux") {
		const balancer = `none, one process: the kernel of ${platform} doesn't balance, nginx would`;
		return {
			balancer,
			ledgers: [ledgerProgram("api-1", ledger, { ...listen, REUSE_PORT: "off" }, isServing)],
		};
	}
	const isReady = async (pid: number) => isListening(pid, address.port) && (await isServing());
	const ledgers = ["api-1", "api-2"].map((name) =>
		ledgerProgram(name, ledger, { ...listen, REUSE_PORT: "on" }, isReady),
	);
	return { balancer: "the kernel (SO_REUSEPORT), connection by connection, over two processes", ledgers };
}

/**
 * nginx.conf for this folder and address instead of those of a container.
 * @throws {StartError} the template doesn't hold what is to be replaced, so the result would serve elsewhere.
 */
function renderNginxConf(template: string, runFolder: string, address: Address): string {
	const folder = "/run/crebito/";
	const replacements = new Map([
		["listen 9999;", `listen ${addressText(address)};`],
		["listen 127.0.0.1:9998;", `listen unix:${runFolder}/nginx-status.sock;`],
	]);
	for (const once of [...replacements.keys(), `pid ${folder}nginx.pid;`]) {
		if (template.split(once).length !== 2)
			throw new StartError(`nginx.conf must hold "${once}" exactly once`);
	}
	let text = template.replaceAll(folder, `${runFolder}/`);
	for (const [from, to] of replacements) text = text.replace(from, () => to);
	for (const socket of ["api-1.sock", "api-2.sock"])
		if (!text.includes(`unix:${runFolder}/${socket} `))
			throw new StartError(`nginx.conf must share out to "unix:${folder}${socket}"`);
	return text;
}

function ledgerProgram(
	name: string,
	{ command, environment, pidFile }: LedgerStart,
	listen: Environment,
	isReady: Program["isReady"],
): Program {
	return {
		name,
		command,
		environment: { ...environment, ...listen },
		stopSignal: "SIGTERM",
		drainMsMax,
		isReady,
		pidFile: pidFile(name),
	};
}

function isExecutable(path: string): boolean {
	try {
		accessSync(path, constants.X_OK);
		return statSync(path).isFile();
	} catch {
		return false;
	}
}

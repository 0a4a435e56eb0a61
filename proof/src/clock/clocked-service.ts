/**
 * Two ledgers and nginx as `npm start` has them, each of the three with a clock of its own that can be set. Nothing
 * restarts them: whoever ends does so by a fault.
 */
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { LedgerPair } from "../ledger-pair.ts";
import { RunningProgram } from "../program.ts";
import { removeTraces, WallClock } from "./wall-clocks.ts";

const templatePath = join(import.meta.dir, "../../../deploy/nginx.conf");
const nginxFolders = "/usr/sbin:/usr/local/sbin";
const startMsMax = 10_000;
/** The names that nginx.conf has for the sockets of a pair. */
const socketNames = ["api-1.sock", "api-2.sock"];

/** 0 and 1 are ledgers, 2 is nginx. */
export type ClockIndex = 0 | 1 | 2;

export interface ClockedServiceOptions {
	readonly folder: string;
	/** Path of libfaketime. */
	readonly library: string;
	/** Of the ledgers, beyond what a pair has. */
	readonly environment?: Readonly<Record<string, string>>;
}

export class ClockedService implements AsyncDisposable {
	readonly databaseFile: string;
	readonly pair: LedgerPair;
	/** nginx's socket, and as a target for clients. */
	readonly socket: string;
	readonly target: string;
	readonly clocks: readonly [WallClock, WallClock, WallClock];
	readonly #folder: string;
	readonly #pids = new Set<number>();
	#nginx: RunningProgram | undefined;

	/** Starts nothing. */
	constructor({ folder, library, environment }: ClockedServiceOptions) {
		this.#folder = folder;
		this.databaseFile = join(folder, "ledger.db");
		this.socket = join(folder, "front.sock");
		this.target = `unix:${this.socket}`;
		const clock = (name: string) => new WallClock(library, folder, name);
		this.clocks = [clock("a"), clock("b"), clock("nginx")];
		this.pair = new LedgerPair({
			...{ folder, databaseFile: this.databaseFile },
			environment: { BEHIND_BALANCER: "on", ...environment },
			wrapper: (index) => wrapped((this.clocks[index] as WallClock).environment),
		});
	}

	/** Resolves when all three serve. @throws when one doesn't. */
	async start(): Promise<void> {
		await this.pair.start();
		this.#remember();
		const confPath = join(this.#folder, "nginx.conf");
		for (const [index, name] of socketNames.entries())
			symlinkSync(basename(this.pair.sockets[index] as string), join(this.#folder, name));
		const clock = this.clocks[2].environment;
		writeFileSync(confPath, nginxConf(readFileSync(templatePath, "utf8"), this.#folder, Object.keys(clock)));
		const command = ["nginx", "-p", `${this.#folder}/`, "-e", "stderr", "-c", confPath, "-g", "daemon off;"];
		const path = `${process.env.PATH ?? ""}:${nginxFolders}`;
		this.#nginx = new RunningProgram([...wrapped(clock), ...command], { PATH: path });
		this.#pids.add(this.#nginx.pid);
		await this.#untilServed(this.#nginx);
	}

	/** kill -9 of one ledger, and another in its place. */
	async restart(index: 0 | 1): Promise<void> {
		await this.pair.processes[index]?.kill();
		await this.pair.startOne(index);
		this.#remember();
	}

	/** All at once, as far as three files can be. */
	setClocks(indexes: readonly ClockIndex[], aheadSeconds: number): void {
		for (const index of indexes) this.clocks[index].set(aheadSeconds);
	}

	/** A sentence for each process that has ended. */
	get endings(): string[] {
		const all = [...this.pair.processes, ...(this.#nginx === undefined ? [] : [this.#nginx])];
		return all.filter(({ hasEnded }) => hasEnded).map(({ output }) => `a process ended: ${lastLine(output)}`);
	}

	/** kill -9 of all, so that its books can be read. */
	async kill(): Promise<void> {
		await Promise.all([this.pair.kill(), this.#nginx?.kill()]);
		for (const pid of this.#pids) removeTraces(pid);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.kill();
	}

	#remember(): void {
		for (const { pid } of this.pair.processes) this.#pids.add(pid);
	}

	async #untilServed(nginx: RunningProgram): Promise<void> {
		for (const deadline = performance.now() + startMsMax; performance.now() < deadline; await Bun.sleep(10)) {
			if (nginx.hasEnded) break;
			const answer = await fetch("http://front/health/1", { unix: this.socket }).catch(() => undefined);
			if (answer?.ok) return;
		}
		throw new Error(`nginx does not serve:\n${nginx.output.slice(-500)}`);
	}
}

function wrapped(environment: Readonly<Record<string, string>>): string[] {
	return ["env", ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)];
}

/**
 * nginx.conf for this folder, whose workers keep these variables.
 * @throws when it doesn't hold what is to be replaced.
 */
function nginxConf(template: string, folder: string, variables: readonly string[]): string {
	const replacements = new Map([
		["listen 9999;", `listen unix:${folder}/front.sock;`],
		["listen 127.0.0.1:9998;", `listen unix:${folder}/status.sock;`],
	]);
	let text = template.replaceAll("/run/crebito/", `${folder}/`);
	for (const [from, to] of replacements) {
		if (text.split(from).length !== 2) throw new Error(`nginx.conf must hold "${from}" exactly once`);
		text = text.replace(from, () => to);
	}
	return variables.map((name) => `env ${name};\n`).join("") + text;
}

function lastLine(output: string): string {
	return output.trimEnd().split("\n").at(-1) ?? "";
}

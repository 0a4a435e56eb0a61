/**
 * `npm run restart`: other ledger processes in the place of those that run, one after the other, so that one of them
 * always serves. Of `npm start`'s stack, which does it by itself when it is sent SIGUSR2; with --containers of the
 * compose stack, by its engine.
 *
 * A pid file may be left over, and its number another program's by now, which SIGUSR2 would end. So the stack is
 * believed to be one only if a ledger process that the same folder names is its child.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isHealthy, localAddress } from "./address.ts";
import type { Environment } from "./child.ts";
import { readSettings, type Settings, StartError } from "./settings.ts";

/** Why it wasn't done; the message is one line for the person who asked. */
class RestartError extends Error {}

interface Ledger {
	readonly name: string;
	readonly pid: number;
}

const pollMs = 50;
/** A stack that is asked while one of its processes is dead has it back by then. */
const ledgerWaitMs = 3000;
const restartMsMax = 30_000;
/** Longer than the ledger's own drain. */
const drainSeconds = 15;

const help = `npm run restart [-- --containers]

Restarts the ledger processes of the stack that \`npm start\` runs on DATA_DIR, one after the other; with --containers
the services api01 and api02 of compose.yaml, which serve on PORT (CONTAINER_ENGINE, docker or podman).

Ends with 0 when the last one serves, with 1 when it wasn't done, with 2 when it can't be asked like this.
`;

async function restartStack({ dataFolder }: Settings): Promise<string> {
	const stackPid = readPid(join(dataFolder, "stack.pid"));
	if (stackPid === undefined)
		throw new RestartError(
			`no stack runs on DATA_DIR=${dataFolder}: npm start would leave a stack.pid there`,
		);
	const before = new Map((await findLedgers(dataFolder, stackPid)).map(({ name, pid }) => [name, pid]));
	const startedAt = performance.now();
	signal(stackPid);
	let after: Ledger[] = [];
	const isDone = () => {
		if (parentOf(stackPid) === undefined)
			throw new RestartError(`the stack (process ${stackPid}) ended meanwhile`);
		after = ledgersOf(dataFolder, stackPid);
		return [...before].every(([name, pid]) => after.some((now) => now.name === name && now.pid !== pid));
	};
	if (!(await until(isDone, restartMsMax)))
		throw new RestartError(`not done within ${restartMsMax / 1000} s: ${laggards(before, after)}`);
	const names = after.map(({ name, pid }) => `${name} is process ${pid}`).join(", ");
	return `restarted within ${seconds(startedAt)} s: ${names}`;
}

/** @throws {RestartError} none of the folder's ledger processes is this one's child. */
async function findLedgers(dataFolder: string, stackPid: number): Promise<Ledger[]> {
	await until(
		() => parentOf(stackPid) === undefined || ledgersOf(dataFolder, stackPid).length > 0,
		ledgerWaitMs,
	);
	const ledgers = ledgersOf(dataFolder, stackPid);
	if (ledgers.length > 0) return ledgers;
	const path = join(dataFolder, "stack.pid");
	throw new RestartError(
		parentOf(stackPid) === undefined
			? `no stack runs on DATA_DIR=${dataFolder}: process ${stackPid}, which ${path} names, is gone`
			: `process ${stackPid}, which ${path} names, has no ledger process that serves: is it the stack?`,
	);
}

function ledgersOf(dataFolder: string, stackPid: number): Ledger[] {
	return ["api-1", "api-2"].flatMap((name) => {
		const pid = readPid(join(dataFolder, `${name}.pid`));
		return pid !== undefined && parentOf(pid) === stackPid ? { name, pid } : [];
	});
}

function laggards(before: ReadonlyMap<string, number>, after: readonly Ledger[]): string {
	return [...before]
		.map(([name, pid]) => {
			const found = after.find((ledger) => ledger.name === name);
			if (found === undefined) return `${name} doesn't serve`;
			return found.pid === pid ? `${name} is still process ${pid}` : `${name} was restarted`;
		})
		.join(", ");
}

function signal(pid: number): void {
	try {
		process.kill(pid, "SIGUSR2");
	} catch (error) {
		throw new RestartError(
			`process ${pid} can't be signalled (${(error as NodeJS.ErrnoException).code ?? error})`,
		);
	}
}

function readPid(path: string): number | undefined {
	try {
		const digits = /^([1-9][0-9]{0,9})\n$/.exec(readFileSync(path, "utf8"))?.[1];
		return digits === undefined || digits === "1" ? undefined : Number(digits);
	} catch {
		return undefined;
	}
}

/** Undefined when there is no such process. */
function parentOf(pid: number): number | undefined {
	if (process.platform !== "linux") {
		const { stdout } = Bun.spawnSync(["ps", "-o", "ppid=", "-p", String(pid)]);
		return Number.parseInt(stdout.toString(), 10) || undefined;
	}
	try {
		const status = readFileSync(`/proc/${pid}/status`, "utf8");
		if (/^State:\s+[ZX]/m.test(status)) return undefined;
		return Number(/^PPid:\s+([0-9]+)$/m.exec(status)?.[1]);
	} catch {
		return undefined;
	}
}

async function restartContainers({ address }: Settings, environment: Environment): Promise<string> {
	const engine = findEngine(environment);
	const startedAt = performance.now();
	const isServing = (number: number) => isHealthy(localAddress(address), `/health/${number}`);
	for (const [service, number, otherService, otherNumber] of [
		["api01", 1, "api02", 2],
		["api02", 2, "api01", 1],
	] as const) {
		if (!(await isServing(otherNumber)))
			throw new RestartError(
				`${otherService} is not healthy, and without ${service} nobody would serve: npm run health says more`,
			);
		say(`restarting ${service}`);
		await compose(engine, service);
		if (!(await until(() => isServing(number), restartMsMax)))
			throw new RestartError(
				`${service} was restarted, and is not healthy within ${restartMsMax / 1000} s: npm run health says more`,
			);
	}
	return `restarted within ${seconds(startedAt)} s: api01, api02`;
}

function findEngine({ CONTAINER_ENGINE, PATH = "" }: Environment): string {
	const engine = CONTAINER_ENGINE || ["docker", "podman"].find((name) => Bun.which(name, { PATH }));
	if (engine === undefined)
		throw new RestartError(
			"no container engine: neither docker nor podman is in PATH, and CONTAINER_ENGINE is not set",
		);
	if (!Bun.which(engine, { PATH }))
		throw new RestartError(`CONTAINER_ENGINE takes a program, and ${engine} is none`);
	return engine;
}

async function compose(engine: string, service: string): Promise<void> {
	const command = [engine, "compose", "restart", "-t", String(drainSeconds), service];
	const asked = Bun.spawn(command, {
		cwd: join(import.meta.dir, ".."),
		stdio: ["ignore", "ignore", "pipe"],
	});
	const [words, code] = await Promise.all([asked.stderr.text(), asked.exited]);
	if (code === 0) return;
	const lastWords = words.trim().split("\n").at(-1) || `exit code ${code}`;
	throw new RestartError(`${command.join(" ")} failed: ${lastWords}`);
}

async function until(isTrue: () => boolean | Promise<boolean>, msMax: number): Promise<boolean> {
	for (const startedAt = performance.now(); performance.now() - startedAt < msMax; await Bun.sleep(pollMs)) {
		if (await isTrue()) return true;
	}
	return false;
}

function seconds(sinceMs: number): string {
	return ((performance.now() - sinceMs) / 1000).toFixed(1);
}

function say(line: string): void {
	process.stderr.write(`crebito: ${line}\n`);
}

async function main(args: readonly string[], environment: Environment): Promise<number> {
	if (args.includes("--help")) {
		process.stdout.write(help);
		return 0;
	}
	const unknown = args.find((arg) => arg !== "--containers");
	if (unknown !== undefined) {
		say(`restart takes --containers or nothing, not ${unknown}`);
		return 2;
	}
	try {
		const settings = readSettings(environment, join(import.meta.dir, "../data"));
		const isContained = args.includes("--containers");
		say(await (isContained ? restartContainers(settings, environment) : restartStack(settings)));
		return 0;
	} catch (error) {
		if (!(error instanceof RestartError || error instanceof StartError)) throw error;
		say(error.message);
		return 1;
	}
}

process.exitCode = await main(process.argv.slice(2), process.env);

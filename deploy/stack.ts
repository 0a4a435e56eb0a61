/**
 * `npm start`: two ledger processes on one address, and what balances between them.
 *
 * Starts them, says where they serve once they do, restarts what dies, and on Ctrl-C, SIGTERM or SIGHUP
 * stops them in the order that loses no answer: first nginx, which takes no more requests and waits for
 * the answers to those it has, then the ledger processes, which have nothing left to answer by then. On SIGUSR2 it
 * restarts the ledger processes one after the other (`npm run restart`).
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isPostgresUrl } from "../ledger/src/settings.ts";
import { addressText, localAddress } from "./address.ts";
import { type Balancing, findNginx, kernelBalancing, nginxBalancing } from "./balancer.ts";
import { Child, type Environment, type Program } from "./child.ts";
import {
	checkAddress,
	makeDataFolder,
	makeRunFolder,
	readSettings,
	type Settings,
	StartError,
} from "./settings.ts";

/** The files that the stack is made of; tests put others in their place. */
export interface Parts {
	readonly ledgerPath: string;
	readonly confPath: string;
}

const ownParts: Parts = {
	ledgerPath: join(import.meta.dir, "../ledger/src/main.ts"),
	confPath: join(import.meta.dir, "nginx.conf"),
};

/** npm passes on a Ctrl-C that the terminal has sent already: a second one this soon is the same one. */
const sameCtrlCMs = 500;
const parentPollMs = 250;

/**
 * Runs until it is told to stop, and returns the exit code. Nothing that it started is running then; its
 * folder for sockets is removed as this process exits.
 */
export async function runStack(environment: Environment, parts: Parts = ownParts): Promise<number> {
	// A terminal that was closed takes no more lines, which is no reason to stop halfway through stopping.
	for (const output of [process.stdout, process.stderr]) output.on("error", () => undefined);
	const stopAsked = Promise.race([untilSignal(), untilDeserted(environment)]);
	const stack = new Stack();
	// However this process ends, if it gets to do anything: what it has started goes with it.
	process.on("exit", () => stack.kill());
	process.on("SIGUSR2", () => void stack.restartInTurn());
	try {
		const settings = readSettings(environment, join(import.meta.dir, "../data"));
		await checkAddress(settings.address);
		makeDataFolder(settings.dataFolder);
		const balancing = plan(settings, environment, parts);
		if (environment.DATABASE_URL && !isPostgresUrl(environment.DATABASE_URL))
			say("DATABASE_URL is not used here unless it is postgres://…: the ledger is a file in DATA_DIR");
		say(`starting, balanced by ${balancing.balancer}`);
		writePidFile(settings.dataFolder);
		const outcome = await Promise.race([stack.start(balancing), stopAsked]);
		if (outcome === "serving") process.stdout.write(welcome(settings, balancing, environment));
		await stopAsked;
		say("stopping once the requests in flight have their answers (Ctrl-C again: at once)");
		await stack.stop();
		say("stopped");
		return 0;
	} catch (error) {
		say(error instanceof StartError ? error.message : Bun.inspect(error));
		await stack.stop();
		return 1;
	}
}

/** The processes of one run: the ledger's, and nginx if there is one. */
class Stack {
	readonly #ledgers: Child[] = [];
	readonly #fronts: Child[] = [];
	#isServing = false;
	#isStopping = false;
	#isRestarting = false;

	/**
	 * Resolves when all of them serve; from then on, what dies is started again.
	 * @throws {StartError} one of them ended before that.
	 */
	async start({ ledgers, front }: Balancing): Promise<"serving"> {
		await this.#startAll(ledgers, this.#ledgers);
		// Before the processes that it would ask, nginx could only answer 502.
		if (front !== undefined && !this.#isStopping) await this.#startAll([front], this.#fronts);
		for (const child of this.#all) child.supervise();
		this.#isServing = true;
		return "serving";
	}

	/** The ledger processes, one after the other, so that one of them always serves. */
	async restartInTurn(): Promise<void> {
		if (this.#isStopping) return say("asked to restart, but it is about to stop");
		if (!this.#isServing) return say("asked to restart, but it doesn't serve yet");
		if (this.#isRestarting) return say("asked to restart while at it: not again");
		this.#isRestarting = true;
		say("restarting the ledger processes, one after the other");
		const startedAt = performance.now();
		for (const ledger of this.#ledgers) if (!this.#isStopping) await ledger.restart();
		this.#isRestarting = false;
		if (!this.#isStopping)
			say(`restarted in turn, within ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
	}

	/** In the order that loses no answer. Resolves when all are gone. */
	async stop(): Promise<void> {
		this.#isStopping = true;
		await Promise.all(this.#fronts.map((child) => child.stop()));
		await Promise.all(this.#ledgers.map((child) => child.stop()));
	}

	/** At once, whatever is in flight. */
	kill(): void {
		for (const child of this.#all) child.kill();
	}

	get #all(): Child[] {
		return [...this.#fronts, ...this.#ledgers];
	}

	async #startAll(programs: readonly Program[], children: Child[]): Promise<void> {
		children.push(...programs.map((program) => new Child(program, say)));
		for (const child of children) child.start();
		const allReady = Promise.all(children.map((child) => child.ready)).then(() => undefined);
		const loss = await Promise.race([allReady, ...this.#all.map((child) => child.lost)]);
		if (loss !== undefined) throw new StartError(loss);
	}
}

/** What is to run, by the balancer that was asked for or that there is. */
function plan(
	{ address, dataFolder, balancer }: Settings,
	environment: Environment,
	parts: Parts,
): Balancing {
	const ledger = {
		// A ledger process can't be left over: it ends with the stack, even if that is killed. --smol: 5 MB less heap.
		command: [process.execPath, "--no-orphans", "--smol", parts.ledgerPath],
		environment: {
			...environment,
			DATABASE_URL: isPostgresUrl(environment.DATABASE_URL)
				? environment.DATABASE_URL
				: `sqlite://${join(dataFolder, "ledger.db")}`,
			LOG_LEVEL: environment.LOG_LEVEL || "info",
		},
	};
	const pidFile = (name: string) => join(dataFolder, `${name}.pid`);
	const nginxPath = balancer === "kernel" ? undefined : findNginx(environment.PATH ?? "");
	if (nginxPath === undefined) {
		if (balancer === "nginx")
			throw new StartError("BALANCER=nginx, but PATH, /usr/sbin and /usr/local/sbin have none");
		return kernelBalancing(process.platform, address, { ...ledger, pidFile });
	}
	const runFolder = makeRunFolder(tmpdir());
	process.on("exit", () => rmSync(runFolder, { recursive: true, force: true }));
	const template = readFileSync(parts.confPath, "utf8");
	const balancing = nginxBalancing(nginxPath, template, runFolder, address, { ...ledger, pidFile });
	const { front } = balancing;
	if (front === undefined) return balancing;
	const command = [...leash(environment), ...front.command];
	return { ...balancing, front: { ...front, command, leftovers: [join(runFolder, "nginx-status.sock")] } };
}

/**
 * What makes a program end with this process, even if that is killed, as --no-orphans does for Bun's: an nginx that
 * is left over would keep the port. Nothing where the system has no such thing.
 */
function leash({ PATH = "" }: Environment): string[] {
	const setpriv = process.platform === "linux" ? Bun.which("setpriv", { PATH }) : null;
	if (setpriv === null) return [];
	const command = [setpriv, "--pdeathsig", "TERM"];
	// BusyBox has a setpriv without it.
	return Bun.spawnSync([...command, setpriv, "--version"]).exitCode === 0 ? command : [];
}

/** For `npm run restart`. */
function writePidFile(dataFolder: string): void {
	const path = join(dataFolder, "stack.pid");
	writeFileSync(path, `${process.pid}\n`);
	process.on("exit", () => rmSync(path, { force: true }));
}

/** What somebody needs who sees this for the first time. */
function welcome(
	{ address, dataFolder }: Settings,
	{ balancer }: Balancing,
	environment: Environment,
): string {
	const url = `http://${addressText(localAddress(address))}`;
	const durability =
		environment.DURABILITY === "os"
			? "DURABILITY=os: an answer survives kill -9, not a power cut"
			: "an answer waits for the disk (DURABILITY=os: it doesn't)";
	const body = `'{"valor":1000,"tipo":"c","descricao":"deposito"}'`;
	return `
crebito serves at ${url}

  balancer    ${balancer}
  data        ${isPostgresUrl(environment.DATABASE_URL) ? "PostgreSQL (DATABASE_URL)" : `${join(dataFolder, "ledger.db")} (DATA_DIR)`}
  durability  ${durability}
  stop        Ctrl-C

Credit account 1 with 10.00, then ask for its statement:

  curl -H 'Content-Type: application/json' -d ${body} ${url}/clientes/1/transacoes
  curl ${url}/clientes/1/extrato

`;
}

/** Resolves at the first signal to stop. At another one, everything ends at once. */
function untilSignal(): Promise<"stop"> {
	return new Promise((resolve) => {
		let firstAt: number | undefined;
		const onSignal = () => {
			firstAt ??= performance.now();
			resolve("stop");
			if (performance.now() - firstAt > sameCtrlCMs) process.exit(130);
		};
		for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, onSignal);
	});
}

/**
 * Resolves when npm, or its shell, is gone. A SIGTERM to npm reaches only the shell, which dies of it without
 * a word to what it runs, and nobody would be left to stop this process. Started otherwise, it may outlive
 * whoever started it.
 */
function untilDeserted({ npm_lifecycle_event: npmScript }: Environment): Promise<"stop"> {
	const parentPid = process.ppid;
	return new Promise((resolve) => {
		if (npmScript === undefined) return;
		setInterval(() => {
			if (process.ppid !== parentPid) resolve("stop");
		}, parentPollMs).unref();
	});
}

function say(line: string): void {
	process.stderr.write(`crebito: ${line}\n`);
}

if (import.meta.main) process.exit(await runStack(process.env));

/**
 * A stack as `npm start` runs it, in a process and a folder of its own, with nginx writing down each request that it
 * sent to a process more than once.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { readBooks } from "./books.ts";
import type { Books, SystemPlan, SystemUnderTest } from "./system-under-test.ts";

const repository = join(import.meta.dir, "../..");
const ledgerPath = join(repository, "ledger/src/main.ts");
const startMsMax = 20_000;
const turnMsMax = 60_000;
const stopMsMax = 20_000;
const linesMax = 40;

export class StackUnderTest implements SystemUnderTest {
	readonly url: string;
	readonly databaseFile: string;
	readonly victims: readonly string[];
	readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
	readonly #repeatsFile: string;
	/** The newest ones that it said. */
	readonly #lines: string[] = [];
	#isServing = false;
	#turns = 0;

	private constructor({ folder, hasWatchdog, hasIdentity }: SystemPlan, port: number) {
		const dataFolder = join(folder, "data");
		this.url = `http://127.0.0.1:${port}`;
		this.databaseFile = join(dataFolder, "ledger.db");
		this.victims = ["api-1", "api-2"].map((name) => join(dataFolder, `${name}.pid`));
		this.#repeatsFile = join(folder, "repeats.log");
		const program = writeProgram(folder, this.#repeatsFile, hasIdentity);
		this.#process = Bun.spawn([process.execPath, "--no-orphans", program], {
			env: {
				...process.env,
				...{ HOST: "127.0.0.1", PORT: String(port), DATA_DIR: dataFolder, BALANCER: "nginx" },
				...{ DURABILITY: "fsync", LOG_LEVEL: "warn", WATCHDOG_MS: hasWatchdog ? "" : "0" },
				...{ npm_lifecycle_event: undefined, DATABASE_URL: undefined },
			},
			stdio: ["ignore", "pipe", "pipe"],
			detached: true,
		});
		for (const stream of [this.#process.stdout, this.#process.stderr]) void this.#listen(stream);
	}

	/** Serving, or it throws. */
	static async start(plan: SystemPlan): Promise<StackUnderTest> {
		const stack = new StackUnderTest(plan, freePort());
		try {
			await stack.#until(() => stack.#isServing, startMsMax, "serve");
			return stack;
		} catch (error) {
			await stack.stop();
			throw error;
		}
	}

	async restartInTurn(): Promise<number> {
		const startedAt = performance.now();
		const turn = this.#turns + 1;
		this.#process.kill("SIGUSR2");
		await this.#until(() => this.#turns >= turn, turnMsMax, "restart its processes in turn");
		return performance.now() - startedAt;
	}

	async killBoth(msMax: number): Promise<number | null> {
		const killed = this.#pids();
		const startedAt = performance.now();
		for (const pid of killed) if (pid !== undefined) process.kill(pid, "SIGKILL");
		for (; performance.now() - startedAt < msMax; await Bun.sleep(10)) {
			const found = this.#pids();
			if (found.every((pid) => pid !== undefined && !killed.includes(pid)))
				return performance.now() - startedAt;
		}
		return null;
	}

	repeatedPosts(): number {
		return countRepeatedPosts(readFileSync(this.#repeatsFile, "utf8"));
	}

	async stop(): Promise<void> {
		this.#process.kill("SIGTERM");
		const overdue = setTimeout(() => this.kill(), stopMsMax);
		await this.#process.exited;
		clearTimeout(overdue);
	}

	kill(): void {
		this.#process.kill("SIGKILL");
	}

	books(): Books {
		return readBooks(this.databaseFile);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.stop();
	}

	#pids(): (number | undefined)[] {
		return this.victims.map((path) => {
			try {
				return Number(readFileSync(path, "utf8"));
			} catch {
				return undefined;
			}
		});
	}

	async #listen(stream: ReadableStream<Uint8Array>): Promise<void> {
		const decoder = new TextDecoder();
		let rest = "";
		for await (const chunk of stream) {
			const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
			rest = lines.pop() ?? "";
			for (const line of lines) {
				if (line.startsWith("crebito serves at ")) this.#isServing = true;
				if (line.startsWith("crebito: restarted in turn")) this.#turns += 1;
				if (line !== "") this.#lines.push(line);
			}
			this.#lines.splice(0, this.#lines.length - linesMax);
		}
	}

	async #until(isTrue: () => boolean, msMax: number, what: string): Promise<void> {
		for (const startedAt = performance.now(); !isTrue(); await Bun.sleep(5)) {
			const hasEnded = this.#process.exitCode !== null || this.#process.signalCode !== null;
			if (!hasEnded && performance.now() - startedAt < msMax) continue;
			const reason = hasEnded ? "it has ended" : `not within ${msMax / 1000} s`;
			throw new Error(`the stack did not ${what}: ${reason}\n${this.#lines.join("\n")}`);
		}
	}
}

/** The stack with its parts replaced, as a program. */
function writeProgram(folder: string, repeatsFile: string, hasIdentity: boolean): string {
	const [confPath, forgetfulPath, path] = ["nginx.conf", "forgetful.ts", "stack.ts"].map((name) =>
		join(folder, name),
	) as [string, string, string];
	const template = readFileSync(join(repository, "deploy/nginx.conf"), "utf8");
	writeFileSync(confPath, withRepeats(template, repeatsFile));
	writeFileSync(
		forgetfulPath,
		`process.env.BEHIND_BALANCER = "off";\nawait import(${JSON.stringify(ledgerPath)});\n`,
	);
	const parts = { ledgerPath: hasIdentity ? ledgerPath : forgetfulPath, confPath };
	writeFileSync(
		path,
		`import { runStack } from ${JSON.stringify(join(repository, "deploy/stack.ts"))};\n` +
			`process.exit(await runStack(process.env, ${JSON.stringify(parts)}));\n`,
	);
	return path;
}

/**
 * nginx.conf with a line in the file for each request that has more than one address behind it.
 * @throws when it doesn't hold what is to be replaced.
 */
export function withRepeats(conf: string, file: string): string {
	const off = "access_log off;";
	if (conf.split(off).length !== 2) throw new Error(`nginx.conf must hold "${off}" exactly once`);
	const log = [
		'map $upstream_addr $has_tries { default 0; "~[,:] " 1; }',
		"log_format tries '[$upstream_bytes_sent] [$upstream_addr] $status $request_time $request';",
		`access_log ${file} tries if=$has_tries;`,
	];
	return conf.replace(off, () => log.join("\n\t"));
}

/**
 * POSTs of which more than one process was sent something; where a connection failed, nothing was sent. The bytes of
 * the tries stand between brackets, after a comma or, where an error page led to the next one, a colon. (The request
 * as it came: $request_method is GET once an error page has answered.)
 */
export function countRepeatedPosts(log: string): number {
	return log.split("\n").filter((line) => {
		const [, tries = ""] = /^\[([^\]]*)\] \[[^\]]*\] [0-9]+ [0-9.]+ POST /.exec(line) ?? [];
		return tries.split(/[,:]/).filter((bytes) => Number(bytes) > 0).length > 1;
	}).length;
}

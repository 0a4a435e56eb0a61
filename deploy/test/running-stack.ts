/**
 * A stack as `npm start` runs it, in a process of its own, on a free port and in a folder of its own, and
 * with a stand-in for the ledger: what is tried here is who starts, shares out and stops, not what is posted.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findNginx } from "../balancer.ts";
import { freePort } from "../free-port.ts";

/** Without nginx its tests are skipped, and seen to be; where all parts must be there, they fail instead. */
export const isNginxMissing =
	findNginx(process.env.PATH ?? "") === undefined && process.env.CI_ALL_PARTS !== "1";

/** Answers with its process id, slowly where asked to, dies where asked to, and drains like the ledger. */
const standIn = `
import { appendFileSync, chmodSync, renameSync } from "node:fs";
const { API_SOCKET, API_HOST, API_PORT, REUSE_PORT, ARRIVALS, FAILS_WITH } = process.env;
if (FAILS_WITH) {
	process.stderr.write(FAILS_WITH + "\\n");
	process.exit(1);
}
async function fetch(request) {
	const path = new URL(request.url).pathname;
	if (path === "/health") return new Response("ok");
	appendFileSync(ARRIVALS, request.method + " " + path + "\\n");
	if (path === "/slow") await Bun.sleep(1200);
	if (path === "/die") process.exit(9);
	return Response.json({ pid: process.pid, requestId: request.headers.get("x-request-id") });
}
const server = API_SOCKET
	? Bun.serve({ unix: API_SOCKET + ".fresh", fetch })
	: Bun.serve({ hostname: API_HOST, port: API_PORT, reusePort: REUSE_PORT === "on", fetch });
if (API_SOCKET) {
	chmodSync(API_SOCKET + ".fresh", 0o666);
	renameSync(API_SOCKET + ".fresh", API_SOCKET);
}
process.on("SIGTERM", async () => {
	await server.stop();
	process.exit(0);
});
`;

export interface StackOptions {
	readonly environment?: Readonly<Record<string, string>>;
	/** Of the real ledger, for one. */
	readonly ledgerPath?: string;
	readonly confPath?: string;
	/** A shell command that runs the stack as "$@". */
	readonly shell?: string;
}

export class RunningStack implements AsyncDisposable {
	readonly folder: string;
	readonly port: number;
	readonly process: Bun.Subprocess<"ignore", "pipe", "pipe">;
	output = "";
	errors = "";
	readonly #reading: Promise<unknown>;

	private constructor(folder: string, port: number, options: StackOptions) {
		this.folder = folder;
		this.port = port;
		// nginx's workers, which don't stay root, must get to the sockets.
		chmodSync(folder, 0o755);
		mkdirSync(join(folder, "tmp"));
		writeFileSync(join(folder, "arrivals"), "");
		const ledgerPath = join(folder, "stand-in.ts");
		writeFileSync(ledgerPath, standIn);
		const confPath = join(import.meta.dir, "../nginx.conf");
		const parts = JSON.stringify({ ledgerPath, confPath, ...options });
		const runPath = join(folder, "run.ts");
		writeFileSync(
			runPath,
			`import { runStack } from ${JSON.stringify(join(import.meta.dir, "../stack.ts"))};
			process.exit(await runStack(process.env, ${parts}));`,
		);
		const command = [process.execPath, runPath];
		this.process = Bun.spawn(options.shell ? ["sh", "-c", options.shell, "sh", ...command] : command, {
			stdio: ["ignore", "pipe", "pipe"],
			cwd: folder,
			env: {
				PATH: process.env.PATH ?? "",
				TMPDIR: join(folder, "tmp"),
				PORT: String(port),
				DATA_DIR: join(folder, "data"),
				ARRIVALS: join(folder, "arrivals"),
				...options.environment,
			},
		});
		this.#reading = Promise.all([
			read(this.process.stdout, (text) => {
				this.output += text;
			}),
			read(this.process.stderr, (text) => {
				this.errors += text;
			}),
		]);
	}

	static async start(options: StackOptions = {}): Promise<RunningStack> {
		return new RunningStack(mkdtempSync(join(tmpdir(), "stack-")), freePort(), options);
	}

	/** Started and serving. */
	static async serving(options: StackOptions = {}): Promise<RunningStack> {
		const stack = await RunningStack.start(options);
		try {
			await until(() => stack.output.includes("/extrato\n") || stack.process.exitCode !== null);
			if (stack.process.exitCode === null) return stack;
		} catch {
			// Said below.
		}
		await stack[Symbol.asyncDispose]();
		throw new Error(`the stack did not start:\n${stack.errors}`);
	}

	get url(): string {
		return `http://127.0.0.1:${this.port}`;
	}

	/** The exit code and all that was written, once the stack has ended. */
	async ended(): Promise<{ code: number; errors: string }> {
		const code = await this.process.exited;
		await Promise.race([this.#reading, Bun.sleep(1000)]);
		return { code, errors: this.errors };
	}

	/** On a connection of its own, so that the kernel chooses anew. */
	fetch(path = "/", init: RequestInit = {}): Promise<Response> {
		return fetch(`${this.url}${path}`, { ...init, keepalive: false, headers: { connection: "close" } });
	}

	/** The stand-ins that answer, by process id. */
	async pids(): Promise<Set<number>> {
		const pids = new Set<number>();
		for (let tries = 0; tries < 40 && pids.size < 2; tries += 1) {
			pids.add(((await (await this.fetch()).json()) as { pid: number }).pid);
		}
		return pids;
	}

	/** Of the ledger processes that serve, as the stack tells it. */
	pidFiles(): (number | undefined)[] {
		return ["api-1", "api-2"].map((name) => {
			try {
				return Number(readFileSync(join(this.folder, "data", `${name}.pid`), "utf8"));
			} catch {
				return undefined;
			}
		});
	}

	get nginxPid(): number {
		const [runFolder] = this.leftovers();
		return Number(readFileSync(join(this.folder, "tmp", runFolder ?? "", "nginx.pid"), "utf8"));
	}

	/** What there is in the folder for temporary files. */
	leftovers(): string[] {
		return readdirSync(join(this.folder, "tmp"));
	}

	arrivals(): string[] {
		return readFileSync(join(this.folder, "arrivals"), "utf8").trim().split("\n");
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.process.kill("SIGTERM");
		await this.process.exited;
		rmSync(this.folder, { recursive: true, force: true });
	}
}

/** @throws when it hasn't become true in ten seconds, saying what it was. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
	for (const start = performance.now(); performance.now() - start < 10_000; await Bun.sleep(10)) {
		if (await isTrue()) return;
	}
	throw new Error(`not so within 10 s: ${isTrue}`);
}

/** Dead counts as gone even while nobody has reaped it. */
export function isGone(pid: number): boolean {
	const { stdout } = Bun.spawnSync(["ps", "-o", "stat=", "-p", String(pid)]);
	const state = stdout.toString().trim();
	return state === "" || state.startsWith("Z");
}

async function read(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
	const decoder = new TextDecoder();
	for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }));
}

/**
 * Two ledger processes on one file under one strace, which sees all that they do to their files and on their sockets,
 * in one order. A shell starts each again when it ends, as the supervisor does.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ProofError } from "../place.ts";
import { descendants, signalTo } from "../processes.ts";
import { RunningProgram } from "../program.ts";
import type { Random } from "../random.ts";
import type { StartFiles } from "./disk-history.ts";

const mainPath = join(import.meta.dir, "../../../ledger/src/main.ts");
const startMsMax = 60_000;
const endMsMax = 60_000;
const outputMax = 500;
const waitMs = 5;
/** A thread that stands in a system call looks like one that stands still, but not for long. */
const stopMs = 20;

/** All that changes a file or makes it durable, and the sockets; "?" lets a machine do without. */
const calls = [
	...[
		"openat",
		"?open",
		"?creat",
		"pwrite64",
		"pwritev",
		"pwritev2",
		"write",
		"writev",
		"ftruncate",
		"?truncate",
	],
	...["fallocate", "fsync", "fdatasync", "sync_file_range", "?unlink", "unlinkat", "?rename", "?renameat"],
	...["renameat2", "copy_file_range", "?sendfile", "sendto", "sendmsg", "recvfrom", "recvmsg"],
];
/** Longer than anything that is written or sent at once. */
const stringBytesMax = 1_000_000;

const script = `serve() { while [ ! -e "$END" ]; do API_SOCKET="$1" "$BUN" --smol "$MAIN"; done; }
serve "$SOCKET_A" & serve "$SOCKET_B" & wait`;

export class RecordedPair implements AsyncDisposable {
	readonly databaseFile: string;
	readonly traceFile: string;
	/** For clients. */
	readonly targets: readonly [string, string];
	readonly #sockets: readonly [string, string];
	readonly #endFile: string;
	readonly #program: RunningProgram;

	private constructor(folder: string, files: StartFiles) {
		// Nothing else is in the folder: its names and its sync are the database's.
		this.databaseFile = join(folder, "data/ledger.db");
		this.traceFile = join(folder, "trace");
		mkdirSync(dirname(this.databaseFile), { recursive: true });
		for (const [suffix, bytes] of files) writeFileSync(this.databaseFile + suffix, bytes);
		this.#endFile = join(folder, "end");
		this.#sockets = [join(folder, "a.sock"), join(folder, "b.sock")];
		this.targets = [`unix:${this.#sockets[0]}`, `unix:${this.#sockets[1]}`];
		const options = ["-f", "-y", "-xx", "--seccomp-bpf", "-e", "signal=none", "-s", String(stringBytesMax)];
		const traced = ["-e", `trace=${calls.join(",")}`, "-o", this.traceFile];
		this.#program = new RunningProgram(["strace", ...options, ...traced, "sh", "-c", script], {
			...{ END: this.#endFile, BUN: process.execPath, MAIN: mainPath },
			...{ SOCKET_A: this.#sockets[0], SOCKET_B: this.#sockets[1] },
			DATABASE_URL: `sqlite://${this.databaseFile}`,
			// The smallest bound: checkpoints, and logs that begin anew, all the time.
			WAL_MAX_MB: "1",
			// Whoever is traced stands still a lot.
			WATCHDOG_MS: "0",
		});
	}

	/** Both listen when it resolves. @throws when they don't. */
	static async start(folder: string, files: StartFiles): Promise<RecordedPair> {
		const pair = new RecordedPair(folder, files);
		const deadline = performance.now() + startMsMax;
		while (!pair.#sockets.every((socket) => existsSync(socket))) {
			if (pair.#program.hasEnded || performance.now() > deadline) {
				await pair.#program.kill();
				throw new ProofError(
					`the ledgers did not start under strace: ${pair.#program.output.slice(0, outputMax)}`,
				);
			}
			await Bun.sleep(waitMs);
		}
		return pair;
	}

	/**
	 * Ends some of them at whatever they are at. They are stopped first: a call that a kill interrupts has done
	 * nobody knows what, and what can't be known can't be played again.
	 */
	async kill(count: 1 | 2, random: Random): Promise<void> {
		const all = this.#ledgers();
		const pids = count === 2 || all.length === 0 ? all : [random.pick(all)];
		for (const pid of pids) signalTo(pid, "SIGSTOP");
		const deadline = performance.now() + endMsMax;
		do {
			if (performance.now() > deadline) throw new Error("a ledger under strace does not stop");
			await Bun.sleep(stopMs);
		} while (!pids.every(isStopped));
		for (const pid of pids) signalTo(pid, "SIGKILL");
	}

	/** Ends both in order, and the recording with them. */
	async end(): Promise<void> {
		writeFileSync(this.#endFile, "");
		const told = new Set<number>();
		const deadline = performance.now() + endMsMax;
		while (!this.#program.hasEnded) {
			// A shell may have been about to start one.
			for (const pid of this.#ledgers().filter((one) => !told.has(one))) {
				signalTo(pid, "SIGTERM");
				told.add(pid);
			}
			if (performance.now() > deadline) throw new Error("the ledgers under strace do not end");
			await Promise.race([this.#program.ended, Bun.sleep(100)]);
		}
		await this.#program.ended;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		if (!this.#program.hasEnded) await this.#program.kill();
	}

	/** strace and the shells are not among them. */
	#ledgers(): number[] {
		return descendants(this.#program.pid).filter((pid) => read(pid, "cmdline").includes(mainPath));
	}
}

/** With all its threads. Of one that is traced it is said that its tracer stopped it. */
function isStopped(pid: number): boolean {
	return threadsOf(pid).every((thread) => {
		const status = read(pid, `task/${thread}/status`);
		return status === "" || /^State:\s+[TtZX]/m.test(status);
	});
}

function threadsOf(pid: number): string[] {
	try {
		return readdirSync(`/proc/${pid}/task`);
	} catch {
		return [];
	}
}

function read(pid: number, name: string): string {
	try {
		return readFileSync(`/proc/${pid}/${name}`, "utf8");
	} catch {
		return "";
	}
}

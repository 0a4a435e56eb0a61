/** On what, with what and from which commit was measured: without it, a number means nothing. */
import { Database } from "bun:sqlite";
import { readFileSync, statfsSync } from "node:fs";
import { availableParallelism, release, totalmem } from "node:os";

/** What statfs(2) calls the local file systems on which fdatasync means the disk; the ledger demands one. */
const diskFileSystems = new Map([
	[0xef53, "ext4"],
	[0x58465342, "xfs"],
	[0x9123683e, "btrfs"],
]);

export interface Machine {
	processor: string;
	processors: number;
	memoryGb: number;
	kernel: string;
	fileSystem: string;
	bun: string;
	sqlite: string;
	nginx: string;
	wrk: string;
}

/** No host name, no path: the result is published. */
export function describeMachine(folder: string): Machine {
	return {
		processor: /^model name\s*:\s*(.+)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "unknown",
		processors: availableParallelism(),
		memoryGb: Math.round(totalmem() / 1e9),
		kernel: release(),
		fileSystem: diskFileSystem(folder) ?? "unknown",
		bun: Bun.version,
		sqlite: sqliteVersion(),
		nginx: /nginx\/(\S+)/.exec(run("nginx", "-v").complaint)?.[1] ?? "unknown",
		wrk: /^wrk (?:debian\/)?(\S+)/.exec(run("wrk", "-v").output)?.[1] ?? "unknown",
	};
}

/** Undefined when nobody knows that what is synced there is kept. */
export function diskFileSystem(folder: string): string | undefined {
	return diskFileSystems.get(statfsSync(folder).type);
}

/** Processes that ran or waited to run in the last minute, on average. */
export function loadAverage(): number {
	return Number(readFileSync("/proc/loadavg", "utf8").split(" ")[0]);
}

/** Documents, and results among them, make no other program of a commit. */
export function commit(): string {
	const git = (...args: string[]) => run("git", "--no-optional-locks", "-C", import.meta.dir, ...args).output;
	const changes = git("status", "--porcelain", "--", ":/", ":(top,exclude)docs");
	return `${git("rev-parse", "--short", "HEAD") || "unknown"}${changes ? "+changes" : ""}`;
}

/** Nothing, where there is no such program; nginx is not in every user's PATH. */
function run(program: string, ...words: string[]): { output: string; complaint: string } {
	const path = Bun.which(program, { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin:/usr/local/sbin` });
	if (path === null) return { output: "", complaint: "" };
	const { stdout, stderr } = Bun.spawnSync([path, ...words], { stdin: "ignore" });
	return { output: stdout.toString().trim(), complaint: stderr.toString().trim() };
}

function sqliteVersion(): string {
	using db = new Database(":memory:");
	return (db.query("SELECT sqlite_version() AS version").get() as { version: string }).version;
}

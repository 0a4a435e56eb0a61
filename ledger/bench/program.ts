/** What every program of the benchmark does around its measurement: asks for what it needs, and leaves nothing behind. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capObstacle } from "./cgroup.ts";
import { diskFileSystem } from "./machine.ts";

/** The standard output is for results. */
export const say = (line: string) => process.stderr.write(`${line}\n`);

/** Each under the name of its Debian package too. */
export function assertInstalled(programs: readonly string[]): void {
	for (const program of programs)
		if (!Bun.which(program)) throw new Error(`${program} is missing: apt-get install ${program}`);
}

/** Whether the processors' shares can be enforced here; tells what it found. */
export async function lookForCaps(): Promise<boolean> {
	const obstacle = await capObstacle();
	say(obstacle ? `NOT CAPPED: ${obstacle}. These numbers compare with nothing else.` : "3 × 0.5 processor");
	return obstacle === undefined;
}

/** Gives a temporary folder on a disk, and what tells when the user has had enough. */
export async function onDisk(measure: (folder: string, stop: AbortSignal) => Promise<void>): Promise<void> {
	assertDisk(tmpdir());
	const stop = new AbortController();
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
		process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
	const folder = mkdtempSync(join(tmpdir(), "crebito-bench-"));
	try {
		await measure(folder, stop.signal);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** What went wrong is told in its own words, without a stack, and ends with 1. */
export async function runProgram(main: () => Promise<void>): Promise<void> {
	await main().catch((error: unknown) => {
		tell(error);
		process.exit(1);
	});
}

function assertDisk(folder: string): void {
	if (!diskFileSystem(folder))
		throw new Error(
			"the temporary folder isn't on ext4, xfs or btrfs, so a sync there says nothing: set TMPDIR to one that is",
		);
}

/** The first thing that went wrong, and then what went wrong while cleaning up after it. */
function tell(error: unknown): void {
	if (error instanceof SuppressedError) {
		tell(error.suppressed);
		tell(error.error);
	} else say(error instanceof Error ? error.message : String(error));
}

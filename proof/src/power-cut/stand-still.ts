/**
 * A power cut stops the processors with the disk. The ioctl leaves them a gap: a sync of a file that grows, under way
 * when the file system goes down, may return success though its pages are dropped (in 10 of 120 cuts with three
 * processes that did nothing else; in none of 150 when they were stopped before). In that gap a ledger would pass the
 * kernel's lie on.
 *
 * So they stop first, in whatever they are doing. What they have sent by then is acknowledged. nginx has nothing on
 * the disk: it goes on, and delivers that.
 */
import { descendants, signalTo, statusOf } from "../processes.ts";

const standStillMsMax = 500;

/** Resolves when this process and all below it but nginx have stopped, or wait for the disk, and stop after that. */
export async function standStill(root: number): Promise<void> {
	const pids = [root, ...descendants(root)].filter((pid) => statusOf(pid, "Name") !== "nginx");
	for (const pid of pids) signalTo(pid, "SIGSTOP");
	const deadline = performance.now() + standStillMsMax;
	while (pids.some(isRunning) && performance.now() < deadline) await Bun.sleep(0);
}

/** Its main thread, which sends the answers; one that waits for the disk stops before it does anything else. */
function isRunning(pid: number): boolean {
	return /^[RSI]/.test(statusOf(pid, "State"));
}

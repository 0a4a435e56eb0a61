/** Who is killed: processes of a stack, found as anybody finds them who looks at the process tree. */
import { readFileSync } from "node:fs";
import { descendants, signalTo } from "../processes.ts";
import type { Random } from "../random.ts";
import type { Stack } from "../stack.ts";

export type Victim = "one ledger" | "both ledgers" | "nginx" | "nginx's worker" | "the supervisor";

/** How often each is drawn before all are dealt anew. */
const deck: readonly Victim[] = [
	...Array<Victim>(4).fill("one ledger"),
	...Array<Victim>(2).fill("both ledgers"),
	...(["nginx", "nginx's worker", "the supervisor"] as const),
];

/** Victims without an end, in the seed's order; each of them comes up in every nine. */
export function* drawVictims(random: Random): Generator<Victim, never> {
	for (;;) {
		const left = [...deck];
		while (left.length > 0) yield left.splice(random.below(left.length), 1)[0] as Victim;
	}
}

/** The ids of the victim's processes; none while it is being started. */
export function pidsOf(victim: Victim, stack: Stack, random: Random): number[] {
	const ledgers = stack.ledgerPids();
	switch (victim) {
		case "one ledger":
			return ledgers.length === 0 ? [] : [random.pick(ledgers)];
		case "both ledgers":
			return ledgers;
		case "nginx":
			return nginxPids(stack.process.pid);
		case "nginx's worker":
			return nginxPids(stack.process.pid).flatMap(nginxPids);
		case "the supervisor":
			return [stack.process.pid];
	}
}

/** The nginx processes that this one has started itself. */
function nginxPids(parentPid: number): number[] {
	return descendants(parentPid).filter((pid) => isNginxOf(pid, parentPid));
}

function isNginxOf(pid: number, parentPid: number): boolean {
	try {
		// pid (name) state parent …
		const [, name, parent] = /^\d+ \((.*)\) \S (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
		return name === "nginx" && Number(parent) === parentPid;
	} catch {
		return false;
	}
}

/** @returns whether anybody was there to be killed. */
export function killHard(pids: readonly number[]): boolean {
	return pids.filter((pid) => signalTo(pid, "SIGKILL")).length > 0;
}

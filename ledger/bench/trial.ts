/** One trial: a fresh database, a fresh topology, a warm-up that isn't counted, and a measured load. */
import { closeSync, cpSync, fsyncSync, mkdirSync, openSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { databaseFile } from "./api.ts";
import type { Usage } from "./child.ts";
import { effortSince } from "./effort-watch.ts";
import { Topology } from "./topology.ts";
import type { Variant } from "./variant.ts";
import { applyLoad, type Load, type Measured } from "./wrk.ts";

/** What is measured, whoever makes the load. */
export interface SystemPlan {
	variant: Variant;
	capped: boolean;
	/** Without nginx: one API process alone. */
	direct?: boolean;
	/** A database to start from instead of an empty one. It is copied, not touched. */
	template?: string | undefined;
	/** The benchmark's temporary folder. */
	folder: string;
}

export interface TrialPlan extends SystemPlan {
	load: Omit<Load, "port">;
	warmUpSeconds: number;
}

/** CPU and throttling are those of the measured seconds; memory and the WAL are as they were at their end. */
export interface Trial extends Measured {
	variant: string;
	connections: number;
	accounts: number;
	usage: Usage[];
	walBytes: number;
}

let trialsRun = 0;

export function runTrial(plan: TrialPlan, stop: AbortSignal): Promise<Trial> {
	return onFreshTopology(plan, stop, (topology) => measure(plan, topology, stop));
}

/** Nothing of it is left afterwards: neither processes nor files. */
export async function onFreshTopology<T>(
	plan: SystemPlan,
	stop: AbortSignal,
	use: (topology: Topology) => Promise<T>,
): Promise<T> {
	const { variant, capped, direct = false, template } = plan;
	const folder = join(plan.folder, String(++trialsRun));
	mkdirSync(folder);
	try {
		if (template) copy(template, databaseFile(folder));
		await using topology = await Topology.start({ variant, folder, capped, direct }, stop);
		return await use(topology);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** Of the write-ahead log, as long as its last writer lives. */
export function walBytes(topology: Topology): number {
	return statSync(`${topology.databaseFile}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

async function measure(plan: TrialPlan, topology: Topology, stop: AbortSignal): Promise<Trial> {
	const { variant, load, warmUpSeconds } = plan;
	const { port } = topology;
	if (warmUpSeconds > 0)
		await applyLoad({ ...load, port, seconds: warmUpSeconds, seed: load.seed + 1000 }, stop);
	const before = topology.usage();
	const measured = await applyLoad({ ...load, port }, stop);
	topology.assertRunning();
	return {
		variant: variant.name,
		connections: load.connections,
		accounts: load.accounts,
		...measured,
		usage: topology.usage().map((after, i) => since(before[i], after)),
		walBytes: walBytes(topology),
	};
}

/** On the disk when it returns: or the first syncs of the trial would wait for the copy. */
function copy(from: string, to: string): void {
	cpSync(from, to);
	const descriptor = openSync(to, "r");
	fsyncSync(descriptor);
	closeSync(descriptor);
}

function since(before: Usage | undefined, after: Usage): Usage {
	if (before?.name !== after.name) throw new Error(`${after.name} wasn't there before`);
	return { ...after, ...effortSince(before, after) };
}

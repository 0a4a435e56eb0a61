/** One trial: a fresh database, a fresh topology, a warm-up that isn't counted, and a measured load. */
import { closeSync, cpSync, fsyncSync, mkdirSync, openSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { databaseFile } from "./api.ts";
import type { Usage } from "./child.ts";
import { Topology } from "./topology.ts";
import type { Variant } from "./variant.ts";
import { applyLoad, type Load, type Measured } from "./wrk.ts";

export interface TrialPlan {
	variant: Variant;
	load: Omit<Load, "port">;
	warmUpSeconds: number;
	capped: boolean;
	/** Without nginx: one API process alone. */
	direct?: boolean;
	/** A database to start from instead of an empty one. It is copied, not touched. */
	template?: string | undefined;
	/** The benchmark's temporary folder. */
	folder: string;
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

export async function runTrial(plan: TrialPlan, stop: AbortSignal): Promise<Trial> {
	const folder = join(plan.folder, String(++trialsRun));
	mkdirSync(folder);
	try {
		if (plan.template) copy(plan.template, databaseFile(folder));
		return await measure(plan, folder, stop);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

async function measure(plan: TrialPlan, folder: string, stop: AbortSignal): Promise<Trial> {
	const { variant, capped, direct = false, load, warmUpSeconds } = plan;
	await using topology = await Topology.start({ variant, folder, capped, direct }, stop);
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
		walBytes: statSync(`${topology.databaseFile}-wal`, { throwIfNoEntry: false })?.size ?? 0,
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
	return {
		...after,
		cpuSeconds: after.cpuSeconds - before.cpuSeconds,
		throttled: {
			count: after.throttled.count - before.throttled.count,
			seconds: after.throttled.seconds - before.throttled.seconds,
		},
	};
}

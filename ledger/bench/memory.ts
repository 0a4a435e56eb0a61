/**
 * Memory after many requests: a leak, a cache without a bound, or a heap that the runtime doesn't give back
 * shows after a million of them, and not after a start.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Bench, capNote, planOf, scaled } from "./bench.ts";
import type { Usage } from "./child.ts";
import type { Figure, Measured } from "./figure.ts";
import { type PerProcess, perProcess, type Row } from "./row.ts";
import { Topology } from "./topology.ts";
import type { TrialPlan } from "./trial.ts";
import { applyLoad } from "./wrk.ts";

const requestsMin = 1_000_000;
const rssMbMax = 60;

export const memory: Figure = {
	title: "Memory after a million requests",
	about:
		"Both API processes together answered the requests. RSS counts the runtime's pages in each, though they share them.",
	measure,
};

/** One database and one pair of processes for all the requests; the larger of the two is held to the target. */
async function measure(bench: Bench): Promise<Measured> {
	const [name, plan] = await planOf(bench, { variant: "durable", connections: 64 });
	const folder = join(bench.folder, "memory");
	mkdirSync(folder);
	try {
		const { variant, capped } = plan;
		await using topology = await Topology.start({ variant, capped, folder, direct: false }, bench.stop);
		const requests = await loadUntilEnough(bench, plan, topology.port);
		topology.assertRunning();
		const row = { name, requests, ...memoryOf(topology.usage()) };
		const rssMb = Math.max(...Object.values(row.rssKb)) * 1.024e-3;
		const what = `VmRSS of either process after ${requestsMin.toLocaleString("en-US")} requests${capNote(capped)}`;
		const bound = { bound: "at most", target: rssMbMax, unit: "MB" } as const;
		return { rows: [row], claims: [{ ...bound, what, reached: rssMb }] };
	} finally {
		rmSync(folder, { recursive: true });
	}
}

/** @returns how many were answered. */
async function loadUntilEnough(bench: Bench, { load }: TrialPlan, port: number): Promise<number> {
	const enough = scaled(bench, requestsMin);
	let requests = 0;
	for (let seed = load.seed; requests < enough; seed++) {
		requests += (await applyLoad({ ...load, port, seed }, bench.stop)).requests;
		bench.progress(`${requests.toLocaleString("en-US")} requests answered`);
	}
	return requests;
}

/** Of the ledger's processes; nginx is none of its own. */
function memoryOf(usage: Usage[]): Omit<Row, "name"> & { rssKb: PerProcess } {
	const apis = usage.filter(({ name }) => name !== "nginx");
	const shared = apis.every(({ pssKb }) => pssKb !== undefined);
	return {
		rssKb: perProcess(apis, ({ rssKb }) => rssKb),
		rssPeakKb: perProcess(apis, ({ rssPeakKb }) => rssPeakKb),
		...(shared && {
			pssKb: perProcess(apis, ({ pssKb }) => pssKb ?? 0),
			privateKb: perProcess(apis, ({ privateKb }) => privateKb ?? 0),
		}),
	};
}

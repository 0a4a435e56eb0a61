/**
 * How long a start takes: from the spawn of one API process on a fresh database to the first 200 of
 * GET /health, which has by then been all the way to the disk. It is asked every 2 ms.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ready, startApi } from "./api.ts";
import type { Bench } from "./bench.ts";
import { median } from "./comparison.ts";
import type { Figure, Measured } from "./figure.ts";
import { variant } from "./variant.ts";

const starts = 10;
const startMsMax = 500;

export const start: Figure = {
	title: "Start, from spawn to the first healthy answer",
	about: `One API process on a fresh database, ${starts} times; a healthy answer has been all the way to the disk.`,
	measure,
};

/** Half a processor and all of it take turns, where the half can be enforced. */
async function measure(bench: Bench): Promise<Measured> {
	const shares = (bench.capped ? [true, false] : [false]).map((capped) => ({
		capped,
		name: `durable, ${capped ? "half a processor" : "not capped"}`,
		samplesMs: [] as number[],
	}));
	for (let i = 0; i < starts; i++) {
		for (const { capped, samplesMs } of shares) samplesMs.push(await startOnce(bench, capped));
	}
	const rows = shares.map(({ name, samplesMs }) => ({
		name,
		startMs: median(samplesMs),
		startMsMin: Math.min(...samplesMs),
		startMsMax: Math.max(...samplesMs),
	}));
	for (const { name, startMs } of rows) bench.progress(`${name}: starts in ${Math.round(startMs)} ms`);
	const bound = { bound: "at most", target: startMsMax, unit: "ms" } as const;
	const claims = rows.map(({ name, startMs }) => ({
		...bound,
		what: `start, median of ${starts}, ${name}`,
		reached: startMs,
	}));
	return { claims, rows };
}

async function startOnce({ folder, stop }: Bench, capped: boolean): Promise<number> {
	const fresh = join(folder, "start");
	mkdirSync(fresh);
	const address = { unix: join(fresh, "api.sock") };
	const startedAt = performance.now();
	const api = startApi({ name: "api", variant: variant("durable"), folder: fresh, address, capped });
	try {
		await ready(address, [api], stop);
	} catch (error) {
		await api.stop().catch(() => {});
		throw error;
	}
	const startMs = performance.now() - startedAt;
	await api.stop();
	rmSync(fresh, { recursive: true });
	return startMs;
}

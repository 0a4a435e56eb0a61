/** One trial: a fresh database, API processes that share a port, a warm-up that isn't counted, and a measured load. */
import { join } from "node:path";
import { SQL } from "bun";
import { freePort } from "../../../deploy/free-port.ts";
import { Child } from "../child.ts";
import { applyLoad, type Measured } from "../wrk.ts";
import { type ServerEffort, ServerWatch } from "./server-watch.ts";

export interface Contender {
	readonly name: string;
	/** Under ledger/. */
	readonly program: "src/main.ts" | "bench/postgres/per-request.ts";
	readonly processes: number;
	readonly connections: number;
	readonly accounts: number;
	readonly environment?: Readonly<Record<string, string>>;
}

export interface Trial extends Measured {
	readonly server: ServerEffort;
	/** Of all API processes together. */
	readonly apiCpuSeconds: number;
}

export interface Bench {
	/** Of a superuser, to make databases with. */
	readonly serverUrl: string;
	readonly folder: string;
	readonly seconds: number;
	readonly stop: AbortSignal;
}

const warmUpSeconds = 2;
let trialsRun = 0;

export async function runTrial(bench: Bench, contender: Contender, round: number): Promise<Trial> {
	const { folder, stop } = bench;
	trialsRun += 1;
	const name = `crebito_bench_${process.pid}_${trialsRun}`;
	await administer(bench.serverUrl, `CREATE DATABASE ${name}`);
	const url = new URL(bench.serverUrl);
	url.pathname = name;
	const port = freePort();
	const seed = join(folder, "seed.json");
	const limit = 100_000;
	await Bun.write(
		seed,
		JSON.stringify(Array.from({ length: contender.accounts }, (_, i) => ({ id: i + 1, limit }))),
	);
	const children = Array.from({ length: contender.processes }, (_, index) => {
		return new Child({
			name: `api-${index + 1}`,
			command: [process.execPath, "--smol", join(import.meta.dir, "../..", contender.program)],
			env: {
				DATABASE_URL: url.href,
				SEED_FILE: seed,
				API_PORT: String(port),
				REUSE_PORT: "on",
				LOG_LEVEL: "warn",
				...contender.environment,
			},
			logFile: join(folder, `${trialsRun}-${index}.log`),
			processors: undefined,
		});
	});
	const watch = new ServerWatch(url.href);
	try {
		await Promise.all(children.map(() => untilHealthy(port)));
		const { connections, accounts } = contender;
		const load = { port, connections, threads: 2, accounts, mix: "mixed" as const };
		await applyLoad({ ...load, seconds: warmUpSeconds, seed: round + 1000 }, stop);
		const before = cpuSeconds(children);
		await watch.start();
		const measured = await applyLoad({ ...load, seconds: bench.seconds, seed: round }, stop);
		const server = await watch.stop();
		for (const child of children) child.assertRunning();
		return { ...measured, server, apiCpuSeconds: cpuSeconds(children) - before };
	} finally {
		await watch.close();
		await Promise.all(children.map((child) => child.stop()));
		await administer(bench.serverUrl, `DROP DATABASE ${name} WITH (FORCE)`);
	}
}

function cpuSeconds(children: readonly Child[]): number {
	return children.reduce((sum, child) => sum + child.effort().cpuSeconds, 0);
}

async function administer(url: string, statement: string): Promise<void> {
	const sql = new SQL({ url, max: 1 });
	await sql.unsafe(statement).simple();
	await sql.close();
}

async function untilHealthy(port: number): Promise<void> {
	const deadline = performance.now() + 20_000;
	while (performance.now() < deadline) {
		const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
		if (answer?.ok) return;
		await Bun.sleep(100);
	}
	throw new Error("the API processes don't serve");
}

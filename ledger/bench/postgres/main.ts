/**
 * `npm run bench:postgres`: what batches are worth on PostgreSQL, and what more API processes bring.
 *
 * Contenders take turns, the medians count. Everything runs on this machine: the server, the API processes and wrk.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SQL } from "bun";
import { PostgresServer } from "../../test/store/postgres-server.ts";
import { median, takeTurns } from "../comparison.ts";
import { commit, describeMachine, loadAverage } from "../machine.ts";
import { writeJson } from "../record.ts";
import { type PostgresRecord, type PostgresRow, writeTables } from "./document.ts";
import { type Bench, type Contender, runTrial, type Trial } from "./trial.ts";

const help = `npm run bench:postgres [-- --seconds N --rounds N --server URL --no-write]

Compares batches with a transaction for each request at 64 connections, then 1, 2, 4 and 8 API processes at 128, on a
PostgreSQL of its own with fsync on. Writes docs/benchmarks/postgres.json and the tables in docs/scaling.md. Needs wrk.

  --seconds N    of each trial, 8 by default
  --rounds N     3 by default
  --server URL   another server; the user must be allowed to make databases and to see every session
  --no-write     only shows
`;

const main = "src/main.ts";
const perRequest = "bench/postgres/per-request.ts";
const ratio: Contender[] = [
	{ name: "batches", program: main, processes: 2, connections: 64, accounts: 5 },
	{ name: "per request, pool of 2 × 5", program: perRequest, processes: 2, connections: 64, accounts: 5 },
	{
		name: "per request, pool of 2 × 20",
		program: perRequest,
		processes: 2,
		connections: 64,
		accounts: 5,
		environment: { POOL: "20" },
	},
];
const curve: Contender[] = [5, 1000].flatMap((accounts) =>
	[1, 2, 4, 8].map((processes) => ({
		name: `${processes} ${processes === 1 ? "process" : "processes"}, ${accounts} accounts`,
		program: main,
		processes,
		connections: 128,
		accounts,
	})),
);

function rowOf(name: string, trials: readonly Trial[], seconds: number): PostgresRow {
	const of = (value: (trial: Trial) => number) => median(trials.map(value));
	const waits = new Set(trials.flatMap(({ server }) => Object.keys(server.waits)));
	const shares = [...waits].map((wait) => [wait, of(({ server }) => server.waits[wait] ?? 0)] as const);
	return {
		name,
		requestsPerSecond: of((trial) => trial.requestsPerSecond),
		p50Us: of((trial) => trial.p50Us),
		p99Us: of((trial) => trial.p99Us),
		requestsPerTransaction: of(({ requests, server }) => requests / server.transactions),
		serverCpus: of(({ server }) => server.cpuSeconds / seconds),
		apiCpus: of(({ apiCpuSeconds }) => apiCpuSeconds / seconds),
		deadlocks: trials.reduce((sum, { server }) => sum + server.deadlocks, 0),
		waits: Object.fromEntries(shares.toSorted(([, one], [, other]) => other - one).slice(0, 4)),
	};
}

async function measure(
	bench: Bench,
	contenders: readonly Contender[],
	rounds: number,
): Promise<PostgresRow[]> {
	const runs = contenders.map(
		(contender) => [contender.name, (round: number) => runTrial(bench, contender, round)] as const,
	);
	const results = await takeTurns(new Map(runs), rounds, (line) => process.stderr.write(`${line}\n`));
	return results.map(({ name, trials }) => rowOf(name, trials, bench.seconds));
}

const { values } = parseArgs({
	options: {
		seconds: { type: "string", default: "8" },
		rounds: { type: "string", default: "3" },
		server: { type: "string" },
		"no-write": { type: "boolean", default: false },
		help: { type: "boolean", default: false },
	},
});
if (values.help) {
	process.stdout.write(help);
	process.exit(0);
}
const folder = mkdtempSync(join(process.env.TMPDIR || "/tmp", "crebito-bench-"));
const own =
	values.server === undefined ? await PostgresServer.start({ settings: { fsync: "on" } }) : undefined;
try {
	const serverUrl = values.server ?? own?.url() ?? "";
	const interrupt = new AbortController();
	for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupt.abort());
	const bench = { serverUrl, folder, seconds: Number(values.seconds), stop: interrupt.signal };
	const rounds = Number(values.rounds);
	const sql = new SQL({ url: serverUrl, max: 1 });
	const [version] = await sql<{ server_version: string }[]>`SHOW server_version`;
	await sql.close();
	const record: PostgresRecord = {
		run: {
			date: new Date().toISOString().slice(0, 10),
			commit: commit(),
			machine: describeMachine(folder),
			postgres: version?.server_version ?? "unknown",
			loadAverage: loadAverage(),
			seconds: bench.seconds,
			rounds,
		},
		ratio: await measure(bench, ratio, rounds),
		curve: await measure(bench, curve, rounds),
	};
	process.stdout.write(`${JSON.stringify(record, null, "\t")}\n`);
	if (!values["no-write"]) {
		writeJson(join(import.meta.dir, "../../../docs/benchmarks/postgres.json"), record);
		writeTables(join(import.meta.dir, "../../../docs/scaling.md"), record);
	}
} finally {
	await own?.stop();
	rmSync(folder, { recursive: true, force: true });
}

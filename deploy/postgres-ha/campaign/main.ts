/**
 * `npm run failover:postgres`: what losing the database's host costs. The cluster of this folder's configuration runs
 * here with real processes, and `npm start`'s stack on it; under load, the primary is killed again and again, with all
 * of its processes, and everything that was answered is looked up in the end.
 *
 * Then the control: the same without a synchronous standby, where a kill must lose what was acknowledged.
 */
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median } from "../../../ledger/bench/comparison.ts";
import { commit, describeMachine, loadAverage } from "../../../ledger/bench/machine.ts";
import { CampaignError, makeCampaignFolder } from "../../campaign/folder.ts";
import { freePort } from "../../free-port.ts";
import { Cluster, ClusterError, postgresFolder } from "./cluster.ts";
import { Load } from "./load.ts";
import { type Attack, type PostgresCampaign, writeCampaign } from "./record.ts";
import { judge } from "./verdict.ts";

const help = `npm run failover:postgres [-- --kills N] [--quick]

Kills the primary of a cluster of its own under load and audits every answer. In full it kills 20 times, takes some 20
minutes and writes docs/postgres-ha.md. As root, on Debian with patroni, etcd-server, haproxy, postgresql and
nginx-light installed.

  --kills N   how often, 20 by default; with another number nothing is written
  --quick     twice, and the control
`;

const programs = { patroni: "patroni", etcd: "etcd-server", haproxy: "haproxy", setpriv: "util-linux" };
/** Load between the moment when the cluster is whole and the next kill. */
const calmMs = 4000;
/** Longer than any failover has taken. */
const outageMsMax = 90_000;
/** How long the standbys of the last two attacks have received nothing when the primary is killed. */
const deafMs = 1500;

const say = (line: string) => process.stderr.write(`${line}\n`);

async function main(args: readonly string[]): Promise<number> {
	const { values } = parseArgs({
		args: [...args],
		options: {
			kills: { type: "string", default: "20" },
			quick: { type: "boolean", default: false },
			help: { type: "boolean", default: false },
		},
	});
	if (values.help) {
		process.stdout.write(help);
		return 0;
	}
	const kills = values.quick ? 2 : Number(values.kills);
	if (!Number.isSafeInteger(kills) || kills < 1)
		throw new CampaignError("--kills takes a whole number from 1");
	requirePrograms();
	const folder = makeCampaignFolder();
	process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(1));
	const { processor, processors, memoryGb, kernel, fileSystem, bun } = describeMachine(folder);
	const run = {
		date: `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
		commit: commit(),
		loadAverage: loadAverage(),
		machine: `${processor}, ${processors} processors, ${memoryGb} GB; Linux ${kernel}, ${fileSystem}; Bun ${bun}`,
		versions: versions(),
	};
	const attacks: Attack[] = [];
	const strict = {};
	attacks.push(await attack("killed", strict, kills, folder, false));
	attacks.push(await attack("killed, standbys deaf", strict, 1, folder, true));
	const alone = {
		synchronous_mode: false,
		synchronous_mode_strict: false,
		maximum_lag_on_failover: 1_000_000_000,
	};
	attacks.push(await attack("control: asynchronous, standbys deaf", alone, 1, folder, true));
	const campaign: PostgresCampaign = { run, attacks };
	process.stdout.write(`${JSON.stringify(campaign, null, "\t")}\n`);
	if (kills === 20) writeCampaign(campaign);
	const isHeld = ({ name, verdict: { lost, twice, appliedThough, unbalanced } }: Attack) =>
		name.startsWith("control") ? lost > 0 : lost + twice + appliedThough + unbalanced === 0;
	return attacks.every(isHeld) ? 0 : 1;
}

/** One cluster, from its start to the audit. */
async function attack(
	name: string,
	changes: Readonly<Record<string, unknown>>,
	kills: number,
	parent: string,
	isDeaf: boolean,
): Promise<Attack> {
	const folder = join(parent, name.replaceAll(/[^a-z]+/g, "-"));
	await Bun.write(join(folder, "data", ".keep"), "");
	for (const path of [folder, join(folder, "data")]) chmodSync(path, 0o755);
	say(`${name}: starting the cluster`);
	await using cluster = await Cluster.start({ folder, changes });
	await using stack = await Stack.start(cluster.url, join(folder, "data"));
	const load = new Load(stack.url);
	const startedAt = performance.now();
	const killedAt: number[] = [];
	for (let kill = 1; kill <= kills; kill += 1) {
		await Bun.sleep(calmMs);
		const primary = await cluster.primary();
		if (primary === undefined) throw new ClusterError("nobody leads the cluster");
		if (isDeaf) {
			cluster.signalReceivers("SIGSTOP");
			await Bun.sleep(deafMs);
		}
		killedAt.push(performance.now());
		await cluster.killNode(primary);
		// What waits in their sockets dies with them, as it does with the cable to a lost host.
		if (isDeaf) cluster.signalReceivers("SIGKILL");
		await untilAcknowledged(load);
		say(
			`  kill ${kill} of ${kills}: ${primary}, served again after ${seconds(load.outageAfter(killedAt.at(-1) ?? 0))} s`,
		);
		cluster.restartNode(primary);
		await cluster.untilWhole();
	}
	await Bun.sleep(calmMs);
	await load.stop();
	const verdict = await judge(cluster.url, load.told);
	const outages = killedAt.map((at) => load.outageAfter(at));
	const result: Attack = {
		name,
		kills,
		seconds: Math.round((performance.now() - startedAt) / 1000),
		requests: load.told.size,
		answers: load.counts(),
		outageMsMedian: Math.round(median(outages)),
		outageMsMax: Math.round(Math.max(...outages)),
		verdict,
	};
	say(`  ${JSON.stringify(result.verdict)} ${JSON.stringify(result.answers)}`);
	return result;
}

/** Resolves with the first acknowledgement that came after the old primary was gone. */
async function untilAcknowledged(load: Load): Promise<void> {
	// What was on its way when it was killed may come yet.
	await Bun.sleep(1000);
	const before = load.acknowledgedAt.length;
	const deadline = performance.now() + outageMsMax;
	while (load.acknowledgedAt.length === before) {
		if (performance.now() > deadline)
			throw new ClusterError(`nothing was acknowledged for ${outageMsMax / 1000} s`);
		await Bun.sleep(50);
	}
}

/** `npm start`, as its users run it, with DATABASE_URL. */
class Stack implements AsyncDisposable {
	readonly url: string;
	readonly #process: Bun.Subprocess;

	private constructor(url: string, started: Bun.Subprocess) {
		this.url = url;
		this.#process = started;
	}

	static async start(databaseUrl: string, dataFolder: string): Promise<Stack> {
		const port = freePort();
		const log = Bun.file(join(dataFolder, "stack.log"));
		const started = Bun.spawn([process.execPath, "--no-orphans", join(import.meta.dir, "../../stack.ts")], {
			env: {
				...{ PATH: process.env.PATH, HOST: "127.0.0.1", PORT: String(port), DATA_DIR: dataFolder },
				...{ BALANCER: "nginx", DATABASE_URL: databaseUrl, LOG_LEVEL: "warn" },
			},
			stdio: ["ignore", log, log],
		});
		const stack = new Stack(`http://127.0.0.1:${port}`, started);
		const deadline = performance.now() + 30_000;
		while (performance.now() < deadline) {
			const answer = await fetch(`${stack.url}/health`).catch(() => undefined);
			if (answer?.ok) return stack;
			await Bun.sleep(100);
		}
		await stack[Symbol.asyncDispose]();
		throw new ClusterError("the ledger doesn't serve");
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#process.kill("SIGTERM");
		const overdue = setTimeout(() => this.#process.kill("SIGKILL"), 20_000);
		await this.#process.exited;
		clearTimeout(overdue);
	}
}

/** @throws {CampaignError} one line that names Debian's package. */
function requirePrograms(): void {
	const path = `${process.env.PATH}:/usr/sbin`;
	for (const [program, name] of Object.entries(programs))
		if (Bun.which(program, { PATH: path }) === null)
			throw new CampaignError(`${program} is missing: apt-get install ${name}`);
	postgresFolder();
}

function versions(): string {
	const first = (...command: string[]) =>
		/[0-9]+\.[0-9.]+/.exec(Bun.spawnSync(command).stdout.toString())?.[0] ?? "unknown";
	return (
		`PostgreSQL ${first(join(postgresFolder(), "postgres"), "--version")}, Patroni ${first("patroni", "--version")}, ` +
		`etcd ${first("etcd", "--version")}, HAProxy ${first("/usr/sbin/haproxy", "-v")}`
	);
}

function seconds(ms: number): string {
	return (ms / 1000).toFixed(1);
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
	say(error instanceof CampaignError || error instanceof ClusterError ? error.message : Bun.inspect(error));
	return 1;
});

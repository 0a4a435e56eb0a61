/**
 * The cluster of this folder's own configuration, with real processes on loopback: three etcd, three Patroni with a
 * PostgreSQL each, and HAProxy. Only addresses, folders and passwords differ from three hosts.
 */
import {
	chownSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { SQL } from "bun";
import { freePort } from "../../free-port.ts";
import { Reaper } from "./reaper.ts";

export class ClusterError extends Error {}

export interface ClusterPlan {
	/** On a disk, and open to all: PostgreSQL doesn't run as root. */
	readonly folder: string;
	/** Of Patroni's dynamic configuration, instead of what patroni.yml says: for the control. */
	readonly changes: Readonly<Record<string, unknown>>;
}

interface Node {
	readonly name: string;
	readonly postgresPort: number;
	readonly apiPort: number;
	readonly environment: Record<string, string>;
	patroni: Bun.Subprocess | undefined;
}

const configuration = join(import.meta.dir, "..");
const password = "campaign";
const readyMsMax = 90_000;

export class Cluster implements AsyncDisposable {
	readonly #plan: ClusterPlan;
	readonly #nodes: Node[] = [];
	readonly #others: Bun.Subprocess[] = [];
	readonly #haproxyPort = freePort();
	#reaper: Reaper | undefined;

	private constructor(plan: ClusterPlan) {
		this.#plan = plan;
	}

	/** Serves, with a synchronous standby if it is to have one, when this resolves. */
	static async start(plan: ClusterPlan): Promise<Cluster> {
		const cluster = new Cluster(plan);
		try {
			await cluster.#start();
			return cluster;
		} catch (error) {
			await cluster[Symbol.asyncDispose]();
			throw error;
		}
	}

	/** Through HAProxy, as the ledger goes. */
	get url(): string {
		return `postgres://postgres:${password}@127.0.0.1:${this.#haproxyPort}/postgres?sslmode=disable`;
	}

	async #start(): Promise<void> {
		const { folder, changes } = this.#plan;
		const etcds = [1, 2, 3].map((index) => ({ name: `db${index}`, client: freePort(), peer: freePort() }));
		const at = (port: number) => `http://127.0.0.1:${port}`;
		const members = etcds.map(({ name, peer }) => `${name}=${at(peer)}`).join(",");
		for (const { name, client, peer } of etcds) {
			const data = this.#folder(`etcd-${name}`);
			const environment = {
				...{ ETCD_NAME: name, ETCD_DATA_DIR: data, ETCD_INITIAL_CLUSTER: members },
				...{ ETCD_LISTEN_CLIENT_URLS: at(client), ETCD_ADVERTISE_CLIENT_URLS: at(client) },
				...{ ETCD_LISTEN_PEER_URLS: at(peer), ETCD_INITIAL_ADVERTISE_PEER_URLS: at(peer) },
				...{ ETCD_INITIAL_CLUSTER_TOKEN: "crebito", ETCD_HEARTBEAT_INTERVAL: "200" },
				ETCD_ELECTION_TIMEOUT: "2000",
			};
			this.#others.push(this.#spawn(`etcd-${name}`, ["etcd"], environment));
		}
		const hosts = etcds.map(({ client }) => `'127.0.0.1:${client}'`).join(",");
		const yml = join(folder, "patroni.yml");
		writeFileSync(yml, withChanges(readFileSync(join(configuration, "patroni.yml"), "utf8"), changes));
		for (const { name } of etcds) {
			const [postgresPort, apiPort] = [freePort(), freePort()];
			const environment = {
				...{ PATRONI_NAME: name, PATRONI_ETCD3_HOSTS: hosts, HOME: this.#folder(name) },
				...{ PATRONI_RESTAPI_LISTEN: `127.0.0.1:${apiPort}` },
				...{ PATRONI_RESTAPI_CONNECT_ADDRESS: `127.0.0.1:${apiPort}` },
				...{ PATRONI_POSTGRESQL_LISTEN: `127.0.0.1:${postgresPort}` },
				...{ PATRONI_POSTGRESQL_CONNECT_ADDRESS: `127.0.0.1:${postgresPort}` },
				...{ PATRONI_POSTGRESQL_DATA_DIR: join(this.#folder(name), "data") },
				...{ PATRONI_POSTGRESQL_BIN_DIR: postgresFolder(), PATRONI_SUPERUSER_PASSWORD: password },
				...{ PATRONI_REPLICATION_PASSWORD: password, PATRONI_REWIND_PASSWORD: password },
				PATRONI_POSTGRESQL_PGPASS: join(this.#folder(name), "pgpass"),
			};
			this.#nodes.push({ name, postgresPort, apiPort, environment, patroni: undefined });
		}
		this.#reaper = new Reaper(
			folder,
			this.#nodes.flatMap(({ postgresPort }) => socketsOf(postgresPort)),
		);
		for (const node of this.#nodes) this.#startNode(node);
		const ports = this.#nodes.flatMap(({ postgresPort, apiPort }, index) => [
			[`DB${index + 1}`, "127.0.0.1"],
			[`PG_PORT${index + 1}`, String(postgresPort)],
			[`API_PORT${index + 1}`, String(apiPort)],
		]);
		this.#others.push(
			this.#spawn("haproxy", ["haproxy", "-db", "-f", join(configuration, "haproxy.cfg")], {
				LISTEN: `127.0.0.1:${this.#haproxyPort}`,
				...Object.fromEntries(ports),
			}),
		);
		await this.untilWhole();
	}

	/** The node that Patroni says leads, if one does. */
	async primary(): Promise<string | undefined> {
		for (const { apiPort } of this.#nodes) {
			const members = await membersSeenBy(apiPort);
			const leader = members?.find(({ role, state }) => role === "leader" && state === "running");
			if (leader !== undefined) return leader.name;
		}
		return undefined;
	}

	/** Resolves when one leads, the others follow it, and one of them is waited for if that is asked of the cluster. */
	async untilWhole(): Promise<void> {
		const deadline = performance.now() + readyMsMax;
		const isAsynchronous = this.#plan.changes.synchronous_mode === false;
		while (performance.now() < deadline) {
			const members = (await membersSeenBy(this.#nodes[0]?.apiPort ?? 0)) ?? [];
			const running = members.filter(({ state }) => state === "running" || state === "streaming");
			const hasLeader = members.some(({ role }) => role === "leader");
			const hasStandby = isAsynchronous || members.some(({ role }) => role === "sync_standby");
			if (running.length === 3 && hasLeader && hasStandby && (await this.#serves())) return;
			await Bun.sleep(200);
		}
		throw new ClusterError(
			`the cluster isn't whole after ${readyMsMax / 1000} s (logs: ${this.#plan.folder})`,
		);
	}

	/** The host is lost: Patroni and every process of its PostgreSQL, at once. */
	async killNode(name: string): Promise<void> {
		const node = this.#node(name);
		const pids = processesOf(node.environment.PATRONI_POSTGRESQL_DATA_DIR ?? "");
		node.patroni?.kill("SIGKILL");
		for (const pid of pids) kill(pid, "SIGKILL");
		await node.patroni?.exited;
	}

	restartNode(name: string): void {
		this.#startNode(this.#node(name));
	}

	/** To what receives the primary's log, of all standbys: stopped, it receives nothing; killed, it is started again. */
	signalReceivers(signal: "SIGSTOP" | "SIGKILL"): void {
		for (const { environment } of this.#nodes) {
			for (const pid of processesOf(environment.PATRONI_POSTGRESQL_DATA_DIR ?? ""))
				if (commandOf(pid).includes("walreceiver")) kill(pid, signal);
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		for (const { name } of this.#nodes) await this.killNode(name);
		for (const other of this.#others) other.kill("SIGKILL");
		await Promise.all(this.#others.map(({ exited }) => exited));
		await this.#reaper?.[Symbol.asyncDispose]();
	}

	async #serves(): Promise<boolean> {
		const sql = new SQL({ url: this.url, max: 1, connectionTimeout: 2 });
		try {
			await sql`SELECT 1`;
			return true;
		} catch {
			return false;
		} finally {
			await sql.close({ timeout: 0 }).catch(() => undefined);
		}
	}

	#node(name: string): Node {
		const node = this.#nodes.find((candidate) => candidate.name === name);
		if (node === undefined) throw new ClusterError(`there is no node ${name}`);
		return node;
	}

	#startNode(node: Node): void {
		const command = ["patroni", join(this.#plan.folder, "patroni.yml")];
		node.patroni = this.#spawn(node.name, command, node.environment);
	}

	#spawn(name: string, command: readonly string[], environment: Record<string, string>): Bun.Subprocess {
		const user = process.getuid?.() === 0 ? ["--reuid=postgres", "--regid=postgres", "--clear-groups"] : [];
		const log = Bun.file(join(this.#folder("logs"), `${name}.log`));
		return Bun.spawn(["setpriv", "--pdeathsig", "KILL", ...user, ...command], {
			cwd: "/",
			env: { PATH: `${process.env.PATH}:/usr/sbin`, ...environment },
			stdio: ["ignore", log, log],
		});
	}

	#folder(name: string): string {
		const path = join(this.#plan.folder, name);
		if (!existsSync(path)) mkdirSync(path, { mode: name === "logs" ? 0o755 : 0o700 });
		if (process.getuid?.() === 0) chownSync(path, idOf("-u"), idOf("-g"));
		return path;
	}
}

interface Member {
	readonly name: string;
	readonly role: string;
	readonly state: string;
}

async function membersSeenBy(apiPort: number): Promise<readonly Member[] | undefined> {
	try {
		const answer = await fetch(`http://127.0.0.1:${apiPort}/cluster`, { signal: AbortSignal.timeout(1000) });
		return ((await answer.json()) as { members?: Member[] }).members;
	} catch {
		return undefined;
	}
}

/** patroni.yml with other values in bootstrap.dcs, each of which it must hold already. */
export function withChanges(yml: string, changes: Readonly<Record<string, unknown>>): string {
	return Object.entries(changes).reduce((text, [name, value]) => {
		const line = new RegExp(`^( {4}${name}:).*$`, "m");
		if (!line.test(text)) throw new ClusterError(`patroni.yml says nothing of ${name}`);
		return text.replace(line, `$1 ${value}`);
	}, yml);
}

/** Debian's, the newest. */
export function postgresFolder(): string {
	const root = "/usr/lib/postgresql";
	const versions = existsSync(root) ? readdirSync(root).filter((name) => /^[0-9]+$/.test(name)) : [];
	const newest = versions.toSorted((one, other) => Number(other) - Number(one))[0];
	if (newest === undefined) throw new ClusterError("the Debian package postgresql is missing");
	return join(root, newest, "bin");
}

/** Of the PostgreSQL on this data folder: they work in it, whatever they call themselves. */
function processesOf(dataFolder: string): number[] {
	return readdirSync("/proc")
		.filter((name) => /^[0-9]+$/.test(name))
		.map(Number)
		.filter((pid) => isIn(pid, dataFolder));
}

function isIn(pid: number, folder: string): boolean {
	try {
		return readlinkSync(`/proc/${pid}/cwd`) === folder;
	} catch {
		return false;
	}
}

/** Where Debian's PostgreSQL puts them; who is killed leaves them. */
function socketsOf(port: number): string[] {
	const socket = `/var/run/postgresql/.s.PGSQL.${port}`;
	return [socket, `${socket}.lock`];
}

function commandOf(pid: number): string {
	try {
		return readFileSync(`/proc/${pid}/cmdline`, "utf8");
	} catch {
		return "";
	}
}

function kill(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(pid, signal);
	} catch {
		// It is gone already.
	}
}

/** Of the user under whom Debian's packages run PostgreSQL. */
function idOf(option: "-u" | "-g"): number {
	return Number(Bun.spawnSync(["id", option, "postgres"]).stdout.toString().trim() || Number.NaN);
}

/** What a PostgreSQL server does meanwhile: the processor time it takes, and what its sessions wait for. */
import { readdirSync, readFileSync } from "node:fs";
import { SQL } from "bun";

const sampleMs = 50;

/** Shares of all samples of the ledger's sessions, 0 to 1, by what they waited for; "nothing" is at work. */
type Waits = Readonly<Record<string, number>>;

export interface ServerEffort {
	readonly cpuSeconds: number;
	readonly waits: Waits;
	readonly transactions: number;
	readonly deadlocks: number;
}

export class ServerWatch {
	readonly #sql: SQL;
	readonly #database: string;
	readonly #counts = new Map<string, number>();
	#watching: Promise<void> | undefined;
	#isWatching = false;
	#before = { cpuSeconds: 0, transactions: 0, deadlocks: 0 };

	/** `url` is that of a database whose user may see every session. */
	constructor(url: string) {
		this.#database = new URL(url).pathname.slice(1);
		this.#sql = new SQL({ url, max: 1, connection: { application_name: "crebito-watch" } });
	}

	async start(): Promise<void> {
		this.#counts.clear();
		this.#before = await this.#totals();
		this.#isWatching = true;
		this.#watching = this.#sample();
	}

	async stop(): Promise<ServerEffort> {
		this.#isWatching = false;
		await this.#watching;
		const after = await this.#totals();
		const all = [...this.#counts.values()].reduce((sum, count) => sum + count, 0) || 1;
		const shares = [...this.#counts].map(([wait, count]) => [wait, count / all] as const);
		return {
			cpuSeconds: after.cpuSeconds - this.#before.cpuSeconds,
			transactions: after.transactions - this.#before.transactions,
			deadlocks: after.deadlocks - this.#before.deadlocks,
			waits: Object.fromEntries(shares.toSorted(([, one], [, other]) => other - one)),
		};
	}

	async close(): Promise<void> {
		await this.#sql.close();
	}

	async #sample(): Promise<void> {
		while (this.#isWatching) {
			const rows = await this.#sql<{ wait: string; count: number }[]>`
				SELECT coalesce(wait_event_type || ' ' || wait_event, 'nothing') AS wait, count(*)::int AS count
				FROM pg_stat_activity WHERE application_name = 'crebito' AND datname = ${this.#database} GROUP BY 1`;
			for (const { wait, count } of rows) this.#counts.set(wait, (this.#counts.get(wait) ?? 0) + count);
			await Bun.sleep(sampleMs);
		}
	}

	async #totals(): Promise<{ cpuSeconds: number; transactions: number; deadlocks: number }> {
		const [row] = await this.#sql<{ pid: number; transactions: number; deadlocks: number }[]>`
			SELECT pg_backend_pid() AS pid, xact_commit::int AS transactions, deadlocks::int AS deadlocks
			FROM pg_stat_database WHERE datname = ${this.#database}`;
		if (row === undefined) throw new Error(`there is no database ${this.#database}`);
		return { ...row, cpuSeconds: treeCpuSeconds(statOf(row.pid).parent) };
	}
}

interface Stat {
	readonly parent: number;
	/** Its own and those of its children that have ended. */
	readonly cpuSeconds: number;
}

/** Linux counts in hundredths here, whatever the kernel's own tick. */
function statOf(pid: number): Stat {
	const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
	const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
	const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
	return { parent: Number(fields[1]), cpuSeconds: ticks / 100 };
}

/** Of the postmaster and all that it has started. */
function treeCpuSeconds(postmaster: number): number {
	let sum = 0;
	for (const name of readdirSync("/proc")) {
		if (!/^[0-9]+$/.test(name)) continue;
		try {
			const { parent, cpuSeconds } = statOf(Number(name));
			if (parent === postmaster || Number(name) === postmaster) sum += cpuSeconds;
		} catch {
			// It has ended meanwhile, and counts with its parent.
		}
	}
	return sum;
}

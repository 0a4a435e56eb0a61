/** The tables of `npm run bench:postgres` in docs/scaling.md, between markers: made from the record, never by hand. */
import type { Machine } from "../machine.ts";
import { writeSection } from "../section.ts";
import { markdownLines } from "../table.ts";

export interface PostgresRow {
	readonly name: string;
	readonly requestsPerSecond: number;
	readonly p50Us: number;
	readonly p99Us: number;
	readonly requestsPerTransaction: number;
	/** Processors in use, on average. */
	readonly serverCpus: number;
	readonly apiCpus: number;
	/** In all trials. */
	readonly deadlocks: number;
	/** Shares of the sessions' time, the largest first. */
	readonly waits: Readonly<Record<string, number>>;
}

export interface PostgresRecord {
	readonly run: {
		readonly date: string;
		readonly commit: string;
		readonly machine: Machine;
		readonly postgres: string;
		readonly loadAverage: number;
		readonly seconds: number;
		readonly rounds: number;
	};
	readonly ratio: readonly PostgresRow[];
	readonly curve: readonly PostgresRow[];
}

export function writeTables(file: string, { run, ratio, curve }: PostgresRecord): void {
	writeSection(file, { name: "ratio", heading: "Batches", markdown: table(ratio, run) });
	writeSection(file, { name: "curve", heading: "More processes", markdown: table(curve, run) });
}

function table(rows: readonly PostgresRow[], run: PostgresRecord["run"]): string {
	const [first] = rows;
	const ms = (us: number) => (us / 1000).toFixed(1);
	const lines = rows.map((row) => {
		const waits = Object.entries(row.waits).map(([wait, share]) => `${wait} ${Math.round(share * 100)} %`);
		return [
			row.name,
			Math.round(row.requestsPerSecond).toLocaleString("en-US"),
			(row.requestsPerSecond / (first?.requestsPerSecond ?? 1)).toFixed(2),
			`${ms(row.p50Us)} / ${ms(row.p99Us)} ms`,
			row.requestsPerTransaction.toFixed(1),
			`${row.apiCpus.toFixed(2)} / ${row.serverCpus.toFixed(2)}`,
			String(row.deadlocks),
			waits.join(", "),
		];
	});
	const head = [
		...["", "requests/s", "ratio", "p50 / p99", "requests a transaction", "CPUs: API / server", "deadlocks"],
		"what the sessions wait for",
	];
	const { machine } = run;
	return [
		markdownLines([head, ...lines], (column) => column > 0 && column < 7),
		"",
		`${run.date}, commit ${run.commit}, PostgreSQL ${run.postgres}, Bun ${machine.bun}, ${machine.processors} processors ` +
			`(${machine.processor}), ${machine.fileSystem}, load average before ${run.loadAverage}; ` +
			`${run.rounds} rounds of ${run.seconds} s, medians; ` +
			"server, API processes and load generator share the machine.",
	].join("\n");
}

/** The journey as tables in Markdown, for the terminal as for the document. Medians of all rounds. */
import { median } from "../../ledger/bench/comparison.ts";
import { markdownLines } from "../../ledger/bench/table.ts";
import { type LoadFigures, loads, type Visit } from "./visit.ts";

type Cell = readonly [head: string, text: string];

const whole = (value: number) => Math.round(value).toLocaleString("en-US");
const ms = (value: number) => (Number.isNaN(value) ? "–" : `${value.toFixed(value < 100 ? 1 : 0)} ms`);
const paced = `${loads.paced.rate}/s`;
const crowd = `${loads.crowd.connections.toLocaleString("en-US")} connections`;

/** How it serves: a row for each phase. */
export function servingTable(visits: readonly Visit[]): string {
	return table([...byPhase(visits)].map(servingCells));
}

/** What it takes: a row for each container of each phase. */
export function containerTable(visits: readonly Visit[]): string {
	return table(
		[...byPhase(visits)].flatMap(([phase, visits]) =>
			Object.keys(visits[0]?.limits ?? {}).map((service) => containerCells(phase, service, visits)),
		),
	);
}

function servingCells([phase, visits]: [string, readonly Visit[]]): Cell[] {
	const all = (load: "flatOut" | "paced" | "crowd", of: keyof LoadFigures) =>
		visits.flatMap((visit) => visit[load].load[of] ?? []).map(Number);
	const rates = all("flatOut", "requestsPerSecond");
	return [
		["phase", phase],
		["requests/s", whole(medianOf(rates))],
		["range", `${whole(Math.min(...rates))}–${whole(Math.max(...rates))}`],
		["p50", ms(medianOf(all("flatOut", "p50Ms")))],
		["p99", ms(medianOf(all("flatOut", "p99Ms")))],
		["errors", whole(sum(all("flatOut", "errors")))],
		[`p50 at ${paced}`, ms(medianOf(all("paced", "p50Ms")))],
		[`p99 at ${paced}`, ms(medianOf(all("paced", "p99Ms")))],
		[`errors at ${paced}`, whole(sum(all("paced", "errors")))],
		[`requests/s, ${crowd}`, whole(medianOf(all("crowd", "requestsPerSecond")))],
		[`p99, ${crowd}`, ms(medianOf(all("crowd", "p99Ms")))],
		[`errors, ${crowd}`, whole(sum(all("crowd", "errors")))],
	];
}

function containerCells(phase: string, service: string, visits: readonly Visit[]): Cell[] {
	const limits = visits[0]?.limits[service];
	const used = (load: "flatOut" | "paced" | "crowd", of: "cpus" | "memoryMbMax") =>
		visits.map((visit) => visit[load].usage[service]?.[of] ?? Number.NaN);
	return [
		["phase", phase],
		["container", service],
		["CPUs: limit", (limits?.cpus ?? Number.NaN).toFixed(3)],
		["flat out", medianOf(used("flatOut", "cpus")).toFixed(3)],
		[`at ${paced}`, medianOf(used("paced", "cpus")).toFixed(3)],
		["MB: limit", whole(limits?.memoryMb ?? Number.NaN)],
		["flat out", whole(Math.max(...used("flatOut", "memoryMbMax")))],
		[`with ${crowd}`, whole(Math.max(...used("crowd", "memoryMbMax")))],
		["out of memory", whole(sum(visits.map(({ troubles }) => troubles[service]?.oomKills ?? 0)))],
		["ended", whole(sum(visits.map(({ troubles }) => troubles[service]?.ends ?? 0)))],
	];
}

function table(rows: readonly (readonly Cell[])[]): string {
	const heads = (rows[0] ?? []).map(([head]) => head);
	const texts = rows.map((row) => row.map(([, text]) => text));
	const names = heads.filter((head) => head === "phase" || head === "container").length;
	return markdownLines([heads, ...texts], (column) => column >= names);
}

function byPhase(visits: readonly Visit[]): Map<string, readonly Visit[]> {
	return Map.groupBy(visits, ({ phase }) => phase);
}

/** Not a number where there is nothing to take it of. */
function medianOf(values: readonly number[]): number {
	return values.length === 0 ? Number.NaN : median(values);
}

function sum(values: readonly number[]): number {
	return values.reduce((total, value) => total + value, 0);
}

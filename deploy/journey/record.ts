/** The last whole journey, for docs/journey.md: where, when and with what, and what it came to. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { commit, describeMachine, loadAverage } from "../../ledger/bench/machine.ts";
import { writeSection } from "../../ledger/bench/section.ts";
import { phases } from "./phase.ts";
import { containerTable, servingTable } from "./table.ts";
import { doubtsOf, faultsOf, loads, type Visit } from "./visit.ts";

export interface JourneyRecord {
	/** UTC, to the minute. */
	readonly date: string;
	readonly commit: string;
	readonly command: string;
	/** Of the minute before: what else the machine was doing. */
	readonly loadAverage: number;
	readonly machine: string;
	/** Flat out. */
	readonly seconds: number;
	readonly rounds: number;
	/** In the order in which they were made. */
	readonly visits: readonly Visit[];
}

const docs = join(import.meta.dir, "../../docs");

/** To be asked before anything is done. */
export function describeJourney(
	engineVersion: string,
): Pick<JourneyRecord, "date" | "commit" | "loadAverage" | "machine"> {
	const { processor, processors, memoryGb, kernel, bun } = describeMachine(docs);
	return {
		date: `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
		commit: commit(),
		loadAverage: loadAverage(),
		machine: `${processor}, ${processors} processors, ${memoryGb} GB; Linux ${kernel}; ${engineVersion}; Bun ${bun}`,
	};
}

export function writeJourney(record: JourneyRecord): void {
	const file = join(docs, "journey/results.json");
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, `${JSON.stringify(record, null, "\t")}\n`);
	writeSection(join(docs, "journey.md"), {
		name: "journey",
		heading: "The last journey",
		markdown: journeyMarkdown(record),
	});
}

export function journeyMarkdown(record: JourneyRecord): string {
	const { visits, seconds, rounds } = record;
	const faults = visits.flatMap(faultsOf);
	const doubts = visits.flatMap(doubtsOf);
	const kills = visits.reduce((total, { machineOomKills }) => total + machineOomKills, 0);
	return [
		servingTable(visits),
		containerTable(visits),
		`${rounds} rounds, each phase once in each: ${seconds} s flat out with ${loads.flatOut.connections} connections, then ` +
			`${Math.ceil(seconds / 2)} s at ${loads.paced.rate} requests/s, then as long with ${loads.crowd.connections.toLocaleString("en-US")} connections. ` +
			"Rates, times and CPUs are medians of the rounds, memory the largest that was seen, the rest sums. " +
			`The kernel killed ${kills} processes of the machine for want of memory meanwhile.`,
		faults.length === 0
			? "Every answer flat out and at that pace was right."
			: list(faults.map((fault) => `**${fault}**`)),
		...(doubts.length === 0 ? [] : [`Doubtful, since the machine was busy:\n\n${list(doubts)}`]),
		list(phases.map(({ name, about }) => `\`${name}\`: ${about}`)),
		list([
			`\`${record.command}\``,
			`${record.date} at commit ${record.commit}, load average of the minute before: ${record.loadAverage.toFixed(2)}`,
			`${record.machine}; volumes on ${distinct(visits.map(({ fileSystem }) => fileSystem))}`,
			distinct(visits.flatMap(({ programs }) => Object.values(programs))),
		]),
	].join("\n\n");
}

function list(lines: readonly string[]): string {
	return lines.map((line) => `- ${line}`).join("\n");
}

function distinct(texts: readonly string[]): string {
	return [...new Set(texts)].join("; ");
}

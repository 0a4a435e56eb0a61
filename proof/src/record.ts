/** The last full form of each attack: in docs/proof.json, and as the table in docs/durability.md. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commit, describeMachine, loadAverage } from "../../ledger/bench/machine.ts";
import { writeSection } from "../../ledger/bench/section.ts";
import { markdownLines } from "../../ledger/bench/table.ts";
import { type Attack, holds, type Report } from "./attack.ts";
import { attacks } from "./attacks.ts";

interface TrialRecord {
	/** UTC, to the minute. */
	readonly date: string;
	readonly commit: string;
	readonly seed: number;
	/** Of the minute before: what else the machine was doing. */
	readonly loadAverage: number;
	readonly machine: string;
}

interface ProofRecord extends TrialRecord {
	readonly seconds: number;
	readonly report: Report;
}

/** By the attack's name. */
type ProofRecords = Readonly<Record<string, ProofRecord>>;

const docs = join(import.meta.dir, "../../docs");
const recordsFile = join(docs, "proof.json");

/** To be asked before anything is done. */
export function describeTrial(seed: number, folder: string): TrialRecord {
	const { processor, processors, memoryGb, kernel, fileSystem, bun, sqlite, nginx } = describeMachine(folder);
	return {
		date: `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
		commit: commit(),
		seed,
		loadAverage: loadAverage(),
		machine:
			`${processor}, ${processors} processors, ${memoryGb} GB; Linux ${kernel}, ${fileSystem}; ` +
			`Bun ${bun}, SQLite ${sqlite}, nginx ${nginx}`,
	};
}

export function writeRecord({ name }: Attack, record: ProofRecord): void {
	const records = { ...readRecords(), [name]: record };
	writeFileSync(recordsFile, `${JSON.stringify(records, null, "\t")}\n`);
	writeSection(join(docs, "durability.md"), {
		name: "proof",
		heading: "The proofs",
		markdown: proofMarkdown(records, attacks),
	});
}

function readRecords(): ProofRecords {
	return existsSync(recordsFile) ? (JSON.parse(readFileSync(recordsFile, "utf8")) as ProofRecords) : {};
}

/** A row for each attack, and what is behind it, folded. */
export function proofMarkdown(records: ProofRecords, all: readonly Attack[]): string {
	const titles = ["promise", "attack", "how often", "result", "command"];
	const rows = all.map((attack) => rowOf(attack, records[attack.name]));
	const played = all.flatMap((attack) => {
		const record = records[attack.name];
		return record === undefined ? [] : [detailsOf(attack, record)];
	});
	return [markdownLines([titles, ...rows], () => false), ...played].join("\n\n");
}

function rowOf({ name, promise, about }: Attack, record: ProofRecord | undefined): string[] {
	const command = `\`npm run proof -- ${name}\``;
	if (record === undefined) return [promise, about, "–", "only its quick form was run", command];
	const result = `${verdictOf(record.report)}; ${record.date.slice(0, 10)}, ${record.commit}`;
	return [promise, about, record.report.tried, result, command];
}

function verdictOf(report: Report): string {
	const { broken, controls } = report;
	const caught = controls.filter(({ isCaught }) => isCaught).length;
	const controlsText = `${caught} of ${controls.length} controls caught`;
	return broken.length === 0 ? `held; ${controlsText}` : `**broken: ${broken.length}**; ${controlsText}`;
}

function detailsOf({ name }: Attack, record: ProofRecord): string {
	const { date, commit: revision, seed, seconds, report } = record;
	const summary = `${name}${holds(report) ? "" : " (not proven)"}: ${date}, commit ${revision}, seed ${seed}, ${seconds} s`;
	return [
		`<details><summary>${summary}</summary>`,
		"",
		`On ${record.machine}; load average before it ${record.loadAverage.toFixed(2)}.`,
		"",
		...report.broken.map((sentence) => `- broken: ${sentence}`),
		...report.controls.map(
			({ about, isCaught, detail }) => `- control ${isCaught ? "caught" : "missed"}: ${about}: ${detail}`,
		),
		`- ${Object.entries(report.figures)
			.map(([figure, value]) => `${figure} ${value.toLocaleString("en-US", { maximumFractionDigits: 2 })}`)
			.join(", ")}`,
		"",
		"</details>",
	].join("\n");
}

/** docs/benchmarks.md: the section of it that the ledger's benchmark writes, and nobody else. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Claim, claimCells, isMet } from "./claim.ts";
import type { FigureRecord, FigureRecords, Run } from "./record.ts";
import { markdownLines, markdownTable } from "./table.ts";

const begin = "<!-- ledger-bench:begin -->";
const end = "<!-- ledger-bench:end -->";

const opening = `# Benchmarks

Every number here was written by the command beside it, never by hand.
`;

const contenders = `nginx and two API processes, each held to half a processor by cgroup quota unless its name says otherwise, and
wrk on the same machine without a quota. Of 34 requests 22 are debits, 11 credits and 1 a statement, over 5
accounts. An answer that is neither 200 nor 422 spoils the trial. Contenders take turns, and each number is the
median of their trials; @14 is 14 connections.

- **durable**: as shipped. A 200 leaves after the entry was synced to the disk.
- **os**: \`DURABILITY=os\`. The same, without waiting for the disk.
- **textbook**: the same routes, rules and SQL, but one transaction a request, begun where it arrives, SQLite's busy
  handler to wait for the lock, automatic checkpoints, and no waiting for the disk. What the reference does.
- **per-request**: \`DURABILITY=os BATCH_MAX=1\`. One transaction a request, without waiting for the disk.
- **ceiling**: the same nginx and routes in front of an API that answers a constant.

CPU, throttling and memory are those of nginx / api-1 / api-2, or of the API processes alone; throttled is how
long the quota stopped them. An MB is a million bytes. PSS counts shared pages in parts, private not at all.`;

/** Replaces the section, or appends it to a document that has none. */
export function writeDocument(file: string, records: FigureRecords): void {
	const text = existsSync(file) ? readFileSync(file, "utf8") : opening;
	const section = `${begin}\n${markdown(records)}\n${end}`;
	const [from, to] = [text.indexOf(begin), text.indexOf(end)];
	if (from < 0 !== to < 0 || to < from)
		throw new Error(`${begin} and ${end} belong together: mend them first`);
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(
		file,
		from < 0
			? `${text.trimEnd()}\n\n## The ledger\n\n${section}\n`
			: text.slice(0, from) + section + text.slice(to + end.length),
	);
}

function markdown(records: FigureRecords): string {
	const figures = Object.entries(records);
	return [
		"### Targets",
		markdownLines(
			[
				["figure", "what", "target", "reached", ""],
				...figures.flatMap(([number, { claims }]) =>
					claims.map((claim) => [number, ...markdownCells(claim)]),
				),
			],
			(column) => column !== 1 && column !== 4,
		),
		"### What was measured",
		contenders,
		...figures.flatMap(([number, { title, about, rows }]) => [
			`### ${number}. ${title}`,
			about,
			markdownTable(rows),
		]),
		"### Where, when and how",
		...runs(figures).map(circumstances),
	].join("\n\n");
}

/** A missed target is to be seen. */
function markdownCells(claim: Claim): string[] {
	return claimCells(claim).map((cell, i, cells) =>
		i === cells.length - 1 && !isMet(claim) ? `**${cell}**` : cell,
	);
}

/** Each run once, with the figures that are of it. */
function runs(figures: [string, FigureRecord][]): [string[], Run][] {
	const found = new Map<string, [string[], Run]>();
	for (const [number, { run }] of figures) {
		const key = JSON.stringify(run);
		const known = found.get(key) ?? [[], run];
		known[0].push(number);
		found.set(key, known);
	}
	return [...found.values()];
}

function circumstances([numbers, run]: [string[], Run]): string {
	const { machine, rounds, seconds, warmUpSeconds } = run;
	const { processor, processors, memoryGb, kernel, fileSystem, bun, sqlite, nginx, wrk } = machine;
	const lines = [
		`\`${run.command}\``,
		`${run.date} at commit ${run.commit}`,
		`${rounds} × ${seconds} s of each after ${warmUpSeconds} s of warm-up`,
		run.capped
			? "nginx and each API process capped at half a processor"
			: "**not capped**: nginx and the API processes took what they could get",
		`load average of the minute before: ${run.loadAverage.toFixed(2)}`,
		`${processor}, ${processors} processors, ${memoryGb} GB; Linux ${kernel}, ${fileSystem}`,
		`Bun ${bun}, SQLite ${sqlite}, nginx ${nginx}, wrk ${wrk}`,
	];
	const heading = `${numbers.length === 1 ? "Figure" : "Figures"} ${numbers.join(", ")}:`;
	return [heading, "", ...lines.map((line) => `- ${line}`)].join("\n");
}

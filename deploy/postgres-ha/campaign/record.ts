/** The last whole run of `npm run failover:postgres`, for docs/postgres-ha.md. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeSection } from "../../../ledger/bench/section.ts";
import { markdownLines } from "../../../ledger/bench/table.ts";
import type { Verdict } from "./verdict.ts";

export interface Attack {
	readonly name: string;
	readonly kills: number;
	readonly seconds: number;
	readonly requests: number;
	/** How often each was given. */
	readonly answers: Readonly<Record<string, number>>;
	/** From a kill to the next acknowledgement. */
	readonly outageMsMedian: number;
	readonly outageMsMax: number;
	readonly verdict: Verdict;
}

export interface PostgresCampaign {
	readonly run: {
		readonly date: string;
		readonly commit: string;
		readonly loadAverage: number;
		readonly machine: string;
		readonly versions: string;
	};
	readonly attacks: readonly Attack[];
}

const docs = join(import.meta.dir, "../../../docs");

export function writeCampaign(campaign: PostgresCampaign): void {
	const file = join(docs, "failover/postgres-ha.json");
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, `${JSON.stringify(campaign, null, "\t")}\n`);
	writeSection(join(docs, "postgres-ha.md"), {
		name: "campaign-postgres-ha",
		heading: "The last campaign",
		markdown: campaignMarkdown(campaign),
	});
}

export function campaignMarkdown({ run, attacks }: PostgresCampaign): string {
	const head = [
		...[
			"attack",
			"kills",
			"acknowledged",
			"lost",
			"twice",
			"applied, though denied",
			"accounts out of balance",
		],
		"without an acknowledgement: median / max",
	];
	const count = (value: number) => value.toLocaleString("en-US");
	const rows = attacks.map(({ name, kills, verdict, outageMsMedian, outageMsMax }) => [
		...[name, String(kills), count(verdict.acknowledged), count(verdict.lost), count(verdict.twice)],
		...[count(verdict.appliedThough), count(verdict.unbalanced)],
		`${(outageMsMedian / 1000).toFixed(1)} s / ${(outageMsMax / 1000).toFixed(1)} s`,
	]);
	const answers = attacks.map(({ name, answers, seconds }) => {
		const list = Object.entries(answers).map(([answer, times]) => `${count(times)} × ${answer}`);
		return `- ${name}, ${seconds} s: ${list.join(", ")}`;
	});
	return [
		markdownLines([head, ...rows], (column) => column > 0),
		`Answers:\n\n${answers.join("\n")}`,
		`- \`npm run failover:postgres\`\n- ${run.date} at commit ${run.commit}, load average of the minute before: ` +
			`${run.loadAverage.toFixed(2)}\n- ${run.machine}; ${run.versions}`,
	].join("\n\n");
}

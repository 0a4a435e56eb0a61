/** The last whole campaign, for docs/failover.md: where, when and how, and what it came to. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { commit, describeMachine, loadAverage } from "../../ledger/bench/machine.ts";
import { writeSection } from "../../ledger/bench/section.ts";
import type { Outcome } from "./outcome.ts";
import { outcomeTable } from "./table.ts";

export interface CampaignRecord {
	/** UTC, to the minute. */
	readonly date: string;
	readonly commit: string;
	readonly command: string;
	readonly seed: number;
	/** Of the minute before: what else the machine was doing. */
	readonly loadAverage: number;
	readonly machine: string;
	/** Of all phases whose ledger knows who asks. */
	readonly repeatedPosts: number;
	readonly outcomes: readonly Outcome[];
}

/** Where a campaign's results are kept and shown, and how it is run. */
interface CampaignPlace {
	readonly name: string;
	readonly heading: string;
	readonly command: string;
}

export const campaignPlaces = {
	stack: { name: "campaign", heading: "The last campaign", command: "npm run campaign" },
	containers: {
		name: "campaign-containers",
		heading: "The last campaign in containers",
		command: "npm run campaign -- --containers",
	},
} as const satisfies Record<string, CampaignPlace>;

const docs = join(import.meta.dir, "../../docs");

/** To be asked before anything is done. */
export function describeCampaign(
	command: string,
	seed: number,
	folder: string,
): Omit<CampaignRecord, "outcomes" | "repeatedPosts"> {
	const { processor, processors, memoryGb, kernel, fileSystem, bun, sqlite, nginx } = describeMachine(folder);
	return {
		date: `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
		commit: commit(),
		command,
		seed,
		loadAverage: loadAverage(),
		machine:
			`${processor}, ${processors} processors, ${memoryGb} GB; Linux ${kernel}, ${fileSystem}; ` +
			`Bun ${bun}, SQLite ${sqlite}, nginx ${nginx}`,
	};
}

export function writeCampaign(record: CampaignRecord, { name, heading }: CampaignPlace): void {
	const file = join(docs, `failover/${name}.json`);
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, `${JSON.stringify(record, null, "\t")}\n`);
	writeSection(join(docs, "failover.md"), {
		name,
		heading,
		markdown: campaignMarkdown(record),
	});
}

export function campaignMarkdown(record: CampaignRecord): string {
	const { outcomes, repeatedPosts } = record;
	const broken = outcomes
		.filter(({ verdict }) => verdict === "broken")
		.map(({ phase, broken }) => `- **${phase}**: ${broken.join("; ")}`);
	return [
		outcomeTable(outcomes),
		outcomes.map(({ phase, about }) => `- \`${phase}\`: ${about}`).join("\n"),
		`${repeatedPosts.toLocaleString("en-US")} POSTs were sent to two processes, the control's aside.`,
		...(broken.length === 0 ? [] : [broken.join("\n")]),
		`- \`${record.command}\`, seed ${record.seed}\n- ${record.date} at commit ${record.commit}, load average of the minute before: ${record.loadAverage.toFixed(2)}\n- ${record.machine}`,
	].join("\n\n");
}

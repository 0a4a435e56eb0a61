/** One run of the benchmark: what all its measurements share, and how a contender in it is planned. */
import { accountsOwn, type Options } from "./options.ts";
import type { Size, Templates } from "./template.ts";
import type { TrialPlan } from "./trial.ts";
import { type Variant, variant } from "./variant.ts";

export interface Bench {
	options: Options;
	/** Temporary, and removed at the end. */
	folder: string;
	/** Whether the processors' shares are enforced. */
	capped: boolean;
	templates: Templates;
	stop: AbortSignal;
	progress: (line: string) => void;
}

export interface Contender {
	variant: Variant | string;
	connections: number;
	/** Filled beforehand. Without it, the ledger makes its own accounts. */
	size?: Size | undefined;
	direct?: boolean;
	mix?: "mixed" | "statements";
}

/** The name that the tables use, and the plan of each of its trials. */
export async function planOf(bench: Bench, contender: Contender): Promise<[name: string, plan: TrialPlan]> {
	const { options, folder, capped } = bench;
	const { connections, direct = false, mix = "mixed" } = contender;
	const size = contender.size && {
		accounts: scaled(bench, contender.size.accounts),
		entries: scaled(bench, contender.size.entries),
	};
	const chosen = typeof contender.variant === "string" ? variant(contender.variant) : contender.variant;
	const { threads, seconds, seed, warmUpSeconds } = options;
	const load = { connections, threads, seconds, seed, mix, accounts: size?.accounts ?? accountsOwn };
	const template = size && (await bench.templates.get(size, bench.stop));
	const contents = size ? `, ${counted(size.accounts, "account")}, ${counted(size.entries, "entry")}` : "";
	const name = `${chosen.name} @${connections}${contents}${capNote(capped)}`;
	return [name, { variant: chosen, folder, capped, direct, warmUpSeconds, load, template }];
}

/** --scale is for trying: it makes what is large smaller, and leaves the five accounts and ten entries. */
export function scaled({ options }: Bench, count: number): number {
	return count < 1000 ? count : Math.max(1000, Math.round(count / options.scale));
}

/** A number that was reached without the caps mustn't be read without saying so. */
export function capNote(capped: boolean): string {
	return capped ? "" : ", not capped";
}

function counted(count: number, noun: "account" | "entry"): string {
	const plural = noun === "entry" ? "entries" : "accounts";
	return `${count.toLocaleString("en-US")} ${count === 1 ? noun : plural}`;
}

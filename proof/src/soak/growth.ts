/** What of a stack may not grow while it serves the same load all the time, and the sentences about what does. */
import type { Samples } from "./samples.ts";
import { type GrowthBound, isGrowing, type Sample, trendOf } from "./trend.ts";

/** The ledger's own, WAL_MAX_MB, unless it is told another. */
const walMbMax = 64;

export interface GrowthBounds {
	/** In MB. */
	readonly memory: GrowthBound;
	/** A connection more or less is none's leak. */
	readonly descriptors: GrowthBound;
}

export function growthFindings(samples: Samples, bounds: GrowthBounds): string[] {
	const found = [...samples.series]
		.filter(([name]) => isBound(name))
		.map(([name, series]) => seriesFinding(name, series, bounds))
		.filter((finding) => finding !== undefined);
	if (samples.replacements > 0) found.push("a process of the stack was replaced by another");
	const logMbMax = largest(samples.series.get("log") ?? []);
	if (logMbMax > walMbMax) found.push(`the log had ${logMbMax.toFixed(1)} MB, its bound is ${walMbMax} MB`);
	return found;
}

/** What is looked at only: the judge, what is shared, and the log, which has a bound and grows in steps up to it. */
function isBound(name: string): boolean {
	return !name.startsWith("judge ") && !name.endsWith(" share") && name !== "log";
}

function seriesFinding(name: string, series: readonly Sample[], bounds: GrowthBounds): string | undefined {
	const areDescriptors = name.endsWith(" descriptors");
	const trend = trendOf(series);
	if (!isGrowing(trend, areDescriptors ? bounds.descriptors : bounds.memory)) return undefined;
	const unit = areDescriptors ? "" : " MB";
	const verb = areDescriptors ? "grow" : "grows";
	return `the ${name} ${verb}: by ${trend.rise.toFixed(1)}${unit} on ${trend.mean.toFixed(1)}${unit} in ${series.length} samples`;
}

/** For the report: how much of each, and what it rose by. */
export function growthFigures({ series }: Samples): Record<string, number> {
	const of = (name: string) => trendOf(series.get(name) ?? []);
	const memory = (name: string) => of(`${name} memory`);
	const stackNames = ["supervisor", "ledger 1", "ledger 2", "nginx master", "nginx worker"];
	return {
		stackMemoryMb: stackNames.reduce((sum, name) => sum + of(`${name} share`).mean, 0),
		ledgerMemoryMb: Math.max(memory("ledger 1").mean, memory("ledger 2").mean),
		ledgerMemoryRiseMb: Math.max(memory("ledger 1").rise, memory("ledger 2").rise),
		nginxMemoryMb: memory("nginx worker").mean,
		nginxMemoryRiseMb: memory("nginx worker").rise,
		ledgerDescriptors: Math.max(of("ledger 1 descriptors").mean, of("ledger 2 descriptors").mean),
		ledgerDescriptorsRise: Math.max(of("ledger 1 descriptors").rise, of("ledger 2 descriptors").rise),
		judgeMemoryMb: memory("judge").mean,
		judgeMemoryRiseMb: memory("judge").rise,
		logMbMax: largest(series.get("log") ?? []),
	};
}

function largest(series: readonly Sample[]): number {
	return series.reduce((most, { value }) => Math.max(most, value), 0);
}

/** One phase, once: brought up on empty volumes, loaded in three ways, looked at meanwhile, and removed. */
import { type JudgeResult, judge } from "../../ledger/bench/judge.ts";
import { diskFileSystem } from "../../ledger/bench/machine.ts";
import { ComposeProject } from "../compose-project.ts";
import { freePort } from "../free-port.ts";
import { machineOomKills } from "./container-cgroup.ts";
import { ContainerWatch, type Limits, type Troubles, type Usage } from "./container-watch.ts";
import type { Phase } from "./phase.ts";

/** What the load did to it, and what the judge thinks of that. */
export interface LoadFigures {
	readonly requests: number;
	readonly requestsPerSecond: number;
	/** Null when nothing was answered. */
	readonly p50Ms: number | null;
	readonly p99Ms: number | null;
	/** Without an answer, or with a status that is none of 200 and 422. */
	readonly errors: number;
	/** Which ones: "17 × 504, 2 × the connection was lost". */
	readonly errorsAre: string;
	/** "valid", or why the figures say little about the target. */
	readonly validity: string;
	/** "consistent", or what is wrong with the books. */
	readonly consistency: string;
}

interface LoadedContainers {
	readonly load: LoadFigures;
	/** By service, as everywhere. */
	readonly usage: Readonly<Record<string, Usage>>;
}

export interface Visit {
	readonly phase: string;
	/** As many requests as 14 connections carry: what the reference measured. */
	readonly flatOut: LoadedContainers;
	/** What the challenge asks for. */
	readonly paced: LoadedContainers;
	/** Far more clients than there is work for: what it takes to hold them. */
	readonly crowd: LoadedContainers;
	readonly limits: Readonly<Record<string, Limits>>;
	readonly troubles: Readonly<Record<string, Troubles>>;
	/** Processes of the whole machine. */
	readonly machineOomKills: number;
	/** What runs in each container, and on what. */
	readonly programs: Readonly<Record<string, string>>;
	/** Of the disk on which the entries are. */
	readonly fileSystem: string;
}

export interface VisitPlan {
	/** Of the load that is flat out; the others take half of it. */
	readonly seconds: number;
	readonly seed: number;
}

export const loads = {
	flatOut: { connections: 14, rate: null },
	paced: { connections: 64, rate: 340 },
	crowd: { connections: 2000, rate: null },
} as const;

/** A debit that would pass the limit is answered with 422. */
const acceptedStatuses = [200, 422];
const warmUpSeconds = 3;
const startMsMax = 120_000;
const orders: Readonly<Record<string, string>> = {
	caddy: "echo Caddy $(caddy version)",
	nginx: "nginx -v 2>&1",
	db: "psql --version",
};

export async function visit(phase: Phase, plan: VisitPlan, stop: AbortSignal): Promise<Visit> {
	stop.throwIfAborted();
	const project = new ComposeProject(phase.file, "journey", freePort());
	try {
		await project.compose("up", "-d");
		stop.throwIfAborted();
		await project.untilServing(startMsMax);
		return await measured(project, phase, plan, stop);
	} finally {
		await project.remove();
	}
}

async function measured(
	project: ComposeProject,
	phase: Phase,
	{ seconds, seed }: VisitPlan,
	stop: AbortSignal,
): Promise<Visit> {
	const killsBefore = machineOomKills();
	// Before the crowd: a container that has come to the end of its memory has none left for another program.
	const running = await programs(project, phase);
	await using watch = await ContainerWatch.start(project, phase.services);
	const loaded = async (load: keyof typeof loads, loadSeconds: number): Promise<LoadedContainers> => {
		const target = { port: project.port, databaseFile: undefined };
		const plan = { ...target, ...loads[load], seconds: loadSeconds, warmUpSeconds, seed };
		const result = await judge(plan, stop);
		const fromMs = Date.parse(result.startedAt) + 1000 * warmUpSeconds;
		const toMs = fromMs + 1000 * result.summary.elapsedSeconds;
		return { load: figuresOf(result), usage: watch.usage(fromMs, toMs) };
	};
	return {
		phase: phase.name,
		flatOut: await loaded("flatOut", seconds),
		paced: await loaded("paced", Math.ceil(seconds / 2)),
		crowd: await loaded("crowd", Math.ceil(seconds / 2)),
		limits: await watch.limits(),
		troubles: await watch.troubles(),
		machineOomKills: machineOomKills() - killsBefore,
		programs: running,
		fileSystem: diskFileSystem(await project.volumeFolder(phase.volume)) ?? "unknown",
	};
}

function figuresOf(result: JudgeResult): LoadFigures {
	const { summary, latency, statuses, errors, validity, consistency } = result;
	const { requests, rate, otherStatus, failed, unsent } = summary;
	const percentileMs = (wanted: number) =>
		latency.response.percentiles.find(({ percentile }) => percentile === wanted)?.ms ?? null;
	return {
		...{ requests, requestsPerSecond: rate, errors: otherStatus + failed + unsent },
		errorsAre: [
			...statuses.filter(({ status }) => !acceptedStatuses.includes(status)),
			...errors.map(({ message, count }) => ({ status: message, count })),
			...(unsent === 0 ? [] : [{ status: "due, and not sent before the end", count: unsent }]),
		]
			.map(({ status, count }) => `${count} × ${status}`)
			.join(", "),
		...{ p50Ms: percentileMs(50), p99Ms: percentileMs(99) },
		validity: wording(validity, "valid"),
		consistency: wording(consistency, "consistent"),
	};
}

function wording({ verdict, reason }: JudgeResult["validity"], good: string): string {
	return verdict === good ? good : `${verdict}: ${reason}`;
}

/** The ledger's image has nothing besides the ledger. */
async function programs(project: ComposeProject, { services }: Phase): Promise<Record<string, string>> {
	const system = '. /etc/os-release && echo "on $PRETTY_NAME"';
	const known = services.filter((service) => service in orders);
	const each = known.map(async (service) => {
		const container = await project.containerOf(service);
		const text = await project.engine("exec", container, "sh", "-c", `${orders[service]}; ${system}`);
		return [service, text.replaceAll(/\s+/g, " ")] as const;
	});
	return Object.fromEntries(await Promise.all(each));
}

/** What a phase must not show; a crowd may be told that there are too many, but may not be told lies. */
export function faultsOf({ phase, flatOut, paced, crowd }: Visit): string[] {
	const served = [
		["flat out", flatOut.load],
		[`at ${loads.paced.rate}/s`, paced.load],
	] as const;
	return [
		...served.flatMap(([name, { errors, errorsAre, validity, consistency }]) => [
			...(errors === 0 ? [] : [`${name}: ${errors} errors (${errorsAre})`]),
			...(validity === "valid" || isLate(validity) ? [] : [`${name}: ${validity}`]),
			...(consistency === "consistent" ? [] : [`${name}: the books are ${consistency}`]),
		]),
		...(crowd.load.consistency.startsWith("inconsistent")
			? [`with ${loads.crowd.connections} connections: the books are ${crowd.load.consistency}`]
			: []),
	].map((fault) => `${phase} ${fault}`);
}

/** What makes a figure doubtful, and isn't the phase's fault: the machine was too busy to ask in time. */
export function doubtsOf({ phase, flatOut, paced }: Visit): string[] {
	const late = [flatOut, paced].map(({ load }) => load.validity).filter(isLate);
	return late.map((validity) => `${phase}: ${validity}`);
}

function isLate(validity: string): boolean {
	return validity.startsWith("generator late");
}

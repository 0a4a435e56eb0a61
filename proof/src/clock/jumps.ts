/**
 * Clocks that jump while clients post: all together, as when the machine's is set, or one process's alone, which no
 * single machine does but two do.
 *
 *     clocks   agree ─┐ +1 h                ┌─ agree
 *                     └─────────────────────┘
 *     answers  right   503 is allowed         right again
 */
import { type Books, readBooks } from "../books.ts";
import { Clients } from "../clients.ts";
import { Observed, type SeenPosting } from "../observed.ts";
import type { Random } from "../random.ts";
import { findings } from "../verdict.ts";
import type { ClockedService, ClockIndex } from "./clocked-service.ts";
import { bookDateFindings, DateWatch } from "./dates.ts";

export type Who = "all" | "one ledger" | "both ledgers" | "nginx";

export interface Jump {
	readonly who: Who;
	readonly aheadSeconds: number;
	/** Whether a ledger is killed just then and started anew, so that nginx sends again what it held. */
	readonly isKilling: boolean;
}

export interface JumpsPlan {
	readonly jumps: readonly Jump[];
	readonly holdMs: number;
	readonly settleMs: number;
	readonly random: Random;
	readonly stop: AbortSignal;
}

/** One jump as it was played; instants by performance.now(). */
interface Played extends Jump {
	readonly awayAtMs: number;
	readonly backAtMs: number;
	readonly settledAtMs: number;
}

export interface Jumped {
	readonly jumps: number;
	readonly kills: number;
	readonly acknowledged: number;
	readonly statements: number;
	/** Postings that were answered 503 while the clocks of these were off by more than a request may be old, of all that began then. */
	readonly refusedShares: ReadonlyMap<Who, number>;
	/** How long after the clocks agreed again the last posting that was answered 503 had begun; below 0: none. */
	readonly refusedAfterMsMax: number;
	readonly findings: readonly string[];
}

const clientCount = 8;
const pauseMs = 3;
const timeoutMs = 10_000;
const watchEveryMs = 20;
/** What the documentation says: a request is refused when its age is beyond it. */
const refusedBeyondSeconds = 10;
/** A request that begins so long after the clocks agree again has nothing to do with the jump. */
const graceMs = 400;

/** The service serves before it, and is killed after it. */
export async function playJumps(service: ClockedService, before: Books, plan: JumpsPlan): Promise<Jumped> {
	const observed = new Observed();
	const watch = new DateWatch();
	const clients = new Clients({
		...{
			targets: [service.target],
			count: clientCount,
			pauseMs,
			timeoutMs,
			observed,
			random: plan.random.branch(),
		},
	});
	const watching = new AbortController();
	const watched = watchDates(service, watch, watching.signal);
	const played: Played[] = [];
	try {
		for (const jump of plan.jumps) {
			plan.stop.throwIfAborted();
			played.push(await playJump(service, jump, plan));
		}
	} finally {
		watching.abort();
		await Promise.all([clients.stop(), watched]);
	}
	const endings = service.endings;
	await service.kill();
	const after = readBooks(service.databaseFile);
	return {
		...{ jumps: played.length, kills: played.filter(({ isKilling }) => isKilling).length },
		...{ acknowledged: observed.count("posted"), statements: watch.count },
		refusedShares: refusedShares(played, observed.postings),
		refusedAfterMsMax: Math.max(...played.map((jump) => refusedAfterMs(jump, observed.postings))),
		findings: [
			...endings,
			...answerFindings(clients),
			...played.flatMap((jump) => jumpFindings(jump, observed.postings)),
			...watch.findings,
			...bookDateFindings(after),
			...findings(before, observed, after),
		],
	};
}

async function playJump(
	service: ClockedService,
	jump: Jump,
	{ holdMs, settleMs, random }: JumpsPlan,
): Promise<Played> {
	const indexes = clocksOf(jump.who, random);
	const awayAtMs = performance.now();
	service.setClocks(indexes, jump.aheadSeconds);
	if (jump.isKilling) await service.restart(random.pick([0, 1] as const));
	await Bun.sleep(holdMs);
	service.setClocks(indexes, 0);
	const backAtMs = performance.now();
	await Bun.sleep(graceMs + settleMs);
	const settledAtMs = performance.now();
	// What begins from here on may meet the next jump.
	await Bun.sleep(graceMs);
	return { ...jump, awayAtMs, backAtMs, settledAtMs };
}

function clocksOf(who: Who, random: Random): readonly ClockIndex[] {
	if (who === "nginx") return [2];
	if (who === "one ledger") return [random.pick([0, 1] as const)];
	return who === "both ledgers" ? [0, 1] : [0, 1, 2];
}

async function watchDates(service: ClockedService, watch: DateWatch, stop: AbortSignal): Promise<void> {
	const sockets = [...service.pair.sockets, service.socket];
	for (let turn = 0; !stop.aborted; turn += 1) {
		await watch.look(sockets[turn % sockets.length] as string, 1 + (turn % 5));
		await Bun.sleep(watchEveryMs);
	}
}

function answerFindings({ statuses, unanswered }: Clients): string[] {
	const found = [...statuses]
		.filter(([status]) => status >= 500 && status !== 503)
		.map(([status, count]) => `${count} requests were answered ${status}`);
	return unanswered === 0
		? found
		: [...found, `${unanswered} requests had no answer within ${timeoutMs / 1000} s`];
}

/** What a jump did that it may not do. */
function jumpFindings(jump: Played, postings: readonly SeenPosting[]): string[] {
	const name = `${jump.aheadSeconds} s of ${jump.who}`;
	const settled = within(postings, jump.backAtMs + graceMs, jump.settledAtMs);
	const late = settled.filter(isTurnedAway).length;
	const found = late === 0 ? [] : [`${late} postings were refused after the jump by ${name} was over`];
	if (!settled.some(isDecided)) found.push(`nothing was posted after the jump by ${name} was over`);
	// Where all agree, only what was under way may be refused.
	const isApart = jump.who !== "all" && Math.abs(jump.aheadSeconds) > refusedBeyondSeconds;
	if (!isApart) {
		const refused = within(postings, jump.awayAtMs + graceMs, jump.backAtMs - graceMs).filter(
			isTurnedAway,
		).length;
		if (refused > 0) found.push(`${refused} postings were refused while the clocks were ahead by ${name}`);
	}
	if (Math.abs(jump.aheadSeconds) < refusedBeyondSeconds) {
		const refused = within(postings, jump.awayAtMs, jump.settledAtMs).filter(isTurnedAway).length;
		if (refused > 0) found.push(`${refused} postings were refused around a jump by only ${name}`);
	}
	return found;
}

function refusedShares(
	played: readonly Played[],
	postings: readonly SeenPosting[],
): ReadonlyMap<Who, number> {
	const apart = played.filter(({ aheadSeconds }) => Math.abs(aheadSeconds) > refusedBeyondSeconds);
	return new Map(
		[...Map.groupBy(apart, ({ who }) => who)].map(([who, jumps]) => {
			const meant = jumps.flatMap(({ awayAtMs, backAtMs }) => within(postings, awayAtMs, backAtMs));
			return [who, meant.filter(isTurnedAway).length / meant.length];
		}),
	);
}

function refusedAfterMs(
	{ awayAtMs, backAtMs, settledAtMs }: Played,
	postings: readonly SeenPosting[],
): number {
	const last = within(postings, awayAtMs, settledAtMs).findLast(isTurnedAway);
	return (last?.invokedAtMs ?? awayAtMs) - backAtMs;
}

/** Those that began then. */
function within(postings: readonly SeenPosting[], fromMs: number, untilMs: number): readonly SeenPosting[] {
	return postings.filter(({ invokedAtMs }) => invokedAtMs >= fromMs && invokedAtMs < untilMs);
}

function isTurnedAway({ fate }: SeenPosting): boolean {
	return fate === "absent" || fate === "unknown";
}

function isDecided({ fate }: SeenPosting): boolean {
	return fate === "posted" || fate === "refused";
}

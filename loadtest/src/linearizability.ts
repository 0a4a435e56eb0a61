/**
 * Whether one order of all operations on an account explains every answer, and lets each take effect between
 * its call and its return. Accounts are independent, so each has a checker of its own.
 *
 * It reads the history once, in the order of the calls and returns, and keeps what is in flight:
 *
 *     calls and returns      a( b( )a c( d( )b )c ...        Frontier says at each ) whether an order is left
 *
 * It never raises a false alarm. Where the search has to leave out alternatives and then finds no order, the
 * verdict is "unknown", which is no pass either.
 */
import { balanceBefore, type InFlight, passesLimit } from "./configuration.ts";
import { Frontier } from "./frontier.ts";
import type { InitialAccount, Observation } from "./operation.ts";
import { shortestWindow } from "./window.ts";

export interface CheckerOptions {
	/** Possible pasts of the account that are kept at a time; beyond it a failure is "unknown". */
	readonly configurationsMax?: number;
	/** Operations without an answer that may be open at a time; beyond it the check is given up. */
	readonly unknownsMax?: number;
}

export type Linearizability = "linearizable" | "not linearizable" | "unknown";

/** Of so many operations that returned last the window is looked for. */
const recentMax = 1000;
/** Where the window can't be a proof, it shows so many that returned last. */
const contextMax = 6;

export class LinearizabilityChecker {
	/** So far; it holds for the whole history after finish(). The first failure is final. */
	verdict: Linearizability = "linearizable";
	/** A sentence, unless linearizable. */
	reason: string | undefined;
	/** Operations added. */
	operations = 0;
	/** Operations added that have no answer. */
	unknownOutcomes = 0;
	/** Not linearizable: a few operations that show it, by invocation. Otherwise empty. */
	window: readonly Observation[] = [];
	/**
	 * Whether the window is a proof by itself: from no state of the account is there an order for it, even if
	 * everything else that was in flight took effect wherever it fits, or not at all. Otherwise only what came long before rules it out;
	 * `reason` has the balance that it left.
	 */
	isWindowProof = false;
	/** The operation of the window at whose return no order was left. */
	unexplained: Observation | undefined;

	readonly #account: InitialAccount;
	readonly #frontier: Frontier;
	readonly #unknownsMax: number;
	/** Added, but their calls are not checked. */
	#added: Observation[] = [];
	#earliestMs = Number.POSITIVE_INFINITY;
	/** Called, not returned; those without an answer never return. */
	readonly #open = new Map<Observation, InFlight>();
	/** The last to return, or to turn out as applied, in this order; at most twice recentMax. */
	#recent: Observation[] = [];

	constructor(
		account: InitialAccount,
		{ configurationsMax = 10_000, unknownsMax = 1000 }: CheckerOptions = {},
	) {
		const first = [{ balance: account.balance, newest: account.entries }];
		this.#account = account;
		this.#frontier = new Frontier(first, { limit: account.limit, isTailKnown: true }, configurationsMax);
		this.#unknownsMax = unknownsMax;
	}

	/** In any order, as long as everything invoked before a watermark was added before advance(watermark). */
	add(observation: Observation): void {
		this.operations += 1;
		if (observation.outcome === "unknown") this.unknownOutcomes += 1;
		if (this.verdict !== "linearizable") return;
		if (!(observation.invokedAtMs <= observation.endedAtMs))
			throw new Error(`operation ${observation.number} ended before it was invoked`);
		this.#added.push(observation);
		this.#earliestMs = Math.min(this.#earliestMs, observation.invokedAtMs);
	}

	/** Every operation invoked before it has been added: all calls and returns before it are checked. */
	advance(watermarkMs: number): void {
		if (this.verdict !== "linearizable" || !(this.#earliestMs < watermarkMs || this.#open.size > 0)) return;
		const calls: Observation[] = [];
		const later: Observation[] = [];
		for (const observation of this.#added)
			(observation.invokedAtMs < watermarkMs ? calls : later).push(observation);
		this.#added = later;
		this.#earliestMs = later.reduce(
			(earliest, { invokedAtMs }) => Math.min(earliest, invokedAtMs),
			Number.POSITIVE_INFINITY,
		);
		const returns = [...this.#open.keys(), ...calls].filter(
			({ outcome, endedAtMs }) => outcome !== "unknown" && endedAtMs < watermarkMs,
		);
		this.#check(
			calls.sort((one, other) => one.invokedAtMs - other.invokedAtMs),
			returns.sort((one, other) => one.endedAtMs - other.endedAtMs),
		);
	}

	/** No more operations. */
	finish(): void {
		this.advance(Number.POSITIVE_INFINITY);
	}

	/** Both ascending. A call at the instant of a return comes first: they may have been concurrent. */
	#check(calls: readonly Observation[], returns: readonly Observation[]): void {
		let next = 0;
		for (const returned of returns) {
			while (next < calls.length && (calls[next] as Observation).invokedAtMs <= returned.endedAtMs)
				this.#call(calls[next++] as Observation);
			// A call may have been one too many to go on.
			if (this.verdict !== "linearizable") return;
			this.#return(returned);
			if (this.verdict !== "linearizable") return;
		}
		while (next < calls.length) this.#call(calls[next++] as Observation);
	}

	#call(observation: Observation): void {
		const operation = this.#frontier.call(observation);
		if (observation.outcome !== "unknown") this.#open.set(observation, operation);
		else if (this.#frontier.unknowns > this.#unknownsMax && this.verdict === "linearizable")
			this.#end(
				"unknown",
				`more than ${this.#unknownsMax} operations without an answer may still take effect`,
			);
	}

	#return(observation: Observation): void {
		const operation = this.#open.get(observation) as InFlight;
		this.#open.delete(observation);
		const settled: Observation[] = [];
		if (this.#frontier.return(operation, (unknown) => settled.push(unknown)))
			for (const ended of [observation, ...settled]) this.#remember(ended);
		else this.#fail(observation);
	}

	#remember(observation: Observation): void {
		if (this.#recent.length === 2 * recentMax) this.#recent = this.#recent.slice(recentMax);
		this.#recent.push(observation);
	}

	#fail(observation: Observation): void {
		const message = failureText(observation, this.#account.limit, this.#frontier);
		if (!this.#frontier.isExhaustive) {
			this.#end("unknown", `${message}; but there were too many possible orders to try them all`);
			return;
		}
		this.#remember(observation);
		this.unexplained = observation;
		const inFlight = this.#frontier.inFlight.filter((other) => other !== observation);
		const proof = shortestWindow(this.#account.limit, this.#recent.slice(-recentMax), inFlight);
		this.isWindowProof = proof !== undefined;
		this.window =
			proof ?? this.#recent.slice(-contextMax).sort((one, other) => one.invokedAtMs - other.invokedAtMs);
		this.#end("not linearizable", message);
	}

	#end(verdict: Linearizability, reason: string): void {
		this.verdict = verdict;
		this.reason = reason;
		this.#added = [];
		this.#recent = [];
		this.#open.clear();
	}
}

function failureText(observation: Observation, limit: number, { configurations }: Frontier): string {
	const { number, outcome, change, balance } = observation;
	const asked = `the ${change > 0 ? "credit" : "debit"} of ${Math.abs(change)} (operation ${number})`;
	if (outcome === "posted" && passesLimit(observation, balance, limit))
		return `${asked} was posted with a balance of ${balance}, which passes the limit of ${limit}`;
	const balances = [...new Set(configurations.map((configuration) => configuration.balance))];
	const known = `what returned before leaves a balance of ${balances.slice(0, 3).join(" or ")}${balances.length > 3 ? " or others" : ""}`;
	if (outcome === "posted")
		return `no order explains that ${asked} changed the balance from ${balanceBefore(observation)} to ${balance}: ${known}`;
	if (outcome === "refused")
		return `no order explains that ${asked} was refused, with a limit of ${limit}: ${known}`;
	return `no order explains what the statement (operation ${number}) shows, with a balance of ${balance}: ${known}`;
}

/**
 * Everything an account may look like at one moment, given what its clients have seen: the state of the
 * linearizability checker.
 *
 * A configuration is one possible past: the balance, the newest entries, and which of the operations in
 * flight have taken effect already. When an operation returns it must have taken effect, so each
 * configuration is extended by every sequence of operations in flight that ends with it ("just-in-time":
 * Lowe, "Testing for linearizability", 2017, after Wing and Gong, "Testing and verifying concurrent objects",
 * 1993). That explodes in general and doesn't here: an answer carries the new balance, so a posted operation
 * fits one balance only, and mostly there is one sequence.
 *
 * Refusals and statements change nothing: they take effect in the first configuration that they fit, which
 * rules nothing out. An operation without an answer may take effect at any time from its call on, or never;
 * a table of what sets of them add up to tells at which balances they can help.
 */
import {
	applied,
	balanceBefore,
	type Configuration,
	fits,
	type InFlight,
	isDone,
	keyOf,
	type Rules,
} from "./configuration.ts";
import type { Observation } from "./operation.ts";
import { SumTable } from "./sum-table.ts";

/** So many steps for each configuration that may be kept are the most that one return may take. */
const stepsPerConfiguration = 4;
/**
 * All steps together: so many at once and so many a return. Who has spent them searches with the bounds below,
 * until some are left again; what it finds still holds.
 */
const stepsAtFirst = 200_000;
const stepsPerReturn = 5;
const configurationsMaxLater = 32;
const stepsMaxLater = 500;
/** A search of so few steps doesn't remember where it was. */
const stepsForgotten = 32;

/** The search for the sequences that end with one operation. */
interface Search {
	readonly goal: InFlight;
	readonly stepsMax: number;
	readonly found: Configuration[];
	readonly visited: Set<string>;
	steps: number;
}

export class Frontier {
	/** Invariant: never empty, and no two have the same future. */
	configurations: Configuration[];
	/** False once an alternative was left out: from then on a failure proves nothing. */
	isExhaustive = true;

	readonly #rules: Rules;
	readonly #configurationsMax: number;
	readonly #stepsMax: number;
	#stepsLeft = stepsAtFirst;
	/** In flight, by what their outcome allows. */
	readonly #posts: InFlight[] = [];
	readonly #reads: InFlight[] = [];
	readonly #unknowns: InFlight[] = [];
	/** Of the unknowns; made when it is asked for. */
	#sums: SumTable | undefined;
	/** Places that nobody has; there are 32 for each number of `done`. */
	readonly #free: { readonly word: number; readonly bit: number }[] = [];
	#words = 0;

	/** `first` have nothing in flight. At most `configurationsMax` are kept. */
	constructor(first: readonly Omit<Configuration, "done">[], rules: Rules, configurationsMax: number) {
		this.configurations = first.map(({ balance, newest }) => ({ balance, newest, done: [] }));
		this.#rules = rules;
		this.#configurationsMax = configurationsMax;
		this.#stepsMax = configurationsMax * stepsPerConfiguration;
	}

	/** Operations without an answer of which it isn't sure that they took effect. */
	get unknowns(): number {
		return this.#unknowns.length;
	}

	/** What has been called and hasn't returned, without operations that surely took effect without an answer. */
	get inFlight(): Observation[] {
		return [...this.#posts, ...this.#reads, ...this.#unknowns].map(({ observation }) => observation);
	}

	call(observation: Observation, isOptional = false): InFlight {
		const operation: InFlight = { observation, ...this.#takePlace(), isOptional };
		if (observation.outcome === "posted") this.#posts.push(operation);
		else if (observation.outcome === "unknown") {
			this.#unknowns.push(operation);
			this.#sums = undefined;
		} else {
			this.#reads.push(operation);
			for (const configuration of this.configurations) this.#read(configuration, operation);
		}
		return operation;
	}

	/**
	 * False when no order is left, or none was found; then the configurations are as before.
	 * `onSettled` is told of each operation without an answer that now surely took effect.
	 */
	return(operation: InFlight, onSettled?: (observation: Observation) => void): boolean {
		this.#stepsLeft += stepsPerReturn;
		const next: Configuration[] = [];
		const missing: Configuration[] = [];
		for (const configuration of this.configurations) {
			const done = isDone(configuration, operation);
			if (done || operation.isOptional) next.push(configuration);
			if (!done) missing.push(configuration);
		}
		if (missing.length > 0) this.#extend(missing, operation, next);
		if (next.length === 0) return false;
		this.configurations = this.#distinct(next);
		this.#leave(operation.observation.outcome === "posted" ? this.#posts : this.#reads, operation);
		if (missing.length > 0 && this.#unknowns.length > 0) this.#settle(onSettled);
		return true;
	}

	/** Adds to `next` what becomes of the configurations with every sequence that ends with `goal`. */
	#extend(configurations: readonly Configuration[], goal: InFlight, next: Configuration[]): void {
		const unknowns = this.#unknowns.length;
		if (this.isExhaustive && (unknowns === 0 || this.#table().isComplete)) {
			const search = this.#search(configurations, goal, unknowns);
			if (search.steps <= search.stepsMax && this.#stepsLeft > 0) {
				for (const configuration of search.found) next.push(configuration);
				return;
			}
		}
		this.isExhaustive = false;
		// Each by itself: one that gets there sooner by chance must not end the search for the one that was so.
		for (const from of configurations)
			for (const configuration of this.#likely(from, goal)) next.push(configuration);
	}

	/**
	 * With the fewest unknowns, until one more makes no difference or is too much. That an exact balance is met
	 * is evidence enough; a refusal fits at so many that it is none.
	 */
	#likely(from: Configuration, goal: InFlight): readonly Configuration[] {
		let last = this.#search([from], goal, 0);
		for (let unknownsMax = 1; unknownsMax <= this.#unknowns.length; unknownsMax++) {
			if (last.found.length > 0 && (goal.observation.outcome !== "refused" || this.#stepsLeft <= 0)) break;
			const search = this.#search([from], goal, unknownsMax);
			const isCut = search.steps > search.stepsMax;
			if (search.steps === last.steps || (isCut && last.found.length > 0)) break;
			last = search;
			if (isCut) break;
		}
		return last.found;
	}

	#search(configurations: readonly Configuration[], goal: InFlight, unknownsMax: number): Search {
		const search: Search = {
			goal,
			stepsMax: this.#stepsLeft > 0 ? this.#stepsMax : stepsMaxLater,
			found: [],
			visited: new Set(),
			steps: 0,
		};
		for (const configuration of configurations) this.#visit(configuration, unknownsMax, search);
		this.#stepsLeft -= search.steps;
		return search;
	}

	#visit(configuration: Configuration, unknownsMax: number, search: Search): void {
		const { goal, found } = search;
		if (++search.steps > search.stepsMax) return;
		if (goal.observation.outcome !== "posted") {
			if (isDone(configuration, goal)) {
				found.push(configuration);
				return;
			}
		} else if (fits(configuration, goal.observation, this.#rules))
			found.push(this.#applied(configuration, goal));
		if (search.steps > stepsForgotten) {
			const key = `${unknownsMax}|${keyOf(configuration)}`;
			if (search.visited.has(key)) return;
			search.visited.add(key);
		}
		for (const post of this.#posts) {
			if (post === goal || isDone(configuration, post)) continue;
			if (fits(configuration, post.observation, this.#rules))
				this.#visit(this.#applied(configuration, post), unknownsMax, search);
		}
		if (unknownsMax === 0 || this.#unknowns.length === 0) return;
		for (const unknown of this.#helpful(configuration, goal))
			if (fits(configuration, unknown.observation, this.#rules))
				this.#visit(this.#applied(configuration, unknown), unknownsMax - 1, search);
	}

	/** The unknowns with which, alone or with others, a balance is reached where something in flight fits. */
	#helpful(configuration: Configuration, goal: InFlight): Iterable<InFlight> {
		// A refusal fits at many balances.
		if (goal.observation.outcome === "refused")
			return this.#unknowns.filter((unknown) => !isDone(configuration, unknown));
		const helpful = new Set<InFlight>();
		const reach = (balance: number) => {
			for (const set of this.#table().setsOf(balance - configuration.balance))
				if (set.every((unknown) => !isDone(configuration, unknown)))
					for (const unknown of set) helpful.add(unknown);
		};
		if (goal.observation.outcome === "shown") reach(goal.observation.balance);
		for (const post of this.#posts) if (!isDone(configuration, post)) reach(balanceBefore(post.observation));
		return helpful;
	}

	#table(): SumTable {
		this.#sums ??= new SumTable(this.#unknowns, this.#configurationsMax);
		return this.#sums;
	}

	/** The configuration after the operation, with every read that fits there. */
	#applied(configuration: Configuration, operation: InFlight): Configuration {
		const next = applied(configuration, operation);
		for (const read of this.#reads) this.#read(next, read);
		return next;
	}

	#read(configuration: Configuration, read: InFlight): void {
		if (isDone(configuration, read) || !fits(configuration, read.observation, this.#rules)) return;
		configuration.done[read.word] = (configuration.done[read.word] as number) | read.bit;
	}

	#distinct(configurations: Configuration[]): Configuration[] {
		if (configurations.length === 1) return configurations;
		const distinct = new Map(configurations.map((configuration) => [keyOf(configuration), configuration]));
		const configurationsMax = this.#stepsLeft > 0 ? this.#configurationsMax : configurationsMaxLater;
		if (distinct.size <= configurationsMax) return [...distinct.values()];
		this.isExhaustive = false;
		const unknownsIn = (configuration: Configuration) =>
			this.#unknowns.reduce((count, unknown) => count + Number(isDone(configuration, unknown)), 0);
		return [...distinct.values()]
			.map((configuration) => ({ configuration, unknowns: unknownsIn(configuration) }))
			.sort((one, other) => one.unknowns - other.unknowns)
			.slice(0, configurationsMax)
			.map(({ configuration }) => configuration);
	}

	/** An unknown that took effect in every configuration did so in truth. */
	#settle(onSettled: ((observation: Observation) => void) | undefined): void {
		for (const unknown of this.#unknowns.slice()) {
			if (!this.configurations.every((configuration) => isDone(configuration, unknown))) continue;
			this.#leave(this.#unknowns, unknown);
			this.#sums = undefined;
			onSettled?.(unknown.observation);
		}
	}

	#takePlace(): { readonly word: number; readonly bit: number } {
		if (this.#free.length === 0) {
			for (const { done } of this.configurations) done.push(0);
			for (let bit = 31; bit >= 0; bit--) this.#free.push({ word: this.#words, bit: 1 << bit });
			this.#words += 1;
		}
		return this.#free.pop() as { readonly word: number; readonly bit: number };
	}

	#leave(operations: InFlight[], operation: InFlight): void {
		operations.splice(operations.indexOf(operation), 1);
		const { word, bit } = operation;
		for (const { done } of this.configurations) done[word] = (done[word] as number) & ~bit;
		this.#free.push({ word, bit });
	}
}

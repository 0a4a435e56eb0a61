/**
 * One possible state of an account between two operations, and what an operation makes of it: the rules of
 * the books, as the linearizability checker knows them.
 */
import type { Observation, Token } from "./operation.ts";

/** A statement shows no more entries than this, so older ones need not be remembered. */
const shownMax = 10;

export interface Configuration {
	readonly balance: number;
	/** Newest first, at most ten. */
	readonly newest: readonly Token[];
	/** One bit for each place in flight, 32 to a number: whether the operation there has taken effect. */
	readonly done: number[];
}

/** An operation between its call and its return; one without an answer stays until it surely took effect. */
export interface InFlight {
	readonly observation: Observation;
	/** Where its bit stands in `done`: which number, and which bit of it. */
	readonly word: number;
	readonly bit: number;
	/** Its return asks for nothing: as far as anyone knows, it may have taken effect before everything else. */
	readonly isOptional: boolean;
}

/** What holds for an account throughout. */
export interface Rules {
	/** The account may go down to minus this many cents. */
	readonly limit: number;
	/** Whether the first configurations hold all the entries there were; otherwise older ones are not known. */
	readonly isTailKnown: boolean;
}

/** The balance that a posted operation must have found. */
export function balanceBefore({ balance, change }: Observation): number {
	return balance - change;
}

/** Only a debit can pass the limit: a credit may leave an account below it that was there before. */
export function passesLimit({ change }: Observation, balanceAfter: number, limit: number): boolean {
	return change < 0 && balanceAfter < -limit;
}

export function isDone({ done }: Configuration, { word, bit }: InFlight): boolean {
	return ((done[word] as number) & bit) !== 0;
}

/** Whether the operation can take effect here. */
export function fits(configuration: Configuration, observation: Observation, rules: Rules): boolean {
	const { balance } = configuration;
	switch (observation.outcome) {
		case "posted":
			return (
				balance === balanceBefore(observation) && !passesLimit(observation, observation.balance, rules.limit)
			);
		case "refused":
			return balance + observation.change < -rules.limit;
		case "shown":
			return (
				balance === observation.balance && shows(observation.entries, configuration.newest, rules.isTailKnown)
			);
		case "unknown":
			return !passesLimit(observation, balance + observation.change, rules.limit);
	}
}

function shows(entries: readonly Token[], newest: readonly Token[], isTailKnown: boolean): boolean {
	if (entries.length < newest.length || (isTailKnown && entries.length > newest.length)) return false;
	for (let index = 0; index < newest.length; index++) if (entries[index] !== newest[index]) return false;
	return true;
}

/** The configuration after an operation that fits and, posted or unknown, adds an entry. */
export function applied(configuration: Configuration, { observation, word, bit }: InFlight): Configuration {
	const done = configuration.done.slice();
	done[word] = (done[word] as number) | bit;
	const newest: Token[] = [observation.token];
	const kept = Math.min(configuration.newest.length, shownMax - 1);
	for (let index = 0; index < kept; index++) newest.push(configuration.newest[index] as Token);
	return { balance: configuration.balance + observation.change, newest, done };
}

/** Equal for configurations with the same future. */
export function keyOf({ balance, newest, done }: Configuration): string {
	return `${balance}|${newest.join()}|${done.join()}`;
}

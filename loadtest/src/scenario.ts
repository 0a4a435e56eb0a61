/**
 * What is asked: the mix of credits, debits and statements, as requests on the wire.
 *
 * An operation is a pure function of the seed and its number. So nothing about it has to be remembered for the
 * audit: not whose it was, nor its amount. Each credit and debit carries its number in its description, after
 * letters that no other run has used, and is found again in every statement.
 *
 * With `requests.ts`, `checks.ts`, the simulation and `audit.ts` this is the border where the wire's Portuguese ends.
 */
import type { Kind, Operation, Token } from "./operation.ts";
import { Requests, wireKind } from "./requests.ts";
import { Tags } from "./tags.ts";
import type { Target } from "./target.ts";

/** Where operations come from: the mix, or the official simulation's script. */
export interface OperationSource {
	/** Whether every credit and debit has a tag of its own, so that a database can be summed up by them. */
	readonly isAllTagged: boolean;
	operation(number: number): Operation;
	/** How the operation's entry looks in a statement. */
	token(number: number): Token;
	/** Whose entry that is, or a sentence that says why it can't be anybody's. Sent operations have lower numbers. */
	tokenOf(entry: WireEntry, accountId: number, sent: number): Token | string;
	/** The operation's number of a tag of this run; undefined for any other description. */
	numberOf(description: string): number | undefined;
	/** The request's bytes, which are overwritten by the next call. */
	request(number: number): Buffer;
}

/** An entry of a statement, as it stands on the wire. */
export interface WireEntry {
	readonly valor: number;
	readonly tipo: string;
	readonly descricao: string;
	readonly realizada_em: string;
}

export interface MixPlan {
	readonly seed: number;
	readonly mix: Readonly<Record<Kind, number>>;
	readonly accountIds: readonly number[];
	readonly amountMin: number;
	readonly amountMax: number;
}

export class Scenario implements OperationSource {
	readonly isAllTagged = true;
	readonly #plan: MixPlan;
	readonly #order: readonly Kind[];
	readonly #requests: Requests;
	readonly tags = new Tags();

	constructor(plan: MixPlan, target: Target) {
		this.#plan = plan;
		this.#order = evenOrder(plan.mix);
		this.#requests = new Requests(target, []);
	}

	operation(number: number): Operation {
		const kind = this.#order[number % this.#order.length] as Kind;
		const { seed, accountIds, amountMin, amountMax } = this.#plan;
		const accountId = accountIds[below(accountIds.length, hash(seed, 2 * number))] as number;
		if (kind === "statement") return { number, kind, accountId, amount: 0 };
		const amount = amountMin + below(amountMax - amountMin + 1, hash(seed, 2 * number + 1));
		return { number, kind, accountId, amount };
	}

	token(number: number): Token {
		return number;
	}

	tokenOf(entry: WireEntry, accountId: number, sent: number): Token | string {
		const number = this.tags.numberOf(entry.descricao);
		if (number === undefined) return `${entry.descricao} was not sent by this run`;
		return matchingToken(entry, accountId, sent, number, this);
	}

	numberOf(description: string): number | undefined {
		return this.tags.numberOf(description);
	}

	request(number: number): Buffer {
		const operation = this.operation(number);
		return operation.kind === "statement"
			? this.#requests.statement(operation.accountId)
			: this.#requests.taggedEntry(operation, this.tags);
	}
}

/** The token of an entry with a tag of ours, if everything else about it is as it was sent. */
export function matchingToken(
	entry: WireEntry,
	accountId: number,
	sent: number,
	number: number,
	source: OperationSource,
): Token | string {
	const { descricao, valor, tipo } = entry;
	if (number >= sent) return `${descricao} has a tag of this run, but was never sent`;
	const operation = source.operation(number);
	if (operation.kind === "statement") return `${descricao} has the number of a statement`;
	if (operation.accountId !== accountId)
		return `${descricao} was sent to account ${operation.accountId}, not ${accountId}`;
	if (operation.amount !== valor || wireKind(operation.kind) !== tipo)
		return `${descricao} was sent as ${wireKind(operation.kind)} ${operation.amount}, not ${tipo} ${valor}`;
	return source.token(number);
}

/**
 * Smooth weighted round robin: every kind earns its weight each turn, and the richest goes and pays. Of 34
 * operations of 22 : 11 : 1, no two credits follow each other.
 */
function evenOrder(mix: Readonly<Record<Kind, number>>): Kind[] {
	const earners = Object.entries(mix).map(([kind, weight]) => ({ kind: kind as Kind, weight, purse: 0 }));
	const total = earners.reduce((sum, { weight }) => sum + weight, 0);
	return Array.from({ length: total }, () => {
		for (const earner of earners) earner.purse += earner.weight;
		const richest = earners.reduce((best, earner) => (earner.purse > best.purse ? earner : best));
		richest.purse -= total;
		return richest.kind;
	});
}

/** A whole number from 0 to below the bound, by a hash of 32 bits. */
function below(bound: number, hash32: number): number {
	return Math.floor((hash32 / 2 ** 32) * bound);
}

/** 32 bits that look random: the finalizer of MurmurHash3, twice, over the seed and the number's two halves. */
function hash(seed: number, number: number): number {
	return finalize(finalize(seed ^ Math.floor(number / 2 ** 32)) ^ (number | 0));
}

function finalize(bits: number): number {
	let mixed = (bits + 0x9e3779b9) | 0;
	mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
	mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
	return (mixed ^ (mixed >>> 16)) >>> 0;
}

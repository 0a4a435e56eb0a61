/**
 * The values that options take, one function each: text in, value out, or an Error that says in a few words what
 * is taken instead. read() makes a sentence of it.
 */
import { resolve } from "node:path";
import { parseDuration, secondsText } from "./duration.ts";
import type { Kind } from "./operation.ts";

const accountsMax = 10_000;
const accountIdMax = 2 ** 31 - 1;
const amountMax = 2 ** 31 - 1;
const weightMax = 1000;
const percentilesMax = 20;

/** @throws {Error} with the option's name in front. */
export function read<T>(name: string, text: string, parse: (text: string) => T): T {
	try {
		return parse(text.trim());
	} catch (error) {
		throw new Error(`${name}: ${(error as Error).message}`);
	}
}

export function wholeNumber(min: number, max: number): (text: string) => number {
	return (text) => {
		const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
		return number >= min && number <= max ? number : refuse(text, `a whole number from ${min} to ${max}`);
	};
}

/** Above zero, with or without decimals. */
export function positive(max: number): (text: string) => number {
	return (text) => {
		const number = decimal(text);
		return number > 0 && number <= max ? number : refuse(text, `a number above 0, at most ${max}`);
	};
}

export function duration(minMs: number, maxMs: number): (text: string) => number {
	return (text) => {
		// Zero is the only length of time that needs no unit.
		const ms = text === "0" ? 0 : parseDuration(text);
		if (ms < minMs) throw new Error(`${text} is too short: at least ${secondsText(minMs)}`);
		if (ms > maxMs) throw new Error(`${text} is too long: at most ${secondsText(maxMs)}`);
		return ms;
	};
}

export function oneOf<const T extends string>(choices: readonly T[]): (text: string) => T {
	return (text) => choices.find((choice) => choice === text) ?? refuse(text, choices.join(" or "));
}

/** debits:credits:statements. */
export function mix(text: string): Record<Kind, number> {
	const [debit, credit, statement] = /^\d{1,4}:\d{1,4}:\d{1,4}$/.test(text)
		? text.split(":").map(Number)
		: [];
	if (debit === undefined || credit === undefined || statement === undefined)
		return refuse(text, "debits:credits:statements, three whole numbers like 22:11:1");
	if (Math.max(debit, credit, statement) > weightMax) return refuse(text, `numbers up to ${weightMax}`);
	if (debit + credit + statement === 0) return refuse(text, "at least one number above zero");
	return { debit, credit, statement };
}

/** Numbers and ranges: "1-5", "1,3,7-9". */
export function accountIds(text: string): number[] {
	const ids = new Set<number>();
	for (const part of text.split(",")) {
		const [first, last] =
			range(part.trim(), accountIdMax) ?? refuse(text, "numbers and ranges, like 1-5 or 1,3,7-9");
		if (last - first >= accountsMax) return refuse(text, `at most ${accountsMax} accounts`);
		for (let id = first; id <= last; id += 1) {
			if (ids.has(id)) throw new Error(`${JSON.stringify(text)} names ${id} twice`);
			ids.add(id);
		}
		if (ids.size > accountsMax) return refuse(text, `at most ${accountsMax} accounts`);
	}
	return [...ids].sort((a, b) => a - b);
}

/** The smallest and the largest, in cents: "1-10000", or one number for both. */
export function amounts(text: string): [number, number] {
	return range(text, amountMax) ?? refuse(text, `cents from 1 to ${amountMax}, as a range like 1-10000`);
}

/** Ascending. */
export function percentiles(text: string): number[] {
	const given = text.split(",").map((part) => decimal(part.trim()));
	if (given.length > percentilesMax)
		throw new Error(`${given.length} are too many: at most ${percentilesMax}`);
	if (!given.every((percentile) => percentile > 0 && percentile <= 100))
		return refuse(text, "numbers above 0 and up to 100, like 50,99,99.9");
	return [...new Set(given)].sort((a, b) => a - b);
}

/** As a share. A % sign may follow. */
export function percentage(text: string): number {
	const percent = decimal(text.replace(/ ?%$/, ""));
	return percent <= 100 ? percent / 100 : refuse(text, "a percentage from 0 to 100");
}

export function baselineName(text: string): string {
	// It becomes a file's name, and two of these would be folders.
	const isName = /^[A-Za-z0-9._-]{1,64}$/.test(text) && text !== "." && text !== "..";
	return isName ? text : refuse(text, "a name of up to 64 letters, digits, dots, dashes and underscores");
}

/** Absolute. */
export function path(text: string): string {
	return text !== "" && !text.includes("\0") ? resolve(text) : refuse(text, "a path");
}

function range(text: string, max: number): [number, number] | undefined {
	const [, from, to] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(text) ?? [];
	const first = Number(from);
	const last = Number(to ?? from);
	return first >= 1 && first <= last && last <= max ? [first, last] : undefined;
}

function decimal(text: string): number {
	return /^\d{1,15}(?:\.\d{1,15})?$/.test(text) ? Number(text) : Number.NaN;
}

function refuse(text: string, takes: string): never {
	throw new Error(`give ${takes}, not ${JSON.stringify(text)}`);
}

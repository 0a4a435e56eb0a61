/**
 * What a run must reach, as people write it: "p99<250ms", "rate>=340", "errorShare<0.1%". A threshold looks at
 * one of the result's Figures, by its name there.
 */
import { parseDuration } from "./duration.ts";
import type { Figures, ThresholdRow } from "./result.ts";

type Operator = "<" | "<=" | ">" | ">=" | "==" | "!=";

export interface Threshold {
	/** As it was given. */
	readonly text: string;
	readonly figure: keyof Figures;
	readonly operator: Operator;
	/** In the figure's own unit: milliseconds, arrivals a second, a count or a share. */
	readonly bound: number;
}

/** What each figure measures, and so what its bound is written in. */
const measures: Readonly<Record<keyof Figures, Measure>> = {
	rate: "rate",
	mean: "time",
	p50: "time",
	p90: "time",
	p99: "time",
	p999: "time",
	max: "time",
	errorShare: "share",
	errors: "count",
	violations: "count",
	latenessP99: "time",
};

type Measure = "rate" | "time" | "share" | "count";

const names = Object.keys(measures) as readonly (keyof Figures)[];

const holds: Readonly<Record<Operator, (actual: number, bound: number) => boolean>> = {
	"<": (actual, bound) => actual < bound,
	"<=": (actual, bound) => actual <= bound,
	">": (actual, bound) => actual > bound,
	">=": (actual, bound) => actual >= bound,
	"==": (actual, bound) => actual === bound,
	"!=": (actual, bound) => actual !== bound,
};

/** @throws {Error} one sentence that says what is wrong, and what there is. */
export function parseThreshold(text: string): Threshold {
	const [, name, operator, bound] =
		/^\s*([^\s<>=!]+)\s*(<=|>=|==|!=|<|>)\s*([^\s<>=!].*?)\s*$/.exec(text) ?? [];
	if (name === undefined || operator === undefined || bound === undefined)
		throw new Error(
			`${JSON.stringify(text)} is no threshold: give a name, one of < <= > >= == != and a value, like p99<250ms`,
		);
	const figure = name === "p99.9" ? "p999" : names.find((known) => known === name);
	if (figure === undefined)
		throw new Error(
			`${JSON.stringify(name)} is nothing a threshold can look at: there are ${names.join(", ")}`,
		);
	return { text: text.trim(), figure, operator: operator as Operator, bound: parseBound(figure, bound) };
}

/** A figure that isn't there, because nothing was measured, misses every threshold. */
export function checkThresholds(thresholds: readonly Threshold[], figures: Figures): ThresholdRow[] {
	return thresholds.map(({ text, figure, operator, bound }) => {
		const actual = figures[figure];
		return { threshold: text, actual, met: Number.isFinite(actual) && holds[operator](actual, bound) };
	});
}

function parseBound(figure: keyof Figures, text: string): number {
	switch (measures[figure]) {
		case "time":
			return plainNumber(text) ?? timeBound(figure, text);
		case "rate":
			return plainNumber(text.replace(/ ?\/s$/, "")) ?? refuse(figure, "requests a second, like 340", text);
		case "share":
			return shareBound(figure, text);
		case "count":
			return /^\d{1,15}$/.test(text) ? Number(text) : refuse(figure, "a whole number", text);
	}
}

function timeBound(figure: string, text: string): number {
	try {
		return parseDuration(text);
	} catch {
		return refuse(figure, "a time, like 250ms, 800µs or 1.5s", text);
	}
}

function shareBound(figure: string, text: string): number {
	const percent = /^(.+?) ?%$/.exec(text)?.[1];
	const share = percent === undefined ? plainNumber(text) : (plainNumber(percent) ?? Number.NaN) / 100;
	// 5 without a sign can only mean 5 %, but a threshold that guesses is worse than one that asks.
	return share !== undefined && share <= 1
		? share
		: refuse(figure, "0% to 100%, or a share from 0 to 1", text);
}

function plainNumber(text: string): number | undefined {
	return /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
}

function refuse(figure: string, takes: string, text: string): never {
	throw new Error(`a threshold of ${figure} takes ${takes}, not ${JSON.stringify(text)}`);
}

/**
 * Baselines: what a comparison needs of an earlier run, kept in a file under a name.
 *
 * A file is written beside its place and renamed into it, so a baseline is there whole or as it was before,
 * whatever ends the program. It has a version of its own: it outlives many a version of the result.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Figures, Machine, Result, SecondRow, Shape } from "./result.ts";

const schemaVersion = 1;
const extension = ".json";

/** What one repetition came to. */
export interface Run {
	/** NaN where nothing was measured. */
	readonly figures: Figures;
	readonly requests: number;
}

export interface Baseline {
	readonly schemaVersion: typeof schemaVersion;
	readonly name: string;
	readonly shape: Shape;
	readonly target: string;
	readonly machine: Machine;
	/** Of the first repetition. UTC, ISO 8601. */
	readonly startedAt: string;
	readonly command: string;
	/** At least one. */
	readonly runs: readonly Run[];
	/** Of the last repetition. */
	readonly seconds: readonly SecondRow[];
}

/** A baseline that can't be read or written; the message is one sentence for the person who runs it. */
export class BaselineError extends Error {
	override readonly name = "BaselineError";
}

/**
 * Keeps the results of all repetitions, in their order, in place of what had the name before.
 * @throws {BaselineError} it could not be written, and what had the name before is still there.
 */
export function saveBaseline(folder: string, name: string, results: readonly Result[]): void {
	const [first, last] = [results[0], results.at(-1)];
	if (first === undefined || last === undefined) throw new BaselineError("a baseline needs at least one run");
	const { shape, target, machine, command, seconds } = last;
	const { startedAt } = first;
	const runs = runsOf(results);
	const baseline: Baseline = {
		...{ schemaVersion, name, shape, target, machine, startedAt, command },
		...{ runs, seconds },
	};
	try {
		mkdirSync(folder, { recursive: true });
		writeWhole(fileOf(folder, name), `${JSON.stringify(baseline)}\n`);
	} catch (error) {
		throw new BaselineError(`the baseline ${name} can't be written to ${folder} (${reasonOf(error)})`);
	}
}

function writeWhole(file: string, text: string): void {
	const temporary = `${file}.${process.pid}.temp`;
	try {
		writeFileSync(temporary, text);
		renameSync(temporary, file);
	} catch (error) {
		rmSync(temporary, { force: true });
		throw error;
	}
}

/** @throws {BaselineError} there is none of this name, or it can't be used. */
export function loadBaseline(folder: string, name: string): Baseline {
	let text: string;
	try {
		text = readFileSync(fileOf(folder, name), "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ENOENT")
			throw new BaselineError(`the baseline ${name} can't be read from ${folder} (${reasonOf(error)})`);
		const names = listBaselines(folder);
		const others = names.length > 0 ? `there are ${names.join(", ")}` : "there are none";
		throw new BaselineError(`there is no baseline ${name} in ${folder}: ${others}`);
	}
	return parseBaseline(text, name);
}

/** The names that exist, in alphabetical order; none when there is no such folder. */
export function listBaselines(folder: string): string[] {
	try {
		return readdirSync(folder, { withFileTypes: true })
			.filter((found) => found.isFile() && found.name.endsWith(extension))
			.map((found) => found.name.slice(0, -extension.length))
			.sort();
	} catch {
		return [];
	}
}

/** The figures of each repetition are the last of its result's. */
export function runsOf(results: readonly Result[]): Run[] {
	return results.map(({ repeats, summary }) => {
		const figures = repeats.at(-1);
		if (figures === undefined) throw new Error("a result has its own figures");
		return { figures, requests: summary.requests };
	});
}

function parseBaseline(text: string, name: string): Baseline {
	let found: unknown;
	try {
		found = JSON.parse(text);
	} catch {
		throw new BaselineError(`the baseline ${name} is damaged: it isn't JSON`);
	}
	if (!isRecord(found) || typeof found.schemaVersion !== "number")
		throw new BaselineError(`the baseline ${name} is damaged: it doesn't say which version it has`);
	if (found.schemaVersion !== schemaVersion)
		throw new BaselineError(
			`the baseline ${name} has version ${found.schemaVersion}, and this program reads version ${schemaVersion}: save it anew`,
		);
	const part = damagedPart(found);
	if (part !== undefined)
		throw new BaselineError(`the baseline ${name} is damaged: its ${part} can't be read`);
	const baseline = found as unknown as Baseline;
	return { ...baseline, name, runs: baseline.runs.map(withoutNull) };
}

/** The first part that isn't what a comparison relies on. */
function damagedPart(found: Record<string, unknown>): string | undefined {
	const { shape, machine, runs, seconds } = found;
	const text = ["target", "startedAt", "command"].find((part) => typeof found[part] !== "string");
	if (text !== undefined) return text;
	if (!isRecord(shape) || !isRecord(shape.mix) || !Array.isArray(shape.accountIds)) return "shape";
	if (!isRecord(machine)) return "machine";
	if (!Array.isArray(runs) || runs.length === 0 || !runs.every(isRun)) return "runs";
	return Array.isArray(seconds) && seconds.every(isSecond) ? undefined : "seconds";
}

function isRun(found: unknown): boolean {
	return (
		isRecord(found) &&
		typeof found.requests === "number" &&
		isRecord(found.figures) &&
		areMeasured(found.figures, ["rate", "mean", "p50", "p99", "p999", "errorShare", "errors"])
	);
}

function isSecond(found: unknown): boolean {
	return (
		isRecord(found) &&
		areMeasured(found, ["p50Ms", "p99Ms", "p999Ms"]) &&
		typeof found.answered === "number" &&
		typeof found.errors === "number"
	);
}

/** Numbers, or null where nothing was measured. */
function areMeasured(found: Record<string, unknown>, parts: readonly string[]): boolean {
	return parts.every((part) => typeof found[part] === "number" || found[part] === null);
}

/** JSON has no NaN and says null. */
function withoutNull({ figures, requests }: Run): Run {
	const entries = Object.entries(figures).map(([name, value]) => [name, value ?? Number.NaN]);
	return { figures: Object.fromEntries(entries) as Figures, requests };
}

function isRecord(found: unknown): found is Record<string, unknown> {
	return typeof found === "object" && found !== null && !Array.isArray(found);
}

function fileOf(folder: string, name: string): string {
	return join(folder, name + extension);
}

function reasonOf(error: unknown): string {
	return (error as NodeJS.ErrnoException).code ?? String(error);
}

/**
 * The result file: each figure as it was last measured, with where, when and how.
 *
 * Figures are measured one by one, some more often than others. docs/benchmarks.md is made from this file,
 * so measuring one of them doesn't lose the rest.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Claim } from "./claim.ts";
import type { Row } from "./row.ts";
import type { Run } from "./run.ts";

export interface FigureRecord {
	title: string;
	about: string;
	claims: Claim[];
	rows: Row[];
	run: Run;
}

/** By the figure's number. */
export type FigureRecords = Record<string, FigureRecord>;

export function readRecords(file: string): FigureRecords {
	return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as FigureRecords) : {};
}

export function writeJson(file: string, value: unknown): void {
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, `${JSON.stringify(value, null, "\t")}\n`);
}

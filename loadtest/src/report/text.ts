/**
 * The report that people read in a terminal: counts, latencies, and then the verdicts, so that these stand
 * just above the prompt. What the target wrote is shown, and can't do anything to the terminal.
 */
import type { Result } from "../result.ts";
import { encode, type Line, span } from "../tui/line.ts";
import { chaos } from "./text/chaos.ts";
import { errors, operations, statuses, summary } from "./text/counts.ts";
import { latencies, lateness } from "./text/latencies.ts";
import { emptyLine, type Section } from "./text/layout.ts";
import { comparison, consistency, repeats, simulation, thresholds, validity } from "./text/verdicts.ts";

/** On a narrower terminal lines wrap, and nothing is cut. */
const columnsMin = 80;

const sections: readonly ((result: Result, width: number) => Section | undefined)[] = [
	...[summary, latencies, statuses, errors, operations, lateness, chaos],
	...[validity, consistency, thresholds, comparison, repeats, simulation],
];

export interface TextOptions {
	readonly color: boolean;
	readonly columns: number;
}

export function textReport(result: Result, { color, columns }: TextOptions): string {
	const width = Math.max(columnsMin, columns);
	const lines = sections
		.map((section) => section(result, width))
		.filter((section) => section !== undefined)
		.flatMap(({ title, lines: inside }): Line[] => [[span(title, "strong")], ...inside, emptyLine]);
	return `${lines
		.map((line) => encode(line, color).trimEnd())
		.join("\n")
		.trimEnd()}\n`;
}

/** Puts the reports where they were asked for; a report that can't be written is not lost without a word. */
import { accessSync, constants, renameSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { LoadOptions, ReportFormat, RinhaOptions } from "../options.ts";
import type { Result } from "../result.ts";
import { csvReport } from "./csv.ts";
import { htmlReport } from "./html.ts";
import { jsonReport } from "./json.ts";
import { junitReport } from "./junit.ts";
import { textReport } from "./text.ts";

/** A file that a report can't be written to; the message names it. */
export class ReportError extends Error {}

const widthMax = 100;
/** How long to wait, each time, for a reader who has a full pipe to empty. */
const fullPipeMs = 10;

/**
 * Before the run, since a wrong path is better known now.
 * @throws {ReportError}
 */
export function assertWritable({ reports }: LoadOptions | RinhaOptions): void {
	for (const { path } of reports) {
		if (path === null) continue;
		try {
			const found = statSync(path, { throwIfNoEntry: false });
			if (found?.isDirectory()) throw new ReportError(`${path} is a folder: a report is a file`);
			accessSync(found === undefined ? dirname(resolve(path)) : path, constants.W_OK);
		} catch (error) {
			if (error instanceof ReportError) throw error;
			throw new ReportError(`no report can be written to ${path} (${codeOf(error)})`);
		}
	}
}

/** @returns a sentence for each report that could not be written; the text report then goes to the standard output. */
export function writeReports({ reports }: LoadOptions | RinhaOptions, result: Result): string[] {
	const failures: string[] = [];
	for (const { format, path } of reports) {
		const report = path === null ? render(format, result, process.stdout) : render(format, result, undefined);
		try {
			if (path === null) writeOut(report);
			else writeWhole(path, report);
		} catch (error) {
			failures.push(`the report could not be written to ${path ?? "the standard output"} (${codeOf(error)})`);
		}
	}
	const isOnTerminal = reports.some(({ path }) => path === null);
	if (failures.length > 0 && !isOnTerminal)
		try {
			writeOut(render("text", result, process.stdout));
		} catch (error) {
			failures.push(`nor could it be written to the standard output (${codeOf(error)})`);
		}
	return failures;
}

function render(format: ReportFormat, result: Result, output: NodeJS.WriteStream | undefined): string {
	switch (format) {
		case "text": {
			const color = output?.isTTY === true && !process.env.NO_COLOR;
			return textReport(result, { color, columns: Math.min(widthMax, output?.columns ?? 80) });
		}
		case "json":
			return jsonReport(result);
		case "csv":
			return csvReport(result);
		case "junit":
			return junitReport(result);
		case "html":
			return htmlReport(result);
	}
}

/**
 * All of it, though a pipe takes only so much at once, and doesn't wait by itself once the runtime has looked at it.
 * A reader who has gone away, as head does, is no failure.
 */
function writeOut(text: string): void {
	const bytes = Buffer.from(text);
	for (let written = 0; written < bytes.length; )
		try {
			written += writeSync(1, bytes, written);
		} catch (error) {
			if (codeOf(error) === "EPIPE") return;
			if (codeOf(error) !== "EAGAIN") throw error;
			Bun.sleepSync(fullPipeMs);
		}
}

/** Never a part of a report: a file that is there has it all, or what it had before. Devices are written to. */
function writeWhole(path: string, report: string): void {
	const found = statSync(path, { throwIfNoEntry: false });
	if (found !== undefined && !found.isFile()) {
		writeFileSync(path, report);
		return;
	}
	const partial = `${path}.partial`;
	try {
		writeFileSync(partial, report);
		renameSync(partial, path);
	} catch (error) {
		rmSync(partial, { force: true });
		throw error;
	}
}

function codeOf(error: unknown): string {
	return (error as NodeJS.ErrnoException).code ?? String(error);
}

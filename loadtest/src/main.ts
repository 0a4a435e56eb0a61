#!/usr/bin/env bun
/**
 * The command: reads the options, runs what they ask for, shows how it goes, reports, and ends with the code
 * that the result deserves.
 */
import { Unusable } from "./accounts.ts";
import { type Baseline, BaselineError, loadBaseline, saveBaseline } from "./baseline.ts";
import { commandText } from "./command-line.ts";
import { compare, IncomparableShapes } from "./comparison.ts";
import { exitCodeOf, exitCodes, gravestOf } from "./conclusion.ts";
import { runLoadTest } from "./load-test.ts";
import { type LoadOptions, type RinhaOptions, readOptions, UsageError } from "./options.ts";
import { Progress } from "./progress.ts";
import { assertWritable, ReportError, writeReports } from "./report/output.ts";
import type { Result } from "./result.ts";
import { runSimulation } from "./simulation.ts";
import { clean } from "./tui/line.ts";
import { watch } from "./tui/watch.ts";

/** npm passes on a Ctrl-C that the terminal has sent already: a second one this soon is the same one. */
const sameCtrlCMs = 500;

async function main(args: readonly string[]): Promise<number> {
	const options = readOptions(args, process.env.CONTAINER_ENGINE);
	if ("text" in options) {
		process.stdout.write(`${options.text.trimEnd()}\n`);
		return exitCodes.ok;
	}
	assertWritable(options);
	const baseline =
		options.command === "load" && options.baseline !== null
			? loadBaseline(options.baselineFolder, options.baseline)
			: undefined;
	const progress = new Progress();
	onSignals(progress);
	const watched = watch(options, progress);
	let results: Result[];
	try {
		results = await run(options, commandText(args), progress);
	} catch (error) {
		if (!(error instanceof Unusable) || !progress.isInterrupted) throw error;
		complain("interrupted before the first request");
		return exitCodes.interrupted;
	} finally {
		await watched.close();
	}
	const complaints: string[] = [];
	const result =
		options.command === "load" ? compared(options, baseline, results, complaints) : lastOf(results);
	complaints.push(...writeReports(options, result));
	const codes = [...results.slice(0, -1), result].map(exitCodeOf);
	const code = gravestOf(codes);
	if (results.length > 1 && code !== exitCodeOf(result))
		complaints.push(
			`repetition ${codes.indexOf(code) + 1} of ${results.length} would have ended with ${code}, and so does this`,
		);
	for (const sentence of complaints) complain(sentence);
	if (options.command === "load" && options.saveBaseline !== null) {
		if (code === exitCodes.ok) saveBaseline(options.baselineFolder, options.saveBaseline, results);
		else complain(`the baseline ${options.saveBaseline} was not kept: only a run that ends with 0 is`);
	}
	return code || (complaints.length > 0 ? exitCodes.usage : exitCodes.ok);
}

/** It may quote the target, of which nothing but text may reach a terminal. */
function complain(sentence: string): void {
	process.stderr.write(`crebito: ${clean(sentence)}\n`);
}

/** A run that can't be compared is reported all the same. */
function compared(
	options: LoadOptions,
	baseline: Baseline | undefined,
	results: readonly Result[],
	complaints: string[],
): Result {
	const result = lastOf(results);
	if (baseline === undefined) return result;
	try {
		return { ...result, comparison: compare(baseline, results, 100 * options.noiseShare) };
	} catch (error) {
		if (!(error instanceof IncomparableShapes)) throw error;
		complaints.push(error.message);
		return result;
	}
}

function lastOf(results: readonly Result[]): Result {
	const last = results.at(-1);
	if (last === undefined) throw new Unusable("stopped before the first request");
	return last;
}

async function run(
	options: LoadOptions | RinhaOptions,
	command: string,
	progress: Progress,
): Promise<Result[]> {
	if (options.command === "rinha") return [await runSimulation(options, command, progress)];
	const results: Result[] = [];
	for (let repetition = 1; repetition <= options.repeat && !progress.isInterrupted; repetition += 1) {
		progress.repetition = repetition;
		results.push(await runLoadTest(options, command, progress, results.at(-1)?.repeats ?? []));
	}
	return results;
}

/** The first signal ends the load, and the report follows; the third ends everything at once. */
function onSignals(progress: Progress): void {
	let count = 0;
	let lastAtMs = Number.NEGATIVE_INFINITY;
	const onSignal = () => {
		if (performance.now() - lastAtMs < sameCtrlCMs) return;
		lastAtMs = performance.now();
		count += 1;
		if (count > 2) process.exit(exitCodes.interrupted);
		progress.interrupt();
	};
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal);
	// At once, but not without giving back the terminal and going on with what chaos has stopped.
	for (const signal of ["SIGQUIT", "SIGABRT", "SIGALRM", "SIGUSR1", "SIGUSR2"] as const)
		process.on(signal, () => process.exit(exitCodes.interrupted));
}

/** What went wrong, in one line, and with which code that ends. */
function codeOf(error: unknown): number {
	const message = error instanceof Error ? error.message : String(error);
	const known = [UsageError, Unusable, BaselineError, ReportError].some((type) => error instanceof type);
	if (known) complain(message);
	else process.stderr.write(`crebito: this is a bug: ${Bun.inspect(error)}\n`);
	return error instanceof Unusable ? exitCodes.invalid : exitCodes.usage;
}

if (import.meta.main) {
	const code = await main(process.argv.slice(2)).catch(codeOf);
	process.exit(code);
}

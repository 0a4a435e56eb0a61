/**
 * The judge in this process: what the command does between its arguments and its reports. Tests that need
 * hundreds of runs have no time for hundreds of processes; `running-judge.ts` is for the few that need one.
 */
import { commandText } from "../src/command-line.ts";
import { runLoadTest } from "../src/load-test.ts";
import { readOptions } from "../src/options.ts";
import { Progress } from "../src/progress.ts";
import type { Result } from "../src/result.ts";
import { runSimulation } from "../src/simulation.ts";

/** One run, whatever `--repeat` says. A test that brings its own progress can watch the run and interfere. */
export async function judged(args: readonly string[], progress = new Progress()): Promise<Result> {
	const options = readOptions(args);
	if ("text" in options) throw new Error(`nothing is judged by ${commandText(args)}`);
	return options.command === "rinha"
		? runSimulation(options, commandText(args), progress)
		: runLoadTest(options, commandText(args), progress, []);
}

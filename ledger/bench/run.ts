/** Where, when and how something was measured: without it, a number means nothing. */
import { commit, describeMachine, loadAverage, type Machine } from "./machine.ts";

/** The same for all that one command measured. */
export interface Run {
	/** UTC, to the minute. */
	date: string;
	/** With "+changes" when the checkout held more than the commit. */
	commit: string;
	command: string;
	capped: boolean;
	rounds: number;
	seconds: number;
	warmUpSeconds: number;
	/** The machine's load average of the minute before: what else it was doing. */
	loadAverage: number;
	machine: Machine;
}

export interface RunPlan {
	options: { rounds: number; seconds: number; warmUpSeconds: number };
	/** Where it measures. */
	folder: string;
	capped: boolean;
}

/** To be asked before anything is measured. */
export function describeRun(plan: RunPlan, command: string): Run {
	const { rounds, seconds, warmUpSeconds } = plan.options;
	return {
		date: `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
		commit: commit(),
		command,
		capped: plan.capped,
		rounds,
		seconds,
		warmUpSeconds,
		loadAverage: loadAverage(),
		machine: describeMachine(plan.folder),
	};
}

/** Where else the numbers went changes none of them, and is a path on somebody's machine. */
export function publicArguments(args: string[]): string[] {
	return args.filter((arg, i) => !arg.startsWith("--json") && args[i - 1] !== "--json");
}

/** As a list in Markdown; `generator` is the program that made the load, and its version. */
export function circumstances(run: Run, generator: string): string {
	const { machine, rounds, seconds, warmUpSeconds } = run;
	const { processor, processors, memoryGb, kernel, fileSystem, bun, sqlite, nginx } = machine;
	return [
		`\`${run.command}\``,
		`${run.date} at commit ${run.commit}`,
		`${rounds} × ${seconds} s of each after ${warmUpSeconds} s of warm-up`,
		run.capped
			? "nginx and each API process capped at half a processor"
			: "**not capped**: nginx and the API processes took what they could get",
		`load average of the minute before: ${run.loadAverage.toFixed(2)}`,
		`${processor}, ${processors} processors, ${memoryGb} GB; Linux ${kernel}, ${fileSystem}`,
		`Bun ${bun}, SQLite ${sqlite}, nginx ${nginx}, ${generator}`,
	]
		.map((line) => `- ${line}`)
		.join("\n");
}

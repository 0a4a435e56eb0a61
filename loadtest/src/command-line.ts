/** The commands and their options as they are typed, and the help that explains them. Values are read elsewhere. */
import { Command, CommanderError } from "commander";
import manifest from "../package.json" with { type: "json" };

/** The options of both commands, as text; undefined when not typed. */
export interface Given {
	readonly concurrency?: string;
	readonly duration?: string;
	readonly iterations?: string;
	readonly warmUp?: string;
	readonly rate?: string;
	readonly stages?: string;
	readonly timeScale?: string;
	readonly multiply?: string;
	readonly wait?: string;
	readonly timeout?: string;
	readonly connections?: string;
	readonly mix?: string;
	readonly accounts?: string;
	readonly amount?: string;
	readonly seed?: string;
	readonly reset?: boolean;
	readonly output?: string;
	readonly outputFile?: string;
	readonly html?: string;
	readonly json?: string;
	readonly junit?: string;
	readonly percentiles?: string;
	readonly screen?: boolean;
	readonly quiet?: boolean;
	readonly db?: string;
	readonly repeat?: string;
	readonly saveBaseline?: string;
	readonly baseline?: string;
	readonly baselineFolder?: string;
	readonly noise?: string;
	readonly threshold?: readonly string[];
	readonly chaos?: readonly string[];
	readonly victim?: readonly string[];
}

/** A command to run. */
export interface RunLine {
	readonly command: "load" | "rinha";
	readonly url: string;
	readonly given: Given;
}

/** Somebody asked for a text only. */
export interface TextLine {
	readonly command: "help" | "version";
	readonly text: string;
}

const examples = `
Examples, each after the name of the program:
  load http://127.0.0.1:9999 -c 14 -d 2m            as much as 14 connections can
  load http://127.0.0.1:9999 -r 340 -d 2m           340 requests a second, whatever comes back
  load http://127.0.0.1:9999 --stages "ramp 1..500 1m, hold 500 30s"
  load unix:/run/ledger.sock -n 100000 --db data/ledger.db
  load http://127.0.0.1:9999 -r 340 --threshold "p99<250ms" --baseline main
  rinha http://127.0.0.1:9999 --html report.html    the official simulation, four minutes`;

const exitCodes = `
Exit codes:
  0    measured, and everything held
  1    the arguments can't be used, or a report or a baseline
  2    a threshold was missed
  3    slower than the baseline, beyond the noise
  4    the books are inconsistent: an answer or an entry that no order of the requests explains
  5    nothing is proved: the generator was late, the target failed, or the books stayed in doubt
  130  interrupted; what was measured until then is reported
If several hold, it is the first of 4, 130, 5, 3 and 2.`;

const urlHelp = "http://HOST:PORT, with a path if need be, or unix:/PATH/OF.sock";

/**
 * Splits the arguments into command and options. Neither prints nor exits.
 * @throws {Error} one sentence.
 */
export function parseCommandLine(args: readonly string[]): RunLine | TextLine {
	let printed = "";
	let line: RunLine | undefined;
	const program = programOf(
		(text) => {
			printed += text;
		},
		(run) => {
			line = run;
		},
	);
	try {
		program.parse(args, { from: "user" });
	} catch (error) {
		if (!(error instanceof CommanderError)) throw error;
		if (error.exitCode !== 0) throw new Error(sentence(error));
		return { command: error.code === "commander.version" ? "version" : "help", text: printed.trimEnd() };
	}
	if (line === undefined) throw new Error(noCommand);
	return line;
}

/** The arguments as one line for a POSIX shell, which gives the same arguments again. */
export function commandText(args: readonly string[]): string {
	return args.map(quoted).join(" ");
}

function programOf(print: (text: string) => void, onRun: (line: RunLine) => void): Command {
	const program = new Command("crebito-loadtest")
		.description("Loads an API of the Rinha de Backend 2024/Q1, checks every answer and proves the books.")
		.exitOverride()
		.configureOutput({ writeOut: print, writeErr: () => {}, getOutHelpWidth: () => 100 })
		.version(manifest.version, "-V, --version", "say which version this is")
		.helpOption("-h, --help", "explain a command and its options")
		.helpCommand("help [command]", "the same")
		.addHelpText("after", `${examples}\n${exitCodes}`);
	const load = program
		.command("load")
		.description("send a mix of debits, credits and statements, as fast as answers come or at a given rate")
		.argument("<url>", urlHelp)
		.addHelpText("after", exitCodes);
	addLoadOptions(load).action((url: string, given: Given) => onRun({ command: "load", url, given }));
	const rinha = program
		.command("rinha")
		.description(
			"play the challenge's official simulation: its validations, its 61,503 requests, its verdict",
		)
		.argument("<url>", urlHelp)
		.addHelpText("after", exitCodes);
	addRinhaOptions(rinha).action((url: string, given: Given) => onRun({ command: "rinha", url, given }));
	return program;
}

function addLoadOptions(command: Command): Command {
	command
		.optionsGroup("How much and how long:")
		.option(
			"-c, --concurrency <n>",
			"requests in flight, at most 10000 (14); with -r or --stages the upper bound",
		)
		.option("-d, --duration <time>", "like 30s or 2m (10s, unless -n or --stages is given)")
		.option("-n, --iterations <n>", "end after so many requests")
		.option("-w, --warm-up <time>", "send that long before anything is measured (0)")
		.option("-r, --rate <n>", "requests a second, due at fixed times whether answers come or not")
		.option("--stages <stages>", 'a rate that changes: "ramp 1..220 2m, hold 220 2m", or "30s@50, 1m@200"')
		.option("--repeat <n>", "make the run so often, to see how much the numbers vary (1)");
	command
		.optionsGroup("What is sent:")
		.option("--mix <weights>", "debits:credits:statements (22:11:1)")
		.option("--accounts <ids>", "like 1-5 or 1,3,7-9 (1-5)")
		.option("--amount <cents>", "of a debit or credit, drawn evenly from this range (1-10000)");
	addRequestOptions(command, "shared");
	addChaosOptions(command);
	addReportOptions(command);
	addVerdictOptions(command)
		.option("--save-baseline <name>", "keep the result under this name")
		.option("--baseline <name>", "compare with the result of this name")
		.option("--baseline-folder <folder>", "where they are kept (.baselines)")
		.option("--noise <percent>", "smaller differences from the baseline mean nothing (2)");
	return command;
}

function addRinhaOptions(command: Command): Command {
	command
		.optionsGroup("How much and how long:")
		.option("--time-scale <x>", "0.05 plays the four minutes in 12 s, at 20 times the rates; at most 10 (1)")
		.option("--multiply <n>", "so many times the load's requests, 1 to 100 (1)")
		.option("--wait <time>", "for a target that doesn't answer yet (40s)")
		.optionsGroup("What is sent:");
	addRequestOptions(command, "per-request");
	addReportOptions(command);
	return addVerdictOptions(command);
}

function addRequestOptions(command: Command, connections: string): Command {
	return command
		.option(
			"--connections <kind>",
			`shared (kept open), or per-request (a new one for each) (${connections})`,
		)
		.option("-t, --timeout <time>", "an answer that takes longer is an error (10s)")
		.option("--seed <n>", "the same seed draws the same requests (a random one, which is printed)")
		.option("--reset", "before the run, DESTROY the entries that the target has")
		.option("--no-reset", "begin with the entries that are there (this is the preset)");
}

function addReportOptions(command: Command): Command {
	return command
		.optionsGroup("What is reported:")
		.option("-o, --output <format>", "text, json, csv or junit (text)")
		.option("-O, --output-file <file>", "write that to a file")
		.option("--html <file>", "write a page with charts as well")
		.option("--json <file>", "write JSON as well")
		.option("--junit <file>", "write JUnit's XML as well")
		.option("--percentiles <list>", "of the latencies (10,25,50,75,90,95,99,99.9,99.99)")
		.option("--no-screen", "no live screen")
		.option("--quiet", "nothing but the report");
}

function addVerdictOptions(command: Command): Command {
	return command
		.optionsGroup("What must hold:")
		.option("--db <file>", "the target's SQLite file: audit it after the run")
		.option(
			"--threshold <expression>",
			'exit with 2 unless it holds, like "p99<250ms", "rate>=340", "errors==0"; may be given again',
			onceMore,
		);
}

function addChaosOptions(command: Command): Command {
	return command
		.optionsGroup("What is done to the target meanwhile:")
		.option(
			"--chaos <rule>",
			'like "kill every 2s", "pause 4s every 10s" or "restart at 5s"; may be given again',
			onceMore,
		)
		.option(
			"--victim <who>",
			"a file with a process id, or container:NAME; may be given again, and each time one of them is drawn",
			onceMore,
		);
}

/** Of an option that may be given again. */
function onceMore(text: string, before: readonly string[] = []): readonly string[] {
	return [...before, text];
}

const noCommand = "a command is missing: load or rinha (--help explains both)";

/** Commander's messages begin with "error:" and put its guess on a line of its own. */
function sentence(error: CommanderError): string {
	if (error.code === "commander.help") return noCommand;
	return error.message.replace(/^error: /, "").replaceAll("\n", " ");
}

function quoted(arg: string): string {
	return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`;
}

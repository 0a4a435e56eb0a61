/**
 * `npm run journey`: from Caddy and PostgreSQL to nginx and SQLite. Each phase is brought up in containers, loaded by the
 * judge and removed, in turns, so that what else the machine does meets all of them.
 *
 * Ends with 0 when every phase served without an error and its books were right, with 1 otherwise.
 */
import { ComposeProject, ContainersError, findEngine } from "../compose-project.ts";
import { type Phase, phases } from "./phase.ts";
import { describeJourney, writeJourney } from "./record.ts";
import { containerTable, servingTable } from "./table.ts";
import { doubtsOf, faultsOf, type Visit, visit } from "./visit.ts";

interface Options {
	readonly phases: readonly Phase[];
	readonly seconds: number;
	readonly rounds: number;
	/** All phases in full: only they are written down. */
	readonly isWhole: boolean;
}

const presets = { whole: { seconds: 20, rounds: 3 }, quick: { seconds: 4, rounds: 1 } } as const;
const help = `npm run journey [-- --quick] [--phase NAME…] [--seconds N] [--rounds N]

Loads the four phases of the journey in containers, and writes docs/journey.md. Takes some 15 minutes. Needs Linux, root,
and a container engine: COMPOSE ("docker compose") and CONTAINER_ENGINE (docker or podman) say which.

  --quick        each phase once and shortly, some 2 minutes; nothing is written
  --phase NAME   only this one; may be given again; nothing is written
  --seconds N    flat out (${presets.whole.seconds}); the other loads take half as long
  --rounds N     how often each phase is visited (${presets.whole.rounds})

Phases: ${phases.map(({ name }) => name).join(", ")}
`;

class UsageError extends Error {}

const say = (line: string) => process.stderr.write(`${line}\n`);

function readOptions(args: readonly string[]): Options {
	const isQuick = args.includes("--quick");
	const names: string[] = [];
	let { seconds, rounds }: { seconds: number; rounds: number } = isQuick ? presets.quick : presets.whole;
	for (let i = 0; i < args.length; i += 1) {
		const option = args[i];
		if (option === "--quick") continue;
		i += 1;
		const value = args[i] ?? "";
		if (option === "--phase") names.push(value);
		else if (option === "--seconds") seconds = wholeNumber(option, value);
		else if (option === "--rounds") rounds = wholeNumber(option, value);
		else throw new UsageError(`there is --quick, --phase, --seconds and --rounds, but no ${option}`);
	}
	const known = phases.map(({ name }) => name);
	const unknown = names.find((name) => !known.includes(name));
	if (unknown !== undefined)
		throw new UsageError(`--phase takes ${known.join(", ")}, not ${JSON.stringify(unknown)}`);
	return {
		phases: phases.filter(({ name }) => names.length === 0 || names.includes(name)),
		...{ seconds, rounds, isWhole: !isQuick && names.length === 0 },
	};
}

function wholeNumber(option: string, value: string): number {
	if (!/^[1-9]\d{0,3}$/.test(value))
		throw new UsageError(`${option} takes a whole number from 1 to 9999, not ${JSON.stringify(value)}`);
	return Number(value);
}

async function travel(options: Options, stop: AbortSignal): Promise<boolean> {
	const { seconds, rounds } = options;
	say("building the ledger's image");
	const building = new ComposeProject("compose.yaml", "journey", 0);
	const description = describeJourney(await building.engine("--version"));
	await building.compose("build");
	const visits: Visit[] = [];
	for (let round = 1; round <= rounds; round += 1) {
		for (const phase of options.phases) {
			say(`round ${round} of ${rounds}, ${phase.name}`);
			const made = await visit(phase, { seconds, seed: round }, stop);
			for (const remark of [...faultsOf(made), ...doubtsOf(made)]) say(`  ${remark}`);
			visits.push(made);
		}
	}
	process.stdout.write(`${servingTable(visits)}\n\n${containerTable(visits)}\n`);
	const command = `npm run journey -- --seconds ${seconds} --rounds ${rounds}`;
	if (options.isWhole) writeJourney({ ...description, command, seconds, rounds, visits });
	return visits.every((visit) => faultsOf(visit).length === 0);
}

async function main(args: readonly string[]): Promise<number> {
	if (args.includes("--help")) {
		process.stdout.write(help);
		return 0;
	}
	const options = readOptions(args);
	findEngine();
	const stop = new AbortController();
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
		process.on(signal, () => stop.abort(new UsageError(`stopped by ${signal}`)));
	return (await travel(options, stop.signal)) ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
	const expected = error instanceof UsageError || error instanceof ContainersError;
	say(expected ? error.message : Bun.inspect(error));
	return 1;
});

/**
 * `npm run campaign`: what losing a ledger process costs. Stacks of its own are loaded by the judge while processes of
 * theirs are killed, stopped and restarted; then every entry is held against what was answered.
 *
 * Ends with 0 when every promise held and every control was caught, with 1 otherwise.
 */
import { rmSync } from "node:fs";
import { ContainersError } from "../compose-project.ts";
import { ContainersUnderTest } from "./containers-under-test.ts";
import { CampaignError, makeCampaignFolder } from "./folder.ts";
import { type Outcome, playPhase } from "./outcome.ts";
import { containerPhases, fullPhases, type Phase, quickPhases, repeatedPostsMin } from "./phase.ts";
import { campaignPlaces, describeCampaign, writeCampaign } from "./record.ts";
import { StackUnderTest } from "./stack-under-test.ts";
import { outcomeTable } from "./table.ts";

interface Options {
	readonly phases: readonly Phase[];
	readonly seed: number;
	/** All phases in full: only they are written down. */
	readonly isWhole: boolean;
	/** The compose stack, instead of that of npm start. */
	readonly inContainers: boolean;
}

const help = `npm run campaign [-- --quick | --containers] [--phase NAME…] [--seed NUMBER]

Kills, stops and restarts the ledger processes of stacks of its own under load, and audits the books. In full it takes
some 20 minutes and writes docs/failover.md. Needs Linux, nginx, and a folder on ext4, xfs or btrfs.

  --quick          short phases, some 90 seconds in all; nothing is written
  --containers     the compose stack, some 5 minutes; as root. COMPOSE ("docker compose") and CONTAINER_ENGINE
                   (docker or podman) say what runs it
  --phase NAME     only this one; may be given again; nothing is written
  --seed NUMBER    which process is hit when; drawn otherwise

Phases: ${fullPhases.map(({ name }) => name).join(", ")};
with --containers ${containerPhases.map(({ name }) => name).join(", ")}
`;

const say = (line: string) => process.stderr.write(`${line}\n`);

function readOptions(args: readonly string[]): Options {
	const names: string[] = [];
	let phases = fullPhases;
	let seed = crypto.getRandomValues(new Uint16Array(1))[0] as number;
	for (let i = 0; i < args.length; i += 1) {
		const [option, value] = [args[i], args[i + 1] ?? ""];
		if (option === "--quick") phases = quickPhases;
		else if (option === "--containers") phases = containerPhases;
		else if (option === "--phase" || option === "--seed") {
			i += 1;
			if (option === "--phase") names.push(value);
			else if (/^[0-9]{1,9}$/.test(value)) seed = Number(value);
			else throw new CampaignError(`--seed takes a whole number, not ${JSON.stringify(value)}`);
		} else throw new CampaignError(`there is --quick, --containers, --phase and --seed, but no ${option}`);
	}
	const known = phases.map(({ name }) => name);
	const unknown = names.find((name) => !known.includes(name));
	if (unknown !== undefined)
		throw new CampaignError(`--phase takes ${known.join(", ")}, not ${JSON.stringify(unknown)}`);
	return {
		phases: phases.filter(({ name }) => names.length === 0 || names.includes(name)),
		seed,
		isWhole: phases !== quickPhases && names.length === 0,
		inContainers: phases === containerPhases,
	};
}

async function play(options: Options, folder: string, stop: AbortSignal): Promise<boolean> {
	const { phases, seed, isWhole, inContainers } = options;
	const place = inContainers ? campaignPlaces.containers : campaignPlaces.stack;
	const description = describeCampaign(place.command, seed, folder);
	const start = inContainers ? ContainersUnderTest.start : StackUnderTest.start;
	say(`seed ${seed}`);
	const outcomes: Outcome[] = [];
	for (const phase of phases) {
		say(`${phase.name}: ${phase.about}`);
		const outcome = await playPhase(start, phase, seed, folder, stop);
		outcomes.push(outcome);
		say(`  ${outcome.verdict}${outcome.verdict === "broken" ? `: ${outcome.broken.join("; ")}` : ""}`);
	}
	const repeatedPosts = outcomes
		.filter(({ verdict }) => verdict === "held" || verdict === "broken")
		.reduce((total, { figures }) => total + figures.repeatedPosts, 0);
	process.stdout.write(`${outcomeTable(outcomes)}\n`);
	say(`${repeatedPosts} POSTs were sent to two processes, the controls' aside`);
	if (isWhole) writeCampaign({ ...description, repeatedPosts, outcomes }, place);
	const areFew = isWhole && !inContainers && repeatedPosts < repeatedPostsMin;
	if (areFew) say(`too few repeated POSTs to say much: at least ${repeatedPostsMin}`);
	return !areFew && outcomes.every(({ verdict }) => verdict === "held" || verdict === "caught");
}

async function main(args: readonly string[]): Promise<number> {
	if (args.includes("--help")) {
		process.stdout.write(help);
		return 0;
	}
	const options = readOptions(args);
	const folder = makeCampaignFolder();
	const stop = new AbortController();
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
		process.on(signal, () => stop.abort(new CampaignError(`stopped by ${signal}`)));
	try {
		return (await play(options, folder, stop.signal)) ? 0 : 1;
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
	const expected = error instanceof CampaignError || error instanceof ContainersError;
	say(expected ? error.message : Bun.inspect(error));
	return 1;
});

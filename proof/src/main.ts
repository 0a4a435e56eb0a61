/**
 * `npm run proof -- NAME`: attacks a promise of the ledger, and the same with a protection taken away.
 *
 * Ends with 0 when every promise held and every control was caught, with 1 otherwise.
 */
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Attack, type Form, holds, type Report } from "./attack.ts";
import { attacks } from "./attacks.ts";
import { makeProofFolder, missing, ProofError } from "./place.ts";
import { describeTrial, writeRecord } from "./record.ts";
import { reportText } from "./report-text.ts";

interface Options {
	readonly wanted: readonly Attack[];
	readonly form: Form;
	readonly seed: number;
}

/** Characters of an error in a report. */
const shownMax = 500;

const say = (line: string) => process.stderr.write(`${line}\n`);

function help(): string {
	const width = Math.max(...attacks.map(({ name }) => name.length));
	const list = attacks.map(({ name, about }) => `  ${name.padEnd(width)}  ${about}`);
	return `npm run proof -- NAME… [--quick] [--seed NUMBER]
npm run proof -- all [--quick]

Attacks a promise of the ledger, and the same with a protection taken away, which has to be found. In full it takes
minutes to an hour, and writes docs/durability.md. Needs Linux, for some of them root.

  --quick         within half a minute each; nothing is written
  --seed NUMBER   which faults are played; drawn otherwise

${list.join("\n")}
`;
}

/** @throws {ProofError} */
function readOptions(args: readonly string[]): Options | "help" {
	const { values, positionals } = parsed(args);
	if (values.help) return "help";
	const names = attacks.map(({ name }) => name);
	const unknown = positionals.find((name) => name !== "all" && !names.includes(name));
	if (unknown !== undefined)
		throw new ProofError(`there is no ${JSON.stringify(unknown)}, but all, ${names.join(", ")}`);
	if (positionals.length === 0) throw new ProofError(`which one? all, or ${names.join(", ")}`);
	const isAll = positionals.includes("all");
	const wanted = attacks.filter(({ name }) => isAll || positionals.includes(name));
	const seed = values.seed ?? String(crypto.getRandomValues(new Uint32Array(1))[0]);
	if (!/^[0-9]{1,10}$/.test(seed) || Number(seed) >= 2 ** 32)
		throw new ProofError(`--seed takes a whole number below 2^32, not ${JSON.stringify(seed)}`);
	return { wanted, form: values.quick ? "quick" : "full", seed: Number(seed) };
}

function parsed(args: readonly string[]) {
	try {
		return parseArgs({
			args: [...args],
			allowPositionals: true,
			options: { quick: { type: "boolean" }, seed: { type: "string" }, help: { type: "boolean" } },
		});
	} catch (error) {
		// The first line says what; others give advice that is not for here.
		throw new ProofError((error as Error).message.split("\n", 1)[0] ?? "");
	}
}

/** One that can't be played has not held. @throws only what stops all of them. */
async function playOrExplain(attack: Attack, options: Options, stop: AbortSignal): Promise<boolean> {
	const lacking = missing(attack.needs);
	if (lacking !== undefined) return notPlayed(attack, lacking);
	try {
		return await play(attack, options, stop);
	} catch (error) {
		stop.throwIfAborted();
		if (error instanceof ProofError) return notPlayed(attack, error.message);
		throw error;
	}
}

/** What broke in the middle is no proof, and takes the place of the one before it. @throws what says why it can't begin. */
function unfinished(error: unknown, stop: AbortSignal): Report {
	stop.throwIfAborted();
	if (error instanceof ProofError) throw error;
	say(Bun.inspect(error));
	const reason = error instanceof Error ? error.message : String(error);
	const broken = [`it broke off: ${reason.slice(0, shownMax)}`];
	return { tried: "not to its end", figures: {}, broken, controls: [] };
}

function notPlayed({ name }: Attack, reason: string): false {
	process.stdout.write(`${name}: NOT PLAYED: ${reason}\n`);
	return false;
}

async function play(attack: Attack, { form, seed }: Options, stop: AbortSignal): Promise<boolean> {
	const folder = makeProofFolder();
	try {
		say(`${attack.name}, seed ${seed}: ${attack.about}`);
		const described = describeTrial(seed, folder);
		const startedAt = performance.now();
		const trial = { form, seed, folder, stop, say: (line: string) => say(`  ${line}`) };
		const report = await attack.play(trial).catch((error) => unfinished(error, stop));
		stop.throwIfAborted();
		const seconds = (performance.now() - startedAt) / 1000;
		process.stdout.write(`${reportText(attack, report, seconds)}\n`);
		if (form === "full") writeRecord(attack, { ...described, seconds: Math.round(seconds), report });
		return holds(report);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

async function main(args: readonly string[]): Promise<number> {
	const options = readOptions(args);
	if (options === "help") {
		process.stdout.write(help());
		return 0;
	}
	const stop = new AbortController();
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
		process.on(signal, () => {
			// Whoever asks twice can't wait until all is put away.
			if (stop.signal.aborted) process.exit(1);
			stop.abort(new ProofError(`stopped by ${signal}`));
		});
	let held = 0;
	for (const attack of options.wanted) if (await playOrExplain(attack, options, stop.signal)) held += 1;
	process.stdout.write(`${held} of ${options.wanted.length} held\n`);
	return held === options.wanted.length ? 0 : 1;
}

try {
	process.exit(await main(process.argv.slice(2)));
} catch (error) {
	say(error instanceof ProofError ? error.message : Bun.inspect(error));
	process.exit(1);
}

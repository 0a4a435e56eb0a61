/** The command line: read once, checked here, typed from here on. */
import { parseArgs } from "node:util";
import { type Variant, variant, variantNames } from "./variant.ts";

/** The accounts that a ledger makes for itself, and no more. */
export const accountsOwn = 5;

export interface Options {
	help: boolean;
	/** Asked for by name: a comparison of these. Otherwise the figures are measured. */
	variants: Variant[] | undefined;
	figures: number[];
	connections: number[];
	rounds: number;
	seconds: number;
	warmUpSeconds: number;
	threads: number;
	accounts: number;
	entries: number;
	/** By how much the large databases and counts of the figures are smaller than they ought to be. */
	scale: number;
	seed: number;
	jsonFile: string | undefined;
	write: boolean;
}

export const help = `Measures the ledger behind nginx, with two API processes on half a processor each, under wrk.

    bun ledger/bench/main.ts                                   the figures of docs/benchmarks.md
    bun ledger/bench/main.ts --figures 1,3                     some of them
    bun ledger/bench/main.ts --variants durable,per-request    compare variants instead

  --figures LIST       1 to 9 (all)
  --variants LIST      ${variantNames.join(", ")}; with settings on top: durable+BATCH_MAX=8,
                       or another checkout's ledger: durable+main=../other/ledger/src/main.ts
  --connections LIST   connections that wrk keeps open, for a comparison (14,64)
  --rounds N           how often each is measured, in turns; the median counts (3)
  --seconds N          measured seconds of each (8)
  --warm-up N          seconds before them that don't count (3)
  --threads N          threads of wrk (2)
  --accounts N         accounts in the database, all in use, for a comparison (5)
  --entries N          entries in it at the start, spread over them, for a comparison (0)
  --seed N             of the load (1)
  --scale N            for trying the figures: makes their large databases and counts N times smaller (1)
  --json FILE          write every trial to FILE
  --write              write the figures into docs/benchmarks.md and docs/benchmarks/ledger.json
  --help

Needs Linux, the Debian packages nginx and wrk, and root for the caps on the processors: without it, it
measures uncapped and says so.
`;

const text = { type: "string" } as const;
const flag = { type: "boolean", default: false } as const;

const comparisonOnly = ["connections", "accounts", "entries"] as const;
const figuresOnly = ["figures", "scale", "write"] as const;

/** Throws a sentence that names the wrong option. */
export function readOptions(args: string[]): Options {
	const { values } = parseArgs({
		args,
		options: {
			help: flag,
			write: flag,
			variants: text,
			figures: text,
			connections: text,
			rounds: text,
			seconds: text,
			"warm-up": text,
			threads: text,
			accounts: text,
			entries: text,
			seed: text,
			scale: text,
			json: text,
		},
	});
	for (const name of values.variants ? figuresOnly : comparisonOnly)
		if (values[name])
			throw new Error(`--${name} ${values.variants ? "doesn't go with" : "needs"} --variants`);
	if (values.write && values.scale)
		throw new Error("--write is for figures at their full size, without --scale");
	const numbers = (name: keyof typeof values, preset: string, min: number, max: number) =>
		String(values[name] ?? preset)
			.split(",")
			.map((item) => whole(name, item, min, max));
	const number = (name: keyof typeof values, preset: number, min: number, max: number) =>
		whole(name, String(values[name] ?? preset), min, max);
	return {
		help: values.help,
		variants: values.variants?.split(",").map(variant),
		figures: numbers("figures", "1,2,3,4,5,6,7,8,9", 1, 9),
		connections: numbers("connections", "14,64", 1, 4000),
		rounds: number("rounds", 3, 1, 100),
		seconds: number("seconds", 8, 1, 3600),
		warmUpSeconds: number("warm-up", 3, 0, 3600),
		threads: number("threads", 2, 1, 64),
		accounts: number("accounts", accountsOwn, 1, 10_000_000),
		entries: number("entries", 0, 0, 100_000_000),
		seed: number("seed", 1, 0, 2 ** 31),
		scale: number("scale", 1, 1, 1_000_000),
		jsonFile: values.json,
		write: values.write,
	};
}

/** Throws a sentence that names the option. */
export function whole(name: string, item: string, min: number, max: number): number {
	const value = /^\d+$/.test(item) ? Number(item) : Number.NaN;
	if (value >= min && value <= max) return value;
	throw new Error(`--${name} takes whole numbers from ${min} to ${max}, not "${item}"`);
}

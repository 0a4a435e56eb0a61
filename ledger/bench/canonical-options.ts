/** The command line of the canonical runs: read once, checked here, typed from here on. */
import { parseArgs } from "node:util";
import { whole } from "./options.ts";
import { type Variant, variant, variantNames } from "./variant.ts";

export interface CanonicalOptions {
	help: boolean;
	/** The first one is compared with each of the others. */
	variants: Variant[];
	rounds: number;
	seconds: number;
	warmUpSeconds: number;
	seed: number;
	jsonFile: string | undefined;
	write: boolean;
}

/** As shipped, what it is measured against, and the control: the order of the tables. */
const published = "durable,os,textbook,per-request,ceiling";
const warmUpSeconds = 2;

export const canonicalHelp = `Makes the two canonical runs against the ledger and what it is compared with: the judge with 14 connections
flat out, and with 14 connections at 340 requests/s, before nginx and two API processes on half a processor each.

    npm run bench                    3 × 10 s of each: some seven minutes; writes docs/benchmarks.md
    npm run bench -- --full          2 minutes of each, once: as long as the reference's; some 22 minutes
    npm run bench -- --no-write      only shows what it measured

  --full               2 minutes of each, one round, unless --seconds or --rounds says otherwise
  --seconds N          measured seconds of each, after ${warmUpSeconds} of warm-up (10)
  --rounds N           how often each is measured, in turns; the median counts (3)
  --variants LIST      others than ${published}, never written: any of
                       ${variantNames.join(", ")}; with settings on top: durable+BATCH_MAX=8,
                       or another checkout's ledger: durable+main=../other/ledger/src/main.ts
  --seed N             of the load (1)
  --write, --no-write  whether to write the section of docs/benchmarks.md and docs/benchmarks/canonical.json;
                       it is written unless --no-write or --variants is given
  --json FILE          write every trial to FILE
  --help

Ends with 1 when the judge thinks otherwise of somebody's books than it has to: the constant's (ceiling) are the
control and must be found inconsistent, all others consistent. Needs Linux, the Debian package nginx, and root
for the caps on the processors: without it, it measures uncapped and says so.
`;

const text = { type: "string" } as const;

/** Throws a sentence that names the wrong option. */
export function readCanonicalOptions(args: string[]): CanonicalOptions {
	const { values } = parseArgs({
		args,
		allowNegative: true,
		options: {
			help: { type: "boolean", default: false },
			full: { type: "boolean", default: false },
			write: { type: "boolean" },
			variants: text,
			rounds: text,
			seconds: text,
			seed: text,
			json: text,
		},
	});
	if (values.write && values.variants)
		throw new Error("--write doesn't go with --variants: the page shows all that it always shows");
	const number = (name: "rounds" | "seconds" | "seed", preset: number, min: number, max: number) =>
		whole(name, values[name] ?? String(preset), min, max);
	return {
		help: values.help,
		variants: (values.variants ?? published).split(",").map(variant),
		rounds: number("rounds", values.full ? 1 : 3, 1, 100),
		seconds: number("seconds", values.full ? 120 : 10, 1, 3600),
		warmUpSeconds,
		seed: number("seed", 1, 0, 2 ** 31),
		jsonFile: values.json,
		write: values.write ?? values.variants === undefined,
	};
}

/**
 * A variant is what an API process runs and the settings it gets, under the name that the tables use.
 *
 * Any of them can be varied on the command line: `durable+BATCH_MAX=8` sets a variable on top, and
 * `durable+main=../other/ledger/src/main.ts` runs another checkout's ledger, so that two versions can be
 * compared in the same interleaved rounds.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

export interface Variant {
	name: string;
	/** What Bun runs. */
	main: string;
	env: Record<string, string>;
}

const ledger = join(import.meta.dir, "../src/main.ts");
const textbook = join(import.meta.dir, "textbook.ts");
const constant = join(import.meta.dir, "constant.ts");

const known: Record<string, Omit<Variant, "name">> = {
	durable: { main: ledger, env: { DURABILITY: "fsync" } },
	os: { main: ledger, env: { DURABILITY: "os" } },
	"per-request": { main: ledger, env: { DURABILITY: "os", BATCH_MAX: "1" } },
	textbook: { main: textbook, env: { DURABILITY: "os" } },
	ceiling: { main: constant, env: {} },
};

export const variantNames = Object.keys(known);

/** Throws a sentence for the command line when the text names no variant. */
export function variant(text: string): Variant {
	const [base = "", ...settings] = text.split("+");
	const found = known[base];
	if (!found) throw new Error(`unknown variant "${base}": it is one of ${variantNames.join(", ")}`);
	const result: Variant = { name: text, main: found.main, env: { ...found.env } };
	for (const setting of settings) {
		const [key, value] = setting.split("=", 2);
		if (!key || value === undefined) throw new Error(`"${setting}" in variant "${text}" isn't NAME=VALUE`);
		if (key === "main") result.main = resolve(value);
		else result.env[key] = value;
	}
	if (!existsSync(result.main))
		throw new Error(`variant "${text}" has nothing to run: ${result.main} is missing`);
	return result;
}

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
	/** Whether its answers and its database can be audited. A constant's can't: a judge must see that. */
	keepsBooks: boolean;
}

const ledger = join(import.meta.dir, "../src/main.ts");
const textbook = join(import.meta.dir, "textbook.ts");
const constant = join(import.meta.dir, "constant.ts");

/** Applies each request once, as shipped. */
const behindNginx = { BEHIND_BALANCER: "on" };

const known: Record<string, Omit<Variant, "name">> = {
	durable: { main: ledger, env: { ...behindNginx, DURABILITY: "fsync" }, keepsBooks: true },
	os: { main: ledger, env: { ...behindNginx, DURABILITY: "os" }, keepsBooks: true },
	"per-request": {
		main: ledger,
		env: { ...behindNginx, DURABILITY: "os", BATCH_MAX: "1" },
		keepsBooks: true,
	},
	textbook: { main: textbook, env: { DURABILITY: "os" }, keepsBooks: true },
	ceiling: { main: constant, env: {}, keepsBooks: false },
};

/** As a list in Markdown, for the pages that show their numbers. */
export const aboutVariants = `- **durable**: as shipped. A 200 leaves after the entry was synced to the disk.
- **os**: \`DURABILITY=os\`. The same, without waiting for the disk.
- **textbook**: the same routes, rules and SQL, but one transaction a request, begun where it arrives, SQLite's busy
  handler to wait for the lock, automatic checkpoints, and no waiting for the disk. What the reference does.
- **per-request**: \`DURABILITY=os BATCH_MAX=1\`. One transaction a request, without waiting for the disk.
- **ceiling**: the same nginx and routes in front of an API that answers a constant.`;

export const variantNames = Object.keys(known);

/** Throws a sentence for the command line when the text names no variant. */
export function variant(text: string): Variant {
	const [base = "", ...settings] = text.split("+");
	const found = known[base];
	if (!found) throw new Error(`unknown variant "${base}": it is one of ${variantNames.join(", ")}`);
	const result: Variant = { ...found, name: text, env: { ...found.env } };
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

/** The books that a phase has left, read when nobody serves them any more. */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import type { Books } from "./system-under-test.ts";

const tools = join(import.meta.dir, "../../ledger/src/tools.ts");

export function readBooks(databaseFile: string): Books {
	const verified = Bun.spawnSync([process.execPath, tools, "verify"], {
		env: { ...process.env, DATABASE_URL: `sqlite://${databaseFile}` },
	});
	using db = new Database(databaseFile, { readonly: true });
	const [[entries, different]] = db
		.query("SELECT count(*), count(DISTINCT description) FROM entries")
		.values() as [[number, number]];
	const finding = verified.exitCode === 0 ? null : verified.stderr.toString().trim();
	return { entries, twice: entries - different, finding };
}

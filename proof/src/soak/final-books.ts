/** The file that an hour has left: whether the ledger's own tool finds its books right, and how large an entry is. */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { RunningProgram } from "../program.ts";

const tools = join(import.meta.dir, "../../../ledger/src/tools.ts");

export interface FinalBooks {
	readonly entries: number;
	readonly bytes: number;
	/** What is wrong with them. */
	readonly finding: string | undefined;
}

/** Of a file that nobody serves any more; it is changed by being read. */
export async function readFinalBooks(databaseFile: string): Promise<FinalBooks> {
	const verify = new RunningProgram([process.execPath, tools, "verify"], {
		DATABASE_URL: `sqlite://${databaseFile}`,
	});
	const { code } = await verify.ended;
	using db = new Database(databaseFile);
	// Whatever stands in the log only, belongs to the size as well.
	db.run("PRAGMA wal_checkpoint(TRUNCATE)");
	const [[entries]] = db.query("SELECT count(*) FROM entries").values() as [[number]];
	const [[pages]] = db.query("PRAGMA page_count").values() as [[number]];
	const [[pageBytes]] = db.query("PRAGMA page_size").values() as [[number]];
	const finding = code === 0 ? undefined : `the books are not right: ${verify.output.trim()}`;
	return { entries, bytes: pages * pageBytes, finding };
}

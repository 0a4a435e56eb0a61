/** The file that an hour has left: whether the ledger's own tool finds its books right, and how large an entry is. */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { RunningProgram } from "../program.ts";

const tools = join(import.meta.dir, "../../../ledger/src/tools.ts");

/**
 * What the history may grow by. An entry is a row of the one log, which has no index: 32 bytes of the balancer's id for
 * the request, up to 10 of description, 8 of time, some 14 of numbers, and some 17 with which SQLite tells how long they
 * are and where. Measured: 79, with all else that is in the file.
 */
const bytesPerEntryMax = 100;

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

/** A sentence for each thing that is wrong with them, or larger than it has to be. */
export function bookFindings({ entries, bytes, finding }: FinalBooks): string[] {
	const found = finding === undefined ? [] : [finding];
	const bytesPerEntry = bytes / entries;
	if (!(bytesPerEntry <= bytesPerEntryMax))
		found.push(`an entry takes ${bytesPerEntry.toFixed(1)} bytes, more than ${bytesPerEntryMax}`);
	return found;
}

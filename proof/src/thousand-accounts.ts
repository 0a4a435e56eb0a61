/**
 * A ledger of a thousand accounts: a batch changes a page for nearly each of its entries, the log grows fast, and is
 * checkpointed often, which is when fsync and ftruncate are called.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const limit = 100_000;

export const accountIds: readonly number[] = Array.from({ length: 1000 }, (_, index) => index + 1);

/** @returns the file, for SEED_FILE. */
export function writeSeedFile(folder: string): string {
	const file = join(folder, "seed.json");
	writeFileSync(file, JSON.stringify(accountIds.map((id) => ({ id, limit }))));
	return file;
}

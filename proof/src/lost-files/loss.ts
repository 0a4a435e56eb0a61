/**
 * The ways to take a file away from under whoever writes it. What it was is kept by a second name in another folder,
 * so that what was acknowledged before can be looked for.
 */
import { copyFileSync, linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

export interface Loss {
	readonly about: string;
	/** Whether the log keeps its name. */
	readonly leavesLog: boolean;
	/** Without the log's index nothing is lost yet: it has the locks, of which the next to start has others. */
	readonly losesAtOnce: boolean;
	/** One instant: a single call. What it needs is made before. */
	prepare(databaseFile: string): () => void;
}

const names = { "": "db file", "-wal": "log", "-shm": "log's index" } as const;

export const losses: readonly Loss[] = [
	...Object.entries(names).flatMap(([suffix, name]) => lossesOf(suffix, name)),
	{
		about: "the folder moved away",
		leavesLog: false,
		losesAtOnce: true,
		prepare: (databaseFile) => {
			const folder = join(databaseFile, "..");
			return () => renameSync(folder, `${folder}-away`);
		},
	},
];

function lossesOf(suffix: string, name: string): Loss[] {
	const replaced = (make: (file: string, replacement: string) => void) => (databaseFile: string) => {
		const file = databaseFile + suffix;
		make(file, `${file}.other`);
		return () => renameSync(`${file}.other`, file);
	};
	const common = { leavesLog: suffix !== "-wal", losesAtOnce: suffix !== "-shm" };
	const lossesOfIt: Pick<Loss, "about" | "prepare">[] = [
		{ about: `the ${name} deleted`, prepare: (databaseFile) => () => rmSync(databaseFile + suffix) },
		{
			about: `the ${name} moved away`,
			prepare: (databaseFile) => () => renameSync(databaseFile + suffix, `${databaseFile}${suffix}.away`),
		},
		{ about: `the ${name} replaced by a copy of itself`, prepare: replaced(copyFileSync) },
		{
			about: `the ${name} replaced by an empty file`,
			prepare: replaced((_, other) => writeFileSync(other, "")),
		},
	];
	return lossesOfIt.map((loss) => ({ ...loss, ...common }));
}

/** Gives db file and log a second name each. @returns the db file's. */
export function keepEvidence(databaseFile: string, folder: string): string {
	mkdirSync(folder);
	const kept = join(folder, basename(databaseFile));
	for (const suffix of ["", "-wal"]) linkSync(databaseFile + suffix, kept + suffix);
	return kept;
}

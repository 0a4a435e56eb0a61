/** The same recorded run, as if one protection had not been there: its images have to be wrong. */
import type { DiskHistory, RecordedFile, Suffix, Sync } from "./disk-history.ts";
import type { Exchange } from "./exchanges.ts";
import type { Commits, Recording } from "./recording.ts";

export interface Weakening {
	readonly about: string;
	readonly weaken: (recording: Recording) => Pick<Recording, "disk" | "exchanges">;
}

export const weakenings: readonly Weakening[] = [
	{
		about: "without the fdatasyncs of the log, that answers wait for",
		weaken: ({ disk, exchanges }) => ({
			disk: withoutSyncs(disk, "-wal", ({ call }) => call === "fdatasync"),
			exchanges,
		}),
	},
	{
		about: "without the syncs of the db file, that end a checkpoint",
		weaken: ({ disk, exchanges }) => ({
			disk: withoutSyncs(disk, "", ({ startedAt }) => startedAt > logStartedAt(disk)),
			exchanges,
		}),
	},
	{
		about: "without the syncs of the folder, that keep the files' names",
		weaken: ({ disk, exchanges }) => ({ disk: { ...disk, syncs: [] }, exchanges }),
	},
	{
		about: "with each answer given when its batch was written, before its sync",
		weaken: ({ disk, exchanges, commits }) => ({ disk, exchanges: answeredEarly(exchanges, commits) }),
	},
];

/** Before it has a log, the db file is being created. */
function logStartedAt({ files }: DiskHistory): number {
	const changes = files.filter(({ suffix }) => suffix === "-wal").flatMap((file) => file.changes);
	return Math.min(...changes.map(({ startedAt }) => startedAt));
}

function withoutSyncs(disk: DiskHistory, suffix: Suffix, isTaken: (sync: Sync) => boolean): DiskHistory {
	const files = new Map(
		disk.files.map((file) => [
			file,
			file.suffix === suffix ? { ...file, syncs: file.syncs.filter((sync) => !isTaken(sync)) } : file,
		]),
	);
	const weaker = (file: RecordedFile) => files.get(file) ?? file;
	return {
		files: [...files.values()],
		present: disk.present.map(weaker),
		names: disk.names.map((change) => ({ ...change, file: change.file && weaker(change.file) })),
		syncs: disk.syncs,
	};
}

/** A ledger writes and answers in one thread, one batch after another: its last write was that of the batch. */
function answeredEarly(exchanges: readonly Exchange[], commits: Commits): Exchange[] {
	return exchanges.map((exchange) => {
		const { thread, receivedAt, answeredAt } = exchange;
		const writtenAt = commits.get(thread)?.findLast((endedAt) => endedAt < answeredAt) ?? answeredAt;
		return { ...exchange, answeredAt: Math.max(writtenAt, receivedAt) };
	});
}

/** What a phase needs of what it attacks, whether it runs as `npm start` does or in containers. */

export interface SystemPlan {
	/** For nginx's workers to enter, and on a disk. */
	readonly folder: string;
	readonly hasWatchdog: boolean;
	readonly hasIdentity: boolean;
}

/** What is in the file once nobody serves it. */
export interface Books {
	readonly entries: number;
	/** Tags that stand there more than once. */
	readonly twice: number;
	/** The ledger's own check of every entry; null when all is right. */
	readonly finding: string | null;
}

export interface SystemUnderTest extends AsyncDisposable {
	readonly url: string;
	readonly databaseFile: string;
	/** Of the judge's chaos, as it takes them. */
	readonly victims: readonly string[];
	/** Milliseconds that a rolling restart took. */
	restartInTurn(): Promise<number>;
	/** Kills both processes at once; milliseconds until two others serve, null if that takes too long. */
	killBoth(msMax: number): Promise<number | null>;
	/** POSTs that two processes were sent. */
	repeatedPosts(): number;
	/** Politely first. */
	stop(): Promise<void>;
	/** To be asked when it has stopped: nothing is changed any more, not even by a process that had slept. */
	books(): Books;
}

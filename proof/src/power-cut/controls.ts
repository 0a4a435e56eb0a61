/** The same cuts with one of the syncs taken away that the promise rests on: something has to be lost each time. */
import type { Control, Trial } from "../attack.ts";
import { Random } from "../random.ts";
import { BooksUnreadable, type LedgerDisk } from "./ledger-disk.ts";
import { cutUnderLoad, type LoadCut } from "./load-cut.ts";
import type { Moment } from "./moments.ts";
import { momentOf } from "./plan.ts";

const cutsMax = 5;

interface Weakness {
	readonly about: string;
	readonly moment: Moment;
	readonly environment?: Readonly<Record<string, string>>;
	readonly wrapper?: readonly string[];
}

/** Long enough for the log to have begun anew, over frames whose pages are in the db file only. */
const afterCheckpoints: Moment = {
	name: "random",
	logMb: 1,
	watch: undefined,
	arrive: async ({ random }) => {
		await Bun.sleep(random.between(500, 1500));
		return { wasHit: () => true };
	},
};

const weaknesses: readonly Weakness[] = [
	{
		about: "DURABILITY=os, which doesn't wait for the disk",
		moment: momentOf("random"),
		environment: { DURABILITY: "os" },
	},
	{
		about: "the ledger's fdatasync claims success and does nothing",
		moment: momentOf("random"),
		wrapper: pretending("fdatasync"),
	},
	{
		about: "SQLite's fsync claims success and does nothing",
		moment: afterCheckpoints,
		wrapper: pretending("fsync"),
	},
];

function pretending(call: string): string[] {
	const quiet = ["-qq", "-o", "/dev/null", "-e", "signal=none"];
	return [
		"strace",
		"-f",
		"--seccomp-bpf",
		...quiet,
		"-e",
		`trace=${call}`,
		"-e",
		`inject=${call}:retval=0`,
		"--",
	];
}

export async function playControls(trial: Trial, disk: LedgerDisk): Promise<Control[]> {
	const controls: Control[] = [];
	for (const weakness of weaknesses) controls.push(await playControl(trial, disk, weakness));
	return controls;
}

/** Each cut on a ledger of its own, until one shows it. */
async function playControl(
	{ seed, stop, say }: Trial,
	disk: LedgerDisk,
	weakness: Weakness,
): Promise<Control> {
	const { about, ...without } = weakness;
	const random = new Random(seed);
	for (let cut = 1; cut <= cutsMax; cut += 1) {
		stop.throwIfAborted();
		disk.renew();
		const damage = await damageOf(() => cutUnderLoad({ disk, random, stop, say, ...without }));
		if (damage !== undefined) return { about, isCaught: true, detail: `cut ${cut}: ${damage}` };
	}
	return { about, isCaught: false, detail: `nothing was lost in ${cutsMax} cuts` };
}

async function damageOf(play: () => Promise<LoadCut>): Promise<string | undefined> {
	try {
		const { acknowledged, broken } = await play();
		const lost = broken.filter((sentence) => sentence.endsWith("was acknowledged, and is lost"));
		return lost[0] === undefined ? undefined : `of ${acknowledged} acknowledged, ${lost[0]}`;
	} catch (error) {
		if (!(error instanceof BooksUnreadable)) throw error;
		return error.message;
	}
}

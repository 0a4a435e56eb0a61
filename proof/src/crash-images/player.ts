/** Power cuts of one recorded run: images of random moments, each opened and held against what was promised by then. */
import type { Books } from "../books.ts";
import type { Random } from "../random.ts";
import { Disk } from "./disk.ts";
import type { DiskHistory } from "./disk-history.ts";
import { Image, type Kind, kinds } from "./image.ts";
import { blankBooks, type ImageFolder } from "./image-folder.ts";
import type { Promises } from "./promises.ts";

export interface Playing {
	readonly disk: DiskHistory;
	readonly promises: Promises;
	/** To choose from. */
	readonly moments: readonly number[];
	readonly images: number;
	readonly random: Random;
	readonly folder: ImageFolder;
	readonly stop: AbortSignal;
	readonly serving?: Serving;
}

/** What else is done with a part of the images. */
export interface Serving {
	/** One in so many. */
	readonly each: number;
	/** @returns what is wrong. */
	readonly serve: (image: Image, books: Books) => Promise<readonly string[]>;
}

export interface Played {
	readonly byKind: ReadonlyMap<Kind, number>;
	readonly moments: ReadonlySet<number>;
	/** Images that are something else than what the processes saw. */
	readonly differing: number;
	/** Writes that a power cut could take, at most. */
	readonly pendingMax: number;
	readonly served: number;
	/** Images with something wrong. */
	readonly broken: number;
	/** The first of them. */
	readonly findings: readonly string[];
}

/** As often as they stand here: all lost and all kept are but one image of a moment each. */
const kindDraws: readonly Kind[] = [
	...kinds,
	"dropped",
	"reordered",
	"torn",
	"truncated",
	"dropped",
	"reordered",
	"torn",
];
/** Moments at which nothing is pending have but one image. */
const riskyShare = 0.8;
const findingsMax = 5;
/** Of one image. */
const shownMax = 2;
/** Whoever waits for a signal gets a turn. */
const imagesAtOnce = 50;

export async function play(playing: Playing): Promise<Played> {
	const { disk: history, random, stop, serving } = playing;
	const disk = new Disk(history);
	const image = new Image();
	const tally = new Tally();
	for (const [index, moment] of drawMoments(playing).entries()) {
		if (index % imagesAtOnce === 0) {
			await Bun.sleep(0);
			stop.throwIfAborted();
		}
		disk.advance(moment);
		const kind = random.pick(kindDraws);
		image.draw(disk, kind, random);
		const { books, found } = openImage(playing, image, moment);
		if (serving !== undefined && books !== undefined && index % serving.each === serving.each - 1) {
			found.push(...(await serving.serve(image, books)));
			tally.served += 1;
		}
		tally.add(kind, moment, disk.pendingCount, image.differs, found);
	}
	return tally;
}

class Tally implements Played {
	readonly byKind = new Map<Kind, number>();
	readonly moments = new Set<number>();
	differing = 0;
	pendingMax = 0;
	served = 0;
	broken = 0;
	readonly findings: string[] = [];

	add(kind: Kind, moment: number, pending: number, differs: boolean, found: readonly string[]): void {
		this.byKind.set(kind, (this.byKind.get(kind) ?? 0) + 1);
		this.moments.add(moment);
		this.pendingMax = Math.max(this.pendingMax, pending);
		if (differs) this.differing += 1;
		if (found.length === 0) return;
		this.broken += 1;
		if (this.findings.length < findingsMax)
			this.findings.push(`an image (${kind}) of line ${moment}: ${found.slice(0, shownMax).join("; ")}`);
	}
}

/** Ascending, since a disk goes forward only. */
function drawMoments({ disk: history, moments, images, random }: Playing): number[] {
	const disk = new Disk(history);
	const risky = moments.filter((moment) => {
		disk.advance(moment);
		return disk.pendingCount > 0;
	});
	return Array.from({ length: images }, () =>
		random.pick(risky.length > 0 && random.chance(riskyShare) ? risky : moments),
	).sort((one, other) => one - other);
}

interface Opened {
	/** Undefined when SQLite can't read it. */
	readonly books: Books | undefined;
	readonly found: string[];
}

function openImage({ folder, promises }: Playing, image: Image, moment: number): Opened {
	folder.lay(image);
	const books = folder.read();
	if (typeof books === "string") return { books: undefined, found: [books] };
	if (books !== blankBooks) return { books, found: promises.findings(books, moment) };
	return { books, found: promises.isBlank(moment) ? [] : ["the ledger is gone, and had answered"] };
}

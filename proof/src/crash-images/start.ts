/** What a run begins with: nothing, or what a power cut in the run before has left. */
import type { Books } from "../books.ts";
import type { Random } from "../random.ts";
import { Disk } from "./disk.ts";
import type { StartFiles } from "./disk-history.ts";
import { Image, kinds } from "./image.ts";
import { blankBooks, type ImageFolder } from "./image-folder.ts";
import type { Recording } from "./recording.ts";

export interface Start {
	readonly files: StartFiles;
	/** As SQLite finds them there: whatever was not lost is not to be lost later. */
	readonly books: Books;
}

export const freshStart: Start = { files: new Map(), books: blankBooks };

/** Nothing, if SQLite can't read what was drawn. */
export function drawStart({ disk: history, moments }: Recording, random: Random, folder: ImageFolder): Start {
	const disk = new Disk(history);
	disk.advance(random.pick(moments));
	const image = new Image();
	image.draw(disk, random.pick(kinds), random);
	// Reading them changes them.
	const files = new Map([...image.contents].map(([suffix, { bytes }]) => [suffix, Buffer.from(bytes)]));
	folder.lay(image);
	const books = folder.read();
	return typeof books === "string" ? freshStart : { files, books };
}

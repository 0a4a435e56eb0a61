/**
 * What a power cut may leave: of each file what is durable, and of the writes since then some. The disk has its own
 * order, and its own idea of when it writes what, down to the sector.
 */

import type { Random } from "../random.ts";
import { Contents, type Effect } from "./contents.ts";
import type { Disk, FileOnDisk } from "./disk.ts";
import type { Suffix } from "./disk-history.ts";

export const kinds = ["dropped", "reordered", "torn", "truncated", "all lost", "all kept"] as const;
/**
 * - dropped: each write is kept or lost.
 * - reordered: the disk takes them in an order of its own, and gets so far.
 * - torn: of a write that is kept, some sectors are.
 * - truncated: the file ends anywhere behind what is durable.
 */
export type Kind = (typeof kinds)[number];

/** What a disk writes as a whole, if it promises anything; at these offsets of the file. */
export const sectorBytes = 512;

/** The chance of each write, drawn for an image: few, half, most. */
const keepChances = [0.1, 0.5, 0.9];

export class Image {
	readonly contents: Map<Suffix, Contents> = new Map();
	/** Whether it is something else than what the processes saw. */
	differs = false;
	readonly #scratch: Map<Suffix, Contents> = new Map();

	/** The files of the image before are overwritten. */
	draw(disk: Disk, kind: Kind, random: Random): void {
		const chance = kind === "all kept" ? 1 : kind === "all lost" ? 0 : random.pick(keepChances);
		const files = disk.filesNamed(() => random.chance(chance));
		const seen = disk.filesNamed(() => true);
		this.contents.clear();
		for (const [suffix, file] of files) this.contents.set(suffix, this.#drawFile(suffix, file, kind, random));
		this.differs =
			files.size !== seen.size ||
			[...seen].some(([suffix, file]) => !this.contents.get(suffix)?.bytes.equals(file.seen.bytes));
	}

	#drawFile(suffix: Suffix, file: FileOnDisk, kind: Kind, random: Random): Contents {
		let contents = this.#scratch.get(suffix);
		if (contents === undefined) {
			contents = new Contents();
			this.#scratch.set(suffix, contents);
		}
		contents.copyFrom(file.durable);
		for (const effect of drawEffects(file.pending, kind, random)) contents.apply(effect);
		if (kind === "truncated" && contents.size > file.durable.size)
			contents.resize(random.between(file.durable.size, contents.size));
		return contents;
	}
}

/** In the order in which they reach the disk. */
export function drawEffects(pending: readonly Effect[], kind: Kind, random: Random): readonly Effect[] {
	if (kind === "all kept") return pending;
	if (kind === "all lost") return [];
	if (kind === "reordered") return shuffled(pending, random).slice(0, random.between(0, pending.length));
	const chance = random.pick(keepChances);
	const kept = pending.filter(() => random.chance(chance));
	return kind === "torn" ? kept.flatMap((effect) => tear(effect, random)) : kept;
}

/** Any of its sectors; one in four writes stays whole. */
function tear(effect: Effect, random: Random): Effect[] {
	if (effect.kind === "size" || random.chance(0.25)) return [effect];
	const { offset, data } = effect;
	const pieces: Effect[] = [];
	for (let from = 0; from < data.length; ) {
		const end = Math.min(data.length, from + sectorBytes - ((offset + from) % sectorBytes));
		if (random.chance(0.5))
			pieces.push({ kind: "write", offset: offset + from, data: data.subarray(from, end) });
		from = end;
	}
	return pieces;
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
	const result = [...items];
	for (let last = result.length - 1; last > 0; last -= 1) {
		const other = random.below(last + 1);
		[result[last], result[other]] = [result[other] as T, result[last] as T];
	}
	return result;
}

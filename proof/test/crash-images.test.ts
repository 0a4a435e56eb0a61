/** The attack `crash-images`: a short run, its power cuts, and what has to be found without each protection. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { BookAccount, Books } from "../src/books.ts";
import { weakenings } from "../src/crash-images/controls.ts";
import { Disk } from "../src/crash-images/disk.ts";
import { Image } from "../src/crash-images/image.ts";
import { ImageFolder } from "../src/crash-images/image-folder.ts";
import { play } from "../src/crash-images/player.ts";
import { Promises } from "../src/crash-images/promises.ts";
import { type Recording, record } from "../src/crash-images/recording.ts";
import { serveImage } from "../src/crash-images/served-images.ts";
import { drawStart, freshStart, type Start } from "../src/crash-images/start.ts";
import { makeProofFolder, missing } from "../src/place.ts";
import { Random } from "../src/random.ts";

const lacking = missing(["linux", "strace"]);
const stop = new AbortController().signal;
const testMsMax = 120_000;
const seed = crypto.getRandomValues(new Uint32Array(1))[0] as number;

describe.skipIf(lacking !== undefined && !process.env.CI_ALL_PARTS)(
	`a run under strace (seed ${seed})`,
	() => {
		const random = new Random(seed);
		let folder = "";
		let images: ImageFolder;
		let recording: Recording;

		function recordRun(name: string, start: Start): Promise<Recording> {
			const happenings = ["both are killed", "reset"] as const;
			return record({
				...{ folder: join(folder, name), seed: random.below(2 ** 32), start },
				...{ clients: 8, statementShare: 0.5, answers: 400, happenings, stop },
			});
		}

		function playAll({ disk, exchanges, before, moments }: Recording, count: number) {
			const promises = new Promises(before, exchanges);
			return play({ disk, promises, moments, images: count, random, folder: images, stop });
		}

		beforeAll(async () => {
			folder = makeProofFolder();
			images = new ImageFolder(join(folder, "images"));
			recording = await recordRun("run", freshStart);
		}, testMsMax);

		afterAll(() => rmSync(folder, { recursive: true, force: true }));

		test("has no finding of its own, and answers", () => {
			expect(recording.broken).toEqual([]);
			expect(recording.acknowledged).toBeGreaterThan(50);
		});

		test(
			"keeps its promises in every image, of which most are not what the processes saw",
			async () => {
				const { broken, findings, differing, byKind, moments } = await playAll(recording, 300);
				expect([broken, findings]).toEqual([0, []]);
				expect(differing).toBeGreaterThan(100);
				expect(byKind.size).toBe(6);
				expect(moments.size).toBeGreaterThan(100);
			},
			testMsMax,
		);

		test.each(weakenings.map(({ about, weaken }) => [about, weaken] as const))(
			"breaks them %s",
			async (_, weaken) => {
				const { broken, findings } = await playAll({ ...recording, ...weaken(recording) }, 100);
				expect(broken).toBeGreaterThan(0);
				expect(findings[0]).toMatch(
					/lost|gone|can't read|integrity_check|refused|makes the balance|has -?\d+ after/,
				);
			},
			testMsMax,
		);

		test(
			"begins again with what a power cut has left, and keeps that too",
			async () => {
				const start = drawStart(recording, random, images);
				const next = await recordRun("next", start);
				expect(next.before).toBe(start.books);
				expect(next.broken).toEqual([]);
				const { broken, findings } = await playAll(next, 100);
				expect([broken, findings]).toEqual([0, []]);
			},
			testMsMax,
		);

		test(
			"is served by the ledger from an image, and another book would be noticed",
			async () => {
				const disk = new Disk(recording.disk);
				disk.advance(recording.moments.at(-1) as number);
				const image = new Image();
				image.draw(disk, "all lost", random);
				images.lay(image);
				const books = images.read() as Books;
				expect(await serveImage(folder, image, books)).toEqual([]);
				const [first, ...others] = books.accounts as [BookAccount, ...BookAccount[]];
				const forged = { ...books, accounts: [{ ...first, balance: first.balance + 1 }, ...others] };
				expect(await serveImage(folder, image, forged)).toHaveLength(2);
			},
			testMsMax,
		);
	},
);

/** A disk that hangs under more clients than are let wait: the bound holds, and nobody is told 200 meanwhile. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { makeProofFolder } from "../src/place.ts";
import { Random } from "../src/random.ts";
import { SlowDiskPlay, waitingMax } from "../src/slow-disk/slow-disk-play.ts";

/** Installed, and allowed to trace: containers often are not. */
const hasStrace = Bun.which("strace") !== null && Bun.spawnSync(["strace", "-f", "-q", "true"]).success;
const everyPart = process.env.CI_ALL_PARTS === "1";

setDefaultTimeout(120_000);

test.skipIf(!everyPart && !hasStrace)(
	"a disk that hangs lets nobody be told 200 and no more wait than may, and is served by again when it is back",
	async () => {
		const folder = makeProofFolder();
		try {
			await using play = new SlowDiskPlay(folder, new Random(1));
			await play.start();
			const hung = { name: "hung", calls: ["fdatasync"], delayMs: 3_600_000, forMs: 1000 };
			const phase = await play.slow(hung, new AbortController().signal);
			await play.finish();
			expect(play.broken).toEqual([]);
			expect(phase.acknowledged).toBe(0);
			expect(phase.health).toEqual([503, 503]);
			expect(phase.refused).toBeGreaterThan(0);
			expect(phase.waitingMax).toBeGreaterThan(waitingMax / 2);
			expect(phase.waitingMax).toBeLessThanOrEqual(waitingMax + 1);
		} finally {
			rmSync(folder, { recursive: true, force: true });
		}
	},
);

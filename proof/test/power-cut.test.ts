/**
 * The parts of the attack power-cut: a disk that forgets what was not synced, calls that are told while they last,
 * and a verdict that knows resets and recoveries. The attack as a whole is played by `npm run proof -- power-cut`.
 */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
	appendFileSync,
	closeSync,
	existsSync,
	fsyncSync,
	mkdirSync,
	openSync,
	readFileSync,
	rmSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { makeProofFolder, missing } from "../src/place.ts";
import { cutVerdict, recoveryFindings } from "../src/power-cut/cut-verdict.ts";
import { CuttableDisk, writeBack } from "../src/power-cut/cuttable-disk.ts";
import { FileCalls } from "../src/power-cut/file-calls.ts";
import { LedgerSteps } from "../src/power-cut/ledger-steps.ts";
import { drawPlan } from "../src/power-cut/plan.ts";
import { powerCut } from "../src/power-cut/power-cut.ts";
import { standStill } from "../src/power-cut/stand-still.ts";
import { Tally } from "../src/power-cut/tally.ts";
import { Random } from "../src/random.ts";
import { type MadeUpRun, madeUpRun } from "./made-up-run.ts";

setDefaultTimeout(60_000);

const everyPart = process.env.CI_ALL_PARTS === "1";
const isDiskMissing = missing(powerCut.needs) !== undefined && !everyPart;

const folders: string[] = [];

afterEach(() => {
	for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function freshFolder(): string {
	const folder = makeProofFolder();
	folders.push(folder);
	return folder;
}

/** Leaves it open, as somebody does who is killed later. */
function write(path: string, text: string): number {
	const descriptor = openSync(path, "a");
	writeSync(descriptor, text);
	return descriptor;
}

function failureOf(call: () => void): string | undefined {
	try {
		call();
		return undefined;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code;
	}
}

/** A process that writes a record of ones after the other into its places of a file, and tells each that it has synced. */
class RecordWriter {
	readonly index: number;
	readonly pid: number;
	synced = 0;
	readonly #child: Bun.Subprocess<"ignore", "pipe", "ignore">;
	readonly #following: Promise<void>;

	constructor(file: string, index: number, count: number, bytes: number) {
		this.index = index;
		const script = `const { fdatasyncSync, openSync, writeSync } = require("node:fs");
			const file = openSync(${JSON.stringify(file)}, "r+");
			for (let record = 0; ; record += 1) {
				writeSync(file, Buffer.alloc(${bytes}, 1), 0, ${bytes}, (record * ${count} + ${index}) * ${bytes});
				fdatasyncSync(file);
				writeSync(1, ".");
			}`;
		this.#child = Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "pipe", "ignore"] });
		this.pid = this.#child.pid;
		this.#following = this.#follow();
	}

	async end(): Promise<void> {
		this.#child.kill("SIGKILL");
		await this.#child.exited;
		await this.#following;
	}

	async #follow(): Promise<void> {
		for await (const chunk of this.#child.stdout) this.synced += chunk.length;
	}
}

describe.skipIf(isDiskMissing)("a disk whose power is cut", () => {
	const diskBytes = 16_000_000;

	test("has what was synced, and nothing else", async () => {
		await using disk = await CuttableDisk.create(freshFolder(), diskBytes);
		const file = join(disk.folder, "file");
		const descriptor = write(file, "synced");
		fsyncSync(descriptor);
		writeSync(descriptor, ", not synced");
		const lost = write(join(disk.folder, "lost"), "not synced");
		disk.cutPower();
		const failure = failureOf(() => fsyncSync(descriptor));
		closeSync(descriptor);
		closeSync(lost);
		await disk.reconnect();
		expect(failure).toBe("EIO");
		expect(readFileSync(file, "utf8")).toBe("synced");
		expect(existsSync(join(disk.folder, "lost"))).toBe(false);
	});

	test("has what the kernel wrote back on its own", async () => {
		await using disk = await CuttableDisk.create(freshFolder(), diskBytes);
		const file = join(disk.folder, "file");
		const descriptor = openSync(file, "w+");
		// Page by page: what is written at once may be written back at once.
		const fill = (letter: string) => {
			for (const page of [0, 1, 2]) writeSync(descriptor, Buffer.alloc(4096, letter), 0, 4096, page * 4096);
		};
		fill("a");
		fsyncSync(descriptor);
		fill("b");
		writeBack(file, 4096, 4096);
		disk.cutPower();
		closeSync(descriptor);
		await disk.reconnect();
		expect(readFileSync(file, "utf8").replace(/(.)\1+/g, "$1")).toBe("aba");
	});

	test("can be cut again and again, and keeps what was kept", async () => {
		await using disk = await CuttableDisk.create(freshFolder(), diskBytes);
		const file = join(disk.folder, "file");
		for (let cut = 0; cut < 3; cut += 1) {
			const descriptor = write(file, String(cut));
			fsyncSync(descriptor);
			writeSync(descriptor, "x");
			disk.cutPower();
			closeSync(descriptor);
			await disk.reconnect();
		}
		expect(readFileSync(file, "utf8")).toBe("012");
	});

	test("is one of several, and leaves no mount when it is closed", async () => {
		const places = [freshFolder(), freshFolder()];
		const disks = await Promise.all(places.map((place) => CuttableDisk.create(place, diskBytes)));
		const [first, second] = disks as [CuttableDisk, CuttableDisk];
		first.cutPower();
		const descriptor = write(join(second.folder, "file"), "x");
		fsyncSync(descriptor);
		closeSync(descriptor);
		await Promise.all(disks.map((disk) => disk.close()));
		const mounts = readFileSync("/proc/self/mounts", "utf8");
		for (const place of places) expect(mounts).not.toContain(place);
	});

	test("is gone even if somebody holds a file of it", async () => {
		const place = freshFolder();
		const disk = await CuttableDisk.create(place, diskBytes);
		const descriptor = write(join(disk.folder, "file"), "x");
		await disk.close();
		expect(readFileSync("/proc/self/mounts", "utf8")).not.toContain(place);
		closeSync(descriptor);
	});

	test("is never the machine's own", async () => {
		const disk = await CuttableDisk.create(freshFolder(), diskBytes);
		await disk.close();
		expect(() => disk.cutPower()).toThrow("is not mounted");
		mkdirSync(join(disk.folder, "still-writable"));
	});

	test("has all that was synced for those who were stopped before the cut", async () => {
		await using disk = await CuttableDisk.create(freshFolder(), diskBytes);
		const recordBytes = 2048;
		for (let cut = 0; cut < 5; cut += 1) {
			const file = join(disk.folder, `grown-${cut}`);
			closeSync(openSync(file, "w"));
			const writers = [0, 1, 2].map((index) => new RecordWriter(file, index, 3, recordBytes));
			try {
				while (writers.some(({ synced }) => synced < 2)) await Bun.sleep(5);
				await Promise.all(writers.map(({ pid }) => standStill(pid)));
				disk.cutPower();
			} finally {
				await Promise.all(writers.map((writer) => writer.end()));
			}
			await disk.reconnect();
			const kept = readFileSync(file);
			for (const { synced, index } of writers)
				expect(kept[((synced - 1) * writers.length + index) * recordBytes]).toBe(1);
		}
	});

	test("that can't be made says why", async () => {
		expect(CuttableDisk.create(freshFolder(), 1)).rejects.toThrow(
			/^a disk of its own can't be had here: mkfs/,
		);
	});
});

describe("calls to files", () => {
	test("are told once, when they begin, however they are written", () => {
		const path = join(freshFolder(), "calls");
		using calls = new FileCalls(path);
		const told = (text: string) => {
			appendFileSync(path, text);
			return calls.next().map(({ threadId, name, file, bytes, offset }) => {
				return `${threadId} ${name} ${file} ${bytes} ${offset}`;
			});
		};
		expect(told('7  pwrite64(5</d/x>, ""..., 2048, 4096) = 2048\n7  fsync(5</d/x>')).toEqual([
			"7 pwrite64 /d/x 2048 4096",
			"7 fsync /d/x 0 0",
		]);
		expect(told(")   = 0 (DELAYED)\n")).toEqual([]);
		expect(told('8 pwrite64(6</d/x-wal>, ""..., 32, 0 <unfinished ...>\n9 fdata')).toEqual([
			"8 pwrite64 /d/x-wal 32 0",
		]);
		expect(told("sync(6</d/x-wal> <unfinished ...>\n")).toEqual(["9 fdatasync /d/x-wal 0 0"]);
		expect(told("8 <... pwrite64 resumed>) = 32\n9 <... fdatasync resumed>) = 0\n")).toEqual([]);
		expect(told("9 +++ killed by SIGKILL +++\n")).toEqual([]);
	});

	test.skipIf(!everyPart && Bun.which("strace") === null)("are told while they are held", async () => {
		const folder = freshFolder();
		const file = join(folder, "file");
		using calls = new FileCalls(join(folder, "calls"));
		const hold = { calls: ["fsync"], at: "enter", ms: 60_000 } as const;
		const script = `const { openSync, writeSync, fsyncSync } = require("node:fs");
			const file = openSync(${JSON.stringify(file)}, "w");
			writeSync(file, Buffer.from("ab"), 0, 2, 3);
			fsyncSync(file);`;
		const child = Bun.spawn(
			[
				...calls.strace({ files: [file], calls: ["pwrite64", "fsync"], hold }),
				process.execPath,
				"-e",
				script,
			],
			{ detached: true, stdio: ["ignore", "inherit", "inherit"] },
		);
		try {
			const told: string[] = [];
			while (told.length < 2 && child.exitCode === null) {
				await Bun.sleep(2);
				told.push(...calls.next().map(({ name, bytes, offset }) => `${name} ${bytes} ${offset}`));
			}
			expect(told).toEqual(["pwrite64 2 3", "fsync 0 0"]);
			expect(child.exitCode).toBeNull();
		} finally {
			process.kill(-child.pid, "SIGKILL");
			await child.exited;
		}
	});
});

describe("the steps of a ledger process", () => {
	const [sql, waiter] = [1, 2];
	const write = (file: string, bytes: number, offset: number) =>
		({ threadId: sql, name: "pwrite64", file, bytes, offset }) as const;
	const sync = (file: string, threadId = sql, name: "fsync" | "fdatasync" = "fsync") =>
		({ threadId, name, file, bytes: 0, offset: 0 }) as const;

	test("are known by its calls", () => {
		const steps = new LedgerSteps();
		const [db, wal] = ["/d/ledger.db", "/d/ledger.db-wal"];
		const told = [
			[write(wal, 24, 32), "frames"],
			[write(wal, 2048, 56), "frames"],
			[sync(wal, waiter, "fdatasync"), "acknowledgement"],
			[sync(wal), "log sync"],
			[write(db, 2048, 0), "pages"],
			[write(db, 2048, 4096), "pages"],
			[sync(wal, waiter, "fdatasync"), "acknowledgement"],
			[sync(wal), "between"],
			[write(db, 2048, 4096), "late pages"],
			[write(db, 2048, 6144), "late pages"],
			[sync(db), "file sync"],
			[write(wal, 32, 0), "header"],
			[sync(wal), "header sync"],
			[write(wal, 24, 32), "frames"],
			[sync(wal, waiter, "fdatasync"), "acknowledgement"],
		] as const;
		expect(told.map(([call]) => steps.follow(call))).toEqual(told.map(([, step]) => step));
		expect(steps.commitsOfLog).toBe(1);
		expect(steps.stepOf(sql)).toBe("frames");
		expect(steps.stepOf(3)).toBeUndefined();
	});

	test("say nothing of a log that did not begin anew", () => {
		const steps = new LedgerSteps();
		steps.follow(sync("/d/ledger.db-wal", waiter, "fdatasync"));
		expect(steps.commitsOfLog).toBe(Number.POSITIVE_INFINITY);
	});
});

describe("the plan", () => {
	test("has at least 500 cuts in full, and every kind in both forms", () => {
		const full = drawPlan("full", new Random(1));
		const quick = drawPlan("quick", new Random(1));
		const cuts = (plan: readonly string[]) =>
			plan.reduce((sum, item) => sum + (item === "recovery" || item === "creation" ? 2 : 1), 0);
		expect(cuts(full)).toBeGreaterThanOrEqual(500);
		expect(cuts(quick)).toBeLessThanOrEqual(20);
		expect(new Set(full)).toEqual(new Set(quick));
	});

	test("is the same for the same seed, and another one for another", () => {
		expect(drawPlan("full", new Random(7))).toEqual(drawPlan("full", new Random(7)));
		expect(drawPlan("full", new Random(7))).not.toEqual(drawPlan("full", new Random(8)));
	});
});

/** Asks for a reset in a made-up run. It was never applied there. */
function askForReset({ observed }: MadeUpRun, fate: "done" | "unknown", atMs: number) {
	const endedAtMs = fate === "done" ? atMs + 1 : Number.POSITIVE_INFINITY;
	return Object.assign(observed.invokeReset(), { invokedAtMs: atMs, endedAtMs, fate });
}

/** The run's whole life begins after the reset, but for one acknowledged entry that it took away. */
function applyReset(run: MadeUpRun, fate: "done" | "unknown"): void {
	const early = run.observed.invokePosting(1, 5);
	Object.assign(early, { fate: "posted", invokedAtMs: -20, endedAtMs: -15, balance: 5, limit: 1000 });
	askForReset(run, fate, -10);
}

describe("the verdict of a cut in a reset", () => {
	test.each([1, 2, 3])("holds when nobody was told of it and it is gone (seed %d)", (seed) => {
		const run = madeUpRun(seed);
		askForReset(run, "unknown", 605);
		expect(cutVerdict(run.before, run.observed, run.after)).toEqual({ broken: [], isResetKept: false });
	});

	test.each([1, 2, 3])("finds one that was acknowledged and is undone (seed %d)", (seed) => {
		const run = madeUpRun(seed);
		askForReset(run, "done", 605);
		const { broken } = cutVerdict(run.before, run.observed, run.after);
		expect(broken).toEqual(["a reset was acknowledged, and is undone"]);
	});

	test.each(["done", "unknown"] as const)("holds when it is kept, and was %s", (fate) => {
		const run = madeUpRun(4);
		applyReset(run, fate);
		expect(cutVerdict(run.before, run.observed, run.after)).toEqual({ broken: [], isResetKept: true });
	});

	test.each(["done", "unknown"] as const)(
		"finds an entry that came after it and is lost; it was %s",
		(fate) => {
			const run = madeUpRun(4);
			applyReset(run, fate);
			const lost = run.observed.postings.findLast(
				(posting) => posting.fate === "posted" && posting.endedAtMs > 100,
			);
			const newest = run.after.entries.findLast(({ description }) => {
				const posting = run.observed.postings.find(({ tag }) => tag === description);
				return posting?.fate === "posted" && posting.accountId === 1;
			});
			expect(lost).toBeDefined();
			run.after.entries = run.after.entries.filter((entry) => entry !== newest);
			const { broken } = cutVerdict(run.before, run.observed, run.after);
			expect(broken.join("\n")).toContain(
				`${newest?.description} (${newest?.change}) was acknowledged, and is lost`,
			);
		},
	);

	test("finds what came after one that nobody answered and somebody has seen, and is lost with all else", () => {
		const run = madeUpRun(4);
		applyReset(run, "unknown");
		run.after.entries = [];
		run.after.accounts = run.before.accounts;
		const { broken, isResetKept } = cutVerdict(run.before, run.observed, run.after);
		expect(isResetKept).toBe(true);
		expect(broken.join("\n")).toContain("was acknowledged, and is lost");
		// Without a statement, all of it may have come before the reset.
		const unseen = madeUpRun(4);
		applyReset(unseen, "unknown");
		unseen.observed.statements.length = 0;
		const { before, observed } = unseen;
		expect(cutVerdict(before, observed, before).broken).toEqual([]);
	});

	test("finds one that has taken away only half", () => {
		const run = madeUpRun(5);
		askForReset(run, "unknown", 605);
		run.after.entries = run.after.entries.filter(({ accountId }) => accountId === 2);
		run.after.accounts = run.after.accounts.map((account) =>
			account.accountId === 1 ? { ...account, balance: 0, sequence: 0 } : account,
		);
		const { broken } = cutVerdict(run.before, run.observed, run.after);
		expect(broken.join("\n")).toContain("was acknowledged, and is lost");
	});
});

describe("the verdict of a cut in recovery", () => {
	test("holds when the books are what they were", () => {
		const { after } = madeUpRun(6);
		expect(recoveryFindings(after, structuredClone(after))).toEqual([]);
	});

	test.each([
		["an entry less", (after: MadeUpRun["after"]) => void after.entries.pop()],
		["an entry more", ({ entries }: MadeUpRun["after"]) => void entries.push({ ...entries[0] } as never)],
		[
			"another balance",
			({ accounts }: MadeUpRun["after"]) => void Object.assign(accounts[0] ?? {}, { balance: 1 }),
		],
		["damage", ({ problems }: MadeUpRun["after"]) => void problems.push("row 1 missing")],
	])("finds %s", (_name, bend) => {
		const { after } = madeUpRun(6);
		const bent = structuredClone(after);
		bend(bent);
		expect(recoveryFindings(after, bent)).toHaveLength(1);
	});
});

describe("the tally", () => {
	const hit = { isHit: true, calls: 3, broken: [] };

	test("names the moments that no cut came at", () => {
		const tally = new Tally();
		tally.addStartCut("recovery", hit);
		tally.addStartCut("recovery-again", { ...hit, isHit: false });
		expect(tally.figures).toMatchObject({ cuts: 2, recoveryHits: 1, recoveryAgainHits: 0, misses: 1 });
		tally.addMissed();
		expect(tally.broken).toEqual(['no power cut came at the moment "recovery-again"']);
	});

	test("says at which cut something broke", () => {
		const tally = new Tally();
		tally.addStartCut("recovery", hit);
		tally.addStartCut("recovery", { ...hit, broken: ["an entry is gone"] });
		tally.addUnusable("the books can't be read");
		expect(tally.broken).toEqual([
			"cut 2 (recovery): an entry is gone",
			"after cut 2: the books can't be read",
		]);
	});
});

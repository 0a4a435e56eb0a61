/** The attack `clock`: that clocks really jump, that dates are looked at, and its controls. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BookEntry, Books } from "../src/books.ts";
import { readBooks } from "../src/books.ts";
import { ClockedService } from "../src/clock/clocked-service.ts";
import { withoutIdentity, withoutMemoryOfDates } from "../src/clock/controls.ts";
import { bookDateFindings, DateWatch } from "../src/clock/dates.ts";
import { type Jump, playJumps } from "../src/clock/jumps.ts";
import { findLibrary, removeTraces, WallClock } from "../src/clock/wall-clocks.ts";
import { makeProofFolder, missing } from "../src/place.ts";
import { RunningProgram } from "../src/program.ts";
import { Random } from "../src/random.ts";

const lacking = missing(["linux", "nginx"]) ?? lackingLibrary();
const hourMs = 3_600_000;

function lackingLibrary(): string | undefined {
	try {
		findLibrary();
		return undefined;
	} catch (error) {
		return (error as Error).message;
	}
}

async function inFolder(play: (folder: string) => Promise<void>): Promise<void> {
	const folder = makeProofFolder();
	try {
		await play(folder);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

function entry(accountId: number, sequence: number, postedAt: number): BookEntry {
	return { accountId, sequence, change: 1, balance: sequence, description: `e${sequence}`, postedAt };
}

function booksOf(entries: readonly BookEntry[]): Books {
	return { accounts: [], entries, problems: [] };
}

function statement(issuedAt: string, ...postedAt: readonly string[]) {
	return {
		saldo: { data_extrato: issuedAt },
		ultimas_transacoes: postedAt.map((realizada_em) => ({ realizada_em })),
	};
}

const [first, second, third] = [1, 2, 3].map((hour) => `2024-01-01T0${hour}:00:00.000000Z`) as [
	string,
	string,
	string,
];

describe("dates", () => {
	test("an account's entries may have the same date, and another account's an earlier one", () => {
		expect(bookDateFindings(booksOf([entry(1, 1, 5), entry(1, 2, 5), entry(2, 1, 3)]))).toEqual([]);
	});

	test("an entry that is dated before its predecessor is found", () => {
		expect(bookDateFindings(booksOf([entry(1, 1, 5), entry(1, 2, 4)]))).toHaveLength(1);
	});

	test("a right statement is none's business", () => {
		const watch = new DateWatch();
		watch.see(1, statement(second, second, first));
		watch.see(1, statement(third, third, second, first));
		expect(watch.findings).toEqual([]);
		expect(watch.count).toBe(2);
	});

	test.each([
		["a date of another form", [statement("2024-01-01T00:00:00Z")]],
		["an entry that is younger than the statement", [statement(first, second)]],
		["an entry that is younger than the one above it", [statement(third, first, second)]],
		["a newest entry that is older than before", [statement(third, second), statement(third, first)]],
	])("%s is found", (_, statements) => {
		const watch = new DateWatch();
		for (const each of statements) watch.see(1, each);
		expect(watch.findings).toHaveLength(1);
	});
});

test("without libfaketime it says what is missing", () => {
	expect(() => findLibrary(["/nowhere"])).toThrow("apt-get install libfaketime");
});

describe.skipIf(lacking !== undefined && !process.env.CI_ALL_PARTS)("clocks that are set", () => {
	test(
		"move a running process's wall clock, and leave the monotonic one alone",
		() =>
			inFolder(async (folder) => {
				const clock = new WallClock(findLibrary(), folder, "test");
				const script = `
				setInterval(() => console.log(Date.now() > ${Date.now() + hourMs / 2} ? "ahead" : "with us"), 20);
				setTimeout(() => console.log(performance.now() < ${hourMs / 2} ? "monotonic" : "jumped"), 60);`;
				const command = [process.execPath, "-e", script];
				const child = new RunningProgram(command, clock.environment);
				await child.says("with us", 10_000);
				expect(child.output).not.toContain("ahead");
				clock.set(3600);
				await child.says("ahead", 10_000);
				await child.says("monotonic", 10_000);
				await child.kill();
				removeTraces(child.pid);
			}),
		30_000,
	);

	test(
		"lose and repeat nothing, and the service goes on",
		() =>
			inFolder(async (folder) => {
				const seed = crypto.getRandomValues(new Uint32Array(1))[0] as number;
				console.log(`seed ${seed}`);
				await using service = new ClockedService({ folder, library: findLibrary() });
				await service.start();
				const jumps: readonly Jump[] = [
					{ who: "one ledger", aheadSeconds: -3600, isKilling: false },
					{ who: "all", aheadSeconds: 3600, isKilling: true },
				];
				const before = readBooks(service.databaseFile);
				const stop = new AbortController().signal;
				const plan = { jumps, holdMs: 600, settleMs: 400, random: new Random(seed), stop };
				const played = await playJumps(service, before, plan);
				expect(played.findings).toEqual([]);
				expect(played.jumps).toBe(2);
				expect(played.acknowledged).toBeGreaterThan(0);
				expect(played.refusedShares.get("one ledger")).toBeGreaterThan(0);
			}),
		60_000,
	);

	test(
		"are found out: a request that is applied twice, and a history that goes back",
		() =>
			inFolder(async (folder) => {
				const folders = ["forgetful", "undated"].map((name) => join(folder, name)) as [string, string];
				for (const path of folders) mkdirSync(path);
				const library = findLibrary();
				expect(await withoutIdentity(folders[0], library, new Random(1))).toMatchObject({ isCaught: true });
				expect(await withoutMemoryOfDates(folders[1], library)).toMatchObject({ isCaught: true });
			}),
		60_000,
	);
});

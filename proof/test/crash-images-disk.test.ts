/** The parts of `crash-images` on made-up traces: what was durable when, what a power cut may leave, what was promised. */
import { describe, expect, test } from "bun:test";
import type { Books } from "../src/books.ts";
import type { Effect } from "../src/crash-images/contents.ts";
import { Disk } from "../src/crash-images/disk.ts";
import { diskHistory, Misunderstood, type StartFiles } from "../src/crash-images/disk-history.ts";
import { type Exchange, exchangesOf } from "../src/crash-images/exchanges.ts";
import { drawEffects, Image, kinds, sectorBytes } from "../src/crash-images/image.ts";
import { blankBooks } from "../src/crash-images/image-folder.ts";
import { Promises } from "../src/crash-images/promises.ts";
import { readTrace } from "../src/crash-images/trace.ts";
import { Random } from "../src/random.ts";

const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
const databaseFile = "/d/ledger.db";

/** As strace prints it with -xx. */
function hex(text: string): string {
	return Array.from(Buffer.from(text, "latin1"), (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join(
		"",
	);
}

const db = `5<${hex(databaseFile)}>`;
const log = `6<${hex(`${databaseFile}-wal`)}>`;
const both: StartFiles = new Map([
	["", Buffer.from("....")],
	["-wal", Buffer.from("....")],
]);

function write(descriptor: string, text: string, offset: number): string {
	return `pwrite64(${descriptor}, "${hex(text)}", ${text.length}, ${offset}`;
}

function historyOf(lines: readonly string[], start: StartFiles = both) {
	return diskHistory(readTrace(Buffer.from(lines.join("\n"))), databaseFile, start);
}

/** The contents of the log. */
function logAt(lines: readonly string[], moment: number): { durable: string; seen: string } {
	const disk = new Disk(historyOf(lines));
	disk.advance(moment);
	const file = disk.filesNamed(() => true).get("-wal");
	return { durable: String(file?.durable.bytes), seen: String(file?.seen.bytes) };
}

describe("the trace", () => {
	test("has a call that was interrupted by others as one", () => {
		const [written, synced] = readTrace(
			Buffer.from(
				[
					`7 ${write(log, "ab", 24)} <unfinished ...>`,
					`8 fdatasync(${log}) = 0`,
					"7 <... pwrite64 resumed>)             = 2",
				].join("\n"),
			),
		);
		expect(written).toMatchObject({ thread: 7, name: "pwrite64", result: 2, startedAt: 0, endedAt: 2 });
		expect(written?.target).toBe(`${databaseFile}-wal`);
		expect(String(written?.strings[0])).toBe("ab");
		expect(synced).toMatchObject({ thread: 8, name: "fdatasync", startedAt: 1, endedAt: 1 });
	});

	test("has a call that nobody saw the end of, and one that failed", () => {
		const calls = readTrace(
			Buffer.from(
				`7 fsync(${db}) = -1 EIO (Input/output error)\n7 fsync(${db} <unfinished ...>\n7 +++ killed by SIGKILL +++\n`,
			),
		);
		expect(calls.map(({ result, endedAt }) => [result, endedAt])).toEqual([
			[-1, 0],
			[Number.NaN, Number.POSITIVE_INFINITY],
		]);
	});

	test("is refused when a string was cut short", () => {
		expect(() => readTrace(Buffer.from(`7 pwrite64(${log}, "\\x61"..., 9, 0) = 9`))).toThrow("short");
	});

	test.each([
		["a write that was killed", `${write(log, "ab", 0)}) = ?`],
		["a write that never ended", `${write(log, "ab", 0)} <unfinished ...>`],
		["a write elsewhere than at an offset", `write(${log}, "\\x61", 1) = 1`],
		[
			"a file that is emptied as it is opened",
			`openat(AT_FDCWD<\\x2f>, "${hex(databaseFile)}", O_RDWR|O_TRUNC) = 5`,
		],
		["a file that is renamed", `rename("${hex(databaseFile)}", "\\x61") = 0`],
		["a file without a name", `pwrite64(${log}(deleted), "\\x61", 1, 0) = 1`],
	])("is not played with %s", (_, line) => {
		expect(() => historyOf([`7 ${line}`])).toThrow(Misunderstood);
	});
});

describe("the disk", () => {
	const lines = [
		`7 ${write(log, "a", 0)}) = 1`,
		`7 ${write(log, "b", 1)} <unfinished ...>`,
		`8 fdatasync(${log} <unfinished ...>`,
		"7 <... pwrite64 resumed>)     = 1",
		"8 <... fdatasync resumed>)    = 0",
		`7 ${write(log, "c", 2)}) = 1`,
		`8 fdatasync(${log}) = -1 EIO (Input/output error)`,
		`7 ftruncate(${log}, 1) = 0`,
	];

	test.each([
		[0, "....", "...."],
		[1, "....", "a..."],
		[2, "....", "ab.."],
		[4, "....", "ab.."],
		[5, "a...", "ab.."],
		[7, "a...", "abc."],
		[8, "a...", "a"],
	])("before line %d has %j, and the processes see %j", (moment, durable, seen) => {
		expect(logAt(lines, moment)).toEqual({ durable, seen });
	});

	test("has what is written short as far as it was", () => {
		expect(logAt([`7 ${write(log, "abc", 0)}) = 2`], 1).seen).toBe("ab..");
	});

	test("has a name when its folder was synced", () => {
		const open = `7 openat(AT_FDCWD<\\x2f>, "${hex(`${databaseFile}-wal`)}", O_RDWR|O_CREAT, 0644) = ${log}`;
		const history = historyOf(
			[open, `7 ${write(log, "a", 0)}) = 1`, `7 fsync(9<${hex("/d")}>) = 0`],
			new Map(),
		);
		const disk = new Disk(history);
		disk.advance(2);
		expect(disk.filesNamed(() => false).size).toBe(0);
		expect(disk.filesNamed(() => true).size).toBe(1);
		disk.advance(3);
		expect(disk.filesNamed(() => false).size).toBe(1);
	});

	test("has a file under a removed name until its folder was synced", () => {
		const history = historyOf([
			`7 unlink("${hex(`${databaseFile}-wal`)}") = 0`,
			`7 fsync(9<${hex("/d")}>) = 0`,
		]);
		const disk = new Disk(history);
		disk.advance(1);
		expect([disk.filesNamed(() => false).size, disk.filesNamed(() => true).size]).toEqual([2, 1]);
		disk.advance(2);
		expect(disk.filesNamed(() => false).size).toBe(1);
	});
});

describe.each(seeds)("an image (seed %d)", (seed) => {
	const big = "x".repeat(3 * sectorBytes);
	const lines = [
		`7 ${write(log, "old!", 0)}) = 4`,
		`7 fsync(${log}) = 0`,
		`7 ${write(log, big, 100)}) = ${big.length}`,
		`7 ${write(log, "new", 0)}) = 3`,
	];

	function draw(kind: (typeof kinds)[number]) {
		const disk = new Disk(historyOf(lines));
		disk.advance(lines.length);
		const image = new Image();
		image.draw(disk, kind, new Random(seed));
		return { bytes: image.contents.get("-wal")?.bytes as Buffer, differs: image.differs };
	}

	test("with all lost is what was synced, with all kept what was seen", () => {
		expect(draw("all lost")).toMatchObject({ differs: true, bytes: Buffer.from("old!") });
		const kept = draw("all kept");
		expect(kept.differs).toBe(false);
		expect(kept.bytes.toString("latin1", 0, 4)).toBe("new!");
		expect(kept.bytes.length).toBe(100 + big.length);
	});

	test.each(kinds)("never loses what was synced (%s)", (kind) => {
		const { bytes } = draw(kind);
		expect(bytes.length).toBeGreaterThanOrEqual(4);
		expect(bytes.toString("latin1", 0, 4)).toMatch(/^(old|new)!$/);
	});

	test("that is torn has each sector of a write whole or not at all", () => {
		const data = Buffer.from(big);
		const random = new Random(seed);
		for (let tries = 0; tries < 50; tries += 1) {
			const effects = drawEffects([{ kind: "write", offset: 100, data }], "torn", random);
			for (const effect of effects as Extract<Effect, { kind: "write" }>[]) {
				const end = effect.offset + effect.data.length;
				expect(effect.offset === 100 || effect.offset % sectorBytes === 0).toBe(true);
				expect(end === 100 + data.length || end % sectorBytes === 0).toBe(true);
			}
		}
	});

	test("is the same for the same seed", () => {
		expect(draw("torn")).toEqual(draw("torn"));
	});
});

const [socket, other] = [`11<${hex("socket:[1]")}>`, `12<${hex("socket:[2]")}>`];

function message(start: string, body: string): string {
	return `${start}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

describe("exchanges", () => {
	const request = message("POST /clientes/2/transacoes HTTP/1.1", "{}");
	const answer = message("HTTP/1.1 200 OK", '{"limite":9,"saldo":1}');

	test("belong to their connection, and are answered from the first byte on", () => {
		const lines = [
			`7 recvfrom(${socket}, "${hex(request.slice(0, 30))}", 999, MSG_DONTWAIT, NULL, NULL) = 30`,
			`7 recvfrom(${other}, "${hex(request)}", 999, MSG_DONTWAIT, NULL, NULL) = ${request.length}`,
			`7 recvfrom(${socket}, "${hex(request.slice(30))}", 999, 0, NULL, NULL) = ${request.length - 30}`,
			`7 sendto(${socket}, "${hex(answer)}", ${answer.length}, 0, NULL, 0) = 20`,
			`7 sendto(${socket}, "${hex(answer.slice(20))}", ${answer.length - 20}, 0, NULL, 0) = ${answer.length - 20}`,
		];
		const exchanges = exchangesOf(readTrace(Buffer.from(lines.join("\n"))));
		expect(exchanges.map(({ receivedAt, status, answeredAt }) => [receivedAt, status, answeredAt])).toEqual([
			[1, 0, Number.POSITIVE_INFINITY],
			[2, 200, 3],
		]);
		expect(exchanges[1]).toMatchObject({ method: "POST", path: "/clientes/2/transacoes", body: "{}" });
	});

	test("have no answer without a request", () => {
		const line = `7 sendto(${socket}, "${hex(answer)}", ${answer.length}, 0, NULL, 0) = ${answer.length}`;
		expect(() => exchangesOf(readTrace(Buffer.from(line)))).toThrow("no request");
	});
});

describe("promises", () => {
	const shown = (balance: number, tags: readonly string[]) =>
		JSON.stringify({
			saldo: { total: balance, limite: 10, data_extrato: "2024-01-17T02:34:41.217753Z" },
			ultimas_transacoes: tags.map((descricao) => ({
				...{ valor: 1, tipo: "c", descricao, realizada_em: "2024-01-17T02:34:41.217753Z" },
			})),
		});
	const exchange = (path: string, body: string, status: number, answer: string, at: number): Exchange => ({
		...{ method: "POST", path, body, receivedAt: at, status, answer, answeredAt: at + 1, thread: 7 },
	});
	const post = (tag: string, change: number, status: number, balance: number, at: number) =>
		exchange(
			"/clientes/1/transacoes",
			JSON.stringify({ valor: Math.abs(change), tipo: change > 0 ? "c" : "d", descricao: tag }),
			...([status, JSON.stringify({ limite: 10, saldo: balance }), at] as const),
		);
	const look = (balance: number, tags: readonly string[], at: number) =>
		exchange("/clientes/1/extrato", "", 200, shown(balance, tags), at);
	const reset = (at: number) => exchange("/reset", "", 200, "", at);

	function booksOf(...entries: readonly (readonly [tag: string, change: number])[]): Books {
		let balance = 0;
		const posted = entries.map(([description, change], index) => {
			balance += change;
			return { accountId: 1, sequence: index + 1, change, balance, description, postedAt: 0 };
		});
		const account = { accountId: 1, limit: 10, initialBalance: 0, balance, sequence: entries.length };
		return { accounts: [account], entries: posted, problems: [] };
	}

	const run = [
		post("a", 1, 200, 1, 10),
		post("b", 1, 200, 2, 20),
		look(2, ["b", "a"], 30),
		post("c", -12, 200, -10, 40),
	];
	const refused = [...run, post("d", -5, 422, 0, 50)];

	test.each([
		["all that was answered", run, booksOf(["a", 1], ["b", 1], ["c", -12]), 50],
		["what was not answered yet", run, booksOf(["a", 1], ["b", 1]), 21],
		["nothing, before all answers", run, booksOf(), 11],
		["nothing, during a reset", [...run, reset(60)], booksOf(), 61],
		["everything, during a reset", [...run, reset(60)], booksOf(["a", 1], ["b", 1], ["c", -12]), 61],
		["nothing, after a reset", [...run, reset(60)], booksOf(), 70],
		["what explains a refusal", refused, booksOf(["a", 1], ["b", 1], ["c", -12]), 60],
	])("are kept by %s", (_, exchanges, books, moment) => {
		expect(new Promises(blankBooks, exchanges).findings(books, moment)).toEqual([]);
	});

	test.each([
		["an acknowledged entry that is lost", run, booksOf(["a", 1]), 22, /b was acknowledged, and is lost/],
		[
			"one that a statement showed",
			[look(1, ["a"], 1)],
			booksOf(),
			3,
			/a was shown in a statement, and is lost/,
		],
		[
			"another balance",
			run.slice(0, 1),
			booksOf(["x", 1], ["a", 1]),
			12,
			/a made the balance 2, 1 was answered/,
		],
		["an entry from later", run, booksOf(["a", 1], ["b", 1]), 20, /b is there, and was never sent/],
		[
			"a refused entry",
			refused,
			booksOf(["a", 1], ["b", 1], ["c", -12], ["d", -5]),
			60,
			/d was refused, and is there/,
		],
		["a refusal that nothing explains", [post("d", -5, 422, 0, 1)], booksOf(), 3, /was never so low/],
		["a reset that was in vain", [...run, reset(60)], booksOf(["a", 1]), 70, /in spite of a reset/],
		[
			"a sum that is wrong",
			run,
			{ ...booksOf(), entries: booksOf(["a", 1]).entries },
			12,
			/its entries make 1/,
		],
	])("are broken by %s", (_, exchanges, books, moment, finding) => {
		const before = exchanges.length === 1 && exchanges[0]?.path.endsWith("extrato") ? booksOf() : blankBooks;
		expect(new Promises(before, exchanges).findings(books, moment).join("\n")).toMatch(finding);
	});

	test("are kept from before the run", () => {
		const promises = new Promises(booksOf(["a", 1]), []);
		expect(promises.isBlank(0)).toBe(false);
		expect(promises.findings(booksOf(["a", 1]), 0)).toEqual([]);
		expect(promises.findings(booksOf(), 0)).toEqual(["a was there before, and is lost"]);
	});
});

/** The attack `fuzz`: that its requests repeat, how it reads answers, and that it finds faults, and no others. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readBooks } from "../src/books.ts";
import { NoHttp, readAnswer } from "../src/fuzz/answer-reader.ts";
import { type Fault, faults, playCareless } from "../src/fuzz/careless-controls.ts";
import { CaseSource, familyNames } from "../src/fuzz/case-source.ts";
import { Claimed } from "../src/fuzz/claimed.ts";
import { bookFindings } from "../src/fuzz/fuzz.ts";
import { play, type Target } from "../src/fuzz/fuzz-run.ts";
import { LedgerPair } from "../src/ledger-pair.ts";
import { makeProofFolder } from "../src/place.ts";

/** Processes start slowly on a machine that others use. */
setDefaultTimeout(120_000);

const seed = Number(process.env.FUZZ_SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const stop = new AbortController().signal;
let folder: string;

beforeAll(() => {
	folder = makeProofFolder();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function made(from: number, count: number) {
	const source = new CaseSource(from, ["balancer", "process"], true);
	return Array.from({ length: count }, () => source.next());
}

describe(`requests (FUZZ_SEED=${seed})`, () => {
	const cases = made(seed, 12_000);

	test("are the same from the same seed, and others from another", () => {
		const bytes = (from: number) =>
			made(from, 500).map((one) => `${one.manner} ${one.bytes.toString("latin1")}`);
		expect(bytes(seed)).toEqual(bytes(seed));
		expect(bytes(seed)).not.toEqual(bytes(seed + 1));
	});

	test("are of every family", () => {
		expect(new Set(cases.map(({ family }) => family))).toEqual(new Set(familyNames));
	});

	test("claim no description twice", () => {
		const claimed = cases.flatMap(({ expected }) =>
			expected.requests.flatMap(({ claim }) => (claim === undefined ? [] : [claim.description])),
		);
		expect(new Set(claimed).size).toBe(claimed.length);
		expect(claimed.length).toBeGreaterThan(3000);
	});

	test("don't take the books away", () => {
		const resets = cases.filter(({ bytes }) => /^POST \/reset[ ?]/m.test(bytes.toString("latin1")));
		expect(resets).toEqual([]);
	});
});

describe("answers", () => {
	const whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
	test("are read when they are whole, behind interim ones", () => {
		const bytes = Buffer.from(`HTTP/1.1 100 Continue\r\n\r\n${whole}HTTP`);
		expect(readAnswer(bytes, false)).toMatchObject({ answer: { status: 200 }, end: bytes.length - 4 });
		for (let end = 0; end < whole.length; end += 1)
			expect(readAnswer(Buffer.from(whole.slice(0, end)), false)).toBeUndefined();
	});

	test("in chunks are read, and to HEAD have no body", () => {
		const chunks = "HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
		expect(readAnswer(Buffer.from(chunks), false)?.answer.body.toString()).toBe("a");
		expect(readAnswer(Buffer.from(whole), true)?.end).toBe(whole.length - 2);
	});

	test.each([
		"HTTP/1.1 20 OK\r\n\r\n",
		"{}\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX y\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: 1\r\na: 1\r\n\r\n",
	])("%j is none", (text) => {
		expect(() => readAnswer(Buffer.from(text), false)).toThrow(NoHttp);
	});
});

describe(`a careless server is found out (FUZZ_SEED=${seed})`, () => {
	test.each(Object.keys(faults) as Fault[])("%s", async (fault) => {
		expect(await playCareless({ folder, seed, stop }, 4000, fault)).not.toEqual([]);
	});

	test("and one that isn't careless passes", async () => {
		expect(await playCareless({ folder, seed, stop }, 3000, undefined)).toEqual([]);
	});
});

test(`the ledger takes what is right, refuses what is wrong, and goes on (FUZZ_SEED=${seed})`, async () => {
	const at = join(folder, "pair");
	mkdirSync(at);
	const databaseFile = join(at, "ledger.db");
	await using pair = new LedgerPair({ folder: at, databaseFile });
	await pair.start();
	const addresses = pair.sockets.map((unix) => ({ unix }));
	const target: Target = {
		front: "process",
		addresses,
		before: readBooks(databaseFile),
		observed: new Claimed(),
	};
	const run = await play({
		...{ targets: [target], count: 5000, players: 32, seed, answerMsMax: 20_000, stallMsMax: 0, stop },
		...{ findingsMax: 20, look: () => undefined },
	});
	expect(run.findings.sentences).toEqual([]);
	expect(run.made).toBe(5000);
	await pair.stop();
	expect(bookFindings(target, databaseFile)).toEqual([]);
	expect(target.observed.count("posted")).toBeGreaterThan(1000);
});

/**
 * A target may do anything: the judge ends, counts what happened by its kind, keeps its memory, claims nothing
 * about books that it couldn't see, and never prints what the target would like it to print.
 */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { ErrorRow, Result } from "../src/result.ts";
import { type Ended, resultOf, runJudge, startJudge } from "./running-judge.ts";
import { answerOf, openBooks } from "./servers/books.ts";
import {
	type HostileMode,
	type HostileOptions,
	type HostileServer,
	lawfulModes,
	startHostile,
} from "./servers/hostile.ts";
import { officialLimits } from "./servers/wire.ts";

/** Tests wait for each other's judges, so that this is the time of all of them. */
setDefaultTimeout(240_000);

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
console.log(`hostile.test.ts: SEED=${seed}`);

/** The generator's, in any of these runs. Without a target it takes some 60. */
const memoryMbMax = 400;
/** Statements of five accounts, which are asked for before a run. */
const looks = 5;

const started: { stop(): unknown }[] = [];
afterAll(async () => {
	for (const server of started) await server.stop();
});

function hostile(mode: HostileMode, options: HostileOptions = {}): HostileServer {
	const server = startHostile(mode, { seed, ...options });
	started.push(server);
	return server;
}

interface Loaded extends Ended {
	readonly result: Result;
}

const json = ["-o", "json", "--quiet"];
const short = ["-c", "4", "-d", "1s", "-t", "300ms"];

async function load(url: string, args: readonly string[]): Promise<Loaded> {
	const ended = await runJudge(["load", url, ...json, ...args]);
	expect(ended.stderr).toBe("");
	const result = resultOf(ended);
	expectWholeCounts(result);
	return { ...ended, result };
}

/** Every request is counted once, whatever became of it. */
function expectWholeCounts({ summary, errors, operations, statuses }: Result): void {
	const { requests, succeeded, otherStatus, failed, unsent } = summary;
	expect(succeeded + otherStatus + failed + unsent).toBe(requests);
	expect(sum(errors)).toBe(failed);
	expect(sum(statuses)).toBe(succeeded + otherStatus);
	expect(operations.reduce((total, row) => total + row.requests, 0)).toBe(requests - unsent);
	expect(summary.generatorMemoryMb).toBeLessThan(memoryMbMax);
}

function sum(rows: readonly { readonly count: number }[]): number {
	return rows.reduce((total, { count }) => total + count, 0);
}

function expectOneSentence(stderr: string): void {
	expect(stderr).toMatch(/^crebito: .+\n$/);
	expect(stderr).not.toContain("this is a bug");
}

interface Expected {
	/** 5: nothing can be said. 4: what was answered can't be true. */
	readonly code: 4 | 5;
	/** What may be counted. */
	readonly errors: readonly ErrorRow["kind"][];
}

const rude: Readonly<Record<Exclude<HostileMode, (typeof lawfulModes)[number]>, Expected>> = {
	"closes-at-once": { code: 5, errors: ["reset"] },
	"resets-at-once": { code: 5, errors: ["reset", "connect"] },
	"never-answers": { code: 5, errors: ["timeout"] },
	"half-closes": { code: 5, errors: ["reset"] },
	"half-head": { code: 5, errors: ["malformed"] },
	"half-body": { code: 5, errors: ["malformed"] },
	"malformed-status-line": { code: 5, errors: ["malformed"] },
	"content-length-too-long": { code: 5, errors: ["timeout"] },
	"content-length-too-short": { code: 5, errors: ["malformed"] },
	"chunked-garbage": { code: 5, errors: ["malformed"] },
	"two-answers": { code: 5, errors: ["malformed"] },
	"answers-early": { code: 4, errors: [] },
	"always-500": { code: 5, errors: [] },
	"invalid-json": { code: 4, errors: [] },
	"other-shape": { code: 4, errors: [] },
	"endless-headers": { code: 5, errors: ["malformed"] },
	"endless-body": { code: 5, errors: ["malformed"] },
	"escape-in-reason": { code: 5, errors: ["malformed"] },
	"escape-in-body": { code: 4, errors: [] },
	"escape-in-statement": { code: 4, errors: [] },
};
const rudeModes = Object.keys(rude) as (keyof typeof rude)[];

describe.concurrent("a target that turns rude in the run", () => {
	test.each(rudeModes)("%s", async (mode) => {
		const target = hostile(mode, { politeRequests: looks + 10 });
		const { code, result } = await load(target.url, short);
		const { code: expectedCode, errors } = rude[mode];
		expect(code).toBe(expectedCode);
		expect(result.summary.interrupted).toBe(false);
		expect(result.summary.succeeded).toBeGreaterThanOrEqual(10);
		// On a busy machine any answer may come too late.
		const kinds = new Set(result.errors.map(({ kind }) => kind));
		expect([...kinds].filter((kind) => kind !== "timeout" && !errors.includes(kind))).toEqual([]);
		expect(errors.length === 0 || errors.some((kind) => kinds.has(kind))).toBe(true);
		expect(result.consistency.verdict).toBe(expectedCode === 4 ? "inconsistent" : "unknown");
		if (expectedCode === 5) expect(result.validity.verdict).toBe("target failing");
		else expect(result.consistency.violationsTotal).toBeGreaterThan(0);
	});
});

describe.concurrent("a target that is rude from the first request on can't be tested", () => {
	// Its statements can be read, so that this one gets its run, and what is wrong is found in it.
	const fromTheStart = rudeModes.filter((mode) => mode !== "escape-in-statement");
	test.each(fromTheStart)("%s", async (mode) => {
		const { url } = hostile(mode);
		const { code, stdout, stderr } = await runJudge(["load", url, ...short]);
		expect(code).toBe(5);
		expect(stdout).toBe("");
		expectOneSentence(stderr);
		// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
		expect(stderr).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
	});

	test("but for a statement that lies, which is found", async () => {
		const { code } = await load(hostile("escape-in-statement").url, short);
		expect(code).toBe(4);
	});

	test("nor by the simulation", async () => {
		const { code, stdout, stderr } = await runJudge([
			...["rinha", hostile("half-head").url],
			...["--wait", "300ms", "-t", "300ms", "--time-scale", "0.01"],
		]);
		expect(code).toBe(5);
		expect(stdout).toBe("");
		expectOneSentence(stderr);
	});
});

describe.concurrent("a target that is rude now and then", () => {
	const harmless = ["resets-at-once", "half-head", "half-body", "two-answers", "always-500"] as const;
	test.each(harmless)("%s: is believed in doubt, and accused of nothing", async (mode) => {
		const { url } = hostile(mode, { politeRequests: looks, share: 0.02 });
		const { code, result } = await load(url, [...short, "-n", "600"]);
		expect([0, 5]).toContain(code as number);
		expect(result.summary.failed + result.summary.otherStatus).toBeGreaterThan(0);
		expect(result.consistency.violationsTotal).toBe(0);
		// Nine of ten requests were answered as they ought to be.
		expect(result.validity.verdict).not.toBe("target failing");
		if (result.consistency.verdict === "unknown") expect(code).toBe(5);
	});
});

/** These servers answer at once, so that a generator that has just started may find that it measures itself. */
function expectRight({ code, result: { validity, consistency } }: Loaded): void {
	expect(consistency.verdict).toBe("consistent");
	expect(["valid", "generator late"]).toContain(validity.verdict);
	expect(code).toBe(validity.verdict === "valid" ? 0 : 5);
}

describe.concurrent("an unusual target that is right", () => {
	const kept = lawfulModes.filter((mode) => mode !== "closes-silently");
	test.each(kept)("%s: is found right", async (mode) => {
		const count = mode === "drips" ? "12" : "150";
		const { url } = hostile(mode, { gapMs: 1 });
		const loaded = await load(url, ["-c", "4", "-n", count]);
		expectRight(loaded);
		expect(loaded.result.summary).toMatchObject({ requests: Number(count), succeeded: Number(count) });
	});

	test("closes-silently: is found right over a connection for each request", async () => {
		const { url } = hostile("closes-silently");
		expectRight(await load(url, ["-c", "4", "-n", "150", "--connections", "per-request"]));
	});

	test("closes-silently: loses requests over kept connections, and none of its books is wrong", async () => {
		const { url } = hostile("closes-silently");
		const { code, result } = await load(url, ["-c", "4", "-n", "150"]);
		expect(result.consistency.violationsTotal).toBe(0);
		expect(result.errors.every(({ kind }) => kind === "reset")).toBe(true);
		expect([0, 5]).toContain(code as number);
	});
});

describe.concurrent("errors without end", () => {
	test("of a target that closes every connection are counted in bounded memory", async () => {
		const { url } = hostile("closes-at-once", { politeRequests: looks });
		const { code, result } = await load(url, ["-c", "100", "-d", "2s", "-t", "300ms"]);
		expect(code).toBe(5);
		expect(result.summary.failed).toBeGreaterThan(1000);
		expect(result.errors.length).toBeLessThan(10);
	});

	test("of a target that has gone away are counted in bounded memory", async () => {
		const target = hostile("always-500", { politeRequests: Number.POSITIVE_INFINITY });
		const judge = await startJudge(["load", target.url, "-c", "50", "-d", "3s", "-t", "300ms", ...json]);
		while (target.requests() < 500) await Bun.sleep(5);
		target.stop();
		const ended = await judge.ended;
		expect(ended).toMatchObject({ code: 5, stderr: "" });
		const result = resultOf(ended);
		expectWholeCounts(result);
		const refused = result.errors.find(({ kind }) => kind === "connect");
		expect(refused?.message).toContain("ECONNREFUSED");
		expect(refused?.count).toBeGreaterThan(1000);
		expect(result.errors.length).toBeLessThan(10);
	});

	test("don't outlive a schedule", async () => {
		const { url } = hostile("never-answers", { politeRequests: looks });
		const { code, result } = await load(url, ["-c", "8", "-r", "200", "-d", "1s", "-t", "300ms"]);
		expect(code).toBe(5);
		expect(result.summary).toMatchObject({ requests: 200, succeeded: 0 });
		expect(result.summary.unsent).toBeGreaterThan(100);
		expect(result.errors).toEqual([
			{ kind: "timeout", message: "no answer within 300 ms", count: result.summary.failed },
		]);
	});
});

/** Clears a screen, names its window, colours the rest, in both sets of control codes; and writes backwards. */
const orders = "\x1b[2J\x1b]0;owned\x07\x1b[31m\x9b2J\x9d0;owned\x9c\x7f\r\b\u202e";

/** A right server that gives every statement after the first looks an entry with orders for a terminal. */
function startOrdering(amount: number, politeRequests: number): { readonly url: string } {
	const books = openBooks(officialLimits);
	let requests = 0;
	const server = Bun.serve({
		port: 0,
		hostname: "127.0.0.1",
		async fetch(request) {
			requests += 1;
			const { pathname } = new URL(request.url);
			const answer = answerOf(books, request.method, pathname, await request.text());
			await Bun.sleep(2);
			if (request.method !== "GET" || requests <= politeRequests) return new Response(answer.body);
			const statement = JSON.parse(answer.body) as { ultimas_transacoes: unknown[] };
			const realizada_em = new Date().toISOString();
			statement.ultimas_transacoes = [{ valor: amount, tipo: "c", descricao: orders, realizada_em }];
			return Response.json(statement);
		},
	});
	started.push({ stop: () => server.stop(true) });
	return { url: `http://127.0.0.1:${server.port}` };
}

describe.concurrent("orders for a terminal in what the target says", () => {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
	const controls = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/;

	test.each(["text", "json", "csv", "junit"])("are not in the report as %s", async (format) => {
		const { url } = startOrdering(1, looks);
		const args = ["load", url, "-c", "4", "-n", "60", "--mix", "1:1:1", "-o", format];
		const { code, stdout, stderr } = await runJudge(args);
		expect(code).toBe(4);
		expect(stdout).toMatch(/\S/);
		expect(controls.exec(stdout)).toBeNull();
		expect(stderr).toBe("");
		// They are quoted all the same: what can't be said is no reason to say nothing.
		if (format !== "csv") expect(stdout).toContain("0;owned");
	});

	test("are not in a complaint", async () => {
		const { url } = startOrdering(-1, 0);
		const { code, stderr } = await runJudge(["load", url]);
		expect(code).toBe(5);
		expectOneSentence(stderr);
		expect(stderr).toContain("0;owned");
		expect(stderr).not.toMatch(controls);
	});
});

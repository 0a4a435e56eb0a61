/**
 * The command from outside: what it is given, what it sends, what it prints and where, and each exit code that
 * is documented. Every test runs the program itself against a server of its own.
 */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Result } from "../src/result.ts";
import { type Ended, type JudgeOptions, resultOf, runJudge, startJudge } from "./running-judge.ts";
import { answerOf, type Books, openBooks, post } from "./servers/books.ts";
import { startBroken } from "./servers/broken.ts";
import { startHostile } from "./servers/hostile.ts";
import { startPlain } from "./servers/plain.ts";
import { officialLimits } from "./servers/wire.ts";

/** Tests wait for each other's judges, so that this is the time of all of them. */
setDefaultTimeout(240_000);

const folder = mkdtempSync(join(tmpdir(), "crebito-command-"));
const started: { stop(): unknown }[] = [];
const mounted: string[] = [];
afterAll(async () => {
	for (const server of started) await server.stop();
	for (const mount of mounted) Bun.spawnSync(["umount", mount]);
	rmSync(folder, { recursive: true, force: true });
});

let names = 0;
function freshPath(name: string): string {
	names += 1;
	return join(folder, `${names}-${name}`);
}

interface Seen {
	readonly method: string;
	readonly path: string;
	readonly body: string;
	/** The client's, which tells its connections apart. */
	readonly port: number;
}

interface ObservedOptions {
	/** Between arrival and answer. */
	readonly latencyMs?: number;
	/** What comes before every path. */
	readonly base?: string;
	/** Listens there, instead of at a port. */
	readonly unix?: string;
	/** Before the n-th request, from 1, is answered. */
	readonly before?: (count: number) => void | Promise<void>;
}

interface Observed {
	readonly url: string;
	readonly seen: readonly Seen[];
	readonly books: Books;
	/** Resolves when that many requests have arrived. */
	until(count: number): Promise<void>;
}

/** A right server that remembers what it was asked. Slow enough for a generator to be idle between two answers. */
function startObserved(options: ObservedOptions = {}): Observed {
	const { latencyMs = 3, base = "", unix, before } = options;
	const books = openBooks(officialLimits);
	const seen: Seen[] = [];
	const fetch = async (request: Request, port: number): Promise<Response> => {
		const { pathname: path } = new URL(request.url);
		const body = await request.text();
		seen.push({ method: request.method, path, body, port });
		await before?.(seen.length);
		await Bun.sleep(latencyMs);
		const known = path.startsWith(base) ? path.slice(base.length) : "";
		const answer = answerOf(books, request.method, known, body);
		return new Response(answer.body, { status: answer.status });
	};
	const server =
		unix === undefined
			? Bun.serve({
					port: 0,
					hostname: "127.0.0.1",
					fetch: (request, connection) => fetch(request, connection.requestIP(request)?.port ?? 0),
				})
			: Bun.serve({ unix, fetch: (request) => fetch(request, 0) });
	started.push({ stop: () => server.stop(true) });
	return {
		url: unix === undefined ? `http://127.0.0.1:${server.port}` : `unix:${unix}`,
		seen,
		books,
		async until(count) {
			while (seen.length < count) await Bun.sleep(5);
		},
	};
}

function kept<Server extends { stop(): unknown }>(server: Server): Server {
	started.push(server);
	return server;
}

interface Loaded extends Ended {
	readonly result: Result;
}

/** A load of which the result is read from the standard output. */
async function load(url: string, args: readonly string[], options: JudgeOptions = {}): Promise<Loaded> {
	const ended = await runJudge(["load", url, "-c", "4", "-o", "json", "--quiet", ...args], options);
	return { ...ended, result: resultOf(ended) };
}

/** Statements that are asked for before and after a run, of five accounts. */
const looks = 10;
const entriesOf = ({ seen }: Observed) => seen.filter(({ method }) => method === "POST");
const sentOf = ({ seen }: Observed) =>
	seen.slice(looks / 2, -looks / 2).map(({ method, path, body }) => {
		const { valor, tipo } = body === "" ? {} : (JSON.parse(body) as { valor?: number; tipo?: string });
		return `${method} ${path} ${valor} ${tipo}`;
	});

/** Complaints are sentences, one a line, for people who haven't written the program. */
function expectSentences(stderr: string, count: number): void {
	expect(stderr.trimEnd().split("\n")).toHaveLength(count);
	expect(stderr).toMatch(/^(crebito: .+\n)+$/);
	expect(stderr).not.toContain("this is a bug");
	expect(stderr).not.toMatch(/\n\s+at /);
}

describe.concurrent("the exit code", () => {
	test("is 0 when everything held, with the report on stdout and nothing on stderr", async () => {
		const { code, stderr, result } = await load(startObserved().url, ["-n", "100"]);
		expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
		expect(result.summary).toMatchObject({ requests: 100, succeeded: 100, interrupted: false });
		expect(result.validity.verdict).toBe("valid");
		expect(result.consistency.verdict).toBe("consistent");
	});

	const damaged = freshPath("damaged");
	mkdirSync(damaged);
	writeFileSync(join(damaged, "main.json"), "{}");
	const file = freshPath("file");
	writeFileSync(file, "");
	const unusable: [string, readonly string[], RegExp][] = [
		["no command", [], /a command is missing/],
		["a target that is no URL", ["load", "nonsense"], /no target/],
		["a target over TLS", ["load", "https://127.0.0.1:1"], /https is not supported/],
		["no target", ["load"], /missing required argument/],
		["an option that doesn't exist", ["load", "URL", "--concurency", "3"], /unknown option.*concurrency/],
		["a value that isn't one", ["load", "URL", "-d", "soon"], /--duration/],
		["options that exclude each other", ["load", "URL", "--stages", "1s@1", "-r", "1"], /exclude/],
		["a threshold that can't be read", ["load", "URL", "--threshold", "p98<1ms"], /--threshold/],
		["a report that is a folder", ["load", "URL", "-O", folder], /is a folder/],
		["a report in a folder that isn't there", ["load", "URL", "--json", `${folder}/no/r.json`], /ENOENT/],
		["a report below a file", ["load", "URL", "--json", join(file, "r.json")], /ENOTDIR/],
		["two reports in one file", ["load", "URL", "--json", file, "--junit", file], /two reports/],
		["a baseline that isn't there", ["load", "URL", "--baseline", "main"], /there is no baseline main/],
		[
			"a damaged baseline",
			["load", "URL", "--baseline", "main", "--baseline-folder", damaged],
			/baseline main is damaged/,
		],
		["a wrong option of the simulation", ["rinha", "URL", "--time-scale", "0"], /--time-scale/],
	];
	test.each(unusable)("is 1 for %s, and the target hears nothing of it", async (_, args, sentence) => {
		const target = startObserved();
		const line = args.map((arg) => (arg === "URL" ? target.url : arg));
		const { code, stdout, stderr } = await runJudge(line, { folder });
		expect(code).toBe(1);
		expect(stdout).toBe("");
		expectSentences(stderr, 1);
		expect(stderr).toMatch(sentence);
		expect(target.seen).toHaveLength(0);
	});

	test("is 2 when a threshold is missed, and the result says which", async () => {
		const thresholds = ["--threshold", "errors==0", "--threshold", "rate>=1000000"];
		const { code, result } = await load(startObserved().url, ["-n", "60", ...thresholds]);
		expect(code).toBe(2);
		expect(result.thresholds.map(({ met }) => met)).toEqual([true, false]);
	});

	test("is 4 when the books are inconsistent, also with a missed threshold", async () => {
		const { url } = kept(startBroken({ fault: "wrong-total-in-statement", rate: 1 }));
		const { code, result } = await load(url, ["-n", "100", "--mix", "1:1:1", "--threshold", "errors==0"]);
		expect(code).toBe(4);
		expect(result.consistency.verdict).toBe("inconsistent");
		expect(result.thresholds).toMatchObject([{ met: expect.any(Boolean) }]);
	});

	test("is 4 when somebody else writes to an account meanwhile", async () => {
		const target = startObserved({
			before: (count) => {
				const account = target.books.get(1);
				if (count === 50 && account !== undefined)
					post(account, { kind: "credit", amount: 1, description: "foreign" });
			},
		});
		const { code, result } = await load(target.url, ["-n", "100", "--accounts", "1"]);
		expect(code).toBe(4);
		expect(result.consistency.violationsTotal).toBeGreaterThan(0);
	});

	test("is 5 when nobody listens", async () => {
		const gone = startHostile("never-answers");
		gone.stop();
		for (const command of ["load", "rinha"]) {
			const wait = command === "rinha" ? ["--wait", "0"] : [];
			const { code, stdout, stderr } = await runJudge([command, gone.url, ...wait]);
			expect(code).toBe(5);
			expect(stdout).toBe("");
			expectSentences(stderr, 1);
			expect(stderr).toContain("ECONNREFUSED");
		}
	});

	test("is 5 when the Unix socket isn't there", async () => {
		const { code, stderr } = await runJudge(["load", `unix:${folder}/nobody.sock`]);
		expect(code).toBe(5);
		expectSentences(stderr, 1);
	});

	test("is 5 when the target fails, and the report is there", async () => {
		const { url } = kept(startHostile("always-500", { politeRequests: 20 }));
		const { code, result } = await load(url, ["-n", "100"]);
		expect(code).toBe(5);
		expect(result.validity.verdict).toBe("target failing");
		expect(result.statuses).toContainEqual({ status: 500, count: 85 });
	});

	test("is 5 when the account isn't there", async () => {
		const { code, stderr } = await runJudge(["load", startObserved().url, "--accounts", "5-6"]);
		expect(code).toBe(5);
		expectSentences(stderr, 1);
		expect(stderr).toContain("account 6");
	});

	test("is 0 for texts, which go to stdout", async () => {
		for (const args of [["--help"], ["load", "--help"], ["help", "rinha"], ["--version"]]) {
			const { code, stdout, stderr } = await runJudge(args);
			expect(code).toBe(0);
			expect(stdout).toMatch(/\S/);
			expect(stderr).toBe("");
		}
	});
});

describe.concurrent("an interruption", () => {
	test("during the warm-up ends with 130 and a report without a request", async () => {
		const target = startObserved();
		const judge = await startJudge(["load", target.url, "-w", "5m", "-d", "5m", "-o", "json"]);
		await target.until(50);
		judge.kill("SIGINT");
		const ended = await judge.ended;
		expect(ended.code).toBe(130);
		const { summary, consistency } = resultOf(ended);
		expect(summary).toMatchObject({ requests: 0, interrupted: true });
		// What the warm-up has done is in the books all the same.
		expect(consistency.verdict).toBe("consistent");
		expect(consistency.responsesChecked).toBeGreaterThan(30);
	});

	test.each(["SIGINT", "SIGTERM"] as const)(
		"by %s during the run ends with 130, a report and checked books",
		async (signal) => {
			const target = startObserved();
			const file = freshPath("report.json");
			const judge = await startJudge(["load", target.url, "-d", "5m", "-o", "json", "--json", file]);
			await target.until(100);
			judge.kill(signal);
			const ended = await judge.ended;
			expect(ended.code).toBe(130);
			const { summary, consistency } = resultOf(ended);
			expect(summary.interrupted).toBe(true);
			expect(summary.requests).toBe(target.seen.length - looks);
			expect(consistency.verdict).toBe("consistent");
			expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(JSON.parse(ended.stdout));
		},
	);

	test("of an open model before its first arrival ends with 130", async () => {
		const target = startObserved();
		const args = ["load", target.url, "--stages", "hold 0 5m, hold 1 1m", "-o", "json"];
		const judge = await startJudge(args);
		await target.until(looks / 2);
		await Bun.sleep(300);
		judge.kill("SIGINT");
		const ended = await judge.ended;
		expect(ended.code).toBe(130);
		expect(resultOf(ended).summary).toMatchObject({ requests: 0, unsent: 0, interrupted: true });
	});

	test("during the check of the books ends with 130, and nothing is claimed about them", async () => {
		const isChecking = Promise.withResolvers<void>();
		const target = startObserved({
			before: async (count) => {
				if (count <= 100 + looks / 2) return;
				isChecking.resolve();
				await Bun.sleep(200);
			},
		});
		const judge = await startJudge(["load", target.url, "-n", "100", "-c", "4", "-o", "json"]);
		await isChecking.promise;
		judge.kill("SIGINT");
		const ended = await judge.ended;
		expect(ended.code).toBe(130);
		const { summary, consistency } = resultOf(ended);
		expect(summary).toMatchObject({ requests: 100, interrupted: true });
		expect(consistency.verdict).toBe("unknown");
		expect(consistency.reason).toContain("interrupted");
	});

	test("of a target that hangs takes no longer than its timeout", async () => {
		const { url, requests } = kept(startHostile("never-answers", { politeRequests: 20 }));
		const judge = await startJudge(["load", url, "-d", "5m", "-t", "500ms", "-c", "4", "-o", "json"]);
		while (requests() < 24) await Bun.sleep(5);
		judge.kill("SIGINT");
		const ended = await judge.ended;
		expect(ended.code).toBe(130);
		const { summary, errors } = resultOf(ended);
		expect(errors).toMatchObject([{ kind: "timeout" }]);
		expect(summary.failed).toBeGreaterThanOrEqual(4);
	});

	test("that is repeated ends at once, without a report", async () => {
		const { url, requests } = kept(startHostile("never-answers", { politeRequests: 20 }));
		const judge = await startJudge(["load", url, "-d", "5m", "-t", "5m", "-c", "4", "--quiet"]);
		while (requests() < 24) await Bun.sleep(5);
		for (let signals = 0; signals < 3; signals += 1) {
			judge.kill("SIGINT");
			// Two that follow each other closely are one, which npm has passed on.
			await Bun.sleep(700);
		}
		expect(await judge.ended).toEqual({ code: 130, stdout: "", stderr: "" });
	});

	test("ends the repetitions, and keeps no baseline", async () => {
		const target = startObserved();
		const baselines = freshPath("baselines");
		const keep = ["--save-baseline", "main", "--baseline-folder", baselines];
		const judge = await startJudge(["load", target.url, "-d", "5m", "--repeat", "3", "-o", "json", ...keep]);
		await target.until(50);
		judge.kill("SIGINT");
		const ended = await judge.ended;
		expect(ended.code).toBe(130);
		expect(resultOf(ended).repeats).toHaveLength(1);
		expect(existsSync(join(baselines, "main.json"))).toBe(false);
	});
});

describe.concurrent("a baseline", () => {
	const baselines = freshPath("baselines");
	const keptAs = (option: string, name: string) => [option, name, "--baseline-folder", baselines];
	const runs = ["-n", "60", "--repeat", "3"];
	const saved = (async () => {
		const { url } = startObserved({ latencyMs: 4 });
		return load(url, [...runs, ...keptAs("--save-baseline", "fast")]);
	})();

	test("is kept by a run that succeeds", async () => {
		expect((await saved).code).toBe(0);
		expect(readdirSync(baselines)).toContain("fast.json");
	});

	test("that a slower run is compared with makes the exit code 3", async () => {
		await saved;
		const { url } = startObserved({ latencyMs: 40 });
		const { code, result } = await load(url, [...runs, ...keptAs("--baseline", "fast")]);
		expect(code).toBe(3);
		expect(result.comparison).toMatchObject({ baseline: "fast", method: "repeats", verdict: "regressed" });
	});

	test("that an equal run is compared with leaves it 0", async () => {
		await saved;
		const { url } = startObserved({ latencyMs: 4 });
		const { code, result } = await load(url, [...runs, "--noise", "100", ...keptAs("--baseline", "fast")]);
		expect(code).toBe(0);
		expect(result.comparison).toMatchObject({ baseline: "fast", verdict: "unchanged" });
	});

	test("of another shape is refused with a sentence, and the report is there", async () => {
		await saved;
		const { url } = startObserved();
		const { code, stderr, result } = await load(url, ["-n", "70", ...keptAs("--baseline", "fast")]);
		expect(code).toBe(1);
		expectSentences(stderr, 1);
		expect(stderr).toContain("requests 60 there, requests 70 here");
		expect(result.summary.requests).toBe(70);
		expect(result.comparison).toBeNull();
	});

	test("is not replaced by a run that misses a threshold, and a sentence says so", async () => {
		await saved;
		const before = readFileSync(join(baselines, "fast.json"), "utf8");
		const args = ["-n", "60", "--threshold", "rate>=1000000", ...keptAs("--save-baseline", "fast")];
		const { code, stderr } = await load(startObserved().url, args);
		expect(code).toBe(2);
		expectSentences(stderr, 1);
		expect(stderr).toContain("the baseline fast was not kept");
		expect(readFileSync(join(baselines, "fast.json"), "utf8")).toBe(before);
	});
});

describe.concurrent("the load", () => {
	test("of -n sends exactly so many requests", async () => {
		const target = startObserved();
		const { result } = await load(target.url, ["-n", "123"]);
		expect(target.seen).toHaveLength(123 + looks);
		expect(result.summary.requests).toBe(123);
		expect(result.operations.reduce((sum, { requests }) => sum + requests, 0)).toBe(123);
	});

	test("of --repeat is made so often, and the result has the figures of each", async () => {
		const target = startObserved();
		const { code, result } = await load(target.url, ["-n", "50", "--repeat", "3"]);
		expect(code).toBe(0);
		expect(target.seen).toHaveLength(3 * (50 + looks));
		expect(result.repeats).toHaveLength(3);
		expect(result.summary.requests).toBe(50);
	});

	test("of --stages is exactly what lies under the rate", async () => {
		const target = startObserved();
		// 400 + 100 arrivals, the last of them a tenth of a second before the end.
		const args = ["-c", "400", "--stages", "hold 400 1s, ramp 200..0 1s"];
		const { result } = await load(target.url, args);
		expect(result.summary.requests).toBe(500);
		expect(target.seen).toHaveLength(500 - result.summary.unsent + looks);
		expect(result.shape).toMatchObject({ model: "open", schedule: "hold 400 1 s, ramp 200..0 1 s" });
		expect(result.consistency.verdict).toBe("consistent");
	});

	test("of -r sends at that rate, for as long as -d or as many as -n", async () => {
		const target = startObserved();
		const { result } = await load(target.url, ["-r", "150", "-d", "1s"]);
		expect(result.summary).toMatchObject({ requests: 150, rateAsked: 150 });
		const other = startObserved();
		const { result: bounded } = await load(other.url, ["-r", "150", "-n", "40"]);
		expect(bounded.summary.requests).toBe(40);
		expect(other.seen).toHaveLength(40 + looks);
	});

	test("that finds no free connection counts what was never sent", async () => {
		const { url } = startObserved({ latencyMs: 100 });
		const { result } = await load(url, ["-r", "100", "-d", "1s", "-c", "1"]);
		expect(result.summary.requests).toBe(100);
		expect(result.summary.unsent).toBeGreaterThan(50);
	});

	test("after a warm-up is measured alone, and the warm-up's entries are in the books", async () => {
		const target = startObserved();
		const { code, result } = await load(target.url, ["-w", "300ms", "-n", "50"]);
		expect(code).toBe(0);
		expect(result.summary.requests).toBe(50);
		expect(target.seen.length).toBeGreaterThan(50 + looks);
		expect(result.consistency.responsesChecked).toBe(target.seen.length - looks);
	});

	test("of --connections shared keeps its connections, per-request opens one for each", async () => {
		const shared = kept(startHostile("in-pieces", { politeRequests: 0, gapMs: 1 }));
		const { result } = await load(shared.url, ["-n", "40", "--connections", "shared"]);
		expect(result.shape.connections).toBe("shared");
		expect(shared.connections()).toBe(4 + looks);
		const single = kept(startHostile("in-pieces", { politeRequests: 0, gapMs: 1 }));
		const { code } = await load(single.url, ["-n", "40", "--connections", "per-request"]);
		expect(code).toBe(0);
		expect(single.connections()).toBe(40 + looks);
	});

	test("of one seed is the same again, and of another seed isn't", async () => {
		const sent = async (seed: string) => {
			const target = startObserved();
			const { code, result } = await load(target.url, ["-n", "60", "-c", "1", "--seed", seed]);
			expect(code).toBe(0);
			expect(result.seed).toBe(Number(seed));
			return sentOf(target);
		};
		const first = await sent("7");
		expect(first).toHaveLength(60);
		expect(await sent("7")).toEqual(first);
		expect(await sent("8")).not.toEqual(first);
	});

	test("without a seed prints the one it drew", async () => {
		const drawn = startObserved();
		const { result } = await load(drawn.url, ["-n", "30", "-c", "1"]);
		const again = startObserved();
		await load(again.url, ["-n", "30", "-c", "1", "--seed", `${result.seed}`]);
		expect(sentOf(again)).toEqual(sentOf(drawn));
	});

	test("has the mix, the accounts and the amounts that were asked for", async () => {
		const target = startObserved();
		const args = ["--mix", "1:3:2", "--accounts", "2,4", "--amount", "5-7"];
		const { code, result } = await load(target.url, ["-n", "60", ...args]);
		expect(code).toBe(0);
		const requests = Object.fromEntries(result.operations.map((row) => [row.kind, row.requests]));
		expect(requests).toEqual({ debit: 10, credit: 30, statement: 20 });
		const ids = new Set(target.seen.map(({ path }) => path.split("/")[2]));
		expect([...ids].sort()).toEqual(["2", "4"]);
		const amounts = entriesOf(target).map(({ body }) => (JSON.parse(body) as { valor: number }).valor);
		expect([...new Set(amounts)].sort()).toEqual([5, 6, 7]);
	});

	test("copes with entries from before, also with those of its own last run", async () => {
		const target = startObserved();
		const before = target.books.get(3);
		if (before !== undefined) post(before, { kind: "debit", amount: 5, description: "x" });
		for (let run = 0; run < 2; run += 1) {
			const { code, result } = await load(target.url, ["-n", "80", "--mix", "1:1:1"]);
			expect(code).toBe(0);
			expect(result.consistency.verdict).toBe("consistent");
		}
		expect(target.seen.filter(({ path }) => path === "/reset")).toHaveLength(0);
	});

	test("begins on empty accounts with --reset", async () => {
		const target = startObserved();
		const before = target.books.get(3);
		if (before !== undefined) post(before, { kind: "debit", amount: 5, description: "x" });
		const { code } = await load(target.url, ["-n", "40", "--accounts", "1", "--reset"]);
		expect(code).toBe(0);
		expect(target.seen[0]).toMatchObject({ method: "POST", path: "/reset" });
		expect(target.books.get(3)).toMatchObject({ balance: 0, entries: [] });
	});

	test("reaches a Unix socket", async () => {
		const target = startObserved({ unix: freshPath("judge.sock") });
		const { code, result } = await load(target.url, ["-n", "50"]);
		expect(code).toBe(0);
		expect(target.seen).toHaveLength(50 + looks);
		expect(result.target).toBe(target.url);
	});

	test("reaches an API below a path, also on a Unix socket", async () => {
		const unix = freshPath("based.sock");
		for (const target of [startObserved({ base: "/api/v1" }), startObserved({ base: "/api/v1", unix })]) {
			const url = target.url.startsWith("unix:") ? `${target.url}:/api/v1` : `${target.url}/api/v1/`;
			const { code } = await load(url, ["-n", "30"]);
			expect(code).toBe(0);
			expect(target.seen.every(({ path }) => path.startsWith("/api/v1/clientes/"))).toBe(true);
		}
	});

	test("is audited in the target's database, and another database is no proof of it", async () => {
		const databasePath = freshPath("plain.db");
		const { url } = kept(await startPlain({ databasePath }));
		const { result } = await load(url, ["-r", "100", "-n", "60", "--db", databasePath]);
		expect(result.consistency.verdict).toBe("consistent");
		expect(result.consistency.audit).toContainEqual(
			expect.objectContaining({ source: "database", verdict: "passed" }),
		);
		const otherPath = freshPath("other.db");
		kept(await startPlain({ databasePath: otherPath }));
		const other = await load(url, ["-r", "100", "-n", "60", "--db", otherPath]);
		expect(other.code).toBe(4);
		const missing = freshPath("no.db");
		const ended = await runJudge(["load", url, "-r", "100", "-n", "60", "--db", missing]);
		const sentence = `crebito: --db ${missing} is no file, while the target serves\n`;
		expect(ended).toEqual({ code: 5, stdout: "", stderr: sentence });
	});
});

describe.concurrent("a report", () => {
	test("goes to the file that was asked for, and others beside it", async () => {
		const [text, json, junit] = [freshPath("r.txt"), freshPath("r.json"), freshPath("r.xml")];
		const files = ["-O", text, "--json", json, "--junit", junit];
		const ended = await runJudge(["load", startObserved().url, "-n", "40", "-c", "4", ...files]);
		expect(ended).toEqual({ code: 0, stdout: "", stderr: "" });
		expect(readFileSync(text, "utf8")).toMatch(/\S/);
		expect(readFileSync(junit, "utf8")).toStartWith("<?xml");
		expect((JSON.parse(readFileSync(json, "utf8")) as Result).summary.requests).toBe(40);
		expect(readdirSync(folder).filter((name) => name.endsWith(".partial"))).toEqual([]);
	});

	test("that a full device didn't take is printed, with a sentence and code 1", async () => {
		const args = ["load", startObserved().url, "-n", "40", "-c", "4", "-O", "/dev/full"];
		const { code, stdout, stderr } = await runJudge(args);
		expect(code).toBe(1);
		expect(stdout).toMatch(/\S/);
		expectSentences(stderr, 1);
		expect(stderr).toContain("/dev/full (ENOSPC)");
	});

	test("that nobody takes, not even stdout, is lost with a sentence for each", async () => {
		const args = ["load", startObserved().url, "-n", "40", "-c", "4", "-O", "/dev/full"];
		const { code, stderr } = await runJudge(args, { reader: "full" });
		expect(code).toBe(1);
		expectSentences(stderr, 2);
		expect(stderr).toContain("the standard output (ENOSPC)");
	});

	test("that isn't written hides no graver exit code", async () => {
		const threshold = ["--threshold", "rate>=1000000"];
		const { code, stderr } = await load(startObserved().url, [
			"-n",
			"40",
			"--json",
			"/dev/full",
			...threshold,
		]);
		expect(code).toBe(2);
		expectSentences(stderr, 1);
	});

	test("for a reader who has gone away is no failure", async () => {
		const { url } = startObserved();
		for (const args of [
			["load", url, "-n", "40", "-c", "4"],
			["load", "--help"],
		])
			expect(await runJudge(args, { reader: "gone" })).toEqual({ code: 0, stdout: "", stderr: "" });
	});

	test("that is larger than a pipe comes whole to a reader who takes its time", async () => {
		const { url } = kept(startBroken({ fault: "statement-too-long", rate: 1 }));
		const args = ["-n", "1000", "--mix", "1:3:4", "--accounts", "1-2"];
		const { code, stdout, result } = await load(url, args, { reader: "late" });
		expect(code).toBe(4);
		expect(stdout.length).toBeGreaterThan(2 ** 16);
		expect(result.consistency.violations).toHaveLength(100);
	});

	test("comes after a line on stderr every few seconds", async () => {
		const judge = await startJudge(["load", startObserved().url, "-d", "5m", "-c", "1", "-o", "json"]);
		await judge.says("p99");
		judge.kill("SIGINT");
		const ended = await judge.ended;
		expect(ended.stderr).toMatch(/^\d+ s .*errors 0 .*violations 0\n/);
		expect(resultOf(ended).summary.interrupted).toBe(true);
	});

	test("comes alone with --quiet", async () => {
		const { code, stderr } = await load(startObserved().url, ["-d", "6s", "-c", "1", "--quiet"]);
		expect(code).toBe(0);
		expect(stderr).toBe("");
	});
});

/** A file system of this many kilobytes; undefined where it can't be mounted. */
function smallDisk(kilobytes: number): string | undefined {
	const path = freshPath("small-disk");
	mkdirSync(path);
	const mount = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", path]);
	if (mount.exitCode !== 0) return undefined;
	mounted.push(path);
	return path;
}

const disk = smallDisk(16);
const everyPart = process.env.CI_ALL_PARTS === "1";
describe.skipIf(disk === undefined && !everyPart)("on a full disk", () => {
	const path = disk ?? "";

	test("the history is cut, so that the books stay in doubt and the exit code is 5", async () => {
		const environment = { TMPDIR: path };
		const { code, stderr, result } = await load(startObserved().url, ["-n", "1500"], { environment });
		expect(code).toBe(5);
		expect(stderr).toBe("");
		expect(result.summary.succeeded).toBe(1500);
		expect(result.consistency.verdict).toBe("unknown");
		expect(result.consistency.reason).toContain("ENOSPC");
		expect(readdirSync(path)).toEqual([]);
	});

	test("an earlier report stays, nothing is left half written, and the result is printed", async () => {
		const file = join(path, "report.json");
		writeFileSync(file, "the earlier report");
		const args = [
			"load",
			startObserved().url,
			"-n",
			"40",
			"-c",
			"4",
			"-O",
			join(path, "r.txt"),
			"--json",
			file,
		];
		const { code, stdout, stderr } = await runJudge(args);
		expect(code).toBe(1);
		expect(stdout).toMatch(/\S/);
		expectSentences(stderr, 1);
		expect(stderr).toContain(`${file} (ENOSPC)`);
		expect(readFileSync(file, "utf8")).toBe("the earlier report");
		expect(readdirSync(path).sort()).toEqual(["r.txt", "report.json"]);
	});

	test("an earlier baseline stays, and a sentence says that the new one wasn't kept", async () => {
		const file = join(path, "main.json");
		writeFileSync(file, "{}");
		writeFileSync(join(path, "filling"), "");
		Bun.spawnSync(["dd", "if=/dev/zero", `of=${join(path, "filling")}`, "bs=1k"]);
		const keep = ["--save-baseline", "main", "--baseline-folder", path];
		const { code, stderr } = await load(startObserved().url, ["-n", "40", ...keep]);
		expect(code).toBe(1);
		expectSentences(stderr, 1);
		expect(stderr).toContain("ENOSPC");
		expect(readFileSync(file, "utf8")).toBe("{}");
	});
});

test("a folder for temporary files that isn't there is a sentence, and no request is sent", async () => {
	const target = startObserved();
	const environment = { TMPDIR: join(folder, "no", "such") };
	const { code, stdout, stderr } = await runJudge(["load", target.url, "-n", "40"], { environment });
	expect(code).toBe(5);
	expect(stdout).toBe("");
	expectSentences(stderr, 1);
	expect(stderr).toContain("ENOENT");
	expect(entriesOf(target)).toHaveLength(0);
});

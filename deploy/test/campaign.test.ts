/** The campaign: what it holds against a promise, and two short phases of it, one of which has to be caught. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { countUnanswered } from "../campaign/containers-under-test.ts";
import { type Figures, figuresOf } from "../campaign/figures.ts";
import { makeCampaignFolder } from "../campaign/folder.ts";
import type { ChaosEvent, JudgeResult } from "../campaign/judge.ts";
import { playPhase } from "../campaign/outcome.ts";
import { fullPhases, type Phase, quickPhases } from "../campaign/phase.ts";
import { brokenPromises, verdictOf } from "../campaign/promise.ts";
import { campaignMarkdown } from "../campaign/record.ts";
import { countRepeatedPosts, StackUnderTest, withRepeats } from "../campaign/stack-under-test.ts";
import { isGone, isNginxMissing, until } from "./running-stack.ts";

/** Processes start slowly on a machine that others use. */
setDefaultTimeout(60_000);

const folders: string[] = [];
afterAll(() => {
	for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const kill = fullPhases.find(({ name }) => name === "kill") as Phase;
const control = fullPhases.find(({ hasIdentity }) => !hasIdentity) as Phase;
const pause = fullPhases.find(({ errors, hasIdentity }) => errors === "told" && hasIdentity) as Phase;

const fine: Figures = {
	...{ seconds: 300, connections: 128, events: 150, eventErrors: [], requests: 1_000_000 },
	...{ errors: 0, untoldErrors: 0, statuses: { 200: 900_000, 422: 100_000 } },
	...{ lost: 0, twice: 0, otherViolations: 0, consistency: "consistent", audit: "passed", reason: "" },
	...{ finding: null, entries: 600_000, repeatedPosts: 9000 },
	...{ p99Ms: 20, maxMs: 300, eventP99Ms: 40, backMsMedian: 200, backMsMax: 400 },
};

describe("each promise is held against the figures", () => {
	test("fine ones break none", () => {
		expect(brokenPromises(kill, fine)).toEqual([]);
		expect(verdictOf(kill, fine)).toBe("held");
	});

	const breaches: [figures: Partial<Figures>, line: RegExp][] = [
		[{ events: 0 }, /^nothing was done to it$/],
		[{ eventErrors: ["it wasn't there", "it wasn't there"] }, /^2 events failed: it wasn't there$/],
		[{ lost: 1 }, /^1 acknowledged entries are lost$/],
		[{ twice: 1 }, /^1 entries are there twice$/],
		[{ otherViolations: 1, reason: "a statement is stale" }, /^1 other violations: a statement is stale$/],
		[{ consistency: "inconsistent" }, /^the books are inconsistent/],
		[{ consistency: "unknown" }, /^the books are unknown/],
		[{ audit: "not possible" }, /^the audit of the file is not possible$/],
		[{ finding: "account 1" }, /^the ledger's own check finds: account 1$/],
		[{ errors: 1 }, /^1 client errors$/],
		[{ maxMs: 7001 }, /^a request waited 7001 ms, at most 7000 ms$/],
		[{ maxMs: Number.NaN }, /^a request waited NaN ms/],
		[{ eventP99Ms: 250 }, /^p99 of an event's second is 250 ms, not below 250 ms$/],
		[{ backMsMax: 5000 }, /^a process was back after 5000 ms, not within 5000 ms$/],
	];
	for (const [figures, line] of breaches) {
		test(JSON.stringify(figures), () => {
			const broken = brokenPromises(kill, { ...fine, ...figures });
			expect(broken).toEqual([expect.stringMatching(line)]);
			expect(verdictOf(kill, { ...fine, ...figures })).toBe("broken");
		});
	}

	test("where errors may be told, those that nobody told break it, and many may leave the order unknown", () => {
		const told = { ...fine, errors: 500, consistency: "unknown" };
		expect(brokenPromises(pause, told)).toEqual([]);
		expect(brokenPromises(pause, { ...told, untoldErrors: 1 })).toEqual([
			"1 errors without an answer of ours",
		]);
		expect(brokenPromises(pause, { ...told, consistency: "inconsistent" }).length).toBe(1);
	});

	test("a control is caught by entries that are there twice, and by nothing else", () => {
		expect(verdictOf(control, { ...fine, twice: 1, consistency: "inconsistent" })).toBe("caught");
		expect(verdictOf(control, { ...fine, lost: 1 })).toBe("not caught");
		expect(verdictOf(control, fine)).toBe("not caught");
	});
});

describe("the figures are the judge's and the file's", () => {
	const event: ChaosEvent = { atSecond: 2, backMs: 200, error: null, p99Ms: 30 };
	const judged: JudgeResult = {
		startedAt: "2024-02-01T00:00:00.000Z",
		summary: { elapsedSeconds: 10, requests: 1000, otherStatus: 5, failed: 2, unsent: 1 },
		latency: { response: { maxMs: 90, percentiles: [{ percentile: 99, ms: 20 }] } },
		statuses: [
			{ status: 200, count: 900 },
			{ status: 422, count: 92 },
			{ status: 502, count: 4 },
			{ status: 500, count: 1 },
		],
		errors: [{ message: "reset", count: 2 }],
		seconds: [],
		consistency: {
			...{ verdict: "inconsistent", reason: "why", violationsTotal: 7 },
			audit: [
				{
					...{ source: "database", verdict: "failed" },
					reason: "table entries has 3 applied-twice, 2 acknowledged-then-lost, 1 never-sent",
				},
			],
		},
		chaos: {
			events: [event, { ...event, backMs: 600, p99Ms: 70 }, { ...event, backMs: null, error: "gone" }],
		},
	};

	test("violations are told apart, and errors by whether somebody told them", () => {
		const books = { entries: 700, twice: 4, finding: null };
		const trouble = { ...event, backMs: 300 };
		expect(figuresOf(kill, judged, [trouble], books, 11)).toMatchObject({
			...{ lost: 2, twice: 4, otherViolations: 2, audit: "failed", consistency: "inconsistent" },
			...{ errors: 8, untoldErrors: 4, events: 4, eventErrors: ["gone"], repeatedPosts: 11 },
			...{ p99Ms: 20, maxMs: 90, eventP99Ms: 70, backMsMedian: 300, backMsMax: 600 },
		});
	});

	test("a POST counts as repeated when two processes were sent something", () => {
		const lines: [line: string, isRepeated: boolean][] = [
			["[610 : 610] [unix:/a : unix:/b] 200 0.012 POST /clientes/1/transacoes HTTP/1.1", true],
			["[610, 610] [unix:/a, unix:/b] 200 0.012 POST /clientes/1/transacoes HTTP/1.1", true],
			["[610 : 610, 0] [unix:/a : unix:/b, unix:/a] 502 0.012 POST /clientes/1/transacoes HTTP/1.1", true],
			["[0, 610] [unix:/a, unix:/b] 200 0.012 POST /clientes/1/transacoes HTTP/1.1", false],
			["[0, 0 : 610] [unix:/a, unix:/b : unix:/b] 200 0.012 POST /clientes/1/transacoes HTTP/1.1", false],
			["[- : 0] [ledger : unix:/b] 502 0.000 POST /clientes/1/transacoes HTTP/1.1", false],
			["[610, 610] [unix:/a, unix:/b] 200 0.012 GET /clientes/1/transacoes HTTP/1.1", false],
			["", false],
		];
		for (const [line, isRepeated] of lines) expect(countRepeatedPosts(line)).toBe(isRepeated ? 1 : 0);
		expect(countRepeatedPosts(lines.map(([line]) => line).join("\n"))).toBe(3);
	});

	test("nginx.conf is as shipped but for its log, and not replaced blindly", () => {
		const conf = readFileSync(join(import.meta.dir, "../nginx.conf"), "utf8");
		const [before = "", after = ""] = conf.split("access_log off;");
		const changed = withRepeats(conf, "/a/file");
		expect(changed).toStartWith(before);
		expect(changed).toEndWith(after);
		expect(changed).toContain("access_log /a/file tries if=$has_tries;");
		expect(() => withRepeats("http {}", "/a/file")).toThrow(
			'nginx.conf must hold "access_log off;" exactly once',
		);
	});

	test("the document shows a broken promise as one", () => {
		const outcome = {
			phase: "kill",
			about: "kill -9.",
			figures: fine,
			verdict: "broken",
			broken: ["2 lost"],
		};
		const record = {
			date: "today",
			commit: "abc",
			command: "npm run campaign",
			seed: 1,
			machine: "one",
			loadAverage: 0.5,
		};
		const text = campaignMarkdown({
			...record,
			...{ repeatedPosts: 12_000, outcomes: [{ ...outcome, verdict: "broken" }] },
		});
		expect(text).toContain("| **broken** |");
		expect(text).toContain("- **kill**: 2 lost");
		expect(text).toContain("12,000 POSTs were sent to two processes");
	});
});

test("the quick form has each kind of trouble that the full one has, and the control", () => {
	const kinds = (phases: readonly Phase[]) =>
		new Set(
			phases.flatMap(({ chaos, trouble, hasWatchdog, hasIdentity }) => [
				...chaos.map((rule) => `${rule.split(" ")[0]}, watchdog ${hasWatchdog}, identity ${hasIdentity}`),
				...(trouble === undefined ? [] : [trouble.kind]),
			]),
		);
	expect(kinds(quickPhases)).toEqual(kinds(fullPhases));
});

test("of nginx's log in a container, POSTs that were sent and not answered are counted", () => {
	const line = (what: string, request: string) =>
		`2026/11/22 23:03:30 [error] 30#30: *3 ${what} while reading response header from upstream, client: 10.0.0.1, request: "${request}", upstream: "http://unix:/run/crebito/api-2.sock/x"`;
	const post = "POST /clientes/1/transacoes HTTP/1.1";
	const counted = [
		line("upstream prematurely closed connection", post),
		line("recv() failed (104: Connection reset by peer)", post),
		line("upstream timed out (110: Connection timed out)", post),
	];
	const others = [
		line("upstream prematurely closed connection", "GET /clientes/1/extrato HTTP/1.1"),
		`connect() to unix:/run/crebito/api-2.sock failed (111: Connection refused) while connecting to upstream, request: "${post}"`,
	];
	expect(countUnanswered([...others, ...counted].join("\n"))).toBe(3);
	expect(countUnanswered(others.join("\n"))).toBe(0);
});

describe.skipIf(isNginxMissing)("on a stack of its own", () => {
	const never = new AbortController().signal;
	function play(phase: Phase) {
		const folder = makeCampaignFolder();
		folders.push(folder);
		return playPhase(StackUnderTest.start, phase, 1, folder, never);
	}

	test("a process that is killed again and again costs no client an answer, and nothing is lost or twice", async () => {
		const chaos = ["kill every 1500ms"];
		const { figures } = await play({ ...kill, seconds: 7, connections: 64, chaos });
		expect(figures).toMatchObject({
			...{ errors: 0, lost: 0, twice: 0, otherViolations: 0, finding: null, eventErrors: [] },
			...{ consistency: "consistent", audit: "passed" },
		});
		expect(figures.events).toBe(4);
		expect(figures.repeatedPosts).toBeGreaterThan(0);
		expect(figures.entries).toBeGreaterThan(0);
	});

	test("without identity, the same is caught", async () => {
		const [quickControl] = quickPhases.filter(({ hasIdentity }) => !hasIdentity) as [Phase];
		let outcome = await play(quickControl);
		// A process may have committed nothing that it hadn't answered, each time, and have slept with the lock.
		if (outcome.verdict !== "caught") outcome = await play(quickControl);
		expect(outcome.verdict).toBe("caught");
		expect(outcome.figures.twice).toBeGreaterThan(0);
		expect(outcome.broken.length).toBeGreaterThan(0);
	});
});

describe("as a command", () => {
	const program = join(import.meta.dir, "../campaign/main.ts");
	function start(...args: string[]) {
		return Bun.spawn([process.execPath, program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
	}

	const wrong: [args: string[], line: string][] = [
		[["--fast"], "there is --quick, --containers, --phase and --seed, but no --fast"],
		[["--seed", "x"], '--seed takes a whole number, not "x"'],
		[["--quick", "--phase", "pause"], `--phase takes ${names(quickPhases)}, not "pause"`],
		[["--phase"], `--phase takes ${names(fullPhases)}, not ""`],
	];
	for (const [args, line] of wrong) {
		test(`refuses ${args.join(" ")}`, async () => {
			const campaign = start(...args);
			expect(await campaign.stderr.text()).toBe(`${line}\n`);
			expect(await campaign.exited).toBe(1);
		});
	}

	test.skipIf(isNginxMissing)("a Ctrl-C ends everything that it started", async () => {
		const folder = makeCampaignFolder();
		folders.push(folder);
		const campaign = Bun.spawn([process.execPath, program, "--phase", "kill"], {
			env: { ...process.env, TMPDIR: folder },
			stdio: ["ignore", "pipe", "pipe"],
		});
		let started: number[] = [];
		await until(() => {
			started = descendants(campaign.pid);
			return started.length >= 6;
		});
		campaign.kill("SIGINT");
		expect(await campaign.stderr.text()).toContain("stopped by SIGINT");
		expect(await campaign.exited).toBe(1);
		await until(() => started.every(isGone));
		expect(readdirSync(folder)).toEqual([]);
	});
});

function names(phases: readonly Phase[]): string {
	return phases.map(({ name }) => name).join(", ");
}

/** Six of a campaign: the stack, the ledger's and nginx's processes, the judge. */
function descendants(pid: number): number[] {
	const { stdout } = Bun.spawnSync(["ps", "-e", "-o", "pid=,ppid="]);
	const parents = stdout
		.toString()
		.trim()
		.split("\n")
		.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
	const children = (of: number): number[] =>
		parents.flatMap(([child, parent]) => (parent === of ? [child, ...children(child)] : []));
	return children(pid);
}

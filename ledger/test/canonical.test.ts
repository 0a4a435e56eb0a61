/** What `npm run bench` makes of its trials: ratios, verdicts, and the section of the page, without a measurement. */
import { describe, expect, test } from "bun:test";
import {
	type CanonicalLoad,
	canonicalMarkdown,
	controlSentence,
	loadRecord,
	loadText,
} from "../bench/canonical-document.ts";
import { readCanonicalOptions } from "../bench/canonical-options.ts";
import type { Usage } from "../bench/child.ts";
import type { Result } from "../bench/comparison.ts";
import { effortsBetween } from "../bench/effort-watch.ts";
import { judgedOf } from "../bench/judge.ts";
import type { JudgedTrial } from "../bench/judged-trial.ts";
import { ratioCells, ratiosOf, spreadOf } from "../bench/ratio.ts";
import { publicArguments } from "../bench/run.ts";
import { withSection } from "../bench/section.ts";
import { verdictCell } from "../bench/verdict.ts";

const load: CanonicalLoad = {
	title: "14 connections, flat out",
	connections: 14,
	rate: null,
	reference: "For context: another machine.",
};

const run = {
	date: "2026-01-02 03:04 UTC",
	commit: "abc1234",
	command: "npm run bench",
	capped: true,
	rounds: 3,
	seconds: 10,
	warmUpSeconds: 2,
	loadAverage: 0.5,
	machine: {
		processor: "a processor",
		processors: 2,
		memoryGb: 8,
		kernel: "6.1",
		fileSystem: "ext4",
		bun: "1.4.5",
		sqlite: "3.54",
		nginx: "1.22",
		wrk: "unknown",
	},
};

function usageOf(name: string, cpuSeconds: number): Usage {
	return { name, cpuSeconds, throttled: { count: 0, seconds: 0 }, rssKb: 1000, rssPeakKb: 2000 };
}

function trial(
	requestsPerSecond: number,
	p99Us: number,
	consistency: string,
	validity = "valid",
): JudgedTrial {
	return {
		variant: "x",
		connections: 14,
		accounts: 5,
		requests: 1000,
		requestsPerSecond,
		p50Us: 1000,
		p90Us: 1500,
		p99Us,
		p999Us: 9000,
		maxUs: 10_000,
		refused: 240,
		errors: 3,
		violations: consistency === "inconsistent" ? 7 : 0,
		validity: { verdict: validity, reason: "so it is" },
		consistency: { verdict: consistency, reason: "so they are" },
		generatorCpuShare: 0.42,
		fromMs: 0,
		toMs: 10_000,
		usage: [usageOf("api-1", 2), usageOf("api-2", 3), usageOf("nginx", 1)],
		walBytes: 0,
	};
}

const results: Result<JudgedTrial>[] = [
	{ name: "durable", trials: [100, 300, 200].map((rate) => trial(rate, 6000, "consistent")) },
	{ name: "textbook", trials: [200, 200, 400].map((rate) => trial(rate, 60_000, "consistent")) },
	{
		name: "ceiling",
		trials: [400, 400, 400].map((rate) => trial(rate, 3000, "inconsistent", "target failing")),
	},
];
const keepsBooks = (name: string) => name !== "ceiling";
const record = loadRecord(load, results, keepsBooks);

describe("ratios", () => {
	test("are of the medians, between the least and the greatest of the rounds", () => {
		expect(spreadOf([100, 300, 200], [200, 200, 400])).toEqual({ ratio: 1, min: 0.5, max: 1.5 });
	});

	test("are the first contender's, divided by each of the others", () => {
		expect(ratiosOf(results).map(({ above, below }) => [above, below])).toEqual([
			["durable", "textbook"],
			["durable", "ceiling"],
		]);
		expect(ratioCells(ratiosOf(results))).toEqual([
			["", "requests/s", "p50", "p99", "measurements"],
			["durable ÷ textbook", "1.00 (0.50–1.50)", "1.00", "0.10", "valid"],
			["durable ÷ ceiling", "0.50 (0.25–0.75)", "1.00", "2.00", "ceiling: target failing"],
		]);
	});

	test("below a tenth keep two digits that aren't zero", () => {
		const ratios = ratiosOf([
			{ name: "a", trials: [trial(1, 12, "consistent")] },
			{ name: "b", trials: [trial(1, 10_000, "consistent")] },
		]);
		expect(ratioCells(ratios)[1]).toEqual(["a ÷ b", "1.00", "1.00", "0.0012", "valid"]);
	});

	test("aren't made of nothing, of zero or of rounds without a partner", () => {
		expect(() => spreadOf([], [])).toThrow("in pairs");
		expect(() => spreadOf([1, 2], [1])).toThrow("in pairs");
		expect(() => spreadOf([1], [0])).toThrow("nothing to divide by");
	});
});

describe("verdicts", () => {
	test("are a word where the trials agree, and counted where they don't", () => {
		expect(verdictCell(["valid", "valid"])).toBe("valid");
		expect(verdictCell(["valid", "generator late", "valid"])).toBe("valid 2/3, generator late 1/3");
	});

	test("of a consistent ledger and an inconsistent constant are as they have to be", () => {
		expect(record.verdicts).toEqual({ right: 9, trials: 9 });
		expect(controlSentence([record])).toContain("9 of 9 trials");
		expect(controlSentence([record])).not.toContain("**");
	});

	test.each([
		["a ledger is found inconsistent", "durable", "inconsistent"],
		["a ledger stays in doubt", "durable", "unknown"],
		["a constant is found consistent", "ceiling", "consistent"],
		["a constant stays in doubt", "ceiling", "unknown"],
	])("are told loudly when %s", (_, name, verdict) => {
		const surprise = loadRecord(load, [{ name, trials: [trial(1, 1, verdict)] }], keepsBooks);
		expect(surprise.verdicts).toEqual({ right: 0, trials: 1 });
		expect(surprise.remarks).toContain(`${name}, ${verdict}: so they are`);
		expect(controlSentence([record, surprise])).toStartWith("**Only 9 of 10 trials");
	});

	test("of a measurement are remarked once for each kind", () => {
		expect(record.remarks).toEqual(["ceiling, target failing: so it is"]);
	});
});

describe("the section", () => {
	const markdown = canonicalMarkdown({ run, loads: [record] });
	const tables = markdown.split("\n").filter((line) => line.startsWith("|"));

	test("shows the ratios before the numbers", () => {
		expect(tables[0]).toContain("requests/s");
		expect(tables[2]).toStartWith("| durable ÷ textbook |");
		expect(tables[4]).toStartWith("| contender |");
	});

	test("shows everything that is known of a contender", () => {
		const row = tables.find((line) => /^\| durable +\|/.test(line)) ?? "";
		const cells = row.split("|").map((cell) => cell.trim());
		const titles = (tables[4] ?? "").split("|").map((cell) => cell.trim());
		expect(Object.fromEntries(titles.map((title, i) => [title, cells[i]]))).toEqual({
			"": "",
			contender: "durable",
			"requests/s": "200",
			range: "100–300",
			"p50 ms": "1.00",
			"p99 ms": "6.00",
			"p99.9 ms": "9.00",
			"max ms": "10.0",
			"422": "24 %",
			errors: "3",
			measurement: "valid",
			books: "consistent",
			"CPU s": "1.00 / 2.00 / 3.00",
			"throttled s": "0.00 / 0.00 / 0.00",
			"RSS MB": "1.0 / 1.0 / 1.0",
			"generator CPU": "42 %",
		});
	});

	test("says where, when and how, and what the reference published", () => {
		for (const part of ["`npm run bench`", "commit abc1234", "3 × 10 s", "a processor", load.reference])
			expect(markdown).toContain(part);
	});

	test("says so when nothing was capped", () => {
		expect(canonicalMarkdown({ run: { ...run, capped: false }, loads: [record] })).toContain(
			"**not capped**",
		);
	});

	test("is shown in a terminal with the remarks", () => {
		expect(loadText(record)).toContain("! ceiling, target failing: so it is");
	});
});

describe("the page", () => {
	const section = { name: "judge-bench", heading: "Under the judge", markdown: "new" };
	const marked = "<!-- judge-bench:begin -->\nold\n<!-- judge-bench:end -->";

	test("keeps everything around a section that is replaced", () => {
		expect(withSection(`before\n${marked}\nafter\n`, section)).toBe(
			"before\n<!-- judge-bench:begin -->\nnew\n<!-- judge-bench:end -->\nafter\n",
		);
	});

	test("gets the section at its end when it has none, and then keeps its length", () => {
		const once = withSection("# Benchmarks\n", section);
		expect(once).toBe(
			"# Benchmarks\n\n## Under the judge\n\n<!-- judge-bench:begin -->\nnew\n<!-- judge-bench:end -->\n",
		);
		expect(withSection(once, section)).toBe(once);
	});

	test("with half a pair of marks is left alone", () => {
		expect(() => withSection("<!-- judge-bench:begin -->", section)).toThrow("belong together");
		expect(() => withSection("<!-- judge-bench:end --><!-- judge-bench:begin -->", section)).toThrow(
			"belong together",
		);
	});
});

describe("the judge's result", () => {
	const result = {
		schemaVersion: 1,
		startedAt: "2026-01-02T03:04:05.000Z",
		summary: {
			elapsedSeconds: 10,
			requests: 1010,
			otherStatus: 1,
			failed: 2,
			unsent: 4,
			refused: 240,
			rate: 100,
			generatorCpuShare: 0.5,
		},
		latency: {
			response: { maxMs: 9, percentiles: [50, 90, 99, 99.9].map((at) => ({ percentile: at, ms: at / 10 })) },
		},
		statuses: [{ status: 200, count: 1003 }],
		errors: [],
		validity: { verdict: "valid", reason: "it is" },
		consistency: { verdict: "consistent", reason: "they are", violationsTotal: 0 },
	};
	const judgeLoad = {
		port: 1,
		connections: 14,
		rate: null,
		seconds: 10,
		warmUpSeconds: 2,
		seed: 1,
		databaseFile: undefined,
	};

	test("counts whatever wasn't answered well, and dates the measured time", () => {
		const judged = judgedOf(result, judgeLoad);
		expect(judged).toMatchObject({
			errors: 7,
			p50Us: 5000,
			p99Us: 9900,
			maxUs: 9000,
			requestsPerSecond: 100,
		});
		expect(new Date(judged.fromMs).toISOString()).toBe("2026-01-02T03:04:07.000Z");
		expect(judged.toMs - judged.fromMs).toBe(10_000);
	});

	test("isn't read when it is of another schema, or has no answer in it", () => {
		expect(() => judgedOf({ ...result, schemaVersion: 2 }, judgeLoad)).toThrow("schema 2");
		const empty = { ...result, latency: { response: { maxMs: 0, percentiles: [] } } };
		expect(() => judgedOf(empty, judgeLoad)).toThrow("not one request was answered");
	});
});

test("what a process used between two looks is on the line between them", () => {
	const look = (atMs: number, cpuSeconds: number) => ({
		atMs,
		efforts: [{ name: "nginx", cpuSeconds, throttled: { count: 0, seconds: cpuSeconds / 10 } }],
	});
	const looks = [look(0, 0), look(100, 1), look(200, 3), look(300, 3)];
	const used = (fromMs: number, toMs: number) => effortsBetween(looks, fromMs, toMs)[0]?.cpuSeconds;
	expect(used(0, 300)).toBe(3);
	expect(used(50, 150)).toBe(1.5);
	expect(used(100, 200)).toBe(2);
	expect(used(-1000, 1000)).toBe(3);
	expect(effortsBetween(looks, 100, 200)[0]?.throttled.seconds).toBeCloseTo(0.2, 9);
	expect(() => effortsBetween([], 0, 1)).toThrow("nobody has looked");
});

describe("the command line", () => {
	test("measures briefly and writes, unless it is told otherwise", () => {
		const preset = readCanonicalOptions([]);
		expect(preset).toMatchObject({ rounds: 3, seconds: 10, warmUpSeconds: 2, write: true });
		expect(preset.variants.map(({ name }) => name)).toEqual([
			"durable",
			"os",
			"textbook",
			"per-request",
			"ceiling",
		]);
		expect(preset.variants.filter(({ keepsBooks }) => !keepsBooks).map(({ name }) => name)).toEqual([
			"ceiling",
		]);
		expect(readCanonicalOptions(["--full"])).toMatchObject({ rounds: 1, seconds: 120 });
		expect(readCanonicalOptions(["--full", "--seconds", "60"])).toMatchObject({ rounds: 1, seconds: 60 });
		expect(readCanonicalOptions(["--no-write"]).write).toBe(false);
		expect(readCanonicalOptions(["--variants", "durable+BATCH_MAX=8,ceiling"]).write).toBe(false);
	});

	test.each([
		["--rounds", "0"],
		["--seconds", "1.5"],
		["--variants", "nobody"],
	])("refuses %s %s in a sentence", (name, value) => {
		expect(() => readCanonicalOptions([name, value])).toThrow(value === "nobody" ? "unknown variant" : name);
	});

	test("doesn't publish a part of the page, nor a path of somebody's machine", () => {
		expect(() => readCanonicalOptions(["--variants", "os", "--write"])).toThrow("doesn't go with");
		expect(publicArguments(["--json", "a.json", "--rounds", "1", "--json=b.json"])).toEqual([
			"--rounds",
			"1",
		]);
	});
});

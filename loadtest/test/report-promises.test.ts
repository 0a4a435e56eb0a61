/**
 * What each report promises whatever the result is: widths and units, that it agrees with the exit code, that
 * its schema knows every word, and that the page can load nothing and run nothing but its own script.
 */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { exitCodeOf } from "../src/conclusion.ts";
import { csvReport } from "../src/report/csv.ts";
import { htmlReport } from "../src/report/html.ts";
import { junitReport } from "../src/report/junit.ts";
import { embeddedJson, markup, trusted } from "../src/report/page/markup.ts";
import schema from "../src/report/result.schema.json" with { type: "json" };
import { textReport } from "../src/report/text.ts";
import { bytesText, changeText, latencyText, rateText, shareText, usdText } from "../src/report/units.ts";
import type { Result } from "../src/result.ts";
import { columnsOf } from "../src/tui/line.ts";
import { sampleResults } from "./sample-result.ts";

const samples = Object.entries(sampleResults);
const good = sampleResults.good as Result;
const bad = sampleResults.bad as Result;
const nasty = '</script><script>alert(1)</script><!--\u2028"\u202e\x1b';

describe("numbers have the unit that people would choose", () => {
	const cases: [string, string, string][] = [
		[
			"a latency",
			[0, 0.0004, 0.561, 0.9996, 4.126, 99.96, 999.6, 61_500].map(latencyText).join(),
			"0 µs,0 µs,561 µs,1.00 ms,4.13 ms,100 ms,1.00 s,61.5 s",
		],
		[
			"no latency",
			[null, undefined, Number.NaN, Number.POSITIVE_INFINITY].map(latencyText).join(),
			"–,–,–,–",
		],
		["a rate", [0, 2.418, 74.26, 2917.4].map(rateText).join(" "), "0/s 2.42/s 74.3/s 2,917/s"],
		[
			"bytes",
			[0, 999, 1000, 999_600, 74_300_000, 5e15].map(bytesText).join(" "),
			"0 B 999 B 1.00 kB 1.00 MB 74.3 MB 5,000 TB",
		],
		[
			"a share",
			[0, 1e-7, 0.99999999, 1, 0.5, 0.0012].map(shareText).join(),
			"0 %,<0.01 %,>99.99 %,100 %,50.00 %,0.12 %",
		],
		[
			"a change",
			[1, 1.0001, 0.7, 1.031, 0, 12.34].map(changeText).join(),
			"0.0 %,0.0 %,−30.0 %,+3.1 %,−100.0 %,× 12.3",
		],
		["money", [100_000, -703.01, 0].map(usdText).join(), "USD 100,000.00,USD −703.01,USD 0.00"],
	];
	test.each(cases)("%s", (_, written, expected) => {
		expect(written).toBe(expected);
	});
});

describe("the text", () => {
	const counts = [
		"requests",
		"succeeded",
		"refused",
		"failed",
		"otherStatus",
		"unsent",
		"count",
		"rate",
		"passed",
	];

	/** As a long run on a fast machine leaves it. */
	function aThousandfold(result: Result): Result {
		return JSON.parse(JSON.stringify(result), (key, value) =>
			typeof value === "number" && counts.includes(key) ? 1000 * value : value,
		);
	}

	test.each(samples)("fits the columns that there are, and eighty at least: %s", (_, result) => {
		for (const columns of [20, 80, 100])
			for (const shown of [result, aThousandfold(result)]) {
				const lines = textReport(shown, { color: false, columns }).split("\n");
				const wide = lines.filter((line) => columnsOf(line) > Math.max(80, columns));
				expect({ columns, wide }).toEqual({ columns, wide: [] });
			}
	});

	test.each(samples)("is the same with colour, but for the colour: %s", (_, result) => {
		const coloured = textReport(result, { color: true, columns: 80 });
		expect(coloured).toContain("\x1b[");
		// Spaces at a line's end are trimmed where no code stands behind them.
		const plain = Bun.stripANSI(coloured).replaceAll(/ +$/gm, "");
		expect(plain).toBe(textReport(result, { color: false, columns: 80 }));
	});

	test("shows no latencies where nothing was answered, and no histogram of a target that was failing", () => {
		const unanswered = textReport(sampleResults.unanswered as Result, { color: false, columns: 80 });
		expect(unanswered).toContain("no answers");
		expect(unanswered).not.toMatch(/Stdev|Percentile|NaN|undefined|null/);
		const histogram = / – .*▏|█/;
		expect(textReport(bad, { color: false, columns: 80 })).not.toMatch(histogram);
		expect(textReport(good, { color: false, columns: 80 })).toMatch(histogram);
	});

	test("keeps the unexplained row of a window that is too long to be drawn whole", () => {
		const violation = bad.consistency.violations.find(({ window }) => window.length > 0);
		const row = violation?.window[0];
		if (violation === undefined || row === undefined) throw new Error("a sample has a window");
		for (const at of [0, 30, 99]) {
			const window = Array.from({ length: 100 }, (_, number) => ({
				...row,
				number,
				unexplained: number === at,
			}));
			const consistency = { ...bad.consistency, violations: [{ ...violation, window }] };
			const text = textReport({ ...bad, consistency }, { color: false, columns: 80 });
			expect(text).toContain(`> #${at} `);
			expect(text).toContain("84 more rows");
		}
	});
});

describe("JUnit is red exactly when the exit code is", () => {
	const changes: [string, Partial<Result>][] = [
		["all well", {}],
		["interrupted", { summary: { ...good.summary, interrupted: true } }],
		...(["valid", "generator late", "target saturated", "target failing"] as const).map(
			(verdict): [string, Partial<Result>] => [verdict, { validity: { verdict, reason: "made up" } }],
		),
		...(["consistent", "inconsistent", "unknown"] as const).map((verdict): [string, Partial<Result>] => [
			verdict,
			{ consistency: { ...good.consistency, verdict } },
		]),
		["a threshold is missed", { thresholds: bad.thresholds }],
		["regressed", { comparison: bad.comparison }],
		[
			"only a figure that doesn't decide regressed",
			{
				comparison: {
					...(bad.comparison as NonNullable<Result["comparison"]>),
					verdict: "unchanged",
				},
			},
		],
		["a validation failed", { simulation: (sampleResults.simulation as Result).simulation }],
	];
	test.each(changes)("%s", (_, change) => {
		const result: Result = { ...good, ...change };
		const report = junitReport(result);
		expect(report.includes("<failure")).toBe(exitCodeOf(result) !== 0);
		const failures = report.match(/<failure/g)?.length ?? 0;
		expect(report).toContain(`failures="${failures}"`);
	});

	test("and holds no character that XML can't", () => {
		const result = { ...bad, target: `\x00\x1b\ufffe\ud800 &<>"'\n]]>` };
		const report = junitReport(result);
		// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
		expect(report).not.toMatch(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Cs}/u);
		expect(report).toContain(
			'name="target" value="\ufffd\ufffd\ufffd\ufffd &amp;&lt;&gt;&quot;\'&#10;]]&gt;"',
		);
	});
});

test("the CSV has a row for each second, as many fields as names, and numbers only", () => {
	for (const [, result] of samples) {
		const [head = "", ...rows] = csvReport(result).trimEnd().split("\n");
		expect(rows).toHaveLength(result.seconds.length);
		for (const row of rows) {
			expect(row.split(",")).toHaveLength(head.split(",").length);
			expect(row).toMatch(/^[-\d.e,]+$/);
		}
	}
});

test("the schema lists the same words as the TypeScript", () => {
	const source = ["chaos-record", "result"]
		.map((name) => readFileSync(join(import.meta.dir, `../src/${name}.ts`), "utf8"))
		.join("\n");
	const described = schema.$defs as unknown as Record<string, { properties: Record<string, object> }>;
	const unions = [...source.matchAll(/export interface (\w+) \{\n([\s\S]*?)\n\}/g)].flatMap(
		([, name = "", body = ""]) =>
			[...body.matchAll(/^\treadonly (\w+): ((?:"[^"]+" ?\|? ?)+);/gm)].map(
				([, property = "", words = ""]) => ({
					where: `${name}.${property}`,
					words: [...words.matchAll(/"([^"]+)"/g)].map(([, word = ""]) => word).toSorted(),
				}),
			),
	);
	expect(unions.length).toBeGreaterThan(8);
	for (const { where, words } of unions) {
		const [name = "", property = ""] = where.split(".");
		const found = described[name]?.properties[property] as { enum?: string[] };
		expect({ where, words: found.enum?.toSorted() ?? [] }).toEqual({ where, words });
	}
});

test("the schema describes everything, and leaves room for nothing else", () => {
	const lacking: string[] = [];
	const visit = (node: unknown, path: string): void => {
		if (typeof node !== "object" || node === null) return;
		const { properties, description, additionalProperties, required } = node as Record<string, object>;
		if (properties !== undefined) {
			if (String(additionalProperties) !== "false") lacking.push(`${path} is open`);
			if (JSON.stringify(required) !== JSON.stringify(Object.keys(properties)))
				lacking.push(`${path} requires`);
			if (description === undefined) lacking.push(`${path} has no description`);
			for (const [name, property] of Object.entries(properties))
				if (!("description" in property) && !("$ref" in property)) lacking.push(`${path}.${name}`);
		}
		for (const [name, child] of Object.entries(node)) visit(child, `${path}/${name}`);
	};
	visit(schema, "");
	expect(lacking).toEqual([]);
	visit({ properties: { x: {} }, required: [] }, "made up");
	expect(lacking).toHaveLength(4);
});

describe("the page", () => {
	const loading = new Set(["src", "href", "srcset", "data", "poster", "action", "style", "background"]);
	const foreign = new Set(["link", "img", "iframe", "object", "embed", "base", "form", "image", "use"]);

	/** What would load something or run something, by element. */
	async function suspicious(page: string): Promise<string[]> {
		const found: string[] = [];
		const rewriter = new HTMLRewriter().on("*", {
			element({ tagName, attributes }) {
				if (foreign.has(tagName)) found.push(tagName);
				for (const [name = ""] of attributes)
					if (loading.has(name) || name.startsWith("on")) found.push(`${tagName} ${name}`);
			},
		});
		await rewriter.transform(new Response(page)).text();
		return found;
	}

	test.each(samples)("has no element that loads, and no handler in its markup: %s", async (_, result) => {
		expect(await suspicious(htmlReport(result))).toEqual([]);
	});

	test("would be found out if it had", async () => {
		const page = htmlReport(good).replace("<main>", '<main><img src="x" onerror="y"><link href="z">');
		expect(await suspicious(page)).toEqual(["img", "img src", "img onerror", "link", "link href"]);
	});

	test.each(samples)("allows by its policy its own script and style only: %s", (_, result) => {
		const page = htmlReport(result);
		const inside = (tag: string) => page.match(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`))?.[1] ?? "";
		for (const tag of ["script", "style"]) {
			const hash = createHash("sha256").update(inside(tag)).digest("base64");
			expect(inside(tag).length).toBeGreaterThan(1000);
			expect(page).toContain(`${tag}-src &#39;sha256-${hash}&#39;`);
		}
		expect(inside("style")).not.toMatch(/@import|url\(/);
		expect(page.match(/<script\b/g)?.length ?? 0).toBeLessThanOrEqual(2);
	});

	test("escapes whatever it is given, wherever it stands", async () => {
		const everywhere = JSON.parse(JSON.stringify(bad), (key, value) =>
			typeof value === "string" &&
			["message", "reason", "request", "response", "text", "command", "target", "baseline"].includes(key)
				? nasty
				: value,
		) as Result;
		const page = htmlReport(everywhere);
		expect(await suspicious(page)).toEqual([]);
		expect(page).not.toContain("<script>alert");
		expect(page).not.toContain("\u202e");
		expect(page).not.toContain("\x1b");
	});

	test("marks on its charts what was done to the target, for as long as it lasted, and nothing else", () => {
		const marksOf = (page: string) =>
			JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "{}").marks;
		const page = htmlReport(bad);
		expect(marksOf(page)).toEqual([
			{ from: 2.004, until: 2.004, colour: "bad" },
			{ from: 4.001, until: 8.001, colour: "third" },
			{ from: 6.003, until: 6.003, colour: "quiet" },
		]);
		expect(page.match(/class="mark \w+"/g)).toEqual([
			'class="mark kill"',
			'class="mark pause"',
			'class="mark restart"',
		]);
		const quiet = htmlReport({ ...bad, chaos: null });
		expect(marksOf(quiet)).toEqual([]);
		expect(quiet.match(/class="mark \w+"/g)).toBeNull();
	});

	test("embeds data that can't end their own element, and that parse to what they were", () => {
		const { text } = embeddedJson({ nasty });
		expect(text).not.toMatch(/[<>&\u2028]/);
		expect(JSON.parse(text)).toEqual({ nasty });
	});

	test("escapes parts of a template, and trusts markup alone", () => {
		expect(markup`<i>${"<b>"}${trusted("<b>")}${[markup`<u>${"&"}</u>`]}${'"'}</i>`.text).toBe(
			"<i>&lt;b&gt;<b><u>&amp;</u>&quot;</i>",
		);
	});
});

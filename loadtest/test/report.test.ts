/** The reports: golden files for what people look at, a schema for what programs read. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Ajv2020 from "ajv/dist/2020.js";
import { csvReport } from "../src/report/csv.ts";
import { htmlReport } from "../src/report/html.ts";
import { jsonReport } from "../src/report/json.ts";
import { junitReport } from "../src/report/junit.ts";
import schema from "../src/report/result.schema.json" with { type: "json" };
import { textReport } from "../src/report/text.ts";
import type { Result } from "../src/result.ts";
import { sampleResults } from "./sample-result.ts";

const golden = join(import.meta.dir, "golden");
const samples = Object.entries(sampleResults);
const resultSource = ["chaos-record", "result"]
	.map((name) => readFileSync(join(import.meta.dir, `../src/${name}.ts`), "utf8"))
	.join("\n");
const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema);

/** Rewritten by UPDATE_GOLDEN=1. */
function expectGolden(name: string, text: string): void {
	const file = join(golden, name);
	if (process.env.UPDATE_GOLDEN) {
		mkdirSync(golden, { recursive: true });
		writeFileSync(file, text);
	}
	expect(text).toBe(readFileSync(file, "utf8"));
}

describe("a report looks as in its golden file", () => {
	test.each(samples)("text: %s", (name, result) => {
		expectGolden(`report-${name}.txt`, textReport(result, { color: false, columns: 80 }));
	});
	test.each(samples)("csv: %s", (name, result) => {
		expectGolden(`report-${name}.csv`, csvReport(result));
	});
	test.each(samples)("JUnit: %s", (name, result) => {
		expectGolden(`report-${name}.xml`, junitReport(result));
	});
});

describe("what the target wrote does nothing", () => {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
	const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

	test.each(samples)("to a terminal: %s", (_, result) => {
		expect(controls.test(textReport(result, { color: false, columns: 80 }))).toBe(false);
		expect(controls.test(csvReport(result))).toBe(false);
	});

	test.each(samples)("to a page: %s", (_, result) => {
		const page = htmlReport(result);
		const opened = page.match(/<script\b/g)?.length;
		const closed = page.match(/<\/script>/g)?.length;
		const harm = /<script>alert|<img/.exec(page)?.[0];
		expect({ harm, closed }).toEqual({ harm: undefined, closed: opened });
	});

	test("the samples hold what would", () => {
		expect(
			samples.some(([, result]) => controls.test(JSON.stringify(result).replaceAll("\\u001b", "\x1b"))),
		).toBe(true);
	});
});

test.each(samples)("the page needs nothing but itself: %s", (_, result) => {
	const page = htmlReport(result).replaceAll(result.target, "");
	const loads = /\bsrc\s*=\s*["']?http|<link\b|@import|url\(\s*["']?http/i.exec(page)?.[0];
	expect({ loads, refusesToLoad: page.includes("default-src &#39;none&#39;") }).toEqual({
		loads: undefined,
		refusesToLoad: true,
	});
});

describe("the JSON is as the schema says", () => {
	test.each(samples)("%s", (_, result) => {
		validate(JSON.parse(jsonReport(result)));
		expect(validate.errors ?? []).toEqual([]);
	});

	test("and the schema refuses what isn't", () => {
		const [, right] = samples[0] as [string, Result];
		const changed = (change: object) => validate({ ...JSON.parse(jsonReport(right)), ...change });
		expect([changed({ schemaVersion: 2 }), changed({ surprise: 1 }), changed({ summary: {} })]).toEqual([
			false,
			false,
			false,
		]);
		const { seed: _, ...lacking } = JSON.parse(jsonReport(right));
		expect(validate(lacking)).toBe(false);
	});

	test("and names what the TypeScript names", () => {
		const described = { Result: schema, ...schema.$defs } as Record<string, { properties: object }>;
		const interfaces = [...resultSource.matchAll(/export interface (\w+) \{\n([\s\S]*?)\n\}/g)];
		expect(interfaces.map(([, name]) => name).toSorted()).toEqual(Object.keys(described).toSorted());
		for (const [, name = "", body = ""] of interfaces) {
			const names = [...body.matchAll(/^\treadonly (\w+):/gm)].map(([, property]) => property);
			expect({ name, names }).toEqual({ name, names: Object.keys(described[name]?.properties ?? {}) });
		}
	});
});

/** Baselines: what is kept comes back, and what can't be used is told apart in one sentence. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BaselineError, listBaselines, loadBaseline, saveBaseline } from "../src/baseline.ts";
import { withFigures } from "./made-up-run.ts";

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "baselines-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const second = {
	...{ second: 0, asked: null, sent: 1, answered: 1, errors: 0, p50Ms: 1, p99Ms: 2, p999Ms: null },
	...{ latenessP99Ms: null, inFlight: 1, cpuShare: 0.1 },
};

describe("a baseline", () => {
	test("comes back with all repetitions' figures and the last one's seconds", () => {
		const [first, last] = [withFigures({ rate: 100, requests: 3000 }), withFigures({ rate: 101 })];
		const seconds = [second];
		saveBaseline(folder, "main", [
			{ ...first, startedAt: "2026-01-01T01:00:00.000Z" },
			{ ...last, seconds },
		]);
		const baseline = loadBaseline(folder, "main");
		expect(baseline).toMatchObject({ name: "main", startedAt: "2026-01-01T01:00:00.000Z", seconds });
		expect(baseline).toMatchObject({ shape: last.shape, machine: last.machine, target: last.target });
		expect(baseline.command).toBe(last.command);
		expect(baseline.runs.map(({ figures, requests }) => [figures.rate, requests])).toEqual([
			[100, 3000],
			[101, 90_000],
		]);
	});

	test("keeps apart a figure that is zero from one that wasn't measured", () => {
		saveBaseline(folder, "silent", [withFigures({ rate: 0, p50: Number.NaN })]);
		const [run] = loadBaseline(folder, "silent").runs;
		expect([run?.figures.rate, run?.figures.p50]).toEqual([0, Number.NaN]);
	});

	test("takes the place of the one before, in a folder that is made for it, and leaves no other file", () => {
		const inner = join(folder, "made", "for it");
		for (const rate of [1, 2]) saveBaseline(inner, "again", [withFigures({ rate })]);
		expect(loadBaseline(inner, "again").runs[0]?.figures.rate).toBe(2);
		expect(readdirSync(inner)).toEqual(["again.json"]);
	});

	test("that can't be written leaves what was there, and says so", () => {
		const file = join(folder, "a-file");
		writeFileSync(file, "not a folder");
		expect(() => saveBaseline(file, "main", [withFigures({})])).toThrow(BaselineError);
		expect(readFileSync(file, "utf8")).toBe("not a folder");
	});
});

describe("a baseline can't be used", () => {
	function refusal(name: string, where = folder): string {
		try {
			loadBaseline(where, name);
		} catch (error) {
			if (error instanceof BaselineError) return error.message;
			throw error;
		}
		return "it was loaded";
	}

	test("when there is none of the name: those that exist are named", () => {
		const own = join(folder, "names");
		for (const name of ["b", "a.2"]) saveBaseline(own, name, [withFigures({})]);
		expect(refusal("c", own)).toBe(`there is no baseline c in ${own}: there are a.2, b`);
		expect(refusal("c", join(folder, "nowhere"))).toEndWith("nowhere: there are none");
		expect(listBaselines(own)).toEqual(["a.2", "b"]);
	});

	test("when it has another version", () => {
		saveBaseline(folder, "old", [withFigures({})]);
		const file = join(folder, "old.json");
		writeFileSync(file, readFileSync(file, "utf8").replace('"schemaVersion":1', '"schemaVersion":7'));
		expect(refusal("old")).toBe(
			"the baseline old has version 7, and this program reads version 1: save it anew",
		);
	});

	const damages: [string, (text: string) => string, string][] = [
		["cut off", (text) => text.slice(0, -20), "it isn't JSON"],
		["empty", () => "", "it isn't JSON"],
		["a list", () => "[1]", "it doesn't say which version it has"],
		["null", () => "null", "it doesn't say which version it has"],
		["without a shape", (text) => text.replace('"shape"', '"shade"'), "its shape can't be read"],
		[
			"without a machine",
			(text) => text.replace('"machine":{', '"machine":1,"x":{'),
			"its machine can't be read",
		],
		[
			"without runs",
			(text) => text.replace(/"runs":\[.*?\],"seconds"/, '"runs":[],"seconds"'),
			"its runs can't be read",
		],
		["with a figure in words", (text) => text.replace('"p50":4', '"p50":"4"'), "its runs can't be read"],
		[
			"with seconds of another kind",
			(text) => text.replace('"p50Ms":1', '"p50Ms":{}'),
			"its seconds can't be read",
		],
		["without a start", (text) => text.replace('"startedAt"', '"endedAt"'), "its startedAt can't be read"],
	];
	for (const [damage, spoil, reason] of damages)
		test(`when it is damaged: ${damage}`, () => {
			saveBaseline(folder, "damaged", [{ ...withFigures({}), seconds: [second] }]);
			const file = join(folder, "damaged.json");
			const whole = readFileSync(file, "utf8");
			expect(refusal("damaged")).toBe("it was loaded");
			expect(spoil(whole)).not.toBe(whole);
			writeFileSync(file, spoil(whole));
			expect(refusal("damaged")).toBe(`the baseline damaged is damaged: ${reason}`);
		});
});

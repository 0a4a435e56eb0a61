/** What a linter can't check of the proofs: what they share with the ledger, and how long a file may grow. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const root = join(import.meta.dir, "../..");
const linesMax = 300;
/** The one attack whose subject is the ledger's code itself; all others start it as a program. */
const simulation = "proof/src/simulation/";
/** What the ledger's benchmarks know of machines and tables is no part of the ledger. */
const shareable = /^(loadtest\/src|deploy|ledger\/bench)\//;

/** By their path in the project. */
type Sources = ReadonlyMap<string, string>;

const sources: Sources = new Map(
	[...new Bun.Glob("proof/{src,test}/**/*.ts").scanSync(root)]
		// The made-up sources below would be found in this one.
		.filter((path) => path !== "proof/test/style.test.ts")
		.sort()
		.map((path) => [path, readFileSync(join(root, path), "utf8")]),
);

function strangeImports(all: Sources): string[] {
	return [...all].flatMap(([from, text]) =>
		[...text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)["'](\.[^"'\n]+)["']/g)]
			.map(([, specifier = ""]) => normalize(join(dirname(from), specifier)))
			.filter((to) => !to.startsWith("proof/") && !shareable.test(to))
			.filter((to) => !(from.startsWith(simulation) && to.startsWith("ledger/src/")))
			.map((to) => `${from} imports ${to}`),
	);
}

function longFiles(all: Sources): string[] {
	return [...all]
		.filter(([path]) => path.startsWith("proof/src/"))
		.map(([path, text]) => [path, text.trimEnd().split("\n").length] as const)
		.filter(([, lines]) => lines > linesMax)
		.map(([path, lines]) => `${path} has ${lines} lines`);
}

function wordless(all: Sources): string[] {
	return [...all].filter(([, text]) => !/^(#!.*\n)?\/\*\*/.test(text)).map(([path]) => path);
}

describe("the proofs", () => {
	test("share nothing with the ledger but in its simulation", () => {
		expect(strangeImports(sources)).toEqual([]);
	});

	test("have no file that is too long", () => {
		expect(longFiles(sources)).toEqual([]);
	});

	test("say what each file is", () => {
		expect(wordless(sources)).toEqual([]);
	});
});

describe("made-up sources are found:", () => {
	test.each([
		["proof/src/verdict.ts", 'import { post } from "../../ledger/src/ledger.ts";'],
		["proof/src/kill/kill.ts", 'import { checker } from "../../../ledger/test/checker.ts";'],
		["proof/test/kill.test.ts", 'const { x } = await import("../../ledger/src/store.ts");'],
		["proof/src/simulation/world.ts", 'import { x } from "../../../ledger/test/random.ts";'],
	])("%s says %s", (path, text) => {
		expect(strangeImports(new Map([[path, text]]))).toHaveLength(1);
	});

	test("a long file", () => {
		expect(longFiles(new Map([["proof/src/long.ts", "x\n".repeat(linesMax + 1)]]))).toHaveLength(1);
	});

	test("a file without a word", () => {
		expect(wordless(new Map([["proof/src/x.ts", "export const x = 1;"]]))).toHaveLength(1);
	});
});

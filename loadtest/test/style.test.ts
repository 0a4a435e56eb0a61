/**
 * What a linter can't check of the judge: that it shares nothing with the judged, where Portuguese may stand, who
 * reads the environment, and how long a file may grow. Each rule is also shown made-up sources that break it.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

/** Every source of both workspaces by its path in the project. */
type Sources = ReadonlyMap<string, string>;

/** One line for each breach, beginning with the file. */
type Rule = (sources: Sources) => string[];

const linesMax = 300;
const src = "loadtest/src/";

/** Where the wire's words end. */
const border: ReadonlySet<string> = new Set([
	// What is asked, and how it stands on the wire.
	...["scenario.ts", "requests.ts", "simulation-script.ts", "simulation-validations.ts", "validations.ts"],
	// What is answered, and what databases of other people's hold.
	...["posting.ts", "checks.ts", "audit.ts"],
]);

/** Who reads the environment, and what of it; undefined is all. */
const environment: ReadonlyMap<string, string | undefined> = new Map([
	["main.ts", undefined],
	["report/output.ts", "NO_COLOR"],
	["tui/watch.ts", "NO_COLOR"],
]);

/** Who knows each foreign technology. */
const technologies: Readonly<Record<string, readonly string[]>> = {
	"bun:sqlite": ["database-file.ts", "audit.ts"],
	commander: ["command-line.ts"],
	"hdr-histogram-js": ["histogram.ts"],
};

/** Words of the wire, with their plurals and with or without accents. */
const wireWords = [
	...["valor(?:es)?", "tipos?", "descri[cç](?:ao|ão|oes|ões)", "saldos?", "limites?", "extratos?"],
	...["realizad[ao]s?", "transa[cç](?:ao|ão|oes|ões)", "clientes?", "contas?", "cr[eé]ditos?", "d[eé]bitos?"],
	...["[uú]ltim[ao]s?", "validacao", "devolve", "danada", "toma"],
];
/** Whole words, also as a part of camelCase and of snake_case; "crebito" is the project's name. */
const wirePattern = new RegExp(`(?<![a-zà-ü])(${wireWords.join("|")})(?![a-zà-ü])`, "gi");

/** Names that say what a file is made like, not what it is about. */
const patternNames =
	/(^|[/-])(utils?|helpers?|types|constants?|common|misc|services?|managers?|handlers?|index)\.ts$/;

interface Import {
	readonly from: string;
	/** A path in the project, or a package's name. */
	readonly to: string;
}

function importsOf(sources: Sources): Import[] {
	return [...sources].flatMap(([from, text]) => {
		const specifiers = text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)["']([^"'\n]+)["']/g);
		return [...specifiers].map(([, specifier = ""]) => ({
			from,
			to: specifier.startsWith(".") ? normalize(join(dirname(from), specifier)) : specifier,
		}));
	});
}

function imports(sources: Sources, isWrong: (one: Import) => boolean): string[] {
	return importsOf(sources)
		.filter(isWrong)
		.map(({ from, to }) => `${from} imports ${to}`);
}

function workspace(path: string): string | undefined {
	return /^(?:@crebito\/)?(ledger|loadtest)(?:\/|$)/.exec(path)?.[1];
}

/** The judge's own sources, by their path under its src. */
function own(sources: Sources): [string, string][] {
	return [...sources]
		.filter(([path]) => path.startsWith(src))
		.map(([path, text]) => [path.slice(src.length), text]);
}

const judgeAndJudgedShareNothing: Rule = (sources) =>
	imports(sources, ({ from, to }) => workspace(to) !== undefined && workspace(to) !== workspace(from));

const nobodyImportsTheProgram: Rule = (sources) => imports(sources, ({ to }) => to === `${src}main.ts`);

const onlyTheProgramShows: Rule = (sources) =>
	imports(sources, ({ from, to }) => {
		const [shown, showing] = [
			/^loadtest\/src\/(tui|report)\//.exec(to)?.[1],
			/^loadtest\/src\/(tui|report)\//.exec(from)?.[1],
		];
		return from.startsWith(src) && from !== `${src}main.ts` && shown !== undefined && showing === undefined;
	});

const technologiesAreApart: Rule = (sources) =>
	imports(
		sources,
		({ from, to }) => from.startsWith(src) && technologies[to]?.includes(from.slice(src.length)) === false,
	);

const sourcesImportNoTests: Rule = (sources) =>
	imports(sources, ({ from, to }) => from.startsWith(src) && /^loadtest\/(test|bench)\//.test(to));

const environmentIsReadOnce: Rule = (sources) =>
	own(sources).flatMap(([path, text]) =>
		[...text.matchAll(/\b(?:process|Bun|import\.meta)\.env\b(?:\.(\w+))?/g)]
			.filter(([, name]) => !environment.has(path) || (environment.get(path) ?? name) !== name)
			.map(([read]) => `${path} reads ${read}`),
	);

const portugueseAtTheBorder: Rule = (sources) =>
	own(sources)
		.filter(([path]) => !border.has(path))
		.flatMap(([path, text]) =>
			text.split("\n").flatMap((line, index) => {
				const words = line
					.replaceAll(/([a-z])([A-Z])/g, "$1 $2")
					.replaceAll("_", " ")
					.match(wirePattern);
				return words === null ? [] : [`${path}:${index + 1} says ${words.join(", ")}`];
			}),
		);

const filesAreShort: Rule = (sources) =>
	own(sources)
		.map(([path, text]) => [path, text.trimEnd().split("\n").length] as const)
		.filter(([, lines]) => lines > linesMax)
		.map(([path, lines]) => `${path} has ${lines} lines, more than ${linesMax}`);

const filesAreNouns: Rule = (sources) =>
	own(sources)
		.filter(([path]) => patternNames.test(path) || !/^[a-z0-9]+([-/][a-z0-9]+)*\.ts$/.test(path))
		.map(([path]) => `${path} is no noun in kebab-case`);

const filesSayWhatTheyAre: Rule = (sources) =>
	own(sources)
		.filter(([, text]) => !/^(#!.*\n)?\/\*\*/.test(text))
		.map(([path]) => `${path} doesn't open with what it is`);

const root = fileURLToPath(new URL("../..", import.meta.url));
const sources: Sources = new Map(
	[...new Bun.Glob("{ledger,loadtest}/{src,test,bench}/**/*.ts").scanSync(root)]
		.sort()
		.map((path) => [path, readFileSync(join(root, path), "utf8")]),
);

interface Case {
	readonly name: string;
	readonly rule: Rule;
	/** Made-up sources, each of which breaks the rule once. Paths under loadtest/src unless they say otherwise. */
	readonly breaches: readonly Readonly<Record<string, string>>[];
	/** Made-up sources that look like it, and don't. */
	readonly innocent?: Readonly<Record<string, string>>;
}

const cases: Case[] = [
	{
		name: "judge and judged share no code, in either direction, in tests neither",
		rule: judgeAndJudgedShareNothing,
		breaches: [
			{ "checks.ts": 'import { readEntry } from "../../ledger/src/wire.ts";' },
			{ "report/text.ts": 'import { x } from "../../../ledger/src/x.ts";' },
			{ "checks.ts": 'const { x } = await import("@crebito/ledger");' },
			{ "/loadtest/test/a.test.ts": 'import { Random } from "../../ledger/test/random.ts";' },
			{ "/ledger/bench/judge.ts": 'import { main } from "../../loadtest/src/main.ts";' },
			{ "/ledger/src/ledger.ts": 'export * from "@crebito/loadtest/checks";' },
		],
		innocent: {
			"checks.ts": 'import { post } from "./ledger.ts"; // like ../../ledger/src',
			"/ledger/bench/judge.ts": 'Bun.spawn(["bun", "../../loadtest/src/main.ts"]);',
		},
	},
	{
		name: "nobody imports the program",
		rule: nobodyImportsTheProgram,
		breaches: [{ "tui/watch.ts": 'import { run } from "../main.ts";' }],
		innocent: { "report/page.ts": 'import { run } from "./main.ts";' },
	},
	{
		name: "only the program knows the screen and the reports",
		rule: onlyTheProgramShows,
		breaches: [
			{ "sender.ts": 'import { watch } from "./tui/watch.ts";' },
			{ "judge.ts": 'import { units } from "./report/units.ts";' },
		],
		innocent: {
			"main.ts": 'import { watch } from "./tui/watch.ts";',
			"tui/panels.ts": 'import { ms } from "../report/units.ts";',
		},
	},
	{
		name: "a technology stays in its own files",
		rule: technologiesAreApart,
		breaches: [
			{ "books.ts": 'import { Database } from "bun:sqlite";' },
			{ "options.ts": 'import { Command } from "commander";' },
			{ "metrics.ts": 'import { build } from "hdr-histogram-js";' },
		],
		innocent: {
			"database-file.ts": 'import { Database } from "bun:sqlite";',
			"/loadtest/test/audit.test.ts": 'import { Database } from "bun:sqlite";',
		},
	},
	{
		name: "sources don't import tests",
		rule: sourcesImportNoTests,
		breaches: [{ "sender.ts": 'import { startRaw } from "../test/raw-target.ts";' }],
		innocent: { "/loadtest/test/a.test.ts": 'import { startRaw } from "./raw-target.ts";' },
	},
	{
		name: "only the program reads the environment, but for NO_COLOR",
		rule: environmentIsReadOnce,
		breaches: [
			{ "sender.ts": "process.env.HOME" },
			{ "history.ts": 'Bun.env["TMPDIR"]' },
			{ "report/output.ts": "process.env.CI" },
			{ "tui/watch.ts": "const all = { ...process.env };" },
			{ "tui/render.ts": "process.env.NO_COLOR" },
		],
		innocent: {
			"main.ts": "process.env.X",
			"report/output.ts": "!process.env.NO_COLOR",
			"pacer.ts": "process.environment",
		},
	},
	{
		name: "Portuguese stands at the border only",
		rule: portugueseAtTheBorder,
		breaches: [
			...["valor", "tipo", "descricao", "saldo", "limite", "extrato", "transacoes", "clientes", "toma"].map(
				(word) => ({ "sender.ts": `const path = "/${word}/";` }),
			),
			{ "judge.ts": "/** the client (Cliente) */" },
			{ "books.ts": "let saldoTotal = 0;" },
			{ "report/text.ts": "row.realizada_em" },
			{ "history.ts": "// a transação" },
		],
		innocent: {
			"checks.ts": "const { saldo, limite } = posting;",
			"sender.ts": "// limited, tips, contact, customary, description, crebito-history, automatically",
		},
	},
	{
		name: `no file has more than ${linesMax} lines`,
		rule: filesAreShort,
		breaches: [{ "sender.ts": "x\n".repeat(linesMax + 1) }],
		innocent: { "sender.ts": "x\n".repeat(linesMax), "/loadtest/test/a.test.ts": "x\n".repeat(900) },
	},
	{
		name: "files are named after what they are about",
		rule: filesAreNouns,
		breaches: [
			...["utils.ts", "tui/types.ts", "report/html-helpers.ts", "index.ts"].map((path) => ({ [path]: "" })),
			...["responseParser.ts", "tui/Screen.ts", "response_parser.ts"].map((path) => ({ [path]: "" })),
		],
		innocent: { "response-parser.ts": "", "report/page/charts.ts": "", "rfc9112.ts": "" },
	},
	{
		name: "a file opens with what it is and why it exists",
		rule: filesSayWhatTheyAre,
		breaches: [{ "sender.ts": 'import "x";\n/** late */' }, { "main.ts": "#!/usr/bin/env bun\nrun();" }],
		innocent: { "sender.ts": "/**\n * Does.\n */", "main.ts": "#!/usr/bin/env bun\n/** The command. */" },
	},
];

/** Paths that begin with a slash are the project's. */
function madeUp(files: Readonly<Record<string, string>>): Sources {
	return new Map(
		Object.entries(files).map(([path, text]) => [path.startsWith("/") ? path.slice(1) : src + path, text]),
	);
}

test("there are sources to check, and all that the rules name are among them", () => {
	const named = [
		...border,
		...environment.keys(),
		...Object.values(technologies).flat(),
		"sender.ts",
		"tui/render.ts",
	];
	for (const path of named) expect([...sources.keys()]).toContain(src + path);
	expect([...sources.keys()]).toContain("ledger/src/ledger.ts");
});

test("no file is at the border without a need", () => {
	for (const path of border) {
		const text = sources.get(src + path) ?? "";
		expect([path, portugueseAtTheBorder(madeUp({ "elsewhere.ts": text })).length > 0]).toEqual([path, true]);
	}
});

describe("in loadtest", () => {
	test.each(cases.map(({ name, rule }) => [name, rule] as const))("%s", (_, rule) => {
		// This file's own made-up sources are none.
		const others = new Map([...sources].filter(([path]) => path !== "loadtest/test/style.test.ts"));
		expect(rule(others)).toEqual([]);
	});
});

describe("it is caught, and once, when it isn't so that", () => {
	test.each(cases.map((rule) => [rule.name, rule] as const))("%s", (_, { rule, breaches }) => {
		for (const breach of breaches) expect([breach, rule(madeUp(breach)).length]).toEqual([breach, 1]);
	});

	test("and what only looks like it is not", () => {
		for (const { rule, innocent = {} } of cases) expect(rule(madeUp(innocent))).toEqual([]);
	});
});

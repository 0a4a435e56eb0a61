/**
 * What a linter can't check: who imports whom, where Portuguese may stand, who reads the environment, and
 * how long a file may grow. Each rule is also shown a made-up source that breaks it.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

/** Every source of the ledger by its path under ledger/src. */
type Sources = ReadonlyMap<string, string>;

/** One line for each breach, beginning with the file. */
type Rule = (sources: Sources) => string[];

const linesMax = 300;

/** The entry points: they alone see the environment, and nobody imports them. */
const programs = ["main.ts", "tools.ts"];

/** What the inner files may import of ours; the arrows point inwards, to ledger.ts. */
const inner: Readonly<Record<string, readonly string[]>> = {
	"ledger.ts": [],
	"settings.ts": [],
	"metrics.ts": [],
	"attempt.ts": ["ledger.ts"],
	"store.ts": ["ledger.ts"],
	"wire.ts": ["ledger.ts"],
	"group-commit.ts": ["ledger.ts", "metrics.ts", "store.ts"],
};

/** Words of the wire, with their plurals and with or without accents. */
const wireWords = [
	...[
		"valor(?:es)?",
		"tipos?",
		"descri[cç](?:ao|ão|oes|ões)",
		"saldos?",
		"limites?",
		"extratos?",
		"realizad[ao]s?",
	],
	...["transa[cç](?:ao|ão|oes|ões)", "clientes?", "contas?", "cr[eé]ditos?", "d[eé]bitos?", "[uú]ltim[ao]s?"],
];
/** Whole words, also as a part of camelCase and of snake_case; "crebito" is the project's name. */
const wirePattern = new RegExp(`(?<![a-zà-ü])(${wireWords.join("|")})(?![a-zà-ü])`, "gi");

/** Names that say what a file is made like, not what it is about. */
const patternNames =
	/(^|[/-])(utils?|helpers?|types|constants?|common|misc|services?|managers?|handlers?|index)\.ts$/;

interface Import {
	readonly from: string;
	/** A path under ledger/src, or a package's name. */
	readonly to: string;
}

function importsOf(sources: Sources): Import[] {
	return [...sources].flatMap(([from, text]) => {
		const specifiers = text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)["']([^"']+)["']/g);
		return [...specifiers].map(([, specifier = ""]) => ({
			from,
			to: specifier.startsWith(".") ? normalize(join(dirname(from), specifier)) : specifier,
		}));
	});
}

const arrowsPointInwards: Rule = (sources) =>
	importsOf(sources)
		.filter(({ from, to }) => sources.has(to) && inner[from]?.includes(to) === false)
		.map(({ from, to }) => `${from} imports ${to}`);

const nobodyImportsAProgram: Rule = (sources) =>
	importsOf(sources)
		.filter(({ to }) => programs.includes(to))
		.map(({ from, to }) => `${from} imports ${to}`);

/** store/sqlite-check.ts is of sqlite. */
function technology(path: string): string | undefined {
	return /^store\/([a-z0-9]+)/.exec(path)?.[1];
}

const storesAreApart: Rule = (sources) =>
	importsOf(sources)
		.filter(({ from, to }) => {
			const [own, other] = [technology(from), technology(to)];
			return own === undefined
				? other !== undefined && !programs.includes(from)
				: other !== undefined && other !== own;
		})
		.map(({ from, to }) => `${from} imports ${to}`);

/** Those that call the C library. */
const foreignCallers = ["sudden-end.ts", "watchdog.ts"];

const oneTechnologyAFolder: Rule = (sources) =>
	importsOf(sources)
		.filter(({ from, to }) => {
			if (to === "bun:ffi") return !foreignCallers.includes(from);
			return to.startsWith("bun:") && technology(from) !== to.slice("bun:".length);
		})
		.map(({ from, to }) => `${from} imports ${to}`);

const programsReadTheEnvironment: Rule = (sources) =>
	[...sources]
		.filter(([path, text]) => !programs.includes(path) && /\b(process|Bun|import\.meta)\.env\b/.test(text))
		.map(([path]) => `${path} reads the environment`);

const portugueseAtTheBorder: Rule = (sources) =>
	[...sources]
		.filter(([path]) => path !== "wire.ts")
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
	[...sources]
		.map(([path, text]) => [path, text.trimEnd().split("\n").length] as const)
		.filter(([, lines]) => lines > linesMax)
		.map(([path, lines]) => `${path} has ${lines} lines, more than ${linesMax}`);

const filesAreNouns: Rule = (sources) =>
	[...sources.keys()]
		.filter((path) => patternNames.test(path))
		.map((path) => `${path} is named after a pattern`);

const filesSayWhatTheyAre: Rule = (sources) =>
	[...sources]
		.filter(([path, text]) => !text.startsWith(path.endsWith(".sql") ? "--" : "/**"))
		.map(([path]) => `${path} doesn't open with what it is`);

const root = fileURLToPath(new URL("../src", import.meta.url));
const sources: Sources = new Map(
	[...new Bun.Glob("**/*.{ts,sql}").scanSync(root)]
		.sort()
		.map((path) => [path, readFileSync(join(root, path), "utf8")]),
);

interface Case {
	readonly name: string;
	readonly rule: Rule;
	/** Made-up sources, each of which breaks the rule once. */
	readonly breaches: readonly Readonly<Record<string, string>>[];
	/** Made-up sources that look like it, and don't. */
	readonly innocent?: Readonly<Record<string, string>>;
}

const cases: Case[] = [
	{
		name: "imports point inwards, to ledger.ts, which imports nothing of ours",
		rule: arrowsPointInwards,
		breaches: [
			{ "ledger.ts": 'import { isJson } from "./wire.ts";', "wire.ts": "" },
			{ "ledger.ts": 'export * from "./store.ts";', "store.ts": "" },
			{ "ledger.ts": 'const { log } = await import("./log.ts");', "log.ts": "" },
			{ "wire.ts": 'import type { Settings }\n\tfrom "./settings.ts";', "settings.ts": "" },
			{ "group-commit.ts": 'import { SqliteStore } from "./store/sqlite.ts";', "store/sqlite.ts": "" },
			{ "store.ts": 'import "./server.ts";', "server.ts": "" },
		],
		innocent: {
			"wire.ts": 'import { post } from "./ledger.ts";',
			"ledger.ts": 'import { deepEquals } from "bun";',
		},
	},
	{
		name: "nobody imports a program",
		rule: nobodyImportsAProgram,
		breaches: [
			{ "server.ts": 'import { run } from "./main.ts";' },
			{ "store/sqlite.ts": 'import { run } from "../main.ts";' },
			{ "main.ts": 'import "./tools.ts";' },
		],
	},
	{
		name: "stores don't import each other, and only programs import stores",
		rule: storesAreApart,
		breaches: [
			{ "store/postgres.ts": 'import { verify } from "./sqlite-check.ts";' },
			{ "server.ts": 'import { SqliteStore } from "./store/sqlite.ts";' },
		],
		innocent: {
			"main.ts": 'import { SqliteStore } from "./store/sqlite.ts";',
			"store/sqlite.ts": 'import { verify } from "./sqlite-check.ts"; import { post } from "../ledger.ts";',
		},
	},
	{
		name: "a technology stays in its own files",
		rule: oneTechnologyAFolder,
		breaches: [
			{ "server.ts": 'import { Database } from "bun:sqlite";' },
			{ "store/postgres.ts": 'import { Database } from "bun:sqlite";' },
			{ "log.ts": 'import { dlopen } from "bun:ffi";' },
		],
		innocent: {
			"watchdog.ts": 'import { dlopen } from "bun:ffi";',
			"store/sqlite-file.ts": 'import { Database } from "bun:sqlite";',
		},
	},
	{
		name: "only programs read the environment",
		rule: programsReadTheEnvironment,
		breaches: [
			{ "server.ts": "const port = process.env.API_PORT;" },
			{ "store/sqlite.ts": 'Bun.env["DATABASE_URL"]' },
			{ "log.ts": "import.meta.env.LOG_LEVEL" },
		],
		innocent: { "main.ts": "readSettings(process.env)", "log.ts": "process.environment" },
	},
	{
		name: "Portuguese stands in wire.ts only",
		rule: portugueseAtTheBorder,
		breaches: [
			...[
				"valor",
				"tipo",
				"descricao",
				"saldo",
				"limite",
				"extrato",
				"transacoes",
				"clientes",
				"realizada",
			].map((word) => ({ "server.ts": `const path = "/${word}/";` })),
			{ "server.ts": "/** the client (Cliente) */" },
			{ "server.ts": "let saldoTotal = 0;" },
			{ "server.ts": "let novoSaldo = 0;" },
			{ "store/sqlite.sql": "realizada_em INTEGER" },
			{ "store/sqlite.sql": "ultimas_entries INTEGER" },
			{ "ledger.ts": "// a transação" },
		],
		innocent: {
			"wire.ts": "const { valor, tipo, descricao } = json;",
			"ledger.ts":
				'const limit = 0; type Kind = "credit" | "debit"; // limited, tips, contact, crebito_wal_bytes, description',
		},
	},
	{
		name: `no file has more than ${linesMax} lines`,
		rule: filesAreShort,
		breaches: [{ "server.ts": "x\n".repeat(linesMax + 1) }],
		innocent: { "server.ts": "x\n".repeat(linesMax) },
	},
	{
		name: "files are named after what they are about",
		rule: filesAreNouns,
		breaches: [{ "utils.ts": "" }, { "store/types.ts": "" }, { "wire-helpers.ts": "" }, { "index.ts": "" }],
		innocent: { "group-commit.ts": "", "store/sqlite-file.ts": "" },
	},
	{
		name: "a file opens with what it is and why it exists",
		rule: filesSayWhatTheyAre,
		breaches: [{ "server.ts": 'import "x";\n/** late */' }, { "store/x.sql": "CREATE TABLE x (y);" }],
		innocent: { "server.ts": "/**\n * The routes.\n */", "store/x.sql": "-- The schema.\n" },
	},
];

test("there are sources to check", () => {
	for (const path of [...Object.keys(inner), "main.ts", "server.ts", "store/sqlite.ts"])
		expect([...sources.keys()]).toContain(path);
});

describe("in ledger/src", () => {
	test.each(cases.map(({ name, rule }) => [name, rule] as const))("%s", (_, rule) => {
		expect(rule(sources)).toEqual([]);
	});
});

describe("it is caught, and once, when it isn't so that", () => {
	test.each(cases.map((rule) => [rule.name, rule] as const))("%s", (_, { rule, breaches }) => {
		for (const breach of breaches)
			expect([breach, rule(new Map(Object.entries(breach))).length]).toEqual([breach, 1]);
	});

	test("and what only looks like it is not", () => {
		for (const { rule, innocent = {} } of cases) expect(rule(new Map(Object.entries(innocent)))).toEqual([]);
	});
});

/** A fresh clone with only Node and npm, again and again; npm and Bun are stand-ins of a few lines. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import {
	copyFileSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./running-stack.ts";

setDefaultTimeout(30_000);

const repository = join(import.meta.dir, "../..");
const folder = mkdtempSync(join(tmpdir(), "setup-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Installs what package-lock.json says, and notes how it was called. */
const npmStandIn = `
const { appendFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } = require("node:fs");
const { npm_config_workspace, npm_config_registry, NPM_FAILS, SCRIPTS_SKIPPED } = process.env;
const call = { arguments: process.argv.slice(2), npm_config_workspace, npm_config_registry };
appendFileSync("npm-calls", JSON.stringify(call) + "\\n");
if (NPM_FAILS) process.exit(1);
rmSync("node_modules", { recursive: true, force: true });
mkdirSync("node_modules/bun", { recursive: true });
mkdirSync("node_modules/.bin");
cpSync("bun-install.js", "node_modules/bun/install.js");
setTimeout(() => {
	if (!SCRIPTS_SKIPPED) require(process.cwd() + "/node_modules/bun/install.js");
	const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
	const { "": root, "node_modules/elsewhere": elsewhere, ...installed } = packages;
	writeFileSync("node_modules/.package-lock.json", JSON.stringify({ packages: installed }));
}, 250);
`;

interface Run {
	readonly code: number;
	readonly words: string;
}

class Clone {
	readonly folder = mkdtempSync(join(folder, "clone-"));

	constructor() {
		mkdirSync(join(this.folder, "deploy"));
		copyFileSync(join(repository, "deploy/setup.mjs"), join(this.folder, "deploy/setup.mjs"));
		this.write("npm-cli.js", npmStandIn);
		this.write("package.json", JSON.stringify({ devDependencies: { bun: "1.2.3" } }));
		this.lock("1.2.3");
		this.bunOf("1.2.3");
	}

	write(path: string, text: string): void {
		writeFileSync(join(this.folder, path), text);
	}

	lock(version: string): void {
		const packages = {
			"": {},
			"node_modules/bun": { version },
			"node_modules/elsewhere": { version, optional: true },
		};
		this.write("package-lock.json", JSON.stringify({ packages }));
	}

	/** What Bun's install script leads to. */
	bunOf(version: string): void {
		const bun = JSON.stringify(`#!/bin/sh\necho ${version}\n`);
		this.write(
			"bun-install.js",
			`require("node:fs").writeFileSync("node_modules/.bin/bun", ${bun}, { mode: 0o755 });`,
		);
	}

	start(environment: Record<string, string> = {}): Bun.Subprocess<"ignore", "pipe", "pipe"> {
		return Bun.spawn(["node", join(this.folder, "deploy/setup.mjs")], {
			stdio: ["ignore", "pipe", "pipe"],
			cwd: tmpdir(),
			env: {
				PATH: process.env.PATH,
				npm_execpath: join(this.folder, "npm-cli.js"),
				...environment,
			},
		});
	}

	async setUp(environment: Record<string, string> = {}): Promise<Run> {
		const running = this.start(environment);
		const words = await new Response(running.stderr).text();
		return { code: await running.exited, words };
	}

	get npmCalls(): { arguments: string[]; npm_config_workspace?: string; npm_config_registry?: string }[] {
		const path = join(this.folder, "npm-calls");
		if (!existsSync(path)) return [];
		const lines = readFileSync(path, "utf8").trim().split("\n");
		return lines.map((line) => JSON.parse(line));
	}
}

const installing = "crebito: installing packages (npm ci)…\n";
const quiet = { code: 0, words: "" };

test("a fresh clone gets its packages, of every kind that is needed, and then never again", async () => {
	const clone = new Clone();
	expect(await clone.setUp({ NODE_ENV: "production" })).toEqual({ code: 0, words: installing });
	expect(await clone.setUp()).toEqual(quiet);
	expect(clone.npmCalls.length).toBe(1);
	expect(clone.npmCalls[0]?.arguments).toEqual(
		expect.arrayContaining(["ci", "--include=dev", "--include=optional"]),
	);
	expect(existsSync(join(clone.folder, ".setup-lock"))).toBe(false);
});

test("two commands at once on a fresh clone install once, one waiting for the other", async () => {
	const clone = new Clone();
	const runs = await Promise.all([clone.setUp(), clone.setUp()]);
	expect(runs.map(({ words }) => words).sort()).toEqual([
		"crebito: another npm command is installing the packages here, waiting…\n",
		installing,
	]);
	expect(runs.map(({ code }) => code)).toEqual([0, 0]);
	expect(clone.npmCalls.length).toBe(1);
});

test("another package-lock.json is installed", async () => {
	const clone = new Clone();
	await clone.setUp();
	clone.lock("1.2.4");
	expect(await clone.setUp()).toEqual({ code: 0, words: installing });
	expect(await clone.setUp()).toEqual(quiet);
});

test("packages that somebody installed by hand, as locked, are taken as they are", async () => {
	const clone = new Clone();
	await clone.setUp();
	rmSync(join(clone.folder, "node_modules/.crebito-setup.json"));
	expect(await clone.setUp()).toEqual(quiet);
	expect(clone.npmCalls.length).toBe(1);
});

test("an installation that was broken off is made anew", async () => {
	const clone = new Clone();
	await clone.setUp();
	rmSync(join(clone.folder, "node_modules/.crebito-setup.json"));
	rmSync(join(clone.folder, "node_modules/.package-lock.json"));
	expect(await clone.setUp()).toEqual({ code: 0, words: installing });
});

test("Bun's install script is run where npm was told to skip it", async () => {
	const clone = new Clone();
	const { code, words } = await clone.setUp({ SCRIPTS_SKIPPED: "1" });
	expect(words).toBe(`${installing}crebito: setting up Bun 1.2.3 (node node_modules/bun/install.js)…\n`);
	expect(code).toBe(0);
	expect(await clone.setUp()).toEqual(quiet);
});

test("a Bun of another version is one line and exit code 1, each time", async () => {
	const clone = new Clone();
	clone.bunOf("1.0.0");
	for (const before of [installing, ""]) {
		const { code, words } = await clone.setUp();
		expect(code).toBe(1);
		expect(words).toStartWith(`${before}crebito: setting up Bun 1.2.3`);
		expect(words).toEndWith(
			"\ncrebito: node_modules/.bin/bun is Bun 1.0.0, Bun 1.2.3 is needed: " +
				"delete node_modules and try again with network\n",
		);
	}
});

test("an npm that fails is the end, and doesn't keep the next one waiting", async () => {
	const clone = new Clone();
	const failed = { code: 1, words: `${installing}crebito: npm ci failed (its message is above)\n` };
	expect(await clone.setUp({ NPM_FAILS: "1" })).toEqual(failed);
	expect(await clone.setUp()).toEqual({ code: 0, words: installing });
});

test("a Ctrl-C while npm installs doesn't keep the next one waiting", async () => {
	const clone = new Clone();
	const running = clone.start();
	await until(() => clone.npmCalls.length === 1);
	running.kill("SIGINT");
	expect(await running.exited).toBe(1);
	expect(await clone.setUp()).toEqual({ code: 0, words: installing });
});

test("a lock whose holder was killed is taken over", async () => {
	const clone = new Clone();
	mkdirSync(join(clone.folder, ".setup-lock"));
	const { code, words } = await clone.setUp();
	expect(words).toEndWith(`waiting…\n${installing}`);
	expect(code).toBe(0);
});

test("npm's options for the outer command don't reach the inner one, its registry does", async () => {
	const clone = new Clone();
	const registry = "http://127.0.0.1:1/";
	await clone.setUp({ npm_config_workspace: "ledger", npm_config_registry: registry });
	expect(clone.npmCalls[0]?.npm_config_workspace).toBeUndefined();
	expect(clone.npmCalls[0]?.npm_config_registry).toBe(registry);
});

/** npm 11.19 refuses a lock file that leaves out what only other platforms install; 11.6 did not. */
test("package-lock.json names the optional packages of all platforms", () => {
	const { packages } = JSON.parse(readFileSync(join(repository, "package-lock.json"), "utf8")) as {
		packages: Record<string, { optionalDependencies?: Record<string, string> }>;
	};
	const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
		Object.keys(optionalDependencies).filter(
			(name) => !(`node_modules/${name}` in packages || `${path}/node_modules/${name}` in packages),
		),
	);
	expect(missing).toEqual([]);
});

/**
 * No request is hidden in another one: what nginx and the ledger take for a request is what a strict reader takes
 * for one, bad input gets an answer that fits or an end, and only what was rightly asked for is posted.
 */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { durableFolder, removeDurableFolders } from "../../ledger/test/durable-folder.ts";
import { killLivingProcesses, LedgerProcess } from "../../ledger/test/process.ts";
import { LaxServer } from "./lax-server.ts";
import { isNginxMissing, RunningStack } from "./running-stack.ts";
import { type Case, smugglingCases } from "./smuggling-cases.ts";
import { exchangeAll, readPostings, violations } from "./smuggling-check.ts";
import { otherCases } from "./smuggling-other-cases.ts";

setDefaultTimeout(60_000);

const ledgerPath = join(import.meta.dir, "../../ledger/src/main.ts");
const cases: readonly Case[] = [...smugglingCases, ...otherCases];
/** What this is about is who reads what: no answer waits for the disk longer than it must. */
const environment = { DURABILITY: "os" };

afterAll(async () => {
	await killLivingProcesses();
	removeDurableFolders();
});

test("there are more than a hundred cases, each with a name of its own", () => {
	expect(cases.length).toBeGreaterThan(200);
	const names = cases.map(({ name }) => name);
	expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test.skipIf(isNginxMissing)(
	"through nginx, nothing is smuggled to the ledger, and nothing goes unanswered",
	async () => {
		const dataFolder = durableFolder();
		await using stack = await RunningStack.serving({
			environment: { ...environment, BALANCER: "nginx", DATA_DIR: dataFolder },
			ledgerPath,
		});
		const exchanges = await exchangeAll(stack.port, "nginx", cases);
		const { errors } = stack;
		stack.process.kill("SIGTERM");
		expect((await stack.ended()).code).toBe(0);
		expect(violations("nginx", cases, exchanges, readPostings(join(dataFolder, "ledger.db")))).toEqual([]);
		// No bytes of a client's make a process look as if it had failed.
		expect(errors).not.toMatch(/upstream|redirection cycle|panic|restart|starting it again/);
	},
);

test("directly, nothing is smuggled to a ledger process, and it answers no 5xx", async () => {
	const folder = durableFolder();
	const databasePath = join(folder, "ledger.db");
	const ledger = await LedgerProcess.start({ socket: join(folder, "api.sock"), databasePath, environment });
	const exchanges = await exchangeAll(ledger.socket, "direct", cases);
	expect(ledger.running).toBe(true);
	expect(await ledger.stop()).toEqual({ code: 0, signal: null });
	expect(violations("direct", cases, exchanges, readPostings(databasePath))).toEqual([]);
	expect(ledger.output).not.toMatch(/"level":"(error|fatal)"/);
});

describe("a server that reads carelessly is found out:", () => {
	const check = async (fault: LaxServer["fault"], some: readonly Case[]) => {
		using server = new LaxServer(fault);
		const exchanges = await exchangeAll(server.port, "nginx", some, 1000);
		return violations("nginx", some, exchanges, server.postings);
	};
	const named = (pattern: RegExp) => cases.filter(({ name }) => pattern.test(name));

	test("by chunks where there is a length", async () => {
		const found = await check("prefers-chunks", named(/^length and chunked/));
		expect(
			found.filter((words) => words.includes("the hidden posting was posted 1 times")).length,
		).toBeGreaterThan(5);
	});
	test("by the length where there are chunks", async () => {
		const found = await check("ignores-chunks", named(/^no length, chunked$/));
		expect(found.join()).toContain("the hidden posting was posted 1 times");
	});
	test("without the body of a GET", async () => {
		const found = await check("ignores-bodies", named(/^(GET|HEAD) .* with a request/));
		expect(found.filter((words) => words.includes("the hidden posting")).length).toBe(3);
	});
	test("one that posts twice", async () => {
		expect((await check("posts-twice", named(/^nothing wrong$/))).join()).toContain(
			"posted 2 times instead of once",
		);
	});
	test("one that says nothing", async () => {
		expect((await check("silent", named(/^nothing wrong$/))).join()).toContain(
			"neither an answer nor an end",
		);
	});
	test("one that breaks down", async () => {
		const found = (await check("breaks", named(/^nothing wrong$/))).join();
		expect(found).toContain("a 5xx came");
		expect(found).toContain("a stack trace came");
	});
	test("one that confirms what it doesn't post", async () => {
		expect((await check("forgets", named(/^nothing wrong$/))).join()).toContain(
			"1 postings were confirmed and 0",
		);
	});
	test("but one without a fault isn't", async () => {
		expect(await check("none", named(/^(nothing wrong|two postings at once)$/))).toEqual([]);
	});
});

/**
 * Real ledger processes that start on PostgreSQL: each reason not to is one line, and whoever can, serves.
 */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { durableFolder, removeDurableFolders } from "./durable-folder.ts";
import { killLivingProcesses, LedgerProcess } from "./process.ts";
import { CuttingProxy } from "./store/cutting-proxy.ts";
import { asRole, passwordServer } from "./store/password-server.ts";
import { asked } from "./store/postgres-network.ts";
import { endPostgres, type PostgresServer, sharedPostgres } from "./store/postgres-server.ts";

setDefaultTimeout(60_000);
let server: PostgresServer;
let guarded: PostgresServer;
beforeAll(async () => {
	[server, guarded] = await Promise.all([sharedPostgres(), passwordServer()]);
	await asked(guarded.url(), "CREATE ROLE me LOGIN SUPERUSER PASSWORD 'pass:word'");
});
afterEach(killLivingProcesses);
afterAll(removeDurableFolders);
afterAll(endPostgres);

let started = 0;

function start(url: string, environment: Readonly<Record<string, string>> = {}): LedgerProcess {
	started += 1;
	return new LedgerProcess({
		socket: join(durableFolder(), `${started}.sock`),
		databasePath: "",
		environment: { DATABASE_URL: url, DURABILITY: "os", ...environment },
	});
}

async function status(ledger: LedgerProcess, path: string, body?: string): Promise<number> {
	const sent = body === undefined ? {} : { method: "POST", body };
	const answer = await fetch(`http://ledger${path}`, { unix: ledger.socket, ...sent });
	await answer.arrayBuffer();
	return answer.status;
}

const credit = '{"valor":1,"tipo":"c","descricao":"x"}';

describe("a process doesn't start, and says in one line why:", () => {
	const refusals: [string, () => Promise<string>, RegExp, Record<string, string>?][] = [
		[
			"the password is wrong",
			async () => asRole(guarded.url(), "me", "pass:wort"),
			/ postgres:\/\/me@127.0.0.1:\d+\/postgres can't be reached: password authentication failed/,
		],
		[
			"there is no password",
			async () => guarded.url().replace("//postgres@", "//me@"),
			/can't be reached: .*password/i,
		],
		["the role is unknown", async () => server.url().replace("//postgres@", "//pass:word@"), /role "pass"/],
		["there is no such database", async () => server.url("none"), /database "none" does not exist/],
		[
			"the server doesn't wait for its disk",
			() => server.createDatabase(),
			/PostgreSQL runs with fsync=off/,
			{ DURABILITY: "fsync" },
		],
		[
			"the schema is of another version",
			() => ledgerWith("UPDATE crebito.schema_version SET version = 7"),
			/the schema is of version 7, this program has 1/,
		],
		[
			"the schema is another's",
			() => databaseWith("CREATE SCHEMA crebito"),
			/schema "crebito".* does not exist/,
		],
		["the encoding is another", latinDatabase, /encoding is LATIN1, UTF8 is needed/],
		["the seed can't be read", () => server.createDatabase(), /no\/seed/, { SEED_FILE: "/no/seed.json" }],
		["the URL is none", async () => "postgres://me:pass:word@/", /DATABASE_URL takes postgres:/],
		["the mode of TLS is unknown", async () => `${server.url()}?sslmode=verify-ca`, /not verify-ca/],
		["there is no TLS", async () => `${server.url()}?sslmode=require`, /does not support SSL/],
	];
	for (const [why, url, words, environment] of refusals)
		test(why, async () => {
			const ledger = start(await url(), environment);
			expect(await ledger.end()).toEqual({ code: 1, signal: null });
			expect(ledger.output).toMatch(words);
			expect(ledger.output).toMatch(/^ledger: [^\n]+\n$/);
			expect(ledger.output).not.toMatch(/pass:wor|^\s+at /);
		});
});

async function databaseWith(statement: string): Promise<string> {
	const url = await server.createDatabase();
	await asked(url, statement);
	return url;
}

/** Of a ledger that has served before. */
async function ledgerWith(statement: string): Promise<string> {
	const url = await server.createDatabase();
	const ledger = start(url);
	await ledger.ready();
	await ledger.stop();
	await asked(url, statement);
	return url;
}

async function latinDatabase(): Promise<string> {
	await asked(server.url(), "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
	return server.url("latin");
}

test("four processes that start at once on an empty database all serve, and it is seeded once", async () => {
	const url = await server.createDatabase();
	const ledgers = Array.from({ length: 4 }, () => start(url));
	await Promise.all(ledgers.map((ledger) => ledger.ready()));
	const answers = ledgers.flatMap((ledger) =>
		[1, 2, 3, 4, 5].map((id) => status(ledger, `/clientes/${id}/transacoes`, credit)),
	);
	expect(await Promise.all(answers)).toEqual(Array(20).fill(200));
	expect(await asked(url, "SELECT balance::int, sequence::int FROM crebito.accounts")).toEqual(
		Array(5).fill({ balance: 4, sequence: 4 }),
	);
	expect(await Promise.all(ledgers.map((ledger) => ledger.stop()))).toEqual(
		Array(4).fill({ code: 0, signal: null }),
	);
});

test("a process whose server comes after three seconds serves then", async () => {
	const proxy = await CuttingProxy.start(server.port);
	proxy.down();
	const ledger = start(proxy.by(await server.createDatabase()));
	await Bun.sleep(3000);
	expect(ledger.running).toBeTrue();
	await proxy.up();
	await ledger.ready();
	expect(await status(ledger, "/clientes/1/transacoes", credit)).toBe(200);
	await ledger.stop();
	proxy.stop();
});

test("a process whose server is gone refuses, and serves again when it is back", async () => {
	const proxy = await CuttingProxy.start(server.port);
	const ledger = start(proxy.by(await server.createDatabase()));
	await ledger.ready();
	expect(await status(ledger, "/clientes/1/transacoes", credit)).toBe(200);
	proxy.down();
	proxy.cutAll();
	await Bun.sleep(200);
	expect(await status(ledger, "/clientes/1/transacoes", credit)).toBe(503);
	expect(await status(ledger, "/health")).toBe(503);
	await proxy.up();
	expect(await status(ledger, "/clientes/1/transacoes", credit)).toBe(200);
	expect(await status(ledger, "/health")).toBe(200);
	expect(await ledger.stop()).toEqual({ code: 0, signal: null });
	proxy.stop();
});

test("the password is in no line that a serving process writes", async () => {
	const ledger = start(asRole(guarded.url(), "me", "pass:word"), { LOG_LEVEL: "debug" });
	await ledger.ready();
	expect(await status(ledger, "/clientes/1/transacoes", credit)).toBe(200);
	await ledger.stop();
	expect(ledger.output).toContain(`postgres://me@127.0.0.1:${guarded.port}/postgres`);
	expect(ledger.output).not.toMatch(/pass(:|%3A)word/i);
});

/**
 * Least privilege: a role that may call three functions serves everything, and can do nothing else. The roles are made
 * by the statements of docs/postgres.md.
 */
import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { SQL } from "bun";
import { Metrics } from "../../src/metrics.ts";
import { PostgresStore } from "../../src/store/postgres.ts";
import { parsePostgresUrl } from "../../src/store/postgres-address.ts";
import { type Store, StoreUnusable } from "../../src/store.ts";
import { removeDurableFolders } from "../durable-folder.ts";
import { contract } from "./contract.ts";
import { asRole, passwordServer } from "./password-server.ts";
import { closedLater, closeStores, type Place, post, posted, read, type Seed } from "./place.ts";
import { PostgresPlace } from "./postgres.ts";
import { asked } from "./postgres-network.ts";
import { endPostgres, type PostgresServer } from "./postgres-server.ts";
import { repeatsContract } from "./repeats.ts";

const page = readFileSync(new URL("../../../docs/postgres.md", import.meta.url), "utf8");
/** The first two blocks of its section: for a superuser, and for the owner once the schema is there. */
const [makeRoles = "", grant = ""] = page
	.slice(page.indexOf("## Roles"))
	.split("```sql\n")
	.slice(1)
	.map((block) => block.slice(0, block.indexOf("```")));

setDefaultTimeout(60_000);
let server: PostgresServer;
/** Of the database that the page makes. */
let urls: { readonly superuser: string; readonly owner: string; readonly api: string };

beforeAll(async () => {
	server = await passwordServer();
	for (const statement of makeRoles.split(";\n")) await asked(server.url(), statement);
	const superuser = server.url("crebito");
	urls = {
		superuser,
		owner: asRole(superuser, "crebito_owner", "one password"),
		api: asRole(superuser, "crebito_api", "another password"),
	};
	await storeAt(urls.owner).commit([]);
	await asked(urls.owner, grant);
});
afterEach(closeStores);
afterAll(removeDurableFolders);
afterAll(endPostgres);

function storeAt(url: string): PostgresStore {
	const address = parsePostgresUrl(url);
	return closedLater(
		new PostgresStore({ address, durability: "os", seedPath: undefined, metrics: new Metrics() }),
	);
}

/** What is answered to the role that serves: an error's SQLSTATE, or "done". */
async function answer(url: string, ...statements: readonly string[]): Promise<string> {
	const sql = new SQL({ url, max: 1 });
	try {
		for (const statement of statements) await sql.unsafe(statement).simple();
		return "done";
	} catch (error) {
		return String((error as { errno?: unknown }).errno);
	} finally {
		await sql.close();
	}
}

/** A ledger that a superuser made, and that its stores reach as the role that serves. */
class RestrictedPlace implements Place {
	readonly #place: PostgresPlace;
	readonly #url: Promise<string>;

	constructor(seed: Seed) {
		this.#place = new PostgresPlace(seed, "os", async () => server);
		this.#url = this.#place.tamper(grant).then(() => this.#place.url);
	}

	open(): Store {
		const opened = this.#url.then((url) => storeAt(asRole(url, "crebito_api", "another password")));
		return closedLater({
			commit: async (batch) => (await opened).commit(batch),
			close: () => void opened.then((store) => store.close()),
		});
	}

	async dateAhead(accountId: number, postedAt: number): Promise<void> {
		await this.#url;
		await this.#place.dateAhead(accountId, postedAt);
	}

	async dateResetAhead(at: number): Promise<void> {
		await this.#url;
		await this.#place.dateResetAhead(at);
	}

	async breakOn(description: string | undefined): Promise<void> {
		await this.#url;
		await this.#place.breakOn(description);
	}
}

const restricted = {
	name: "PostgreSQL, as a role without a right on any table",
	place: (seed: Seed) => new RestrictedPlace(seed),
};
contract(restricted);
repeatsContract(restricted);

describe("the role that serves", () => {
	test("posts, reads and resets in a schema that the owner made", async () => {
		const store = storeAt(urls.api);
		expect(await store.commit([{ type: "reset" }, post(1, 7), read(1)])).toMatchObject([
			{ type: "done" },
			{ type: "posted", balance: 7 },
			{ balance: 7, entries: [{ amount: 7 }] },
		]);
	});

	const tables = ["accounts", "entries", "answers", "resets", "senders", "schema_version"];
	test.each([
		...tables.flatMap((table) => [
			`SELECT FROM crebito.${table}`,
			`DELETE FROM crebito.${table}`,
			`TRUNCATE crebito.${table}`,
			`LOCK crebito.${table}`,
			`DROP TABLE crebito.${table}`,
		]),
		"UPDATE crebito.accounts SET balance = 1",
		"INSERT INTO crebito.resets VALUES (1, 0)",
		"CREATE TABLE crebito.mine ()",
		"CREATE FUNCTION crebito.mine() RETURNS void LANGUAGE sql AS ''",
		"CREATE OR REPLACE FUNCTION crebito.micros_now() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
		"DROP SCHEMA crebito CASCADE",
		"CREATE SCHEMA mine",
		"SELECT crebito.micros_now()",
		"SELECT crebito.find_answer(NULL, 1, '', NULL, 1, false, 'key', 1)",
		"SELECT crebito.keep_answer(1, 1, 'x', NULL, 1, NULL, 1, false, 'key', 1)",
		"ALTER FUNCTION crebito.commit_batch SET search_path = pg_temp",
		"SET ROLE crebito_owner",
	])("may not: %s", async (statement) => {
		// 42501 is "insufficient privilege".
		expect(await answer(urls.api, "BEGIN", statement)).toBe("42501");
		expect(await answer(urls.superuser, "BEGIN", statement, "ROLLBACK")).not.toBe("42501");
	});

	test("can't put its own tables, functions or types in the way of those of the ledger", async () => {
		const sender = crypto.randomUUID();
		const before = await asked(urls.superuser, "SELECT balance::int FROM crebito.accounts WHERE id = 2");
		const shadows = [
			'CREATE TEMP TABLE accounts (id bigint, "limit" bigint, initial_balance bigint, balance bigint, sequence bigint, last_posted_at bigint)',
			"INSERT INTO accounts VALUES (2, 0, 0, 1000000, 0, 0)",
			"CREATE TEMP TABLE entries (account_id bigint, sequence bigint)",
			"CREATE TEMP TABLE senders (id uuid, batch bigint, outcomes text, applied_at bigint)",
			"CREATE FUNCTION pg_temp.micros_now() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
			"CREATE FUNCTION pg_temp.abs(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'",
			"CREATE FUNCTION pg_temp.cardinality(bigint[]) RETURNS integer LANGUAGE sql AS 'SELECT 0'",
			"SET search_path = pg_temp, pg_catalog",
			`SELECT crebito.register_sender('${sender}')`,
			`SELECT crebito.commit_batch('${sender}', 1, '{2}', '{1}', '{-1000000}', '{x}', NULL, NULL, NULL, '{NULL}', false, '{}')`,
		];
		expect(await answer(urls.api, ...shadows)).toBe("done");
		// The account of the attacker's own table would have had it.
		expect(
			await asked(urls.superuser, `SELECT outcomes FROM crebito.senders WHERE id = '${sender}'`),
		).toMatchObject([{ outcomes: "l" }]);
		expect(await asked(urls.superuser, "SELECT balance::int FROM crebito.accounts WHERE id = 2")).toEqual(
			before,
		);
	});
});

describe("a role without rights is told so in one line,", () => {
	test("where the schema is", async () => {
		await asked(server.url(), "CREATE ROLE stranger LOGIN PASSWORD 'x'");
		const refusal = await storeAt(asRole(urls.superuser, "stranger", "x"))
			.ready(20_000)
			.catch((error) => error);
		expect(refusal).toBeInstanceOf(StoreUnusable);
		expect(refusal.message).toMatch(/^the schema "crebito" can't be made or used: permission denied .*$/);
	});

	test("and where it would have to be made", async () => {
		const url = await server.createDatabase();
		const refusal = await storeAt(asRole(url, "crebito_api", "another password"))
			.ready(20_000)
			.catch((error) => error);
		expect(refusal).toBeInstanceOf(StoreUnusable);
		expect(refusal.message).toMatch(/^the schema "crebito" can't be made or used: permission denied .*$/);
		// Who may, can: the control.
		expect(await storeAt(url).commit([post(1, 1)])).toEqual([posted(1, 100_000)]);
	});
});

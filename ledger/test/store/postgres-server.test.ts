/** The PostgreSQL that other tests stand on does what they expect of it. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { SQL } from "bun";
import { endPostgres, PostgresServer, sharedPostgres } from "./postgres-server.ts";

setDefaultTimeout(60_000);
afterAll(endPostgres);

async function ask(url: string, query: string): Promise<unknown> {
	const sql = new SQL({ url, max: 1 });
	try {
		return Object.values((await sql.unsafe(query))[0] ?? {})[0];
	} finally {
		await sql.close();
	}
}

describe("a PostgreSQL of its own", () => {
	test("serves, with databases that know nothing of each other", async () => {
		const server = await sharedPostgres();
		const [one, other] = [await server.createDatabase(), await server.createDatabase()];
		await ask(one, "CREATE TABLE only_here (a int)");
		expect(await ask(one, "SELECT count(*)::int FROM pg_tables WHERE tablename = 'only_here'")).toBe(1);
		expect(await ask(other, "SELECT count(*)::int FROM pg_tables WHERE tablename = 'only_here'")).toBe(0);
		expect(await sharedPostgres()).toBe(server);
	});

	test("has what it had committed when it was killed, and serves on the same port again", async () => {
		const server = await PostgresServer.start({ settings: { fsync: "on" } });
		const url = await server.createDatabase();
		await ask(url, "CREATE TABLE kept (a int)");
		await server.kill();
		await expect(ask(url, "SELECT 1")).rejects.toThrow();
		await server.restart();
		expect(await ask(url, "SELECT count(*)::int FROM kept")).toBe(0);
		expect(await ask(url, "SHOW fsync")).toBe("on");
	});

	test("speaks TLS if it is asked to", async () => {
		const server = await PostgresServer.start({ tls: true });
		const query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
		expect(await ask(`${server.url()}?sslmode=require`, query)).toBe(true);
		expect(existsSync(server.caPath)).toBe(true);
	});

	test("leaves nothing behind when it is stopped", async () => {
		const server = await PostgresServer.start();
		const folder = dirname(server.caPath);
		expect(existsSync(folder)).toBe(true);
		await server.stop();
		expect(existsSync(folder)).toBe(false);
		await expect(ask(server.url(), "SELECT 1")).rejects.toThrow();
	});
});

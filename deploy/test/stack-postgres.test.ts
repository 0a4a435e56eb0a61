/** `DATABASE_URL=postgres://… npm start`: two processes on a database server, which comes and goes. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { endPostgres, PostgresServer } from "../../ledger/test/store/postgres-server.ts";
import { isNginxMissing, RunningStack, until } from "./running-stack.ts";

setDefaultTimeout(60_000);
afterAll(endPostgres);

const ledgerPath = join(import.meta.dir, "../../ledger/src/main.ts");

async function credit(stack: RunningStack): Promise<number> {
	const body = JSON.stringify({ valor: 100, tipo: "c", descricao: "x" });
	const headers = { "Content-Type": "application/json" };
	const answer = await stack.fetch("/clientes/1/transacoes", { method: "POST", body, headers });
	await answer.text();
	return answer.status;
}

async function balance(stack: RunningStack): Promise<number> {
	const answer = await stack.fetch("/clientes/1/extrato");
	return ((await answer.json()) as { saldo: { total: number } }).saldo.total;
}

describe.skipIf(isNginxMissing)("npm start with PostgreSQL", () => {
	test("serves, says where the data is, and shows no password", async () => {
		const server = await PostgresServer.start();
		const url = (await server.createDatabase()).replace("postgres@", "postgres:a-secret@");
		const environment = { DATABASE_URL: url, DURABILITY: "os", BALANCER: "nginx", LOG_LEVEL: "info" };
		await using stack = await RunningStack.serving({ environment, ledgerPath });
		expect(stack.output).toContain("data        PostgreSQL (DATABASE_URL)");
		expect([await credit(stack), await credit(stack)]).toEqual([200, 200]);
		expect(await balance(stack)).toBe(200);
		expect(stack.output + stack.errors).not.toContain("a-secret");
	});

	test("goes on by itself when the server was killed and is back", async () => {
		const server = await PostgresServer.start({ settings: { fsync: "on" } });
		const environment = { DATABASE_URL: await server.createDatabase(), BALANCER: "nginx" };
		await using stack = await RunningStack.serving({ environment, ledgerPath });
		let acknowledged = 0;
		for (; acknowledged < 20; acknowledged += 1) expect(await credit(stack)).toBe(200);
		await server.kill();
		expect(await credit(stack)).toBeOneOf([503, 504]);
		await server.restart();
		await until(async () => {
			const status = await credit(stack);
			if (status === 200) acknowledged += 1;
			return status === 200;
		});
		// What was asked while nobody could say may have been applied.
		expect(await balance(stack)).toBeGreaterThanOrEqual(100 * acknowledged);
	});
});

/**
 * verify, backup and restore as a person runs them, beside a ledger that serves.
 */
import { Database } from "bun:sqlite";
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { durableFolder, removeDurableFolders } from "./durable-folder.ts";
import { killLivingProcesses, LedgerProcess } from "./process.ts";

const toolsPath = fileURLToPath(new URL("../src/tools.ts", import.meta.url));

afterEach(killLivingProcesses);
afterAll(removeDurableFolders);

class Place {
	readonly folder = durableFolder();
	readonly databasePath = join(this.folder, "ledger.db");
	readonly backupPath = join(this.folder, "backup.db");

	serve(): Promise<LedgerProcess> {
		return LedgerProcess.start({ socket: join(this.folder, "api.sock"), databasePath: this.databasePath });
	}

	async tool(...words: string[]): Promise<{ code: number; out: string; err: string }> {
		const child = Bun.spawn([process.execPath, toolsPath, ...words], {
			env: { PATH: process.env.PATH ?? "", DATABASE_URL: `sqlite://${this.databasePath}` },
			stdout: "pipe",
			stderr: "pipe",
		});
		const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
		return { code: await child.exited, out, err };
	}
}

async function credit(ledger: LedgerProcess, valor: number): Promise<number> {
	const response = await fetch("http://ledger/clientes/1/transacoes", {
		unix: ledger.socket,
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({ valor, tipo: "c", descricao: "tools" }),
	});
	return ((await response.json()) as { saldo: number }).saldo;
}

describe("verify", () => {
	test("counts accounts and entries while the ledger serves, and exits with 0", async () => {
		const place = new Place();
		const ledger = await place.serve();
		await credit(ledger, 7);
		const { code, out } = await place.tool("verify");
		expect(out).toEndWith("5 accounts, 1 entries, the books are right\n");
		expect(code).toBe(0);
	});

	test("exits with 2 and says what is wrong when a balance was changed behind the ledger's back", async () => {
		const place = new Place();
		const ledger = await place.serve();
		await credit(ledger, 7);
		await ledger.stop();
		const db = new Database(place.databasePath);
		db.run("UPDATE accounts SET balance = 8 WHERE id = 1");
		db.close();
		const { code, err } = await place.tool("verify");
		expect(err).toContain("account 1: balance 8, its entries sum to 7");
		expect(code).toBe(2);
	});

	test("exits with 1 and one line when there is no ledger", async () => {
		const place = new Place();
		const { code, err } = await place.tool("verify");
		expect(err).toBe(`there is no ledger at ${place.databasePath}\n`);
		expect(code).toBe(1);
	});
});

describe("backup and restore", () => {
	test("take a ledger back to the moment of the backup, which was made while others wrote", async () => {
		const place = new Place();
		const ledger = await place.serve();
		let last = await credit(ledger, 1);
		const writing = (async () => {
			for (let count = 0; count < 200; count += 1) last = await credit(ledger, 1);
		})();
		const backup = await place.tool("backup", place.backupPath);
		await writing;
		expect(backup.code).toBe(0);
		expect(last).toBe(201);
		await ledger.stop();

		const restored = await place.tool("restore", place.backupPath);
		expect(restored.err).toBe("");
		expect(restored.code).toBe(0);
		// As many entries as the backup said it had, and the next one follows them.
		const entries = Number(/ (\d+) entries/.exec(backup.out)?.[1]);
		expect(Number(/ (\d+) entries/.exec(restored.out)?.[1])).toBe(entries);
		const again = await place.serve();
		expect(await credit(again, 1)).toBe(entries + 1);
		expect((await place.tool("verify")).code).toBe(0);
	});

	test("leave nothing beside the backup, and never replace a file", async () => {
		const place = new Place();
		const ledger = await place.serve();
		expect((await place.tool("backup", place.backupPath)).code).toBe(0);
		expect(readdirSync(place.folder).filter((name) => name.startsWith("backup"))).toEqual(["backup.db"]);
		const second = await place.tool("backup", place.backupPath);
		expect(second.err).toContain("exists already");
		expect(second.code).toBe(1);
		await ledger.stop();
	});

	test("restore nothing while a process serves, and the ledger goes on", async () => {
		const place = new Place();
		const ledger = await place.serve();
		await place.tool("backup", place.backupPath);
		await credit(ledger, 5);
		const { code, err } = await place.tool("restore", place.backupPath);
		expect(err).toContain("is being served");
		expect(code).toBe(1);
		expect(await credit(ledger, 5)).toBe(10);
	});

	test("make a ledger where there was none", async () => {
		const from = new Place();
		const ledger = await from.serve();
		await credit(ledger, 9);
		await from.tool("backup", from.backupPath);
		const to = new Place();
		expect((await to.tool("restore", from.backupPath)).code).toBe(0);
		expect(await credit(await to.serve(), 1)).toBe(10);
	});

	test("refuse what is no ledger, and leave the ledger as it was", async () => {
		const place = new Place();
		const ledger = await place.serve();
		await credit(ledger, 9);
		await ledger.stop();
		const bad = join(place.folder, "bad");
		writeFileSync(bad, "this is no database, but it is long enough to be looked at as one");
		const { code, err } = await place.tool("restore", bad);
		expect(err.trim().split("\n")).toHaveLength(1);
		expect(code).toBe(1);
		expect(await credit(await place.serve(), 1)).toBe(10);
	});
});

test("anything else gets the usage and exits with 1", async () => {
	const place = new Place();
	for (const words of [[], ["frobnicate"], ["verify", "x"], ["backup"], ["restore", "a", "b"]]) {
		const { code, err } = await place.tool(...words);
		expect(err).toStartWith("usage: npm run ledger --");
		expect(code).toBe(1);
	}
	expect(existsSync(place.databasePath)).toBe(false);
});

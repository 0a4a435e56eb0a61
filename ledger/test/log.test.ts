/** What a process writes to standard output, line by line; and what it does when it can't be started or read. */
import { afterAll, afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { durableFolder, removeDurableFolders } from "./durable-folder.ts";
import { killLivingProcesses, LedgerProcess } from "./process.ts";

const mainPath = fileURLToPath(new URL("../src/main.ts", import.meta.url));

afterEach(killLivingProcesses);
afterAll(removeDurableFolders);

/** The log of a process that served one statement and one refusal. */
async function logOf(level: string): Promise<Record<string, unknown>[]> {
	const folder = durableFolder();
	const socket = join(folder, "api.sock");
	const ledger = new LedgerProcess({
		socket,
		databasePath: join(folder, "ledger.db"),
		environment: { LOG_LEVEL: level },
	});
	// At the quieter levels it doesn't say that it listens.
	for (let tries = 0; !(await isUp(socket)); tries += 1) {
		if (tries > 500) throw new Error(ledger.output);
		await Bun.sleep(10);
	}
	const headers = { "x-request-id": "7f0c" };
	await fetch("http://ledger/clientes/1/extrato", { unix: socket, headers });
	await fetch("http://ledger/clientes/6/extrato", { unix: socket });
	expect((await ledger.stop()).code).toBe(0);
	return ledger.output
		.split("\n")
		.filter((line) => line !== "")
		.map((line) => JSON.parse(line));
}

async function isUp(socket: string): Promise<boolean> {
	try {
		return (await fetch("http://ledger/health", { unix: socket })).ok;
	} catch {
		return false;
	}
}

test("at info it is JSON lines that tell the settings in effect, and none of a request", async () => {
	const lines = await logOf("info");
	expect(lines.map(({ message }) => message)).toEqual(["listening", "draining", "ended"]);
	expect(lines[0]).toMatchObject({ level: "info", durability: "fsync", journal_mode: "wal", synchronous: 1 });
	expect(lines[0]).toMatchObject({ mmap_size: 0, wal_autocheckpoint: 0, busy_timeout: 0, bun: Bun.version });
	expect(String(lines[0]?.time)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test("at debug there is a line for each request, with its id, route, status and latency", async () => {
	const requests = (await logOf("debug")).filter(({ message }) => message === "request");
	expect(requests.at(-2)).toMatchObject({ requestId: "7f0c", route: "statement", status: 200 });
	expect(requests.at(-1)).toMatchObject({ route: "statement", status: 404 });
	for (const { latencyMs, requestId } of requests) {
		expect(latencyMs).toBeGreaterThan(0);
		expect(requestId).toBeString();
	}
});

test("at silent there is nothing", async () => {
	expect(await logOf("silent")).toEqual([]);
});

test("a reader that stops reading costs lines, and stops nobody", async () => {
	const folder = durableFolder();
	const socket = join(folder, "api.sock");
	// Of the pipe's 64 KiB, some 300 lines are left unread by `sleep`, which then ends it.
	const command = `${process.execPath} ${mainPath} | sleep 20`;
	const shell = Bun.spawn(["sh", "-c", command], {
		env: { API_SOCKET: socket, DATABASE_URL: `sqlite://${join(folder, "ledger.db")}`, LOG_LEVEL: "debug" },
		detached: true,
	});
	try {
		for (let tries = 0; !(await isUp(socket)); tries += 1) {
			if (tries > 500) throw new Error("it does not serve");
			await Bun.sleep(10);
		}
		for (let count = 0; count < 1500; count += 1) {
			expect((await fetch("http://ledger/clientes/1/extrato", { unix: socket })).status).toBe(200);
		}
	} finally {
		process.kill(-shell.pid, "SIGKILL");
	}
}, 15_000);

test("a file that is no socket is not taken for one", async () => {
	const folder = durableFolder();
	const socket = join(folder, "api.sock");
	await Bun.write(socket, "somebody's");
	const ledger = new LedgerProcess({ socket, databasePath: join(folder, "ledger.db") });
	expect((await ledger.end()).code).toBe(1);
	expect(ledger.output).toContain(`API_SOCKET ${socket} can't be listened on: it exists and is no socket`);
	expect(await Bun.file(socket).text()).toBe("somebody's");
});

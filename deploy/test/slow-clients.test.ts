/** Clients that are slow take nobody's place: they are closed in time, and the others are served meanwhile. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { durableFolder, removeDurableFolders } from "../../ledger/test/durable-folder.ts";
import { dropClients, RawClient } from "./raw-client.ts";
import { isNginxMissing, RunningStack } from "./running-stack.ts";
import { type Habit, habits, SlowClient } from "./slow-clients.ts";

setDefaultTimeout(60_000);

const ledgerPath = join(import.meta.dir, "../../ledger/src/main.ts");
const each = 50;
/** nginx closes after five seconds. */
const closedMsMax = 7500;
/** What nginx may need for a connection: 12 KiB of header, 8 KiB of body, and what it keeps about it. */
const bytesEachMax = 40 * 1024;

afterAll(() => {
	dropClients();
	removeDurableFolders();
});

/** Most of their time passes in waiting for timeouts: all of them wait at once. */
const slowTest = isNginxMissing ? test.skip : test.concurrent;

function ledgerStack(confPath?: string): Promise<RunningStack> {
	const environment = { BALANCER: "nginx", DURABILITY: "os", DATA_DIR: durableFolder() };
	return RunningStack.serving({ environment, ledgerPath, ...(confPath === undefined ? {} : { confPath }) });
}

/** As many of each habit; those with a body stop after some bytes. */
async function crowd(port: number): Promise<SlowClient[]> {
	const all = habits.flatMap((habit) => Array.from({ length: each }, () => SlowClient.open(port, habit)));
	const members = await Promise.all(all);
	for (const member of members) if (member.habit === "body") member.drip();
	return members;
}

/** Those that drip a header go on until they are closed. Returns who is there still when the time is over. */
async function wearOut(members: readonly SlowClient[], ms: number): Promise<Set<Habit>> {
	const deadline = performance.now() + ms;
	const patient = (member: SlowClient) => member.client.end === "silent" && member.habit !== "deaf";
	while (members.some(patient) && performance.now() < deadline) {
		for (const member of members) if (member.habit === "header") member.drip();
		await Bun.sleep(250);
	}
	return new Set(members.filter(patient).map(({ habit }) => habit));
}

/** Requests of a good client, one after the other; what they were answered, and the longest wait for one. */
async function serve(
	port: number,
	until: Promise<unknown>,
): Promise<{ statuses: Set<number>; count: number }> {
	let isOver = false;
	void until.then(() => {
		isOver = true;
	});
	const statuses = new Set<number>();
	let count = 0;
	for (; !isOver || count < 100; count += 1) {
		const answer = await fetch(`http://127.0.0.1:${port}/clientes/2/transacoes`, {
			...{ method: "POST", body: '{"valor":1,"tipo":"c","descricao":"bom"}' },
			...{ headers: { "content-type": "application/json" }, signal: AbortSignal.timeout(4000) },
		});
		await answer.bytes();
		statuses.add(answer.status);
	}
	return { statuses, count };
}

/** Of nginx's worker; 0 where the system doesn't tell. */
function workerBytes({ nginxPid }: RunningStack): number {
	if (process.platform !== "linux") return 0;
	const children = readFileSync(`/proc/${nginxPid}/task/${nginxPid}/children`, "utf8");
	const status = readFileSync(`/proc/${children.trim().split(" ")[0]}/status`, "utf8");
	return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

slowTest(
	"two hundred slow clients are closed within the timeouts, while a good one is served as ever",
	async () => {
		await using stack = await ledgerStack();
		const bytesBefore = workerBytes(stack);
		const members = await crowd(stack.port);
		const wearing = wearOut(members, closedMsMax);
		const good = await serve(stack.port, wearing);
		expect(await wearing).toEqual(new Set());
		expect(good.statuses).toEqual(new Set([200]));
		expect(workerBytes(stack) - bytesBefore).toBeLessThan(members.length * bytesEachMax);
		// The deaf have their answers in buffers of the kernel's, and are idle connections to nginx.
		expect(members.flatMap(({ client }) => client.statuses)).toEqual([]);
		expect(stack.errors).not.toMatch(/\[(alert|crit|emerg|error)\]/);
	},
);

slowTest("with longer timeouts, the same clients would be there still", async () => {
	const folder = mkdtempSync(join(tmpdir(), "slow-"));
	try {
		const conf = readFileSync(join(import.meta.dir, "../nginx.conf"), "utf8");
		const confPath = join(folder, "nginx.conf");
		writeFileSync(confPath, conf.replaceAll(/(client_(header|body)_timeout) 5s;/g, "$1 60s;"));
		await using stack = await ledgerStack(confPath);
		const members = await crowd(stack.port);
		expect(await wearOut(members, 6000)).toEqual(new Set(["idle", "header", "body"]));
		// nginx would wait for them when it is told to stop.
		for (const { client } of members) client.drop();
	} finally {
		rmSync(folder, { recursive: true });
	}
});

slowTest("whoever asks for more than it reads is cut off", async () => {
	await using stack = await ledgerStack();
	const client = await RawClient.open(stack.port);
	client.stopReading();
	// 40 MB of answers: more than the kernel's buffers take on both sides.
	client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(5000));
	await client.wait(20_000);
	// Not closed with what it has not read: the kernel would keep that for it.
	expect(client.end).toBe("reset");
	expect((await stack.fetch("/clientes/1/extrato")).status).toBe(200);
});

slowTest("a slow client that goes on gets its answer, however long its body takes", async () => {
	await using stack = await ledgerStack();
	const client = await SlowClient.open(stack.port, "body");
	while (client.client.statuses.length === 0 && client.client.end === "silent") {
		client.drip();
		await Bun.sleep(50);
	}
	expect(client.client.statuses).toEqual([200]);
});

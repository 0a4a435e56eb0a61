/**
 * The servers that the judge is tested against do what they claim: the plain one is right, the broken one is
 * wrong in each way as often as it says, the one of known latency is in time, and the hostile one is hostile.
 */
import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BrokenOptions, defaultRate, faults, startBroken } from "./servers/broken.ts";
import { findings } from "./servers/clients.ts";
import { Connection } from "./servers/connection.ts";
import { expectedTimes, percentileOf, responseMsAt } from "./servers/expected-latency.ts";
import {
	escapes,
	type HostileMode,
	type HostileOptions,
	lawfulModes,
	rudeModes,
	startHostile,
} from "./servers/hostile.ts";
import { startKnownLatency } from "./servers/known-latency.ts";
import { startPlain } from "./servers/plain.ts";

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
console.log(`servers.test.ts: SEED=${seed}`);

/** What a test started, ended after it. */
const started: { stop(): unknown }[] = [];
afterEach(async () => {
	for (const server of started.splice(0)) await server.stop();
});

function ended<Server extends { stop(): unknown }>(server: Server): Server {
	started.push(server);
	return server;
}

function send(url: string, accountId: number, entry: unknown): Promise<Response> {
	return fetch(`${url}/clientes/${accountId}/transacoes`, { method: "POST", body: JSON.stringify(entry) });
}

/** The balance after it. */
async function balanceAfter(url: string, accountId: number, entry: unknown): Promise<number> {
	return ((await (await send(url, accountId, entry)).json()) as { saldo: number }).saldo;
}

function ask(url: string, accountId: number): Promise<Response> {
	return fetch(`${url}/clientes/${accountId}/extrato`);
}

interface Shown {
	readonly saldo: { readonly total: number; readonly limite: number; readonly data_extrato: string };
	readonly ultimas_transacoes: readonly {
		readonly valor: number;
		readonly tipo: string;
		readonly descricao: string;
		readonly realizada_em: string;
	}[];
}

async function statement(url: string, accountId: number): Promise<Shown> {
	return (await (await ask(url, accountId)).json()) as Shown;
}

const credit = { valor: 1000, tipo: "c", descricao: "deposito" };
const debit = { valor: 1000, tipo: "d", descricao: "retirada" };

const folder = mkdtempSync(join(tmpdir(), "crebito-servers-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rightServers = {
	plain: () => startPlain(),
	"broken in no way": () => startBroken({ fault: "none" }),
	"of known latency": () => startKnownLatency({ latencyMs: 1 }),
	"hostile, but polite so far": () => startHostile("always-500", { politeRequests: 1000 }),
};

describe.each(Object.entries(rightServers))("the server that is %s", (_, start) => {
	let server: { readonly url: string; stop(): unknown };
	beforeAll(async () => {
		server = await start();
	});
	afterAll(() => server.stop());

	test("posts up to the limit and refuses one cent more", async () => {
		const { url } = server;
		const allOf = await send(url, 1, { ...debit, valor: 100_000 });
		expect(await allOf.json()).toEqual({ limite: 100_000, saldo: -100_000 });
		expect((await send(url, 1, { ...debit, valor: 1 })).status).toBe(422);
		expect(await (await send(url, 1, credit)).json()).toEqual({ limite: 100_000, saldo: -99_000 });
	});

	test("shows the ten newest entries, newest first", async () => {
		for (let valor = 1; valor <= 12; valor++) await send(server.url, 2, { ...credit, valor });
		const { saldo, ultimas_transacoes } = await statement(server.url, 2);
		expect(saldo).toEqual({ total: 78, limite: 80_000, data_extrato: expect.stringMatching(/^\d{4}-.*Z$/) });
		expect(ultimas_transacoes.map(({ valor }) => valor)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
		expect(ultimas_transacoes[0]).toEqual({
			valor: 12,
			tipo: "c",
			descricao: "deposito",
			realizada_em: expect.stringMatching(/^\d{4}-.*Z$/),
		});
	});

	test("refuses what isn't an entry, and knows five accounts", async () => {
		for (const change of [{ valor: 1.2 }, { valor: 0 }, { tipo: "x" }, { descricao: "12345678901" }])
			expect((await send(server.url, 3, { ...credit, ...change })).status).toBe(422);
		for (const descricao of ["", null, undefined])
			expect((await send(server.url, 3, { ...credit, descricao })).status).toBe(422);
		expect((await ask(server.url, 6)).status).toBe(404);
		expect((await send(server.url, 6, credit)).status).toBe(404);
	});

	test("starts again after a reset", async () => {
		await send(server.url, 5, credit);
		expect((await fetch(`${server.url}/reset`, { method: "POST" })).status).toBe(200);
		const { saldo, ultimas_transacoes } = await statement(server.url, 5);
		expect([saldo.total, ultimas_transacoes]).toEqual([0, []]);
	});
});

test("the plain server runs by itself, and its file holds the entries while it does", async () => {
	const path = join(folder, "plain.db");
	const program = fileURLToPath(new URL("servers/plain.ts", import.meta.url));
	const child = Bun.spawn([process.execPath, program, "--port", "0", "--db", path], { stdout: "pipe" });
	ended({ stop: () => child.kill() });
	const { value } = await child.stdout.getReader().read();
	const line = new TextDecoder().decode(value);
	const [, url = ""] = /^listening on (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(line) ?? [];
	await send(url, 4, debit);
	const database = new Database(path, { readonly: true });
	const row = database.query("SELECT cliente_id, valor, tipo, descricao FROM transacoes").get();
	const { saldo } = database.query("SELECT saldo FROM clientes WHERE id = 4").get() as { saldo: number };
	database.close();
	expect([row, saldo]).toEqual([{ cliente_id: 4, valor: 1000, tipo: "d", descricao: "retirada" }, -1000]);
	child.kill();
	expect(await child.exited).toBe(0);
});

describe("the broken server", () => {
	async function run(options: BrokenOptions): Promise<{ committed: number; found: string[] }> {
		// With small amounts and limits, a debit that passes a limit by one cent is not rare.
		const isRare = options.fault === "limit-passed-by-one-cent";
		const limits = isRare ? [20, 30, 40, 50, 60] : [300, 800, 10_000, 100_000, 5000];
		const amountMax = isRare ? 5 : 100;
		const server = ended(startBroken({ limits, ...options }));
		const plan = { url: server.url, seed, operations: 600, clients: 24, limits, amountMax };
		const found = await findings(plan);
		return { committed: server.faultsCommitted(), found };
	}

	test("without a fault is linearizable, with requests that overlap and some that end in doubt", async () => {
		expect(await run({ fault: "none", seed })).toEqual({ committed: 0, found: [] });
		expect(await run({ fault: "none", seed, unknownShare: 0.1 })).toEqual({ committed: 0, found: [] });
	});

	test.each(faults)("commits %s so that its clients can tell", async (fault) => {
		const { committed, found } = await run({ fault, seed, rate: Math.max(0.1, defaultRate(fault)) });
		expect(committed).toBeGreaterThan(0);
		expect(found).not.toEqual([]);
	});

	test.each(faults)("counts %s when it can be seen and only then", async (fault) => {
		const { committed, found } = await run({ fault, seed, rate: defaultRate(fault) / 3 });
		expect(committed > 0).toBe(found.length > 0);
	});

	test("counts no update as lost that nothing overlapped", async () => {
		const server = ended(startBroken({ fault: "lost-update", seed, rate: 1 }));
		for (let count = 0; count < 10; count++) await send(server.url, 3, credit);
		expect(server.faultsCommitted()).toBe(0);
		const balances = await Promise.all(Array.from({ length: 10 }, () => balanceAfter(server.url, 3, credit)));
		expect(new Set(balances).size).toBeLessThan(10);
		expect(server.faultsCommitted()).toBeGreaterThan(0);
	});

	test("leaves just the newest acknowledged entry out of a stale statement", async () => {
		const server = ended(startBroken({ fault: "stale-statement", seed, rate: 1, delayMs: 0 }));
		expect((await statement(server.url, 1)).saldo.total).toBe(0);
		expect(server.faultsCommitted()).toBe(0);
		await send(server.url, 1, { ...credit, valor: 7 });
		await send(server.url, 1, debit);
		const { saldo, ultimas_transacoes } = await statement(server.url, 1);
		expect([saldo.total, ultimas_transacoes.length, ultimas_transacoes[0]?.valor]).toEqual([7, 1, 7]);
		expect(server.faultsCommitted()).toBe(1);
	});

	test("counts a refusal as spurious, unless it was right at a moment that the client can't tell apart", async () => {
		const server = ended(startBroken({ fault: "spurious-refusal", seed, rate: 1 }));
		const [one, other] = [await Connection.open(server.url), await Connection.open(server.url)];
		const path = "/clientes/2/transacoes";
		const tooMuch = { ...debit, valor: 81_000 };
		// Beside the credit that it needs, it may be refused: before the credit that is right.
		for (let round = 0; round < 20; round++) {
			await one.send("POST", "/reset");
			await Promise.all([one.send("POST", path, credit), other.send("POST", path, tooMuch)]);
		}
		expect(server.faultsCommitted()).toBe(0);
		// Who asks again has the last answer in hand: so the credit was there, for everybody.
		await one.send("GET", "/clientes/2/extrato");
		await other.send("GET", "/clientes/2/extrato");
		expect((await other.send("POST", path, tooMuch)).status).toBe(422);
		expect(server.faultsCommitted()).toBe(1);
		one.close();
		other.close();
	});

	test("keeps to its rate", async () => {
		const server = ended(startBroken({ fault: "wrong-limit", seed, rate: 0.1, delayMs: 0 }));
		for (let count = 0; count < 500; count++) await send(server.url, 3, credit);
		expect(server.faultsCommitted()).toBeGreaterThan(15);
		expect(server.faultsCommitted()).toBeLessThan(120);
	});
});

describe("the expected latency", () => {
	const stalled = { latencyMs: 20, stallAtMs: 3000, stallMs: 1000 };
	const arrivals = { ratePerSecond: 340, durationSeconds: 10 };

	test("is the same by the formula and request by request, but for the distance of two arrivals", () => {
		const { responseMs } = expectedTimes(stalled, arrivals);
		expect(responseMs.length).toBe(3400);
		for (const percentile of [0, 1, 50, 89, 90, 91, 95, 99, 99.9, 100]) {
			const difference = percentileOf(responseMs, percentile) - responseMsAt(percentile, stalled, arrivals);
			expect(Math.abs(difference)).toBeLessThanOrEqual(1000 / 340 + 1e-6);
		}
		expect(responseMsAt(90, stalled, arrivals)).toBeCloseTo(20);
		expect(responseMsAt(95, stalled, arrivals)).toBeCloseTo(520);
		expect(responseMsAt(100, stalled, arrivals)).toBeCloseTo(1020);
	});

	test("without a stall is flat", () => {
		const flat = { latencyMs: 20, stallAtMs: Number.POSITIVE_INFINITY, stallMs: 0 };
		const { responseMs, serviceMs } = expectedTimes(flat, arrivals);
		for (const times of [responseMs, serviceMs]) for (const time of times) expect(time).toBeCloseTo(20);
		expect(responseMsAt(100, flat, arrivals)).toBe(20);
	});

	test("of few connections shows the stall in the response times, and hides it in the service times", () => {
		const { responseMs, serviceMs } = expectedTimes(stalled, { ...arrivals, connections: 14 });
		expect(serviceMs.filter((time) => time > 21).length).toBeLessThanOrEqual(14);
		expect(responseMs.filter((time) => time > 21).length).toBeGreaterThan(340);
	});
});

describe("the server of known latency", () => {
	test("answers no sooner than its latency, and holds up answers for its stall and nothing else", async () => {
		const known = { latencyMs: 20, stallAtMs: 200, stallMs: 300 };
		const { url } = ended(await startKnownLatency(known));
		await ask(url, 1);
		const startMs = performance.now();
		const times: { sentMs: number; tookMs: number }[] = [];
		const one = async () => {
			const sentMs = performance.now() - startMs;
			await (await send(url, 3, credit)).json();
			times.push({ sentMs, tookMs: performance.now() - startMs - sentMs });
		};
		const all: Promise<void>[] = [];
		for (let count = 0; count < 80; count++) {
			all.push(one());
			await Bun.sleep(10);
		}
		await Promise.all(all);
		// The machine may make an answer late, but nothing makes it early.
		for (const { tookMs } of times) expect(tookMs).toBeGreaterThanOrEqual(19.9);
		const held = times.filter(({ sentMs }) => sentMs > 200 && sentMs < 380);
		expect(held.length).toBeGreaterThan(0);
		// Its clock starts when the first request arrives, which is after ours.
		for (const { sentMs, tookMs } of held) expect(sentMs + tookMs).toBeGreaterThanOrEqual(500);
		const tooks = times.map(({ tookMs }) => tookMs);
		expect(Math.max(...tooks)).toBeGreaterThan(Math.min(...tooks) + 100);
	});
});

/** What came back on one connection for one request, until it was closed or nothing came for a while. */
interface Reception {
	readonly text: string;
	readonly end: "closed" | "reset" | "open";
}

function receive(url: string, request: string, quietMs = 60, bytesMax = 200_000): Promise<Reception> {
	return new Promise((resolve) => {
		let text = "";
		const done = (end: Reception["end"]) => {
			clearTimeout(timer);
			socket.destroy();
			resolve({ text, end });
		};
		const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(request));
		let timer = setTimeout(done, quietMs, "open");
		socket.on("data", (bytes) => {
			text += bytes.toString("latin1");
			clearTimeout(timer);
			timer = setTimeout(done, quietMs, "open");
			if (text.length > bytesMax) done("open");
		});
		socket.on("end", () => done("closed"));
		socket.on("error", () => done("reset"));
	});
}

const body = JSON.stringify(credit);
const postRequest = `POST /clientes/1/transacoes HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const statementRequest = "GET /clientes/1/extrato HTTP/1.1\r\nHost: x\r\n\r\n";

describe("the hostile server", () => {
	const start = (mode: HostileMode, options: HostileOptions = {}) =>
		ended(startHostile(mode, { seed, gapMs: 1, ...options }));

	test.each(lawfulModes)("%s is HTTP, and keeps right books", async (mode) => {
		const { url } = start(mode);
		for (const saldo of [1000, 2000])
			expect(await (await send(url, 1, credit)).json()).toEqual({ limite: 100_000, saldo });
		expect((await statement(url, 1)).saldo.total).toBe(2000);
	});

	/** What a client sees of each mode: the whole of what came, and how it ended. */
	const views: Record<HostileMode, [RegExp, Reception["end"]]> = {
		"http-1.0": [/^HTTP\/1\.0 200 .*\r\n\r\n\{.*\}$/s, "closed"],
		"closes-silently": [/^HTTP\/1\.1 200 (?!.*Connection:).*\{.*\}$/s, "closed"],
		"until-close": [/^HTTP\/1\.1 200 (?!.*Content-Length:).*\{.*\}$/s, "closed"],
		"interim-first": [/^HTTP\/1\.1 100 .*\r\n\r\nHTTP\/1\.1 103 .*\r\n\r\nHTTP\/1\.1 200 .*\}$/s, "open"],
		chunked: [
			/Transfer-Encoding: chunked\r\n\r\n[0-9a-f]+;name=value\r\n.*\r\n0;.*X-Trailer: yes\r\n\r\n$/s,
			"open",
		],
		"in-pieces": [/^HTTP\/1\.1 200 .*\{.*\}$/s, "open"],
		drips: [/^HTTP\/1\.1 200 .*\{.*\}$/s, "open"],
		"closes-at-once": [/^$/, "closed"],
		"resets-at-once": [/^$/, "reset"],
		"never-answers": [/^$/, "open"],
		"half-closes": [/^$/, "closed"],
		"half-head": [/^HTTP\/1\.1 200 [^{]*$/s, "closed"],
		"half-body": [/^HTTP\/1\.1 200 .*\{[^}]*$/s, "closed"],
		"malformed-status-line": [/^HTCPCP.*\}$/s, "open"],
		"content-length-too-long": [/Content-Length: 40\r\n\r\n.{30}$/s, "open"],
		"content-length-too-short": [/Content-Length: 20\r\n\r\n.{30}$/s, "open"],
		"chunked-garbage": [/Transfer-Encoding: chunked\r\n\r\nzz\r\n/, "open"],
		"two-answers": [/^(HTTP.*\r\n\r\n\{"limite":100000,"saldo":1000\}){2}$/s, "open"],
		"answers-early": [/^HTTP.*\{"limite":100000,"saldo":1\}$/s, "open"],
		"always-500": [/^HTTP\/1\.1 500 /, "open"],
		"invalid-json": [/^HTTP\/1\.1 200 .*,,\}$/s, "open"],
		"other-shape": [/^HTTP\/1\.1 200 .*\{"data"/s, "open"],
		"endless-headers": [/^HTTP\/1\.1 200 OK\r\n(X-More: a{16384}\r\n){9}/, "open"],
		"endless-body": [/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n {100000}/s, "open"],
		"escape-in-reason": [new RegExp(`^HTTP/1.1 200 ${RegExp.escape(escapes)}\r\n`), "open"],
		"escape-in-body": [new RegExp(`^HTTP/1.1 418 .*\r\n\r\n${RegExp.escape(escapes)}`, "s"), "open"],
		"escape-in-statement": [/^HTTP\/1\.1 200 .*"saldo":1000\}$/s, "open"],
	};

	test.each([...lawfulModes, ...rudeModes])("%s does what its name says", async (mode) => {
		const [text, end] = views[mode];
		const server = start(mode);
		const reception = await receive(server.url, postRequest);
		expect(reception.text).toMatch(text);
		expect(reception.end).toBe(end);
		expect(server.connections()).toBe(1);
	});

	test("puts escape sequences into the description that a statement shows", async () => {
		const { ultimas_transacoes } = await statement(start("escape-in-statement").url, 1);
		expect(ultimas_transacoes[0]?.descricao).toBe(escapes);
	});

	test("answers before it has a request", async () => {
		const { text } = await receive(start("answers-early").url, "");
		expect(text).toMatch(/^HTTP\/1\.1 200 /);
	});

	test("still reads from a connection that it has half closed", async () => {
		const server = start("half-closes");
		await receive(server.url, postRequest);
		expect(server.requests()).toBe(1);
	});

	test("is polite for as long as it is told, and then to a share of the requests", async () => {
		const server = start("always-500", { politeRequests: 5, share: 0.5 });
		const statuses: number[] = [];
		for (let count = 0; count < 105; count++) statuses.push((await ask(server.url, 1)).status);
		expect(statuses.slice(0, 5)).toEqual([200, 200, 200, 200, 200]);
		const rude = statuses.filter((status) => status === 500).length;
		expect(rude).toBeGreaterThan(20);
		expect(rude).toBeLessThan(80);
	});

	test("ends what has no end once its client is gone", async () => {
		const server = start("endless-body");
		await receive(server.url, statementRequest);
		for (let tries = 0; server.openConnections() > 0 && tries < 200; tries++) await Bun.sleep(5);
		expect(server.openConnections()).toBe(0);
	});
});

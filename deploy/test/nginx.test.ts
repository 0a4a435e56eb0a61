/** What nginx.conf promises, tried on nginx itself. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { kernelBalancing } from "../balancer.ts";
import { dropClients, RawClient, sayOnce } from "./raw-client.ts";
import { type Ask, arrivalsAt, ask, recordedStack } from "./recorded-stack.ts";
import { isGone, isNginxMissing, type RunningStack, until } from "./running-stack.ts";

/** Processes start slowly on a machine that others use. */
setDefaultTimeout(30_000);

const nginxTest = test.skipIf(isNginxMissing);
const post: Ask = { method: "POST", body: '{"a":1}', headers: { "content-type": "application/json" } };

afterEach(dropClients);

function problem(status: number, name: string, title: string): object {
	const json = { type: `urn:crebito:problema:${name}`, title, status };
	return { status, contentType: "application/problem+json", json };
}
const invalidTitle = "O pedido não é HTTP que se aceite aqui";
const unanswered = (status: number) =>
	problem(status, "sem-resposta", "O razão não respondeu; tente de novo");
const unknown = (status: number) =>
	problem(status, "resultado-desconhecido", "Não se sabe se o lançamento foi gravado; consulte o extrato");

describe("a request's names", () => {
	nginxTest("are nginx's own, whatever the caller sent, and a client's key passes", async () => {
		await using stack = await recordedStack();
		const forged = { "x-request-id": "f".repeat(32), "x-request-start": "1.000", "x-request-try": "2" };
		const before = Date.now() / 1000;
		for (let i = 0; i < 5; i += 1) {
			const headers = { ...forged, "idempotency-key": '"k, 1"', connection: "x-request-id" };
			await ask(stack, "/", { ...post, headers });
		}
		const arrivals = arrivalsAt(stack);
		expect(new Set(arrivals.map(({ headers }) => headers["x-request-id"])).size).toBe(5);
		for (const { headers, behindBalancer } of arrivals) {
			expect(headers["x-request-id"]).toMatch(/^(?!f{32})[0-9a-f]{32}$/);
			expect(headers["x-request-start"]).toMatch(/^\d{10}\.\d{3}$/);
			expect(Number(headers["x-request-start"])).toBeGreaterThan(before - 1);
			expect(headers["x-request-try"]).toBe("1");
			expect(headers["idempotency-key"]).toBe('"k, 1"');
			expect(behindBalancer).toBe("on");
		}
	});

	nginxTest("begin when its body is there, however slowly it came", async () => {
		await using stack = await recordedStack();
		const client = await RawClient.open(stack.port);
		client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
		await Bun.sleep(1200);
		const wholeAt = Date.now();
		client.send("b");
		await client.wait(4000, () => client.statuses.length > 0);
		const [arrival] = arrivalsAt(stack);
		// nginx's clock ticks in milliseconds, and may be one behind.
		expect(Number(arrival?.headers["x-request-start"]) * 1000).toBeGreaterThanOrEqual(wholeAt - 5);
	});

	test("aren't believed by a process that the kernel balances, though the environment says so", () => {
		const environment = { BEHIND_BALANCER: "on" };
		const ledger = { command: ["ledger"], environment, pidFile: (name: string) => `${name}.pid` };
		for (const platform of ["linux", "darwin"] as const) {
			const { ledgers } = kernelBalancing(platform, { host: "127.0.0.1", port: 9999 }, ledger);
			expect(ledgers.map(({ environment }) => environment.BEHIND_BALANCER)).not.toContain("on");
		}
	});
});

/** What the processes got is one request in two tries, on two processes. */
function expectTwoTries(stack: RunningStack, method: string, tries: readonly string[]): void {
	const arrivals = arrivalsAt(stack);
	// A GET may also reach a process that was started again meanwhile.
	if (method === "GET") arrivals.splice(2);
	expect(arrivals.map((arrival) => arrival.method)).toEqual([method, method]);
	expect(arrivals.map(({ headers }) => headers["x-request-try"])).toEqual([...tries]);
	for (const same of ["x-request-id", "x-request-start", "content-type"]) {
		expect(arrivals[1]?.headers[same]).toBe(arrivals[0]?.headers[same] as string);
	}
	expect(arrivals[1]?.body).toBe(arrivals[0]?.body as string);
	expect(arrivals[1]?.pid).not.toBe(arrivals[0]?.pid as number);
	// So it could be told whether the start was taken anew.
	expect(arrivals[1]?.at).toBeGreaterThan((arrivals[0]?.at as number) + 40);
}

describe("a request that dies with its process", () => {
	nginxTest("is sent to the other one, once, as its second try", async () => {
		await using stack = await recordedStack();
		expect(await ask(stack, "/die-once", post)).toMatchObject({ status: 200 });
		expectTwoTries(stack, "POST", ["1", "2"]);
	});

	nginxTest("is not known to be posted or not when both die", async () => {
		await using stack = await recordedStack();
		expect(await ask(stack, "/die", post)).toEqual(unknown(502) as never);
		expectTwoTries(stack, "POST", ["1", "2"]);
	});

	nginxTest("may be asked again by whoever sent a GET", async () => {
		await using stack = await recordedStack();
		expect(await ask(stack, "/die")).toEqual(unanswered(502) as never);
		expectTwoTries(stack, "GET", ["1", "1"]);
	});
});

nginxTest("a process that hangs gives its requests away after three seconds, and two after six", async () => {
	await using stack = await recordedStack();
	const startedAt = performance.now();
	const [again, none, get] = await Promise.all([
		ask(stack, "/hang-once", post),
		ask(stack, "/hang", post),
		ask(stack, "/hang"),
	]);
	expect(performance.now() - startedAt).toBeLessThan(9000);
	expect(again).toMatchObject({ status: 200 });
	expect(none).toEqual(unknown(504) as never);
	expect(get).toEqual(unanswered(504) as never);
	const tries = (method: string, path: string) =>
		arrivalsAt(stack).filter((arrival) => arrival.method === method && arrival.path === path);
	expect(tries("POST", "/hang-once").map(({ headers }) => headers["x-request-try"])).toEqual(["1", "2"]);
	for (const [method, path] of [
		["POST", "/hang-once"],
		["POST", "/hang"],
		["GET", "/hang"],
	] as const) {
		expect(new Set(tries(method, path).map(({ pid }) => pid)).size).toBe(2);
		expect(new Set(tries(method, path).map(({ headers }) => headers["x-request-start"])).size).toBe(1);
	}
});

nginxTest("a POST that no process was sent yet goes to the one that is there, as a first try", async () => {
	await using stack = await recordedStack();
	const victim = stack.pidFiles()[0] as number;
	// So that nobody starts it again meanwhile.
	stack.process.kill("SIGSTOP");
	process.kill(victim, "SIGKILL");
	await until(() => isGone(victim));
	const replies = [];
	for (let i = 0; i < 20; i += 1) replies.push((await ask(stack, "/", post)).status);
	stack.process.kill("SIGCONT");
	expect(new Set(replies)).toEqual(new Set([200]));
	expect(arrivalsAt(stack).length).toBe(20);
	await until(() => stack.errors.includes("serves again"));
});

nginxTest("with both processes gone, everybody is told at once, and served once they are back", async () => {
	await using stack = await recordedStack();
	stack.process.kill("SIGSTOP");
	for (const pid of stack.pidFiles()) process.kill(pid as number, "SIGKILL");
	await until(() => stack.pidFiles().every((pid) => isGone(pid as number)));
	const startedAt = performance.now();
	// More than it takes until nginx marks both as down.
	for (let i = 0; i < 10; i += 1) {
		expect(await ask(stack, "/", post)).toEqual(unknown(502) as never);
		expect(await ask(stack, "/")).toEqual(unanswered(502) as never);
	}
	for (const path of ["/health/1", "/health/2"]) {
		expect(await ask(stack, path)).toEqual(unanswered(502) as never);
	}
	expect(performance.now() - startedAt).toBeLessThan(5000);
	stack.process.kill("SIGCONT");
	await until(async () => (await ask(stack, "/", post)).status === 200);
});

nginxTest("each process can be asked for its health, and what nginx counts is for the inside", async () => {
	await using stack = await recordedStack();
	for (const path of ["/health/1", "/health/2"]) {
		const replies = [await ask(stack, path), await ask(stack, path)];
		const pid = stack.pidFiles()[path === "/health/1" ? 0 : 1] as number;
		expect(replies.map(({ json }) => json)).toEqual([{ pid }, { pid }]);
	}
	await ask(stack, "/nginx_status");
	expect(arrivalsAt(stack).map(({ path }) => path)).toEqual(["/nginx_status"]);
	const socketPath = join(stack.folder, "tmp", stack.leftovers()[0] as string, "nginx-status.sock");
	const { status, json } = await ask({ socketPath }, "/nginx_status");
	expect(status).toBe(200);
	expect(json).toContain("Active connections: ");
});

describe("bodies", () => {
	nginxTest("of 1024 bytes pass, longer ones are refused in the ledger's words", async () => {
		await using stack = await recordedStack();
		expect(await ask(stack, "/", { method: "POST", body: "x".repeat(1024) })).toMatchObject({ status: 200 });
		const refusal = await ask(stack, "/", { method: "POST", body: "x".repeat(1025) });
		expect(refusal).toEqual(problem(413, "corpo-grande", "O corpo passa de 1024 bytes") as never);
	});

	nginxTest("are kept in memory even if each byte comes in a chunk, but not 8 KiB of framing", async () => {
		await using stack = await recordedStack();
		const send = async (chunks: string) => {
			const client = await RawClient.open(stack.port);
			client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
			// Not with the header, or nginx would have read all of it into the header's buffer.
			await Bun.sleep(50);
			client.send(`${chunks}0\r\n\r\n`);
			await client.wait(4000, () => client.statuses.length > 0);
			expect(client.statuses).toEqual([200]);
		};
		await send("1\r\nx\r\n".repeat(1024));
		expect(stack.errors).not.toContain("buffered to a temporary file");
		await send(`1;${"x".repeat(100)}\r\nx\r\n`.repeat(100));
		await until(() => stack.errors.includes("buffered to a temporary file"));
	});
});

describe("what nginx refuses by itself is a problem, too:", () => {
	const long = "x".repeat(5000);
	const refusals: [request: string, status: number, name: string, title: string][] = [
		["POST / HTTP/1.1\r\n\r\n", 400, "pedido-invalido", invalidTitle],
		["GET / HTTP/1.1\r\nHost: x\r\nContent-Length: y\r\n\r\n", 400, "pedido-invalido", invalidTitle],
		["}{ / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "pedido-invalido", invalidTitle],
		["\x16\x03\x01\x02\0\x01\0", 400, "pedido-invalido", invalidTitle],
		["GET /problem HTTP/1.0\r\n\r\n", 404, "rota-desconhecida", "Não há nada neste endereço"],
		["TRACE / HTTP/1.0\r\n\r\n", 405, "metodo-nao-permitido", "Este endereço não aceita este método"],
		[`GET /${long} HTTP/1.0\r\n\r\n`, 414, "endereco-longo", "O endereço passa de 4096 bytes"],
		[
			...([`GET / HTTP/1.0\r\nCookie: ${long}\r\n\r\n`, 431, "cabecalhos-grandes"] as const),
			"Os cabeçalhos passam de 4096 bytes cada, ou de 12288 ao todo",
		],
		["GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400, "pedido-invalido", invalidTitle],
		["FOO / HTTP/1.0\r\n\r\n", 405, "metodo-nao-permitido", "Este endereço não aceita este método"],
		["GET / HTTP/9.1\r\nHost: x\r\n\r\n", 400, "pedido-invalido", invalidTitle],
	];
	nginxTest("a method that is for no address at all comes with those that are", async () => {
		await using stack = await recordedStack();
		for (const request of ["TRACE / HTTP/1.0", "FOO /clientes/1/extrato HTTP/1.0"]) {
			const answer = await sayOnce(stack.port, `${request}\r\n\r\n`);
			expect(answer).toStartWith("HTTP/1.1 405 ");
			expect(answer).toContain("Allow: GET, HEAD, POST\r\n");
		}
		expect(await sayOnce(stack.port, "GET /problem HTTP/1.0\r\n\r\n")).not.toContain("Allow:");
	});
	nginxTest("by status", async () => {
		await using stack = await recordedStack();
		for (const [bytes, status, name, title] of refusals) {
			const answer = await sayOnce(stack.port, bytes);
			expect(answer).toStartWith(`HTTP/1.1 ${status} `);
			expect(answer).toContain("Content-Type: application/problem+json\r\n");
			expect(answer).not.toContain("nginx/");
			const body = Buffer.from(answer.slice(answer.indexOf("\r\n\r\n")), "latin1").toString();
			expect(JSON.parse(body)).toEqual({ type: `urn:crebito:problema:${name}`, title, status });
		}
		expect(arrivalsAt(stack)).toEqual([]);
	});

	test("and what the ledger refuses too has the ledger's words", () => {
		const conf = readFileSync(join(import.meta.dir, "../nginx.conf"), "utf8");
		const wire = readFileSync(join(import.meta.dir, "../../ledger/src/wire.ts"), "utf8");
		for (const title of [
			"Não se sabe se o lançamento foi gravado; consulte o extrato",
			"O corpo passa de 1024 bytes",
			"Não há nada neste endereço",
			"Este endereço não aceita este método",
		]) {
			for (const text of [conf, wire]) expect(text).toContain(title);
		}
	});
});

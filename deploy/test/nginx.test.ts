/** What nginx.conf promises, tried on nginx itself. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:net";
import { isGone, isNginxMissing, RunningStack, until } from "./running-stack.ts";

/** Processes start slowly on a machine that others use. */
setDefaultTimeout(30_000);

const environment = { BALANCER: "nginx" };
const nginxTest = test.skipIf(isNginxMissing);

function problem(status: number, name: string, title: string): object {
	return { type: `urn:crebito:problema:${name}`, title, status };
}
const tooLarge = problem(413, "corpo-grande", "O corpo passa de 1024 bytes");
const invalid = problem(400, "pedido-invalido", "O pedido não é HTTP que se aceite aqui");
const unanswered = problem(502, "sem-resposta", "O razão não respondeu; tente de novo");
const unknown = problem(
	502,
	"resultado-desconhecido",
	"Não se sabe se o lançamento foi gravado; consulte o extrato",
);

nginxTest("every request carries an id of nginx's making, whatever id the caller sent", async () => {
	await using stack = await RunningStack.serving({ environment });
	const ids = new Set<string>();
	for (let i = 0; i < 5; i += 1) {
		const answer = await fetch(stack.url, { headers: { "x-request-id": "mine" } });
		ids.add(((await answer.json()) as { requestId: string }).requestId);
	}
	expect(ids.size).toBe(5);
	for (const id of ids) expect(id).toMatch(/^[0-9a-f]{32}$/);
});

nginxTest("a body of 1024 bytes passes, a longer one is refused in the ledger's words", async () => {
	await using stack = await RunningStack.serving({ environment });
	const post = (bytes: number) => fetch(stack.url, { method: "POST", body: "x".repeat(bytes) });
	expect((await post(1024)).status).toBe(200);
	const refusal = await post(1025);
	expect(refusal.status).toBe(413);
	expect(refusal.headers.get("content-type")).toBe("application/problem+json");
	expect(await refusal.json()).toEqual(tooLarge);
});

nginxTest("what isn't HTTP is refused as a problem, too", async () => {
	await using stack = await RunningStack.serving({ environment });
	for (const request of [
		"POST / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: y\r\n\r\n",
		`GET / HTTP/1.1\r\nHost: x\r\nCookie: ${"c".repeat(9000)}\r\n\r\n`,
	]) {
		const answer = await send(stack.port, request);
		expect(answer).toStartWith("HTTP/1.1 400 ");
		expect(answer).toContain("Content-Type: application/problem+json");
		expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")))).toEqual(invalid);
	}
});

nginxTest("a POST that dies with a process is not sent again, and nobody is told it failed", async () => {
	await using stack = await RunningStack.serving({ environment });
	const answer = await stack.fetch("/die", { method: "POST", body: "{}" });
	expect(answer.status).toBe(502);
	expect(answer.headers.get("content-type")).toBe("application/problem+json");
	expect(await answer.json()).toEqual(unknown);
	expect(stack.arrivals()).toEqual(["POST /die"]);
});

nginxTest("a GET that dies with a process is sent to the other one", async () => {
	await using stack = await RunningStack.serving({ environment });
	const answer = await stack.fetch("/die");
	expect(answer.status).toBe(502);
	expect(await answer.json()).toEqual(unanswered);
	expect(stack.arrivals()).toEqual(["GET /die", "GET /die"]);
});

nginxTest("a POST that no process was sent yet goes to the one that is there", async () => {
	await using stack = await RunningStack.serving({ environment });
	const [victim = 0] = await stack.pids();
	process.kill(victim, "SIGKILL");
	// Until nginx has seen its kept connections close, a POST may still leave on one: that answer is 502.
	await until(() => isGone(victim));
	const statuses = new Set<number>();
	for (let i = 0; i < 20; i += 1) {
		statuses.add((await stack.fetch("/", { method: "POST", body: "{}" })).status);
	}
	expect([...statuses]).toEqual([200]);
	await until(() => stack.errors.includes("serves again"));
});

/** The whole answer to a request that no HTTP client would send. */
function send(port: number, request: string): Promise<string> {
	return new Promise((resolve, reject) => {
		let answer = "";
		const socket = connect(port, "127.0.0.1", () => socket.write(request));
		socket.on("data", (data) => {
			answer += data;
		});
		socket.on("end", () => {
			socket.end();
			resolve(answer);
		});
		socket.on("error", reject);
	});
}

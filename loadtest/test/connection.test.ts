/** A connection on a raw socket: requests in parts, answers at odd moments, and what comes when nobody waits. */
import { afterEach, describe, expect, test } from "bun:test";
import type { Socket } from "bun";
import { ask, Client, NoAnswer } from "../src/ask.ts";
import { Connection, type FailureKind } from "../src/connection.ts";
import { parseTarget, type Target } from "../src/target.ts";
import { numberedRequest, plainAnswer, startRaw, until } from "./raw-target.ts";

const started: { stop(force?: boolean): void }[] = [];
afterEach(() => {
	for (const server of started.splice(0)) server.stop(true);
});

function raw(...given: Parameters<typeof startRaw>) {
	const server = startRaw(...given);
	started.push(server);
	return server;
}

/** What a server does with a socket is in the test's hands. */
function serve(handlers: {
	open?(socket: Socket<undefined>): void;
	data?(socket: Socket<undefined>, bytes: Buffer): void;
	close?(): void;
}): Target {
	const listener = Bun.listen<undefined>({
		hostname: "127.0.0.1",
		port: 0,
		socket: { data: () => undefined, ...handlers },
	});
	started.push(listener);
	return parseTarget(`http://127.0.0.1:${listener.port}`);
}

/** A connection, and what its owner has heard. */
function connectionTo(target: Target) {
	const heard: string[] = [];
	const connection = new Connection(target, {
		answered: ({ response }) => heard.push(`answered ${response.status}`),
		failed: (_: Connection, kind: FailureKind) => heard.push(`failed ${kind}`),
	});
	return { connection, heard };
}

function largeRequest(bytes: number): Buffer {
	return Buffer.from(
		`POST /1 HTTP/1.1\r\nContent-Length: ${bytes}\r\n\r\n${"abcdefg".repeat(bytes).slice(0, bytes)}`,
	);
}

describe("a request", () => {
	test("of megabytes arrives whole at a target that reads slowly, though its buffer is used again", async () => {
		const request = largeRequest(8_000_000);
		const expected = Bun.hash(request);
		const received: Buffer[] = [];
		let length = 0;
		const target = serve({
			data(socket, bytes) {
				received.push(Buffer.from(bytes));
				length += bytes.length;
				if (length === request.length) socket.write(plainAnswer);
				socket.pause();
				setTimeout(() => socket.resume(), 1);
			},
		});
		const { connection, heard } = connectionTo(target);
		connection.send(numberedRequest(1));
		connection.close();
		// Once over a connection that has yet to be made, and once over one that is there.
		for (const times of [1, 2]) {
			received.length = length = 0;
			const own = Buffer.from(request);
			connection.send(own);
			own.fill("?");
			await until(() => heard.length === times);
			expect(Bun.hash(Buffer.concat(received))).toBe(expected);
		}
		expect(heard).toEqual(["answered 200", "answered 200"]);
		connection.close();
	}, 20_000);

	test("that is answered before it was read has its answer, and what is left of it is not sent", async () => {
		let received = 0;
		let isClosed = false;
		const target = serve({
			data(socket, bytes) {
				received += bytes.length;
				if (received !== bytes.length) return;
				socket.write(plainAnswer);
				socket.pause();
			},
			close() {
				isClosed = true;
			},
		});
		const { connection, heard } = connectionTo(target);
		const request = largeRequest(30_000_000);
		connection.send(request);
		await until(() => heard.length > 0);
		expect(heard).toEqual(["answered 200"]);
		expect(received).toBeLessThan(request.length);
		connection.send(numberedRequest(2));
		expect(connection.isSent).toBe(false);
		connection.close();
		await until(() => isClosed);
	});

	test("over a kept connection follows the answer before it", async () => {
		const server = raw();
		const { connection, heard } = connectionTo(server.target);
		for (const number of [1, 2, 3]) {
			connection.send(numberedRequest(number));
			await until(() => heard.length === number);
		}
		expect(server.connections).toBe(1);
		expect(server.requests.map(({ number }) => number)).toEqual([1, 2, 3]);
		connection.close();
	});

	test("given up while it connects is not sent, and its owner hears nothing", async () => {
		const server = raw();
		const { connection, heard } = connectionTo(server.target);
		connection.send(numberedRequest(1));
		connection.close();
		expect([connection.isSent, connection.isWaiting]).toEqual([false, false]);
		connection.send(numberedRequest(2));
		await until(() => heard.length > 0);
		await Bun.sleep(20);
		expect(heard).toEqual(["answered 200"]);
		expect(server.requests.map(({ number }) => number)).toEqual([2]);
		connection.close();
		await until(() => server.openConnections === 0);
	});
});

describe("an answer", () => {
	test("with which the target closes is whole, and the next request goes over another connection", async () => {
		const server = raw((request) => {
			request.answer();
			request.socket.end();
		});
		const { connection, heard } = connectionTo(server.target);
		connection.send(numberedRequest(1));
		await until(() => heard.length === 1);
		await until(() => server.openConnections === 0);
		await Bun.sleep(5);
		connection.send(numberedRequest(2));
		await until(() => heard.length === 2);
		expect(heard).toEqual(["answered 200", "answered 200"]);
		expect(server.connections).toBe(2);
		connection.close();
	});

	test("that comes after its request was given up is nobody's", async () => {
		const server = raw((request) => {
			if (request.number === 2) request.answer();
		});
		const { connection, heard } = connectionTo(server.target);
		connection.send(numberedRequest(1));
		await until(() => server.requests.length === 1);
		connection.close();
		server.requests[0]?.answer();
		connection.send(numberedRequest(2));
		await until(() => heard.length > 0);
		await Bun.sleep(20);
		expect(heard).toEqual(["answered 200"]);
		connection.close();
	});

	test("that nobody asked for ends the connection, and no request", async () => {
		const server = raw();
		const { connection, heard } = connectionTo(server.target);
		connection.send(numberedRequest(1));
		await until(() => heard.length === 1);
		server.requests[0]?.socket.write(plainAnswer);
		await until(() => server.openConnections === 0);
		connection.send(numberedRequest(2));
		await until(() => heard.length === 2);
		expect(heard).toEqual(["answered 200", "answered 200"]);
		connection.close();
	});

	test.each([
		["isn't HTTP", "SMTP ready\r\n", "malformed"],
		["is cut by the end", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", "malformed"],
		["never begins before the end", "", "reset"],
	])("that %s is a failure, once", async (_, text, kind) => {
		const target = serve({
			data(socket) {
				socket.write(text);
				socket.end();
			},
		});
		const { connection, heard } = connectionTo(target);
		connection.send(numberedRequest(1));
		await until(() => heard.length > 0);
		await Bun.sleep(10);
		expect(heard).toEqual([`failed ${kind}`]);
		expect([connection.isSent, connection.isWaiting]).toEqual([true, false]);
	});
});

describe("no connection", () => {
	test.each([
		[
			"where nobody listens",
			() => ({ hostname: "127.0.0.1", port: freePort() }),
			"nobody listens (ECONNREFUSED)",
		],
		["without a socket of that name", () => ({ unix: "/tmp/there-is-none.sock" }), "nobody listens (ENOENT)"],
	])("can be made %s, and nothing was sent", async (_, address, message) => {
		const target: Target = { text: "", address: address(), host: "x", base: "" };
		const failure = await ask(target, numberedRequest(1), 5000).catch((error: unknown) => error);
		expect(failure).toBeInstanceOf(NoAnswer);
		expect(failure).toMatchObject({ kind: "connect", message, isSent: false });
	});

	function freePort(): number {
		const server = startRaw();
		server.stop();
		return server.port;
	}
});

describe("a client", () => {
	test("asks one thing after another, and is told what came of each", async () => {
		const server = raw((request) => {
			if (request.number !== 2) request.answer();
		});
		const client = new Client(server.target, 50);
		expect((await client.ask(numberedRequest(1))).body).toBe("{}");
		const failure = await client.ask(numberedRequest(2)).catch((error: unknown) => error);
		expect(failure).toMatchObject({ kind: "timeout", isSent: true });
		expect((await client.ask(numberedRequest(3))).status).toBe(200);
		client.close();
	});
});

test("a bug in the owner ends the program, and doesn't leave it waiting", async () => {
	const server = raw();
	const program = `
		import { Connection } from "${new URL("../src/connection.ts", import.meta.url).pathname}";
		const connection = new Connection(
			{ text: "", address: { hostname: "127.0.0.1", port: ${server.port} }, host: "x", base: "" },
			{ answered() { throw new Error("a bug in the owner"); }, failed() {} },
		);
		connection.send(Buffer.from("GET /1 HTTP/1.1\\r\\n\\r\\n"));
		setTimeout(() => process.exit(0), 5000);`;
	const child = Bun.spawn([process.execPath, "-e", program], { stdout: "ignore", stderr: "pipe" });
	expect(await new Response(child.stderr).text()).toContain("a bug in the owner");
	expect(await child.exited).toBe(1);
});

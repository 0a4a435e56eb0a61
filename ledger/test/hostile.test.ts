/**
 * Bytes that no honest client sends: to each comes a clear 4xx or a closed connection, never a 5xx of the
 * ledger, nothing is written, and the process goes on.
 *
 * The one 5xx that stands here is Bun's own, a bare 505 to a request line that is of no HTTP/1 it knows. It
 * comes before the ledger sees anything, and says what RFC 9110 has it say.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { readBooks } from "./books.ts";
import { durableFolder, removeDurableFolders } from "./durable-folder.ts";
import { killLivingProcesses, LedgerProcess } from "./process.ts";
import { property, type Random } from "./random.ts";
import { ask, dropConnections, NoAnswer, type RawAnswer, RawConnection, request } from "./raw-http.ts";

const entry = '{"valor":1,"tipo":"c","descricao":"x"}';
const posting = request("POST", "/clientes/1/transacoes", { body: entry });
const statement = request("GET", "/clientes/1/extrato");

let ledger: LedgerProcess;
let databasePath: string;

beforeAll(async () => {
	const folder = durableFolder();
	databasePath = join(folder, "ledger.db");
	ledger = await LedgerProcess.start({ socket: join(folder, "ledger.sock"), databasePath });
});

afterAll(async () => {
	try {
		expect(await ledger.stop()).toEqual({ code: 0, signal: null });
	} finally {
		await killLivingProcesses();
	}
	// "An answer could not be made": whatever a client sends is no error of the ledger.
	expect(ledger.output).not.toContain('"level":"error"');
	expect(ledger.output).not.toContain('"level":"fatal"');
	readBooks(databasePath);
	removeDurableFolders();
});

afterEach(dropConnections);

beforeEach(async () => {
	expect((await ask(ledger.socket, request("POST", "/reset"))).status).toBe(200);
});

async function balance(): Promise<number> {
	return JSON.parse((await ask(ledger.socket, statement)).body).saldo.total;
}

/** Sends, and tells the answer, or "closed" or "silent" when there is none. */
async function outcome(bytes: string | Uint8Array, msMax = 2000): Promise<RawAnswer | "closed" | "silent"> {
	const connection = await RawConnection.open(ledger.socket);
	try {
		connection.send(bytes);
		return await connection.answer({ msMax });
	} catch (error) {
		if (error instanceof NoAnswer) return error.closed ? "closed" : "silent";
		throw error;
	} finally {
		connection.drop();
	}
}

function head(line: string, ...headers: string[]): string {
	return [line, ...headers, "", ""].join("\r\n");
}

describe("bytes that are no request are refused by Bun itself with a bare 400 and a closed connection:", () => {
	const post = "POST /clientes/1/transacoes HTTP/1.1";
	const json = "Content-Type: application/json";
	const length = `Content-Length: ${entry.length}`;
	const bad: [string, string | Uint8Array][] = [
		["zeros", new Uint8Array(100)],
		["a TLS greeting", Buffer.from("160301020001000201fc0303", "hex")],
		["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
		["line ends before the request", `\r\n\r\n${statement}`],
		["a path without its slash", head("GET health HTTP/1.1", "Host: a")],
		["an asterisk for a path", head("OPTIONS * HTTP/1.1", "Host: a")],
		["two spaces", head("GET  /health HTTP/1.1", "Host: a")],
		["no Host", head("GET /health HTTP/1.1")],
		["a header without a colon", head("GET /health HTTP/1.1", "Host: a", "X")],
		["a header without a name", head("GET /health HTTP/1.1", "Host: a", ": x")],
		["a space before the colon", head("GET /health HTTP/1.1", "Host : a")],
		["a folded header", head("GET /health HTTP/1.1", "Host: a", "X: a", " b")],
		["a NUL in a header", head("GET /health HTTP/1.1", "Host: a", "X: a\0b")],
		["a carriage return in a header", head("GET /health HTTP/1.1", "Host: a", "X: a\rb")],
		["a line feed alone behind a header", "GET /health HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"],
		[
			"two lengths that contradict each other",
			head(post, "Host: a", json, length, "Content-Length: 5") + entry,
		],
		["two lengths in one", head(post, "Host: a", json, "Content-Length: 38, 38") + entry],
		["a length and chunks", `${head(post, "Host: a", json, length, "Transfer-Encoding: chunked")}0\r\n\r\n`],
		["chunks and a length", `${head(post, "Host: a", json, "Transfer-Encoding: chunked", length)}0\r\n\r\n`],
		["a length below zero", head(post, "Host: a", json, "Content-Length: -1")],
		["a length with a sign", head(post, "Host: a", json, "Content-Length: +38") + entry],
		["a length in hex", head(post, "Host: a", json, "Content-Length: 0x26") + entry],
		["a length with a fraction", head(post, "Host: a", json, "Content-Length: 38.0") + entry],
		["a length past every number", head(post, "Host: a", json, `Content-Length: ${"9".repeat(30)}`) + entry],
		["an unknown transfer coding", head(post, "Host: a", json, "Transfer-Encoding: gzip") + entry],
		[
			"a coding that sounds like chunked",
			`${head(post, "Host: a", json, "Transfer-Encoding: xchunked")}0\r\n\r\n`,
		],
		[
			"a chunk whose size is no number",
			`${head(post, "Host: a", json, "Transfer-Encoding: chunked")}zz\r\n{}\r\n0\r\n\r\n`,
		],
		[
			"a chunk whose size is below zero",
			`${head(post, "Host: a", json, "Transfer-Encoding: chunked")}-1\r\n{}\r\n0\r\n\r\n`,
		],
	];
	test.each(bad)("%s", async (_, bytes) => {
		const connection = await RawConnection.open(ledger.socket);
		connection.send(bytes);
		const answer = await connection.answer({ msMax: 2000 });
		expect([answer.status, answer.body, answer.headers.get("connection")]).toEqual([400, "", "close"]);
		await connection.closing(2000);
		connection.drop();
		expect(await balance()).toBe(0);
	});
});

describe("headers that are too large are refused by Bun itself with a bare 431:", () => {
	const large: [string, string][] = [
		["one of 20 KB", head("GET /health HTTP/1.1", "Host: a", `X: ${"x".repeat(20_000)}`)],
		["three hundred of them", head("GET /health HTTP/1.1", "Host: a", ...new Array(300).fill("X: x"))],
		["a path of 20 KB", head(`GET /${"a".repeat(20_000)} HTTP/1.1`, "Host: a")],
		["a Host of 20 KB", head("GET /health HTTP/1.1", `Host: ${"a".repeat(20_000)}`)],
	];
	test.each(large)("%s", async (_, bytes) => {
		expect(await outcome(bytes)).toMatchObject({ status: 431, body: "" });
	});

	test("10 KB of header are not too large", async () => {
		expect(await outcome(head("GET /health HTTP/1.1", "Host: a", `X: ${"x".repeat(10_000)}`))).toMatchObject({
			status: 200,
		});
	});
});

describe("a request line of no HTTP that Bun knows gets its bare 505:", () => {
	const lines = [
		"GET /health HTTP/9.9",
		"GET /health HTTP/2.0",
		"GET /health HTTP/1.2",
		"GET /health HTTP/0.9",
		"GET /health",
	];
	test.each(lines.map((line) => [line]))("%j", async (line) => {
		expect(await outcome(head(line, "Host: a"))).toMatchObject({ status: 505, body: "" });
	});
});

describe("HTTP/1.0", () => {
	test("is answered, and the connection closed", async () => {
		const connection = await RawConnection.open(ledger.socket);
		connection.send(head("GET /clientes/1/extrato HTTP/1.0"));
		expect((await connection.answer()).status).toBe(200);
		await connection.closing(2000);
		connection.drop();
	});

	test("without a Host finds an unknown path unknown", async () => {
		expect(await outcome(head("GET /nada HTTP/1.0"))).toMatchObject({ status: 404 });
	});
});

describe("a Host that no URL could hold is no error of the ledger:", () => {
	const hosts = [
		"",
		"[",
		"a b",
		"%",
		"a:99999",
		"a:b",
		"::::",
		"\xff",
		"<>",
		"a/b",
		"http://a",
		"@",
		"#",
		"?",
		"[::1",
		"1.2.3.4.5",
	];
	test.each(hosts.map((host) => [host]))("%j", async (host) => {
		const bytes = (line: string) => Buffer.from(head(line, `Host: ${host}`), "latin1");
		for (const [line, fitting] of [
			["GET /health HTTP/1.1", [200, 400]],
			["GET /clientes/1/extrato HTTP/1.1", [200, 400]],
			["GET /nada HTTP/1.1", [404, 400]],
			["DELETE /health HTTP/1.1", [405, 400]],
		] as const) {
			const answer = await outcome(bytes(line));
			expect(fitting).toContain((answer as RawAnswer).status as never);
		}
	});
});

describe("a method that Bun doesn't know ends the connection at once, and nothing is written:", () => {
	const methods = ["FOO", "get", "Post", "POSTPOST", "P", "GET/", "(", "é", "G".repeat(1000)];
	test.each(methods.map((method) => [method.slice(0, 40), method]))("%j", async (_, method) => {
		const answer = await outcome(request(method, "/clientes/1/transacoes", { body: entry }));
		if (typeof answer === "object") expect(answer.status).toBeWithin(400, 500);
		else expect(answer).toBe("closed");
		expect(await balance()).toBe(0);
	});
});

describe("a body", () => {
	test("that comes byte by byte is taken", async () => {
		const connection = await RawConnection.open(ledger.socket);
		for (const byte of Buffer.from(posting)) {
			connection.send(Uint8Array.of(byte));
			await new Promise((resolve) => setImmediate(resolve));
		}
		expect((await connection.answer()).body).toBe('{"limite":100000,"saldo":1}');
		connection.drop();
	});

	test("that comes slowly is waited for, and holds up nobody else", async () => {
		const connection = await RawConnection.open(ledger.socket);
		connection.send(posting.slice(0, -20));
		await Bun.sleep(300);
		expect(await balance()).toBe(0);
		connection.send(posting.slice(-20, -1));
		await Bun.sleep(300);
		connection.send(posting.slice(-1));
		expect((await connection.answer()).status).toBe(200);
		connection.drop();
		expect(await balance()).toBe(1);
	});

	const ways: [string, (connection: RawConnection) => void][] = [
		["the connection is dropped", (connection) => connection.drop()],
		["the client sends no more", (connection) => connection.endSending()],
	];
	test.each(ways)("that is cut off anywhere writes nothing, when %s", async (_, end) => {
		const chunked = `${request("POST", "/clientes/1/transacoes", { headers: { "Transfer-Encoding": "chunked" } })}26\r\n${entry}\r\n0\r\n\r\n`;
		for (const whole of [posting, chunked]) {
			const bodyStart = whole.indexOf("\r\n\r\n");
			for (let length = bodyStart - 10; length < whole.length - (whole === chunked ? 2 : 0); length += 3) {
				const connection = await RawConnection.open(ledger.socket);
				connection.send(whole.slice(0, length));
				await new Promise((resolve) => setImmediate(resolve));
				end(connection);
				const received = await connection.closing(2000);
				if (received !== "") expect(received).toMatch(/^HTTP\/1\.1 400 /);
				connection.drop();
			}
		}
		expect(await balance()).toBe(0);
	});

	test("that is announced and never sent doesn't keep the others waiting", async () => {
		const silent = await Promise.all(Array.from({ length: 100 }, () => RawConnection.open(ledger.socket)));
		for (const connection of silent) connection.send(posting.slice(0, -1));
		expect(await outcome(posting)).toMatchObject({ status: 200 });
		for (const connection of silent) connection.drop();
		expect(await balance()).toBe(1);
	});

	test("on a request that takes none is passed over, and the next request is found behind it", async () => {
		const connection = await RawConnection.open(ledger.socket);
		for (const bytes of [
			request("GET", "/clientes/1/extrato", { body: posting }),
			request("GET", "/health", { body: entry }),
		]) {
			connection.send(bytes);
			expect((await connection.answer()).status).toBe(200);
		}
		connection.drop();
		expect(await balance()).toBe(0);
	});

	test("said to be compressed is taken as it is", async () => {
		const headers = { "Content-Encoding": "gzip" };
		expect(await outcome(request("POST", "/clientes/1/transacoes", { body: entry, headers }))).toMatchObject({
			status: 200,
		});
		const packed = Buffer.from(Bun.gzipSync(entry)).toString("latin1");
		const bytes = Buffer.from(
			request("POST", "/clientes/1/transacoes", {
				headers: { ...headers, "Content-Length": String(packed.length) },
			}) + packed,
			"latin1",
		);
		expect(await outcome(bytes)).toMatchObject({ status: 400 });
	});
});

describe("Expect: 100-continue", () => {
	const headers = { Expect: "100-continue" };

	test("is answered with 100, and the body then taken", async () => {
		const connection = await RawConnection.open(ledger.socket);
		const bytes = request("POST", "/clientes/1/transacoes", { body: entry, headers });
		connection.send(bytes.slice(0, -entry.length));
		await Bun.sleep(50);
		connection.send(entry);
		expect((await connection.answer()).status).toBe(200);
		connection.drop();
	});

	test("doesn't ask for a body past what Bun takes in", async () => {
		const large = { ...headers, "Content-Type": "application/json", "Content-Length": "20000" };
		expect(await outcome(request("POST", "/clientes/1/transacoes", { headers: large }))).toMatchObject({
			status: 413,
		});
	});

	test("lets a body in that is too large only to refuse it", async () => {
		const body = entry.padEnd(2000);
		expect(await outcome(request("POST", "/clientes/1/transacoes", { body, headers }))).toMatchObject({
			status: 413,
		});
		expect(await balance()).toBe(0);
	});

	test("with another expectation is no error of the ledger", async () => {
		const answer = await outcome(
			request("POST", "/clientes/1/transacoes", { body: entry, headers: { Expect: "tea" } }),
		);
		expect([200, 417]).toContain((answer as RawAnswer).status);
	});
});

describe("headers that say two things:", () => {
	test("two media types are none", async () => {
		const headers = { "content-type": "text/plain" };
		expect(await outcome(request("POST", "/clientes/1/transacoes", { body: entry, headers }))).toMatchObject({
			status: 415,
		});
		expect(await balance()).toBe(0);
	});

	test("the same length twice is one length", async () => {
		const headers = { "content-length": String(entry.length) };
		const answer = await outcome(request("POST", "/clientes/1/transacoes", { body: entry, headers }));
		expect([200, 400]).toContain((answer as RawAnswer).status);
	});

	test("two hosts are no error of the ledger", async () => {
		for (const [path, status] of [
			["/health", 200],
			["/nada", 404],
		] as const) {
			const answer = await outcome(request("GET", path, { headers: { host: "another" } }));
			expect([status, 400]).toContain((answer as RawAnswer).status as never);
		}
	});

	test("an upgrade is not taken up", async () => {
		const headers = {
			Connection: "Upgrade",
			Upgrade: "websocket",
			"Sec-WebSocket-Version": "13",
			"Sec-WebSocket-Key": "eA==",
		};
		expect(await outcome(request("GET", "/health", { headers }))).toMatchObject({ status: 200 });
	});

	test("a request id of any bytes is no error of the ledger", async () => {
		const bytes = Buffer.from(
			request("GET", "/clientes/1/extrato", { headers: { "X-Request-Id": '\xff"\\\t' } }),
			"latin1",
		);
		expect(await outcome(bytes)).toMatchObject({ status: 200 });
	});
});

describe("requests sent without waiting for answers", () => {
	test("are answered in their order as long as none of them waits for the disk", async () => {
		const connection = await RawConnection.open(ledger.socket);
		connection.send(
			request("GET", "/nada") + request("DELETE", "/health") + request("GET", "/clientes/0/extrato"),
		);
		const statuses = [await connection.answer(), await connection.answer(), await connection.answer()];
		connection.drop();
		expect(statuses.map(({ status }) => status)).toEqual([404, 405, 404]);
	});

	test("are answered in their order or not at all, and what was answered is posted", async () => {
		const connection = await RawConnection.open(ledger.socket);
		const sent = 20;
		connection.send(posting.repeat(sent));
		let answered = 0;
		try {
			for (; answered < sent; answered += 1) {
				expect((await connection.answer({ msMax: 2000 })).body).toBe(
					`{"limite":100000,"saldo":${answered + 1}}`,
				);
			}
		} catch (error) {
			// Bun closes a connection on which a request arrives while an answer is being made. No answer
			// means that the outcome isn't known, as with every connection that breaks.
			expect(error).toBeInstanceOf(NoAnswer);
			expect((error as NoAnswer).closed).toBe(true);
		}
		connection.drop();
		expect(await balance()).toBeWithin(answered, sent + 1);
	});
});

test("a thousand connections that come and go unheard leave nothing behind", async () => {
	for (let round = 0; round < 10; round += 1) {
		const connections = await Promise.all(
			Array.from({ length: 100 }, () => RawConnection.open(ledger.socket)),
		);
		for (const [index, connection] of connections.entries()) {
			if (index % 3 === 0) connection.send(posting.slice(0, index));
			connection.drop();
		}
	}
	expect(await outcome(statement)).toMatchObject({ status: 200 });
});

const seeds = [
	posting,
	request("POST", "/clientes/2/transacoes", { body: '{"valor":100,"tipo":"d","descricao":"é😀\\u00e9"}' }),
	`${request("POST", "/clientes/3/transacoes", { headers: { "Transfer-Encoding": "chunked" } })}26\r\n${entry}\r\n0\r\n\r\n`,
	request("POST", "/clientes/1/transacoes", {
		body: entry,
		headers: { Expect: "100-continue", Connection: "close" },
	}),
	statement,
	request("GET", "/clientes/%31/extrato?x=%41#y", { headers: { Cookie: "a=b", "X-Request-Id": "7f" } }),
	request("HEAD", "/health"),
	request("OPTIONS", "/clientes/1/transacoes"),
	request("GET", "/nada"),
	request("DELETE", "/metrics"),
].map((text) => Buffer.from(text));

const splinters = [
	"\0",
	"\r\n",
	"\n",
	"\r",
	" ",
	"\t",
	":",
	"%",
	"%00",
	"%ff",
	"/",
	"//",
	"..",
	"?",
	"#",
	"\xff",
	"é",
	"😀",
	"{",
	"[",
	'"',
	"\\",
	"0",
	"-1",
	"1e9",
	"99999999999999999999",
	"HTTP/1.1",
	"Host: [",
	"Content-Length: 5\r\n",
	"Transfer-Encoding: chunked\r\n",
	"\r\n\r\n",
	"__proto__",
];

/** A request with one to four wounds. */
function mutated(random: Random): Buffer {
	let bytes = random.pick(seeds);
	for (let wounds = random.between(1, 4); wounds > 0; wounds -= 1) {
		const at = random.below(bytes.length + 1);
		const before = bytes.subarray(0, at);
		const splinter = random.chance(0.3) ? Buffer.of(random.below(256)) : Buffer.from(random.pick(splinters));
		switch (random.below(6)) {
			case 0:
				bytes = Buffer.concat([before, splinter, bytes.subarray(at)]);
				break;
			case 1:
				bytes = Buffer.concat([before, splinter, bytes.subarray(at + splinter.length)]);
				break;
			case 2:
				bytes = Buffer.concat([before, bytes.subarray(at + random.between(1, 10))]);
				break;
			case 3:
				bytes = Buffer.concat([before, bytes.subarray(random.below(at + 1))]);
				break;
			case 4:
				bytes = Buffer.concat([before, random.pick(seeds)]);
				break;
			default:
				bytes = Buffer.from(bytes);
				if (at < bytes.length) bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
		}
	}
	return bytes;
}

/** A request of the right form, wounded inside its parts only: it gets past Bun's parser, to the ledger. */
function misshapen(random: Random): Buffer {
	const part = (whole: string) => {
		if (random.chance(0.6)) return whole;
		const splinter = random.pick(splinters).replaceAll(/[\0\r\n\t ]/g, "");
		const at = random.below(whole.length + 1);
		return whole.slice(0, at) + splinter + whole.slice(at + random.below(3));
	};
	const ending = random.pick(["transacoes", "transacoes", "extrato"]);
	const fitting = ending === "extrato" ? "GET" : "POST";
	const method = random.chance(0.9)
		? fitting
		: random.pick(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"]);
	const path = random.chance(0.1)
		? part(random.pick(["/health", "/metrics", "/"]))
		: `/clientes/${part(random.pick(["1", "2", "6"]))}/${random.chance(0.9) ? ending : part(ending)}`;
	const body = part(
		part(random.pick([entry, '{"valor":100,"tipo":"d","descricao":"é😀\\u00e9"}', '{"valor":1e400}'])),
	);
	const headers = {
		Host: part("ledger"),
		"Content-Type": random.chance(0.8) ? "application/json" : part("application/json; charset=utf-8"),
		"X-Request-Id": part("7f"),
		[random.pick(["Accept", "Cookie", "Forwarded", "Content-Encoding", "Range", "If-None-Match"])]:
			part("a=b"),
	};
	return Buffer.from(
		request(method, path, method === "GET" || method === "HEAD" ? { headers } : { body, headers }),
	);
}

property(
	"thousands of mutilated requests bring no 5xx, and the books are right behind them",
	async (random) => {
		const statuses = new Map<string, number>();
		const count = (what: string) => statuses.set(what, (statuses.get(what) ?? 0) + 1);
		const requests = Array.from({ length: 6000 }, (_, index) =>
			index % 2 ? mutated(random) : misshapen(random),
		);
		const worker = async () => {
			for (let bytes = requests.pop(); bytes !== undefined; bytes = requests.pop()) {
				const received = await everything(bytes);
				const answers = [...received.matchAll(/HTTP\/1\.1 (\d{3}) [^\r]*\r\n(Connection: close\r\n\r\n)?/g)];
				if (answers.length === 0) count("none");
				for (const [, status = "", bare] of answers) {
					count(status);
					// Bun's own says nothing but that the connection closes.
					const bunsOwn = status === "505" && bare !== undefined;
					if (status >= "500" && !bunsOwn)
						throw new Error(`${status} to ${JSON.stringify(bytes.toString("latin1"))}`);
				}
			}
		};
		await Promise.all(Array.from({ length: 48 }, worker));
		// They reach the ledger, and not only Bun's parser.
		for (const status of ["200", "400", "404", "405", "415", "422"]) {
			if ((statuses.get(status) ?? 0) < 20)
				throw new Error(`hardly any ${status}: ${JSON.stringify([...statuses])}`);
		}

		expect(ledger.running).toBe(true);
		expect(await outcome(posting)).toMatchObject({ status: 200 });
		const { entries } = readBooks(databasePath);
		expect(entries.length).toBeGreaterThan(100);
		const one = entries.filter(({ accountId }) => accountId === 1);
		expect(one.reduce((sum, { change }) => sum + change, 0)).toBe(await balance());
	},
);

/** Sends, and tells all that comes until the ledger closes, or falls silent: most answers take a millisecond. */
async function everything(bytes: Uint8Array): Promise<string> {
	const connection = await RawConnection.open(ledger.socket);
	try {
		connection.send(bytes);
		return await connection.closing(40);
	} catch (error) {
		return (error as NoAnswer).received;
	} finally {
		connection.drop();
	}
}

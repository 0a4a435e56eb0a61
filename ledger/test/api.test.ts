/**
 * The HTTP contract line by line, over real sockets to a real process. What is wrong with the bytes
 * themselves is in hostile.test.ts.
 */
import { Database } from "bun:sqlite";
import {
	afterAll,
	afterEach,
	beforeAll,
	beforeEach,
	describe,
	expect,
	setDefaultTimeout,
	test,
} from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { databases } from "./databases.ts";
import { durableFolder, removeDurableFolders } from "./durable-folder.ts";
import { readExposition } from "./exposition.ts";
import { killLivingProcesses, LedgerProcess } from "./process.ts";
import { ask, dropConnections, type RawAnswer, RawConnection, request } from "./raw-http.ts";
import { endPostgres } from "./store/postgres-server.ts";

const problemType = "application/problem+json";
const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const entry = '{"valor":1,"tipo":"c","descricao":"x"}';

function expectProblem(answer: RawAnswer, status: number, name: string): void {
	expect(answer.headers.get("content-type")).toBe(problemType);
	expect(JSON.parse(answer.body)).toMatchObject({ type: `urn:crebito:problema:${name}`, status });
	expect(answer.status).toBe(status);
}

// The first test of PostgreSQL waits for its start.
setDefaultTimeout(60_000);
afterAll(async () => {
	await killLivingProcesses();
	removeDurableFolders();
	endPostgres();
});

describe.each(databases.map((database) => [database.name, database] as const))("on %s,", (_, database) => {
	let ledger: LedgerProcess;

	async function start(environment: Record<string, string> = {}): Promise<LedgerProcess> {
		const folder = durableFolder();
		return LedgerProcess.start({
			socket: join(folder, "ledger.sock"),
			databasePath: "",
			environment: { ...(await database.fresh(folder)), ...environment },
		});
	}

	beforeAll(async () => {
		ledger = await start();
	});

	afterAll(async () => {
		// Nothing that was asked of it may have been an error to it.
		expect(ledger.output).not.toContain('"level":"error"');
		expect(await ledger.stop()).toEqual({ code: 0, signal: null });
	});

	function get(path: string): Promise<RawAnswer> {
		return ask(ledger.socket, request("GET", path));
	}

	function postEntry(
		id: number | string,
		body: string,
		headers?: Record<string, string | undefined>,
	): Promise<RawAnswer> {
		return ask(
			ledger.socket,
			request("POST", `/clientes/${id}/transacoes`, { body, ...(headers && { headers }) }),
		);
	}

	async function statement(
		id: number,
	): Promise<{ saldo: Record<string, unknown>; ultimas_transacoes: Record<string, unknown>[] }> {
		return JSON.parse((await get(`/clientes/${id}/extrato`)).body);
	}

	/** How many entries account 1 shows, and its balance: what a refusal leaves alone. */
	async function state(): Promise<unknown> {
		const { saldo, ultimas_transacoes } = await statement(1);
		return { total: saldo.total, ultimas_transacoes };
	}

	afterEach(dropConnections);

	beforeEach(async () => {
		expect((await ask(ledger.socket, request("POST", "/reset"))).status).toBe(200);
	});

	describe("the five accounts of the seed", () => {
		test.each([
			[1, 100_000],
			[2, 80_000],
			[3, 1_000_000],
			[4, 10_000_000],
			[5, 500_000],
		])("hold account %d with a limit of %d cents, at 0", async (id, limit) => {
			const answer = await get(`/clientes/${id}/extrato`);
			expect(answer.status).toBe(200);
			expect(JSON.parse(answer.body)).toEqual({
				saldo: { total: 0, data_extrato: expect.stringMatching(timestamp), limite: limit },
				ultimas_transacoes: [],
			});
		});

		test("don't hold a sixth", async () => {
			expectProblem(await get("/clientes/6/extrato"), 404, "cliente-desconhecido");
			expectProblem(await postEntry(6, entry), 404, "cliente-desconhecido");
		});
	});

	describe("POST /clientes/{id}/transacoes", () => {
		test("answers with limit and balance, byte for byte", async () => {
			const answer = await postEntry(1, '{"valor":9098,"tipo":"d","descricao":"descricao"}');
			expect(answer.status).toBe(200);
			expect(answer.headers.get("content-type")).toBe("application/json");
			expect(answer.headers.get("content-length")).toBe("31");
			expect(answer.body).toBe('{"limite":100000,"saldo":-9098}');
			expect((await postEntry(1, '{"valor":98,"tipo":"c","descricao":"x"}')).body).toBe(
				'{"limite":100000,"saldo":-9000}',
			);
		});

		test("refuses the cent past the limit with 422, and nothing changes", async () => {
			expect((await postEntry(1, '{"valor":100000,"tipo":"d","descricao":"x"}')).status).toBe(200);
			const before = await state();
			expectProblem(await postEntry(1, '{"valor":1,"tipo":"d","descricao":"x"}'), 422, "limite-excedido");
			expect(await state()).toEqual(before);
		});

		test("refuses the cent past what a number holds with 422, and nothing changes", async () => {
			expect((await postEntry(1, '{"valor":9007199254740991,"tipo":"c","descricao":"x"}')).body).toBe(
				'{"limite":100000,"saldo":9007199254740991}',
			);
			const before = await state();
			expectProblem(await postEntry(1, entry), 422, "saldo-fora-da-faixa");
			expect(await state()).toEqual(before);
		});

		const refused: [why: string, body: string, status: number, name: string][] = [
			["an empty body", "", 400, "json-malformado"],
			["a body that is no JSON", "{", 400, "json-malformado"],
			["a byte order mark", `\ufeff${entry}`, 400, "json-malformado"],
			["a list", `[${entry}]`, 422, "corpo-invalido"],
			["null", "null", 422, "corpo-invalido"],
			["an amount with a fraction", '{"valor":1.5,"tipo":"d","descricao":"x"}', 422, "valor-invalido"],
			[
				"an amount written with a fraction",
				'{"valor":1.0,"tipo":"d","descricao":"x"}',
				422,
				"valor-invalido",
			],
			["an amount of 0", '{"valor":0,"tipo":"d","descricao":"x"}', 422, "valor-invalido"],
			["an amount below 0", '{"valor":-1,"tipo":"d","descricao":"x"}', 422, "valor-invalido"],
			["an amount as text", '{"valor":"1","tipo":"d","descricao":"x"}', 422, "valor-invalido"],
			["an amount of 2^53", '{"valor":9007199254740992,"tipo":"c","descricao":"x"}', 422, "valor-invalido"],
			["an unknown kind", '{"valor":1,"tipo":"x","descricao":"x"}', 422, "tipo-invalido"],
			["no description", '{"valor":1,"tipo":"c"}', 422, "descricao-invalida"],
			["an empty description", '{"valor":1,"tipo":"c","descricao":""}', 422, "descricao-invalida"],
			["a description of null", '{"valor":1,"tipo":"c","descricao":null}', 422, "descricao-invalida"],
			[
				"a description of eleven",
				'{"valor":1,"tipo":"c","descricao":"descricao+b"}',
				422,
				"descricao-invalida",
			],
			["a control character", '{"valor":1,"tipo":"c","descricao":"\\u0000"}', 422, "descricao-invalida"],
			["half a character", '{"valor":1,"tipo":"c","descricao":"\\ud800"}', 422, "descricao-invalida"],
		];
		test.each(refused)("refuses %s, and nothing changes", async (_, body, status, name) => {
			const before = await state();
			expectProblem(await postEntry(1, body), status, name);
			expect(await state()).toEqual(before);
		});

		test("takes ten characters of any script, and gives them back as they came", async () => {
			for (const description of ["😀".repeat(10), "ação é ñ ü", 'a"b\\c', "\u2028"]) {
				const body = JSON.stringify({ valor: 1, tipo: "c", descricao: description });
				expect((await postEntry(2, body)).status).toBe(200);
				expect((await statement(2)).ultimas_transacoes[0]?.descricao).toBe(description);
			}
		});

		const types = ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"];
		test.each([...types, undefined].map((type) => [type]))("takes the media type %p", async (type) => {
			expect((await postEntry(1, entry, { "Content-Type": type })).status).toBe(200);
		});

		const others = ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "*/*", ""];
		test.each(others.map((type) => [type]))("refuses the media type %j with 415", async (type) => {
			const before = await state();
			expectProblem(await postEntry(1, entry, { "Content-Type": type }), 415, "tipo-de-midia");
			expect(await state()).toEqual(before);
		});
	});

	describe("a body's size", () => {
		const padded = (bytes: number) => entry.padEnd(bytes);
		const chunked = (body: string, size: number) => {
			let text = "";
			for (let at = 0; at < body.length; at += size) {
				const chunk = body.slice(at, at + size);
				text += `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
			}
			const head = request("POST", "/clientes/1/transacoes", { headers: { "Transfer-Encoding": "chunked" } });
			return `${head}${text}0\r\n\r\n`;
		};

		test("of 1024 bytes is taken, by length and in chunks", async () => {
			expect((await postEntry(1, padded(1024))).body).toBe('{"limite":100000,"saldo":1}');
			expect((await ask(ledger.socket, chunked(padded(1024), 1024))).body).toBe(
				'{"limite":100000,"saldo":2}',
			);
			expect((await ask(ledger.socket, chunked(padded(1024), 1))).body).toBe('{"limite":100000,"saldo":3}');
		});

		test.each([1025, 2000, 16_384])(
			"of %d bytes is refused with a problem, and nothing changes",
			async (bytes) => {
				expectProblem(await postEntry(1, padded(bytes)), 413, "corpo-grande");
				expectProblem(await ask(ledger.socket, chunked(padded(bytes), 1000)), 413, "corpo-grande");
				expect(await state()).toEqual({ total: 0, ultimas_transacoes: [] });
			},
		);

		test.each([16_385, 100_000])(
			"of %d bytes is refused by Bun itself, without a body, and closes",
			async (bytes) => {
				for (const sent of [
					request("POST", "/clientes/1/transacoes", { body: padded(bytes) }),
					chunked(padded(bytes), 4096),
				]) {
					const connection = await RawConnection.open(ledger.socket);
					connection.send(sent);
					expect(await connection.answer()).toMatchObject({ status: 413, body: "" });
					await connection.closing();
					connection.drop();
				}
				expect(await state()).toEqual({ total: 0, ultimas_transacoes: [] });
			},
		);

		test("may be refused before the body comes, and what comes then is no request", async () => {
			for (const path of ["/clientes/0/transacoes", "/clientes/1/extrato", "/nada"]) {
				const connection = await RawConnection.open(ledger.socket);
				const hidden = request("POST", "/clientes/1/transacoes", { body: entry });
				connection.send(
					request("POST", path, {
						headers: { "Content-Type": "application/json", "Content-Length": "2000" },
					}),
				);
				expect((await connection.answer()).status).toBe(path.includes("/1/") ? 405 : 404);
				connection.send(hidden.padEnd(2000));
				connection.send(request("GET", "/health"));
				expect(JSON.parse((await connection.answer()).body)).toMatchObject({ status: "healthy" });
				connection.drop();
			}
			expect(await state()).toEqual({ total: 0, ultimas_transacoes: [] });
		});

		test("over the bound leaves the connection to the next request", async () => {
			const connection = await RawConnection.open(ledger.socket);
			const hidden = request("POST", "/clientes/1/transacoes", { body: entry });
			connection.send(request("POST", "/clientes/1/transacoes", { body: hidden.padEnd(2000) }));
			expect((await connection.answer()).status).toBe(413);
			connection.send(request("GET", "/health"));
			expect((await connection.answer()).status).toBe(200);
			expect(await state()).toEqual({ total: 0, ultimas_transacoes: [] });
		});
	});

	describe("GET /clientes/{id}/extrato", () => {
		test("shows the newest ten, newest first, in the specification's form", async () => {
			for (let count = 1; count <= 12; count += 1) {
				await postEntry(1, `{"valor":${count},"tipo":"${count % 2 ? "c" : "d"}","descricao":"n${count}"}`);
			}
			const answer = await get("/clientes/1/extrato");
			expect(answer.headers.get("content-type")).toBe("application/json");
			const json = JSON.parse(answer.body);
			expect(Object.keys(json)).toEqual(["saldo", "ultimas_transacoes"]);
			expect(json.saldo).toEqual({
				total: -6,
				data_extrato: expect.stringMatching(timestamp),
				limite: 100_000,
			});
			expect(json.ultimas_transacoes).toEqual(
				Array.from({ length: 10 }, (_, index) => ({
					valor: 12 - index,
					tipo: index % 2 ? "c" : "d",
					descricao: `n${12 - index}`,
					realizada_em: expect.stringMatching(timestamp),
				})),
			);
			const times = [
				json.saldo.data_extrato,
				...json.ultimas_transacoes.map((shown: { realizada_em: string }) => shown.realizada_em),
			];
			expect(times).toEqual(times.toSorted().toReversed());
		});

		test("shows what was acknowledged before it was asked, to everyone", async () => {
			for (let count = 1; count <= 20; count += 1) {
				await postEntry(3, entry);
				expect((await statement(3)).saldo.total).toBe(count);
			}
		});
	});

	describe("an id that names no account is 404, to read and to post:", () => {
		const wrong = [
			"0",
			"00",
			"01",
			"1.0",
			"1.",
			"1e0",
			"0x1",
			"+1",
			"-1",
			"1_0",
			"6",
			"9999999999",
			"10000000000",
		];
		const strange = [
			"a",
			"NaN",
			"null",
			"1,2",
			"1;2",
			"1:",
			"*",
			"%20",
			"1%20",
			"%201",
			"%0a1",
			"1%00",
			"%2b1",
			"1%2f",
		];
		const raw = [
			"%",
			"%zz",
			"%ff",
			"%e9",
			"é",
			"١",
			"１",
			"😀",
			"1".repeat(5000),
			"..%2f1",
			"%2e",
			"{id}",
			":id",
		];
		test.each([...wrong, ...strange, ...raw].map((id) => [id.slice(0, 40), id]))("%s", async (_, id) => {
			for (const answer of [await get(`/clientes/${id}/extrato`), await postEntry(id, entry)]) {
				expectProblem(answer, 404, "cliente-desconhecido");
			}
		});

		test("%31 is 1 to RFC 3986 (6.2.2.2), and so it is here", async () => {
			expect((await postEntry("%31", entry)).body).toBe('{"limite":100000,"saldo":1}');
		});
	});

	describe("a path that leads nowhere is 404, whatever the method:", () => {
		const short = [
			"/",
			"/clientes",
			"/clientes/",
			"/clientes/1",
			"/clientes/1/",
			"/clientes//extrato",
			"/clientes/1/nada",
		];
		const near = [
			"/clientes/1/extrato/",
			"/clientes/1/extrato/x",
			"//clientes/1/extrato",
			"/clientes/1//extrato",
		];
		const cased = [
			"/Clientes/1/extrato",
			"/clientes/1/EXTRATO",
			"/health/",
			"/Health",
			"/metrics/",
			"/reset/",
			"/healthz",
		];
		const encoded = [
			"/clientes/1%2fextrato",
			"/%63lientes/1/extrato",
			"/clientes/1/extrato%00",
			"/%",
			"/%zz",
			"/é",
			"/\\health",
		];
		const long = [
			`/${"a".repeat(8000)}`,
			`/${"a/".repeat(2000)}`,
			"/favicon.ico",
			"/.env",
			"/index.php?id=1",
		];
		test.each([...short, ...near, ...cased, ...encoded, ...long].map((path) => [path.slice(0, 40), path]))(
			"%s",
			async (_, path) => {
				for (const method of ["GET", "POST", "DELETE", "OPTIONS"]) {
					expectProblem(await ask(ledger.socket, request(method, path)), 404, "rota-desconhecida");
				}
			},
		);

		const dotted = [
			"/clientes/../health",
			"/./health",
			"/clientes/./1/extrato",
			"/clientes/%2e%2e/health",
			"/x/..//health",
		];
		test.each(dotted.map((path) => [path]))("%s, which the ledger doesn't resolve", async (path) => {
			expectProblem(await get(path), 404, "rota-desconhecida");
		});

		test("a fragment, which no client sends, is part of the path", async () => {
			expectProblem(await get("/health#x"), 404, "rota-desconhecida");
		});
	});

	test("a query is nobody's business", async () => {
		for (const query of ["?", "?x=1", "?id=2&id=3", "?%zz", `?${"q".repeat(4000)}`]) {
			expect((await get(`/health${query}`)).status).toBe(200);
			expect((await get(`/clientes/1/extrato${query}`)).status).toBe(200);
			expectProblem(await get(`/nada${query}`), 404, "rota-desconhecida");
		}
	});

	describe("a method that a route doesn't know is 405 with Allow:", () => {
		const routes: [path: string, allow: string][] = [
			["/clientes/1/transacoes", "POST"],
			["/clientes/6/transacoes", "POST"],
			["/clientes/1/extrato", "GET, HEAD"],
			["/clientes/x/extrato", "GET, HEAD"],
			["/reset", "POST"],
			["/health", "GET, HEAD"],
			["/metrics", "GET, HEAD"],
		];
		const methods = [
			"GET",
			"HEAD",
			"POST",
			"PUT",
			"PATCH",
			"DELETE",
			"OPTIONS",
			"TRACE",
			"PROPFIND",
			"PURGE",
			"SEARCH",
		];
		const cases = routes.flatMap(([path, allow]) =>
			methods
				.filter((method) => !allow.split(", ").includes(method))
				.map((method) => [method, path, allow] as const),
		);
		test.each(cases)("%s %s", async (method, path, allow) => {
			for (const body of [undefined, entry]) {
				const answer = await ask(ledger.socket, request(method, path, body === undefined ? {} : { body }));
				expect(answer.status).toBe(405);
				expect(answer.headers.get("allow")).toBe(allow);
				expect(answer.headers.get("content-type")).toBe(problemType);
				if (method !== "HEAD") expectProblem(answer, 405, "metodo-nao-permitido");
			}
			expect(await state()).toEqual({ total: 0, ultimas_transacoes: [] });
		});
	});

	describe("HEAD", () => {
		test.each([["/clientes/1/extrato"], ["/health"], ["/nada"], ["/clientes/6/extrato"]])(
			"%s answers as GET, without the body",
			async (path) => {
				const connection = await RawConnection.open(ledger.socket);
				connection.send(request("HEAD", path));
				const head = await connection.answer({ toHead: true });
				// A body that came all the same would be taken for the next answer.
				connection.send(request("GET", path));
				const full = await connection.answer();
				connection.drop();
				expect(head.status).toBe(full.status);
				for (const name of ["content-type", "content-length"])
					expect(head.headers.get(name)).toBe(full.headers.get(name) as string);
				expect(head.body).toBe("");
			},
		);
	});

	describe("POST /reset", () => {
		test("brings back every account and leaves no entry", async () => {
			for (const id of [1, 2, 3, 4, 5]) await postEntry(id, '{"valor":77,"tipo":"d","descricao":"x"}');
			const answer = await ask(ledger.socket, request("POST", "/reset"));
			expect([answer.status, answer.body, answer.headers.get("content-type")]).toEqual([
				200,
				"{}",
				"application/json",
			]);
			for (const id of [1, 2, 3, 4, 5])
				expect(await statement(id)).toMatchObject({ saldo: { total: 0 }, ultimas_transacoes: [] });
		});

		test("under load leaves books that add up", async () => {
			const work = Array.from({ length: 20 }, async (_, worker) => {
				const connection = await RawConnection.open(ledger.socket);
				for (let round = 0; round < 30; round += 1) {
					const reset = worker === 0 && round % 10 === 5;
					connection.send(
						reset ? request("POST", "/reset") : request("POST", "/clientes/1/transacoes", { body: entry }),
					);
					expect((await connection.answer()).status).toBe(200);
				}
				connection.drop();
			});
			await Promise.all(work);
			const { saldo, ultimas_transacoes } = await statement(1);
			expect(saldo.total).toBeWithin(ultimas_transacoes.length, 20 * 30);
		});

		test("isn't there with RESET=off", async () => {
			const quiet = await start({ RESET: "off" });
			await ask(quiet.socket, request("POST", "/clientes/1/transacoes", { body: entry }));
			for (const method of ["POST", "GET"]) {
				expectProblem(await ask(quiet.socket, request(method, "/reset")), 404, "rota-desconhecida");
			}
			const shown = await ask(quiet.socket, request("GET", "/clientes/1/extrato"));
			expect(JSON.parse(shown.body).saldo.total).toBe(1);
			await quiet.stop();
		});
	});

	describe("GET /health", () => {
		test("is healthy, at the present time", async () => {
			const before = Date.now();
			const answer = await get("/health");
			expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"]);
			expect(JSON.parse(answer.body)).toEqual({
				status: "healthy",
				timestamp: expect.stringMatching(timestamp),
			});
			const { timestamp: time } = JSON.parse(answer.body);
			expect(Date.parse(time)).toBeWithin(before, Date.now() + 1);
		});
	});

	describe("GET /metrics", () => {
		test("counts what was done, by route and status", async () => {
			const count = async () => {
				const answer = await get("/metrics");
				expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4");
				const families = readExposition(answer.body);
				return (family: string, key = family) => families.get(family)?.samples.get(key) ?? 0;
			};
			const before = await count();
			for (let index = 0; index < 3; index += 1) await postEntry(1, entry);
			await postEntry(1, "{");
			await postEntry(1, '{"valor":1000000,"tipo":"d","descricao":"x"}');
			await get("/clientes/1/extrato");
			await get("/clientes/6/extrato");
			await get("/nada");
			await ask(ledger.socket, request("PUT", "/health"));
			await get("/health");
			await ask(ledger.socket, request("POST", "/reset"));
			const after = await count();

			const requests = "crebito_http_requests_total";
			const grown = (family: string, key = family) => after(family, key) - before(family, key);
			const byRoute = (route: string, status: number) =>
				grown(requests, `${requests}{route="${route}",status="${status}"}`);
			expect(byRoute("entries", 200)).toBe(3);
			expect(byRoute("entries", 400)).toBe(1);
			expect(byRoute("entries", 422)).toBe(1);
			expect(byRoute("statement", 200)).toBe(1);
			expect(byRoute("statement", 404)).toBe(1);
			expect(byRoute("health", 200)).toBe(1);
			expect(byRoute("reset", 200)).toBe(1);
			// 11 requests, and the first look at the metrics.
			expect(grown("crebito_http_request_seconds", "crebito_http_request_seconds_count")).toBe(12);
			// Those that ask the store, each by itself.
			expect(grown("crebito_batch_size", "crebito_batch_size_sum")).toBe(8);
			expect(grown("crebito_batch_size", "crebito_batch_size_count")).toBe(8);
			expect(grown("crebito_commit_seconds", "crebito_commit_seconds_count")).toBe(8);
			// PostgreSQL waits for the disk inside of its commit.
			const syncs = database.name === "SQLite" ? 8 : 0;
			expect(grown("crebito_sync_seconds", "crebito_sync_seconds_count")).toBe(syncs);
			expect(after("crebito_waiting_requests")).toBe(0);
			expect(after("process_resident_memory_bytes")).toBeWithin(10_000_000, 300_000_000);
		});

		test("has no label that a caller could choose", async () => {
			await get("/who/am/i");
			await ask(ledger.socket, request("PROPFIND", "/clientes/secret/extrato"));
			const { body } = await get("/metrics");
			expect(body).not.toContain("who");
			expect(body).not.toContain("PROPFIND");
			expect(body).not.toContain("secret");
		});
	});

	describe("many connections", () => {
		test("get each its own answer, and no balance twice", async () => {
			const balances: number[] = [];
			const work = Array.from({ length: 50 }, async () => {
				const connection = await RawConnection.open(ledger.socket);
				for (let round = 0; round < 20; round += 1) {
					connection.send(
						request("POST", "/clientes/4/transacoes", { body: '{"valor":1,"tipo":"d","descricao":"x"}' }),
					);
					balances.push(JSON.parse((await connection.answer()).body).saldo);
				}
				connection.drop();
			});
			await Promise.all(work);
			expect(balances.toSorted((a, b) => b - a)).toEqual(
				Array.from({ length: 1000 }, (_, index) => -1 - index),
			);
		});
	});
});
describe("a process that can't commit", () => {
	test("answers 503 with the request's id, says so in health, and recovers", async () => {
		const folder = durableFolder();
		const databasePath = join(folder, "ledger.db");
		const environment = { WAITING_MAX: "1", BATCH_MAX: "1", LOG_LEVEL: "debug" };
		const stuck = await LedgerProcess.start({
			socket: join(folder, "ledger.sock"),
			databasePath,
			environment,
		});
		const lock = new Database(databasePath);
		lock.run("BEGIN IMMEDIATE");
		const named = (id: string) =>
			ask(
				stuck.socket,
				request("POST", "/clientes/1/transacoes", { body: entry, headers: { "X-Request-Id": id } }),
			);

		const first = named("the-first");
		await Bun.sleep(100);
		const waiting = ask(stuck.socket, request("GET", "/health"));
		await Bun.sleep(100);
		const overloaded = await named("the-third");
		expectProblem(overloaded, 503, "sobrecarga");
		expect(overloaded.headers.get("retry-after")).toBe("1");
		expect(JSON.parse(overloaded.body)).toMatchObject({ instance: "the-third", detail: expect.any(String) });

		const refused = await first;
		expectProblem(refused, 503, "indisponivel");
		expect(refused.headers.get("retry-after")).toBe("1");
		expect(JSON.parse(refused.body)).toMatchObject({ instance: "the-first", detail: expect.any(String) });

		const unhealthy = await waiting;
		expect([unhealthy.status, unhealthy.headers.get("content-type")]).toEqual([503, "application/json"]);
		expect(JSON.parse(unhealthy.body)).toEqual({
			status: "unable to commit",
			reason: expect.any(String),
			timestamp: expect.stringMatching(timestamp),
		});

		lock.run("ROLLBACK");
		lock.close();
		expect((await named("later")).body).toBe('{"limite":100000,"saldo":1}');
		expect((await ask(stuck.socket, request("GET", "/health"))).status).toBe(200);
		expect(stuck.output).toContain("the-first");
		await stuck.stop();
	}, 20_000);

	test("answers 500 with the request's id when the outcome is unknown, and ends with 70", async () => {
		const folder = durableFolder();
		const databasePath = join(folder, "ledger.db");
		const doomed = await LedgerProcess.start({ socket: join(folder, "ledger.sock"), databasePath });
		expect(
			(await ask(doomed.socket, request("POST", "/clientes/1/transacoes", { body: entry }))).status,
		).toBe(200);
		rmSync(`${databasePath}-wal`);
		const headers = { "X-Request-Id": "the-last" };
		const answer = await ask(
			doomed.socket,
			request("POST", "/clientes/1/transacoes", { body: entry, headers }),
		);
		expectProblem(answer, 500, "resultado-desconhecido");
		expect(JSON.parse(answer.body)).toMatchObject({ instance: "the-last", detail: expect.any(String) });
		expect(await doomed.end()).toEqual({ code: 70, signal: null });
		expect(doomed.output).toContain("the-last");
		expect(doomed.output).toContain('"level":"fatal"');
	});
});

describe("a listening address", () => {
	test("may be a TCP port, 0 for any, told in the log", async () => {
		const folder = durableFolder();
		const environment = { API_SOCKET: "", API_PORT: "0" };
		const tcp = await LedgerProcess.start({
			socket: "",
			databasePath: join(folder, "ledger.db"),
			environment,
		});
		const port = Number(/"address":"http:\/\/127\.0\.0\.1:(\d+)"/.exec(tcp.output)?.[1]);
		expect((await ask(port, request("POST", "/clientes/1/transacoes", { body: entry }))).body).toBe(
			'{"limite":100000,"saldo":1}',
		);
		expect((await ask(port, request("GET", "/clientes/1/extrato"))).status).toBe(200);

		// Taken: one clear line that names the variable, and exit code 1.
		const second = new LedgerProcess({
			socket: "",
			databasePath: join(folder, "ledger.db"),
			environment: { API_SOCKET: "", API_PORT: String(port) },
		});
		expect(await second.end()).toEqual({ code: 1, signal: null });
		expect(second.output).toMatch(/^ledger: .*API_PORT.*\n$/);
		await tcp.stop();
	});

	const unusable: [string, Record<string, string>][] = [
		["API_HOST", { API_SOCKET: "", API_HOST: "256.256.256.256", API_PORT: "0" }],
		["API_SOCKET", { API_SOCKET: "/nowhere/at/all/ledger.sock" }],
	];
	test.each(unusable)(
		"that can't be had ends the process with one line that names %s",
		async (name, environment) => {
			const folder = durableFolder();
			const refused = new LedgerProcess({ socket: "", databasePath: join(folder, "ledger.db"), environment });
			expect(await refused.end()).toEqual({ code: 1, signal: null });
			expect(refused.output).toMatch(new RegExp(`^ledger: .*${name}.*\\n$`));
		},
	);
});

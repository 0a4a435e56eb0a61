/**
 * What a process makes of what a balancer and a client say about a request: what it believes, and which problem
 * tells whom what. That it comes to one entry, whatever becomes of the processes, is in exactly-once.test.ts.
 */
import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { removeDurableFolders } from "./durable-folder.ts";
import { readExposition } from "./exposition.ts";
import { killLivingProcesses } from "./process.ts";
import { ask, dropConnections, request } from "./raw-http.ts";
import { changes, firstTry, headersOf, Pair, post, reset, secondTry, told } from "./tries.ts";

let pair: Pair;
let socket: string;

beforeAll(async () => {
	pair = await Pair.start({ BEHIND_BALANCER: "on" });
	[socket] = pair.sockets;
});

beforeEach(() => reset(socket));
afterEach(dropConnections);

afterAll(async () => {
	await killLivingProcesses();
	removeDurableFolders();
});

describe("a balancer's headers", () => {
	test("make a request's second try no second request", async () => {
		const first = headersOf(firstTry());
		expect(told(await post(socket, 7, first))).toEqual([200, 7]);
		expect(told(await post(socket, 7, { ...first, "X-Request-Try": "2" }))).toEqual([200, 7]);
		expect(changes(pair.databasePath)).toEqual([7]);
	});

	const malformed: [string, Record<string, string>][] = [
		["an id in capitals", { "X-Request-Id": "0123456789ABCDEF0123456789ABCDEF" }],
		["an id that is too short", { "X-Request-Id": "0123456789abcdef" }],
		["an empty id", { "X-Request-Id": "" }],
		["a start in whole seconds", { "X-Request-Start": "1705459201" }],
		["a start that is no number", { "X-Request-Start": "t=1705459201.217" }],
		["an empty start", { "X-Request-Start": "" }],
	];
	test.each(malformed)("with %s are as good as none: each request is one of its own", async (_, wrong) => {
		const headers = { ...headersOf(firstTry()), ...wrong };
		expect(told(await post(socket, 7, headers))).toEqual([200, 7]);
		expect(told(await post(socket, 7, { ...headers, "X-Request-Try": "2" }))).toEqual([200, 14]);
		expect(changes(pair.databasePath)).toEqual([7, 7]);
	});

	test("without the number of the try are of a repeat, which finds the first one", async () => {
		const { "X-Request-Try": _, ...headers } = headersOf(firstTry());
		expect(told(await post(socket, 7, headers))).toEqual([200, 7]);
		expect(told(await post(socket, 7, headers))).toEqual([200, 7]);
		expect(changes(pair.databasePath)).toEqual([7]);
	});

	test("with the id of another posting are refused, and nothing changes", async () => {
		const first = firstTry();
		expect(told(await post(socket, 7, headersOf(first)))).toEqual([200, 7]);
		for (const change of [8, -7])
			expect(told(await post(socket, change, headersOf(secondTry(first))))).toEqual([
				422,
				"chave-reutilizada",
			]);
		expect(changes(pair.databasePath)).toEqual([7]);
	});

	test("say when a request is too old to be applied, or from the future, and the repeat's answer leaves it open", async () => {
		// One that knows of no reset: nothing from before it is applied either.
		const unset = await Pair.start({ BEHIND_BALANCER: "on" });
		const [socket] = unset.sockets;
		for (const secondsAgo of [11, -12]) {
			const old = firstTry(secondsAgo);
			const refused = await post(socket, 7, headersOf(old));
			expect(told(refused)).toEqual([503, "indisponivel"]);
			expect(refused.headers.get("retry-after")).toBe("1");
			expect(JSON.parse(refused.body)).toMatchObject({ instance: old.id, detail: expect.any(String) });
			expect(told(await post(socket, 7, headersOf(secondTry(old))))).toEqual([503, "resultado-desconhecido"]);
		}
		expect(changes(unset.databasePath)).toEqual([]);
		// The bound is what refused them.
		expect(told(await post(socket, 7, headersOf(firstTry(8))))).toEqual([200, 7]);
		await unset.kill();
	});

	test("let a reset that is repeated take nothing that was posted since", async () => {
		const first = firstTry();
		const resetBy = (number: 1 | 2) =>
			ask(socket, request("POST", "/reset", { headers: headersOf({ ...first, number }) }));
		await post(socket, 5);
		expect((await resetBy(1)).status).toBe(200);
		await post(socket, 7);
		expect((await resetBy(2)).status).toBe(200);
		expect(changes(pair.databasePath)).toEqual([7]);
	});
});

test("a repeat that can't be answered leaves open what a first try is told: that nothing was applied", async () => {
	const crowded = await Pair.start({ BEHIND_BALANCER: "on", WAITING_MAX: "1", BATCH_MAX: "1" });
	const [a, b] = crowded.sockets;
	const lock = new Database(crowded.databasePath);
	lock.run("BEGIN IMMEDIATE");

	const firstAtLock = post(a, 1, headersOf(firstTry()));
	const repeatAtLock = post(b, 2, headersOf(secondTry(firstTry())));
	await Bun.sleep(100);
	const waiting = post(a, 3, headersOf(firstTry()));
	await Bun.sleep(100);
	const overloaded = await post(a, 4, headersOf(firstTry()));
	expect(told(overloaded)).toEqual([503, "sobrecarga"]);
	const repeat = await post(a, 5, headersOf(secondTry(firstTry())));
	expect(told(repeat)).toEqual([503, "resultado-desconhecido"]);
	expect(repeat.headers.get("retry-after")).toBe("1");

	expect(told(await firstAtLock)).toEqual([503, "indisponivel"]);
	expect(told(await repeatAtLock)).toEqual([503, "resultado-desconhecido"]);
	lock.run("ROLLBACK");
	lock.close();
	expect(told(await waiting)).toEqual([200, 3]);
	expect(changes(crowded.databasePath)).toEqual([3]);
	await crowded.kill();
}, 20_000);

describe("crebito_repeated_requests_total", () => {
	async function counts(): Promise<number[]> {
		const { body } = await ask(socket, request("GET", "/metrics"));
		const samples = readExposition(body).get("crebito_repeated_requests_total")?.samples;
		return ["answered again", "applied", "expired"].map(
			(outcome) => samples?.get(`crebito_repeated_requests_total{outcome="${outcome}"}`) as number,
		);
	}

	test("counts each request that came again, by what became of it, and no other", async () => {
		const before = await counts();
		const grown = async () => (await counts()).map((count, index) => count - (before[index] as number));
		const first = firstTry();
		await post(socket, 7, headersOf(first));
		await post(socket, 7);
		await post(socket, 7, { "Idempotency-Key": "a" });
		expect(await grown()).toEqual([0, 0, 0]);
		await post(socket, 7, headersOf(secondTry(first)));
		await post(socket, 7, { "Idempotency-Key": "a" });
		expect(await grown()).toEqual([2, 0, 0]);
		await post(socket, 7, headersOf(secondTry(firstTry())));
		expect(await grown()).toEqual([2, 1, 0]);
		await post(socket, 7, headersOf(firstTry(11)));
		expect(await grown()).toEqual([2, 1, 1]);
	});
});

describe("a client's Idempotency-Key", () => {
	const malformed = ['"a', 'a"', '""', "", "a b", '"a", "b"', "a,b", `"${"k".repeat(129)}"`, '"chav\u00e9"'];
	test.each(malformed)("of %s is refused with 400, and nothing changes", async (key) => {
		expect(told(await post(socket, 7, { "Idempotency-Key": key }))).toEqual([400, "chave-invalida"]);
		expect(changes(pair.databasePath)).toEqual([]);
	});

	test("given twice is refused with 400, and nothing changes", async () => {
		const body = '{"valor":7,"tipo":"c","descricao":"x"}';
		for (const key of ['"a"', "a"]) {
			// A second line, which an object's keys can't say.
			const bytes = request("POST", "/clientes/1/transacoes", { body, headers: { "Idempotency-Key": key } });
			const twice = bytes.replace("Idempotency-Key: ", `Idempotency-Key: ${key}\r\nIdempotency-Key: `);
			expect(told(await ask(socket, twice))).toEqual([400, "chave-invalida"]);
			expect(told(await ask(socket, bytes))[0]).toBe(200);
			await reset(socket);
		}
		expect(changes(pair.databasePath)).toEqual([]);
	});

	test("is the same in quotes and without", async () => {
		expect(told(await post(socket, 7, { "Idempotency-Key": '"8e03978e"' }))).toEqual([200, 7]);
		expect(told(await post(socket, 7, { "Idempotency-Key": "8e03978e" }))).toEqual([200, 7]);
		expect(changes(pair.databasePath)).toEqual([7]);
	});

	test("of a request that is malformed otherwise is not used up", async () => {
		const headers = { "Idempotency-Key": '"k"' };
		expect((await post(socket, 1.5, headers)).status).toBe(422);
		expect(told(await post(socket, 7, headers))).toEqual([200, 7]);
	});
});

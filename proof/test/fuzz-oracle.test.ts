/** What the oracle of `fuzz` says of bytes: by hand where the README decides, and by JSON.parse where JSON does. */
import { describe, expect, test } from "bun:test";
import { JsonNumber, JsonObject, type JsonValue, readJson } from "../src/fuzz/json-reader.ts";
import { claimsOf } from "../src/fuzz/lenient-reader.ts";
import { expectStream, type Front, normalized } from "../src/fuzz/oracle.ts";
import { rule } from "../src/fuzz/posting-rule.ts";
import { wound } from "../src/fuzz/wounds.ts";
import { Random } from "../src/random.ts";

const seed = Number(process.env.FUZZ_SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const right = '{"valor":100,"tipo":"d","descricao":"a"}';

/** One request's expectation, its statuses in order. */
function expected(text: string, front: Front = "balancer") {
	const { requests, isPlain } = expectStream(Buffer.from(text, "latin1"), front);
	return requests.map(({ demand, statuses, claim }) => ({
		demand: isPlain ? "answer" : demand,
		statuses: [...statuses].sort(),
		isClaimed: claim !== undefined,
	}));
}

function post(
	body: string,
	headers = "Content-Type: application/json",
	target = "/clientes/1/transacoes",
): string {
	const length = Buffer.byteLength(body, "latin1");
	return `POST ${target} HTTP/1.1\r\nHost: a\r\n${headers}\r\nContent-Length: ${length}\r\n\r\n${body}`;
}

describe("a plain request has the answers that the README names:", () => {
	const json = "Content-Type: application/json";
	const cases: [what: string, text: string, statuses: number[], isClaimed: boolean][] = [
		["a debit", post(right), [200, 422], true],
		["a credit", post(right.replace('"d"', '"c"')), [200], true],
		["no JSON", post("{"), [400], false],
		["no object", post("[]"), [422], false],
		["no such account", post(right, json, "/clientes/6/transacoes"), [404], false],
		["no such account, and no JSON either", post("{", json, "/clientes/6/transacoes"), [400, 404], false],
		["another media type", post(right, "Content-Type: text/plain"), [415], false],
		["a key that is none", post(right, `${json}\r\nIdempotency-Key: ""`), [400], false],
		["a key", post(right, `${json}\r\nIdempotency-Key: "a"`), [200, 422], true],
		["a body over a kilobyte", post(right.padEnd(1025)), [413], false],
		["a body of a kilobyte", post(right.padEnd(1024)), [200, 422], true],
		["a statement", "GET /clientes/1/extrato HTTP/1.1\r\nHost: a\r\n\r\n", [200], false],
		["no such route", "GET /clientes/1 HTTP/1.1\r\nHost: a\r\n\r\n", [404], false],
		["no such method", "PUT /clientes/1/extrato HTTP/1.1\r\nHost: a\r\n\r\n", [405], false],
		[
			"a path written differently",
			"GET /clientes/%31/extrato HTTP/1.1\r\nHost: a\r\n\r\n",
			[200, 400, 404],
			false,
		],
	];
	test.each(cases)("%s", (_, text, statuses, isClaimed) => {
		expect(expected(text)).toEqual([{ demand: "answer", statuses, isClaimed }]);
	});
});

describe("what HTTP forbids must be refused:", () => {
	const head = "POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
	test.each([
		["two lengths", `${head}Content-Length: 40\r\nContent-Length: 5\r\n\r\n${right}`],
		["a length with a sign", `${head}Content-Length: +40\r\n\r\n${right}`],
		["an unknown coding", `${head}Transfer-Encoding: gzip\r\n\r\n${right}`],
		["a blank before the colon", `${head}X : y\r\nContent-Length: 40\r\n\r\n${right}`],
		["no Host", "GET /health HTTP/1.1\r\n\r\n"],
		["half a body", post(right).slice(0, -1)],
		["half a head", "POST /clientes/1/transa"],
	])("%s", (_, text) => {
		expect(expected(text)).toMatchObject([{ demand: "refusal", isClaimed: false }]);
	});
});

describe("what HTTP leaves open is claimed all the same:", () => {
	const head = "POST /clientes/1/transacoes HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
	test.each([
		["the same length twice", `${head}Content-Length: 40\r\nContent-Length: 40\r\n\r\n${right}`],
		[
			"a length and chunks",
			`${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n${right}\r\n0\r\n\r\n`,
		],
		["chunks with an extension", `${head}Transfer-Encoding: chunked\r\n\r\n28;a=b\r\n${right}\r\n0\r\n\r\n`],
		["a line feed alone", post(right).replaceAll("\r\n", "\n")],
		["a folded header", post(right, "Content-Type: application/json\r\nX: a\r\n b")],
	])("%s", (_, text) => {
		expect(expected(text)).toMatchObject([{ demand: "any", isClaimed: true }]);
	});
});

test("requests behind one another are each expected, up to the first that is odd", () => {
	const stream = post(right) + post("{") + post(right, "X : y") + post(right);
	expect(expected(stream).map(({ demand }) => demand)).toEqual(["answer", "answer", "refusal"]);
});

test("a posting in chunks is found whoever cut it", () => {
	const text = `POST /clientes/2/transacoes HTTP/1.1\r\n\r\n${right.slice(0, 9)}\r\n1f\r\n${right.slice(9)}`;
	expect(claimsOf(Buffer.from(text))).toEqual([{ accountId: 2, change: -100, description: "a" }]);
});

test.each([
	["/clientes/1/extrato", "/clientes/1/extrato"],
	["//clientes/./1/x/../extrato", "/clientes/1/extrato"],
	["/clientes/%31/extrato/", "/clientes/1/extrato/"],
	["/../..", "/"],
	["/%zz", "/%zz"],
])("%s is the path %s", (path, plain) => {
	expect(normalized(path)).toBe(plain);
});

describe("valor, tipo and descricao", () => {
	const body = (fields: object) =>
		Buffer.from(JSON.stringify({ valor: 1, tipo: "c", descricao: "a", ...fields }));
	test.each([
		[1, "right"],
		[2 ** 53 - 1, "right"],
		[0, "wrong"],
		[-1, "wrong"],
		[1.5, "wrong"],
		["1", "wrong"],
		[null, "wrong"],
	] as const)("an amount of %j is %s", (valor, type) => {
		expect(rule(1, body({ valor })).type).toBe(type);
	});
	test.each(["1.0", "1e2", "9007199254740992", "-0", "1e400"])("an amount written %s is wrong", (amount) => {
		expect(rule(1, Buffer.from(`{"valor":${amount},"tipo":"c","descricao":"a"}`))).toEqual({
			type: "wrong",
			status: 422,
		});
	});
	test.each([
		["", "wrong"],
		["a", "right"],
		["😀".repeat(10), "right"],
		["😀".repeat(11), "wrong"],
		["a\u0000", "wrong"],
		["\u0085", "wrong"],
		["\ud800", "wrong"],
		["\u2028\ufeff", "right"],
	])("the description %j is %s", (descricao, type) => {
		expect(rule(1, body({ descricao })).type).toBe(type as "right" | "wrong");
	});
	test("a name that stands twice may be refused, and is claimed", () => {
		const twice = Buffer.from('{"valor":1,"tipo":"c","descricao":"a","descricao":"b"}');
		expect(rule(1, twice)).toMatchObject({ type: "right", isDoubtful: true, claim: { description: "b" } });
	});
});

function plain(value: JsonValue): unknown {
	if (value instanceof JsonNumber) return Number(value.source);
	if (Array.isArray(value)) return value.map(plain);
	if (!(value instanceof JsonObject)) return value;
	return Object.fromEntries(value.members.map(([name, member]) => [name, plain(member)]));
}

function parsed(bytes: Buffer): unknown {
	try {
		return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
	} catch {
		return undefined;
	}
}

test(`JSON is what JSON.parse takes for it, wounded anywhere (FUZZ_SEED=${seed})`, () => {
	const random = new Random(seed);
	const whole = Buffer.from('{"a":[1,-2.5e+3,"\\u00e9\\n",true,null,{}],"b":{"é":"😀","c":[]},"d":""}');
	let readable = 0;
	for (let round = 0; round < 20_000; round += 1) {
		let bytes: Buffer = whole;
		for (let wounds = random.below(4); wounds > 0; wounds -= 1) bytes = wound(random, bytes);
		const value = readJson(bytes);
		if (value !== undefined) readable += 1;
		expect([bytes.toString("latin1"), value === undefined ? undefined : plain(value)]).toEqual([
			bytes.toString("latin1"),
			parsed(bytes),
		]);
	}
	expect(readable).toBeGreaterThan(4000);
});

/** Requests around a body: paths, methods, headers, lengths, chunks and versions, right and wrong. */
import type { Random } from "../random.ts";
import { rightBody } from "./right-bodies.ts";

export interface Parts {
	readonly method?: string;
	readonly target?: string;
	readonly version?: string;
	/** Besides the usual ones, which they replace under the same name; undefined takes one away. */
	readonly headers?: readonly (readonly [name: string, value: string | undefined])[];
	readonly body?: Buffer | undefined;
}

/** The bytes of a request; a body brings its length and type. Strings with bytes above 127 are taken as Latin-1. */
export function request({
	method = "POST",
	target = "/",
	version = "HTTP/1.1",
	headers = [],
	body,
}: Parts): Buffer {
	const usual: [string, string][] = [["Host", "ledger"]];
	if (body !== undefined)
		usual.push(["Content-Type", "application/json"], ["Content-Length", String(body.length)]);
	const replaced = new Set(headers.map(([name]) => name.toLowerCase()));
	const all = [...usual.filter(([name]) => !replaced.has(name.toLowerCase())), ...headers];
	const lines = all
		.filter(([, value]) => value !== undefined)
		.map(([name, value]) => `${name}: ${value}\r\n`);
	const head = Buffer.from(`${method} ${target} ${version}\r\n${lines.join("")}\r\n`, "latin1");
	return body === undefined ? head : Buffer.concat([head, body]);
}

export function entryTarget(random: Random): string {
	return `/clientes/${random.between(1, 5)}/transacoes`;
}

export function statement(random: Random): Buffer {
	return request({ method: "GET", target: `/clientes/${random.between(1, 5)}/extrato` });
}

const ids = [
	...[
		"0",
		"-1",
		"01",
		"1e0",
		"+1",
		"1.0",
		"%31",
		"%32",
		"6",
		"99999999999",
		"9".repeat(300),
		"1%00",
		"%00",
		"%D9%A1",
		"%201",
	],
	...[
		"1%20",
		"1;a=b",
		"1,2",
		"1x",
		"0x1",
		"null",
		"%2e%2e",
		"1%2f..",
		"%2531",
		"%",
		"%zz",
		"1%0a",
		"*",
		"(1)",
		"1abc",
		"00001",
	],
	...[
		"18446744073709551617",
		"4294967297",
		"2147483649",
		"9007199254740993",
		"1_",
		"~1",
		"%EF%BC%91",
		"%F0%9D%9F%8F",
		"",
	],
];
const around = [
	...[
		"//clientes/1/extrato",
		"/./clientes/1/extrato",
		"/x/../clientes/1/extrato",
		"/clientes/1/extrato/",
		"/clientes/1",
	],
	...[
		"/clientes/1//extrato",
		"/CLIENTES/1/extrato",
		"/clientes/1/EXTRATO",
		"/../etc/passwd",
		"/..",
		"/%2e%2e/%2e%2e/x",
		"/",
	],
	...[
		"/clientes",
		"/clientes/1/extrato/1",
		"/clientes/1/../2/extrato",
		"/%63lientes/1/extrato",
		"/clientes%2f1%2fextrato",
	],
	...[
		"/favicon.ico",
		"/problem",
		"/@again",
		"/nginx_status",
		"/clientes/1/extratox",
		"/clientes/1/extrato;v=1",
		"/index.html",
	],
	...[
		"/.git/config",
		"/clientes/1/extrato%20",
		"/clientes/1/extrato%3F",
		"/health/",
		"/healthz",
		"/metrics/x",
		"/reset/",
	],
];
const queries = [
	"",
	"",
	"?",
	"?a=b",
	"?id=2",
	"?%00",
	"?a=/../x",
	"??",
	"?a[]=1&a[]=2",
	`?${"q".repeat(500)}`,
];

/** Another path than any that there is, mostly. */
export function oddPath(random: Random, number: number): Buffer {
	const query = random.pick(queries);
	if (random.chance(0.25)) return request({ method: "GET", target: random.pick(around) + query });
	const id = random.chance(0.2) ? String(random.between(1, 5)) : random.pick(ids);
	if (random.chance(0.4)) return request({ method: "GET", target: `/clientes/${id}/extrato${query}` });
	return request({ target: `/clientes/${id}/transacoes${query}`, body: rightBody(random, number) });
}

const methods = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "POST"];
const strangeMethods = [
	...[
		"TRACE",
		"CONNECT",
		"PROPFIND",
		"get",
		"Post",
		"FOO",
		"POSTPOST",
		"P",
		"G".repeat(300),
		"PRI",
		"(",
		"LOCK",
		"QUERY",
	],
];

/** Each method on each path but the one that would take everything away. */
export function oddMethod(random: Random, number: number): Buffer {
	const method = random.chance(0.15) ? random.pick(strangeMethods) : random.pick(methods);
	const targets = [
		"/clientes/1/extrato",
		"/clientes/2/transacoes",
		"/health",
		"/clientes/9/extrato",
		"/nada",
		"/",
	];
	if (method.toUpperCase() !== "POST" && method !== "POSTPOST") targets.push("/reset", "/metrics");
	const target = random.pick(targets);
	const body = random.chance(0.3) ? rightBody(random, number) : undefined;
	return request({ method, target, body });
}

const mediaTypes = [
	...[
		"application/json; charset=utf-8",
		"APPLICATION/JSON",
		"application/json;charset=UTF-8",
		"application/json ; a=b",
	],
	...[
		"text/plain",
		"application/jsonx",
		"application/json-patch+json",
		"text/json",
		"json",
		"application/x-www-form-urlencoded",
	],
	...[
		"",
		"*/*",
		"application/*",
		"application/json, text/plain",
		"multipart/form-data; boundary=x",
		"application /json",
	],
	...[
		"application/json; charset=utf-16",
		"application/problem+json",
		"x".repeat(500),
		"application/json\u00e9",
	],
];

export function oddMediaType(random: Random, number: number): Buffer {
	const type = random.chance(0.1) ? undefined : random.pick(mediaTypes);
	return request({
		target: entryTarget(random),
		headers: [["Content-Type", type]],
		body: rightBody(random, number),
	});
}

const keyParts = ["a", "~", " ", "!", "\\\\", '\\"', "z9", "#", "/"];

/** Keys of one posting each, with every shape. */
export function keyed(random: Random, number: number): Buffer {
	const unique = `k${number}`;
	const body = rightBody(random, number);
	const filler = Array.from({ length: random.below(10) }, () => random.pick(keyParts)).join("");
	const shapes = [
		...[
			`"${unique}${filler}"`,
			`"${unique}"`,
			`"${unique.padEnd(128, "x")}"`,
			unique,
			`"${unique.padEnd(129, "x")}"`,
		],
		...[
			unique.padEnd(129, "y"),
			'""',
			"",
			`"${unique}`,
			`${unique}"`,
			`"${unique}" x`,
			`"${unique}\\"`,
			`"${unique}\\n"`,
		],
		...[`"${unique}\u00e9"`, `"${unique}", "other"`, `"${unique}";a=1`, `'${unique}'`, `"${unique}"x"`, '"'],
		...[`:${unique}:`, `"${"z".repeat(3000)}"`, `" ${unique} "`, `"${unique}\t"`],
	];
	const headers: [string, string][] = [["Idempotency-Key", random.pick(shapes)]];
	if (random.chance(0.05)) headers.push(["Idempotency-Key", random.pick([`"${unique}"`, `"${unique}b"`])]);
	return request({ target: entryTarget(random), headers, body });
}

/** What only the balancer may say. */
export function forged(random: Random, number: number): Buffer {
	const headers: [string, string][] = [
		[
			"X-Request-Id",
			random.pick(["0".repeat(32), "f".repeat(32), "7f", "", "x".repeat(100), "0123456789abcdef".repeat(2)]),
		],
		["X-Request-Start", random.pick(["0.000", "1.000", "9999999999.999", "now", "-1", "", "1700000000.000"])],
		["X-Request-Try", random.pick(["1", "2", "", "x", "99"])],
	];
	const kept = headers.filter(() => random.chance(0.85));
	return request({ target: entryTarget(random), headers: kept, body: rightBody(random, number) });
}

export function chunked(random: Random, body: Buffer): Buffer {
	const chunks: Buffer[] = [];
	for (let at = 0; at < body.length; ) {
		const size = random.chance(0.1) ? 1 : random.between(1, body.length - at);
		const digits = size.toString(16);
		const written = random.pick([digits, digits.toUpperCase(), digits.padStart(4, "0")]);
		chunks.push(Buffer.from(`${written}\r\n`), body.subarray(at, at + size), Buffer.from("\r\n"));
		at += size;
	}
	return Buffer.concat([...chunks, Buffer.from("0\r\n\r\n")]);
}

/** In chunks that are right. */
export function inChunks(random: Random, number: number, body = rightBody(random, number)): Buffer {
	const coding = random.pick(["chunked", "chunked", "Chunked", "CHUNKED"]);
	const headers = [
		["Content-Type", "application/json"],
		["Transfer-Encoding", coding],
	] as const;
	const head = request({ target: entryTarget(random), headers });
	return Buffer.concat([head, chunked(random, body)]);
}

/** Where a request ends, told wrongly; heads that HTTP forbids or leaves open; and versions. */
import type { Random } from "../random.ts";
import { chunked, entryTarget, inChunks, request } from "./heads.ts";
import { rightBody } from "./right-bodies.ts";
import { wound } from "./wounds.ts";

/** Content-Length of every kind. */
export function oddLength(random: Random, number: number): Buffer {
	const body = rightBody(random, number);
	const { length } = body;
	const lengths = [
		...[
			length - 1,
			length + 1,
			`+${length}`,
			`-${length}`,
			"-1",
			"0",
			`0${length}`,
			`${length}.0`,
			`0x${length.toString(16)}`,
		],
		...[
			`${length}, ${length}`,
			`${length},${length + 1}`,
			"99999999999999999999",
			"4294967296",
			"1000000",
			"",
			"abc",
			"1e2",
		],
		...[
			`${length} `,
			`${length};`,
			`"${length}"`,
			"\u0665",
			`${length} ${length}`,
			"9".repeat(400),
			2000,
			17_000,
			`${length}a`,
		],
	].map(String);
	const headers: [string, string][] = [["Content-Length", random.pick(lengths)]];
	if (random.chance(0.3)) headers.push(["Content-Length", random.pick([String(length), ...lengths])]);
	return request({ target: entryTarget(random), headers, body });
}

const codings = [
	...[
		"gzip",
		"xchunked",
		"chunked, gzip",
		"gzip, chunked",
		"identity",
		"chunked, chunked",
		"chunked;q=1",
		"",
		"chunkedx",
	],
	...["\x0bchunked", "chunked,", ", chunked", "'chunked'", "chunked identity", "chun ked", "chunked\u00a0"],
];

export function oddCoding(random: Random, number: number): Buffer {
	const body = rightBody(random, number);
	const headers: [string, string | undefined][] = [
		["Content-Type", "application/json"],
		["Transfer-Encoding", random.chance(0.3) ? "chunked" : random.pick(codings)],
	];
	if (random.chance(0.5)) headers.push(["Content-Length", random.pick([String(body.length), "0", "5"])]);
	if (random.chance(0.2)) headers.push(["Transfer-Encoding", random.pick(["chunked", ...codings])]);
	const head = request({ target: entryTarget(random), headers });
	return Buffer.concat([head, random.chance(0.5) ? body : oneChunk(body)]);
}

function oneChunk(body: Buffer): Buffer {
	return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n0\r\n\r\n")]);
}

const sizeLines = [
	...[
		"zz",
		"-1",
		"+5",
		"0x5",
		"",
		" 5",
		"5 ",
		"5;a=b",
		'5;a="b',
		"ffffffff",
		"fffffffffffffffff",
		"5\n",
		"5\r\r\n",
		"٥",
		"5_",
	],
	...["10000000000000005", "5;", "5\0", "00000000000000000005", "7fffffffffffffff"],
];

/** One chunk's frame broken, or a trailer behind the last one. */
export function oddChunks(random: Random, number: number): Buffer {
	const body = rightBody(random, number);
	const headers = [
		["Content-Type", "application/json"],
		["Transfer-Encoding", "chunked"],
	] as const;
	const head = request({ target: entryTarget(random), headers });
	const size = body.length.toString(16);
	const [whole, crlf, last] = [Buffer.from(`${size}\r\n`), Buffer.from("\r\n"), Buffer.from("0\r\n\r\n")];
	switch (random.below(6)) {
		case 0:
			return Buffer.concat([head, Buffer.from(`${random.pick(sizeLines)}\r\n`), body, crlf, last]);
		case 1:
			return Buffer.concat([
				head,
				Buffer.from(`${size}${random.pick([";a=b", ';a="b;c"', ";", " "])}\r\n`),
				body,
				crlf,
				last,
			]);
		case 2:
			return Buffer.concat([
				head,
				whole,
				body,
				Buffer.from(random.pick(["", "\n", "\r", "xx", "\r\n\r\n"])),
				last,
			]);
		case 3:
			return Buffer.concat([head, whole, body, crlf, Buffer.from(random.pick(trailers))]);
		case 4:
			return Buffer.concat([head, wound(random, chunked(random, Buffer.from('{"valor":0,"tipo":"x"}')))]);
		default:
			return inChunks(
				random,
				number,
				Buffer.concat([body, Buffer.alloc(random.pick([900, 1100, 3000]), " ")]),
			);
	}
}

const trailers = [
	...[
		"0\r\nX: y\r\n\r\n",
		"0\r\nContent-Length: 5\r\n\r\n",
		"0\r\nbad\r\n\r\n",
		"0\r\n",
		"0\r\n\r",
		"00\r\n\r\n",
		"0;a=b\r\n\r\n",
	],
	...[`0\r\n${"T: x\r\n".repeat(200)}\r\n`, "-0\r\n\r\n", "0\n\n", "0\r\nX y\r\n\r\n", "0\r\n: y\r\n\r\n"],
];

type Lines = (random: Random) => string;

const oddLines: readonly Lines[] = [
	() => "X: a\r\n b\r\n",
	() => "X : a\r\n",
	() => "X: a\0b\r\n",
	() => "X: a\rb\r\n",
	() => "X: a\n",
	() => "X\r\n",
	() => ": a\r\n",
	() => "Host: another\r\n",
	() => "Host: ledger\r\n",
	() => "X\u00e9: a\r\n",
	() => "X: \u00e9\u00ff\r\n",
	() => "X(y): a\r\n",
	() => "X_y: a\r\n",
	() => ` X: a\r\n`,
	() => "Expect: 100-continue\r\n",
	() => "Expect: tea\r\n",
	() =>
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n",
	() => "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
	() => "Connection: close\r\n",
	() => "Connection: keep-alive, x\r\n",
	() => "Connection: Content-Length\r\n",
	() => "Content-Encoding: gzip\r\n",
	() => "Accept-Encoding: gzip;q=1, br\r\nAccept: text/html\r\n",
	() => "X-Forwarded-For: 127.0.0.1, ::1\r\nForwarded: for=x\r\nX-HTTP-Method-Override: DELETE\r\n",
	() => "Range: bytes=0-1\r\nIf-None-Match: *\r\nIf-Modified-Since: x\r\n",
	() => "Cookie: a=b; c=d\r\nAuthorization: Basic !!\r\nProxy: x\r\n",
	() => "Content-Type: text/plain\r\n",
	(random) => `X: ${"x".repeat(random.pick([3900, 4096, 5000, 8000, 12_000, 15_000, 20_000, 40_000]))}\r\n`,
	(random) => "Y: z\r\n".repeat(random.pick([50, 99, 100, 101, 150, 200, 300, 2000])),
	(random) => `${"n".repeat(random.pick([100, 4000, 9000]))}: x\r\n`,
];

const hosts = [
	"",
	"[",
	"a b",
	"%",
	"a:99999",
	"a:b",
	"::::",
	"\u00ff",
	"<>",
	"a/b",
	"http://a",
	"@",
	"[::1",
	"a".repeat(300),
	"\0",
];

/** A right request with a head that has something besides. */
export function oddHeader(random: Random, number: number): Buffer {
	const body = rightBody(random, number);
	if (random.chance(0.1))
		return request({
			target: entryTarget(random),
			headers: [["Host", random.pick([undefined, ...hosts])]],
			body,
		});
	const whole = request({ target: entryTarget(random), body });
	const lineEnds = [...whole.toString("latin1").matchAll(/\r\n/g)].map(({ index }) => index + 2).slice(0, 4);
	const at = random.pick(lineEnds);
	const lines = Buffer.from(random.pick(oddLines)(random), "latin1");
	return Buffer.concat([whole.subarray(0, at), lines, whole.subarray(at)]);
}

const versions = [
	...[
		"HTTP/1.0",
		"HTTP/1.2",
		"HTTP/2.0",
		"HTTP/0.9",
		"HTTP/9.9",
		"HTTP/1.10",
		"http/1.1",
		"HTTP/1",
		"HTTP/1.1 ",
		"HTTP /1.1",
	],
	...["", "HTTP/1.1x", "HTTPS/1.1", "HTTP/11", "HTTP/-1.1", "HTTP/1,1"],
];
const oddTargets = [
	...[
		"*",
		"nada",
		"http://ledger/clientes/1/extrato",
		"/a b",
		"/\u00e9",
		"/<>",
		"/#x",
		"/clientes/1/extrato#x",
		"/\\..\\x",
		"/\0",
	],
	...[
		"//",
		"///////",
		"ledger:80",
		"/{}",
		`/${"a".repeat(4100)}`,
		`/${"a".repeat(20_000)}`,
		`/${"../".repeat(1000)}`,
		"/\u007f",
	],
];

export function oddLine(random: Random, number: number): Buffer {
	const body = rightBody(random, number);
	if (random.chance(0.4)) return request({ method: "GET", target: random.pick(oddTargets) });
	if (random.chance(0.1))
		return Buffer.concat([
			Buffer.from(random.pick(["\r\n", "\n", " ", "\0"])),
			request({ target: entryTarget(random), body }),
		]);
	const target = entryTarget(random);
	const version = random.pick(versions);
	return random.chance(0.5)
		? request({ target, version, body })
		: request({ method: "GET", target: "/clientes/2/extrato", version });
}

/**
 * The response parser: a table of good and bad responses, each cut at every byte; the bounds, to the byte; and
 * against http-parser-js, over responses that a seed has spoilt.
 */
import { describe, expect, test } from "bun:test";
import { HTTPParser } from "http-parser-js";
import {
	bodyBytesMax,
	framingBytesMax,
	headBytesMax,
	MalformedResponse,
	ResponseParser,
} from "../src/response-parser.ts";

const seed = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);

interface Answer {
	readonly status: number;
	readonly keepAlive: boolean;
	readonly body: string;
	readonly bytes: number;
}

/** What is wrong, without the excerpt, which is shorter when the rest hasn't come. */
type Outcome = Answer | "nothing" | { readonly malformed: string };

/** Feeds the pieces, then closes if that isn't an answer. A piece that completes nothing is overwritten. */
function outcomeOf(parser: ResponseParser, pieces: readonly Buffer[]): Outcome {
	parser.reset();
	let isWhole = false;
	try {
		for (const piece of pieces) {
			const own = Buffer.from(piece);
			isWhole = parser.feed(own);
			if (!isWhole) own.fill("?");
		}
		isWhole ||= parser.end();
	} catch (error) {
		if (!(error instanceof MalformedResponse)) throw error;
		return { malformed: error.message.replace(/: ".*"$/, "") };
	}
	return isWhole ? answerOf(parser) : "nothing";
}

function answerOf({ status, keepAlive, bodyBytes, bodyStart, bodyEnd, bytes }: ResponseParser): Answer {
	return { status, keepAlive, body: bodyBytes.toString("latin1", bodyStart, bodyEnd), bytes };
}

function parse(...pieces: readonly Buffer[]): Outcome {
	return outcomeOf(new ResponseParser(), pieces);
}

function cut(bytes: Buffer, ...places: readonly number[]): Buffer[] {
	return [...places, bytes.length].map((end, index) => bytes.subarray(places[index - 1] ?? 0, end));
}

function eachByte(bytes: Buffer): Buffer[] {
	return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
}

function latin1(text: string): Buffer {
	return Buffer.from(text, "latin1");
}

const json = '{"limite":100000,"saldo":-9098}';
const statement = `{"saldo":{"total":-9098},"ultimas_transacoes":[${'{"valor":10},'.repeat(60)}0]}`;
const head = "HTTP/1.1 200 OK\r\n";
const chunked = `${head}Transfer-Encoding: chunked\r\n`;
const lasting = { status: 200, keepAlive: true };
const ending = { status: 200, keepAlive: false };

/** The response, and what it says; those with keepAlive false and no length end with the connection. */
const good: [name: string, response: string, answer: Omit<Answer, "bytes">][] = [
	["a plain one", `${head}Content-Length: 31\r\n\r\n${json}`, { ...lasting, body: json }],
	[
		"many fields",
		`${head}Server: nginx\r\nDate: Sat, 22 Nov 2025 20:00:00 GMT\r\nContent-Type: application/json\r\nConnection: keep-alive\r\nContent-Length: ${statement.length}\r\nVary:\r\n\r\n${statement}`,
		{ ...lasting, body: statement },
	],
	[
		"a refusal",
		"HTTP/1.1 422 Unprocessable Entity\r\nContent-Length: 0\r\n\r\n",
		{ status: 422, keepAlive: true, body: "" },
	],
	[
		"a status beyond 599",
		"HTTP/1.1 999 ?\r\nContent-Length: 0\r\n\r\n",
		{ status: 999, keepAlive: true, body: "" },
	],
	["no reason", "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", { ...lasting, body: "ok" }],
	["no reason and no space", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", { ...lasting, body: "ok" }],
	[
		"a reason in Latin-1",
		"HTTP/1.1 200 S\xe3o\tPaulo\r\nContent-Length: 2\r\n\r\nok",
		{ ...lasting, body: "ok" },
	],
	["a later minor version", "HTTP/1.7 200 OK\r\nContent-Length: 2\r\n\r\nok", { ...lasting, body: "ok" }],
	["names in any case", `${head}cONTENT-lENGTH: 2\r\nCONNECTION: CLOSE\r\n\r\nok`, { ...ending, body: "ok" }],
	["blanks around a value", `${head}Content-Length: \t 2 \t\r\n\r\nok`, { ...lasting, body: "ok" }],
	["no blank before a value", `${head}Content-Length:2\r\n\r\nok`, { ...lasting, body: "ok" }],
	[
		"zeros before a length",
		`${head}Content-Length: 0000000000000000000002\r\n\r\nok`,
		{ ...lasting, body: "ok" },
	],
	["a length twice", `${head}Content-Length: 2\r\nContent-Length: 02\r\n\r\nok`, { ...lasting, body: "ok" }],
	["a length twice in a list", `${head}Content-Length: 2, 2\r\n\r\nok`, { ...lasting, body: "ok" }],
	[
		"a name that only begins like one we know",
		`${head}Content-Lengthy: 9\r\nContent-Length: 2\r\n\r\nok`,
		{ ...lasting, body: "ok" },
	],
	[
		"every byte in a value and a body",
		`${head}X: \x80\xff\x7f"\r\nContent-Length: 3\r\n\r\n\0\n\xff`,
		{ ...lasting, body: "\0\n\xff" },
	],
	["bare LF in the head", `HTTP/1.1 200 OK\nContent-Length: 2\n\nok`, { ...lasting, body: "ok" }],

	["close", `${head}Connection: close\r\nContent-Length: 2\r\n\r\nok`, { ...ending, body: "ok" }],
	[
		"close in a list",
		`${head}Connection: , upgrade ,\tClose\t,\r\nContent-Length: 2\r\n\r\nok`,
		{ ...ending, body: "ok" },
	],
	[
		"close in a second field",
		`${head}Connection: keep-alive\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok`,
		{ ...ending, body: "ok" },
	],
	[
		"close before keep-alive",
		`${head}Connection: close, keep-alive\r\nContent-Length: 2\r\n\r\nok`,
		{ ...ending, body: "ok" },
	],
	[
		"what only looks like close",
		`${head}Connection: closed, not close\r\nContent-Length: 2\r\n\r\nok`,
		{ ...lasting, body: "ok" },
	],
	["an empty Connection", `${head}Connection:\r\nContent-Length: 2\r\n\r\nok`, { ...lasting, body: "ok" }],
	["HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", { ...ending, body: "ok" }],
	[
		"HTTP/1.0 with keep-alive",
		"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok",
		{ ...lasting, body: "ok" },
	],
	[
		"HTTP/1.0 with both",
		"HTTP/1.0 200 OK\r\nConnection: Keep-Alive, close\r\nContent-Length: 2\r\n\r\nok",
		{ ...ending, body: "ok" },
	],

	["a body until the close", `${head}Content-Type: text/plain\r\n\r\n${json}`, { ...ending, body: json }],
	["an empty body until the close", `${head}\r\n`, { ...ending, body: "" }],
	[
		"keep-alive, but a body until the close",
		`${head}Connection: keep-alive\r\n\r\nok`,
		{ ...ending, body: "ok" },
	],

	["one chunk", `${chunked}\r\n1f\r\n${json}\r\n0\r\n\r\n`, { ...lasting, body: json }],
	["no chunk", `${chunked}\r\n0\r\n\r\n`, { ...lasting, body: "" }],
	[
		"several chunks",
		`${chunked}\r\n1\r\na\r\n00003\r\nbcd\r\nA\r\n0123456789\r\n0\r\n\r\n`,
		{ ...lasting, body: "abcd0123456789" },
	],
	[
		"line ends in chunks",
		`${chunked}\r\n4\r\n\r\n\r\n\r\n2\r\n0\r\r\n0\r\n\r\n`,
		{ ...lasting, body: "\r\n\r\n0\r" },
	],
	[
		"extensions",
		`${chunked}\r\n2;a=b;c="d;e"\r\nok\r\n1 ;f\r\n!\r\n0;g\r\n\r\n`,
		{ ...lasting, body: "ok!" },
	],
	["blanks after a size", `${chunked}\r\n2  \r\nok\r\n0 \r\n\r\n`, { ...lasting, body: "ok" }],
	[
		"trailers",
		`${chunked}\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nContent-Length: 7\r\nConnection: close\r\n\r\n`,
		{ ...lasting, body: "ok" },
	],
	["a trailer with a bare LF", `${chunked}\r\n2\r\nok\r\n0\r\nX-Sum: 1\n\n`, { ...lasting, body: "ok" }],
	["chunks and close", `${chunked}Connection: close\r\n\r\n2\r\nok\r\n0\r\n\r\n`, { ...ending, body: "ok" }],
	[
		"chunked in other letters, in a list",
		`${head}transfer-encoding: ,CHUNKED ,\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
		{ ...lasting, body: "ok" },
	],
	[
		"chunks despite a length before",
		`${head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
		{ ...ending, body: "ok" },
	],
	[
		"chunks despite a length after",
		`${chunked}Content-Length: 3\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
		{ ...ending, body: "ok" },
	],

	["204", "HTTP/1.1 204 No Content\r\n\r\n", { status: 204, keepAlive: true, body: "" }],
	[
		"204 with a length",
		"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
		{ status: 204, keepAlive: true, body: "" },
	],
	[
		"204 with chunks announced",
		"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
		{ status: 204, keepAlive: true, body: "" },
	],
	[
		"304 with a length beyond the bound",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 99999999999\r\n\r\n",
		{ status: 304, keepAlive: true, body: "" },
	],

	[
		"100 before it",
		`HTTP/1.1 100 Continue\r\n\r\n${head}Content-Length: 2\r\n\r\nok`,
		{ ...lasting, body: "ok" },
	],
	[
		"several interim ones, whose fields don't count",
		`HTTP/1.0 100\r\nConnection: close\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n${head}Content-Length: 2\r\n\r\nok`,
		{ ...lasting, body: "ok" },
	],
];

/** The response, and what its message must begin with. */
const bad: [name: string, response: string, message: string][] = [
	["another protocol", "SSH-2.0-OpenSSH_9.6\r\n", 'not a status line of HTTP/1: "SSH-2.0-OpenSSH_9.6"'],
	["HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", "not a status line"],
	["HTTP in small letters", "http/1.1 200 OK\r\n\r\n", "not a status line"],
	["no minor version", "HTTP/1. 200 OK\r\n\r\n", "not a status line"],
	["a minor version that is a letter", "HTTP/1.a 200 OK\r\n\r\n", "not a status line"],
	["no status", "HTTP/1.1 \r\n\r\n", "not a status line"],
	["a short status", "HTTP/1.1 20\r\n0\r\n\r\n", "not a status line"],
	["a long status", "HTTP/1.1 2000 OK\r\n\r\n", "not a status line"],
	["a status with a letter", "HTTP/1.1 2a0 OK\r\n\r\n", "not a status line"],
	["a status below 100", "HTTP/1.1 099 OK\r\n\r\n", "not a status line"],
	["two spaces before the status", "HTTP/1.1  200 OK\r\n\r\n", "not a status line"],
	["a tab after the version", "HTTP/1.1\t200 OK\r\n\r\n", "not a status line"],
	["an empty line before it", `\r\n${head}\r\n`, "not a status line"],
	["101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", "101"],
	["only bytes that are no text", "\x15\x03\x01\x00\x02\x02\x46", 'a control character: "."'],

	["a folded line", `${head}X: a\r\n b\r\n\r\n`, "a folded line"],
	["a folded line with a tab", `${head}X: a\r\n\tb: c\r\n\r\n`, "a folded line"],
	["a blank before the first field", `${head} X: a\r\n\r\n`, "a folded line"],
	["a blank before the colon", `${head}Content-Length : 2\r\n\r\nok`, "not a field"],
	["no colon", `${head}Content-Length 2\r\n\r\nok`, "not a field"],
	["no name", `${head}: 2\r\n\r\n`, "not a field"],
	["a name in Latin-1", `${head}S\xe3o: 2\r\n\r\n`, 'not a field: "S.o: 2"'],
	["a NUL in a value", `${head}X: a\0b\r\n\r\n`, 'a control character: "X: a."'],
	["a bare CR in a value", `${head}X: a\rb\r\n\r\n`, "a control character"],
	["two CRs at the end of a line", `${head}X: a\r\r\n\r\n`, "a control character"],

	["two lengths", `${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\nokk`, "an unclear Content-Length"],
	["two lengths in a list", `${head}Content-Length: 2, 3\r\n\r\nokk`, "an unclear Content-Length"],
	["an empty length", `${head}Content-Length:\r\n\r\n`, "an empty field"],
	["a length of commas", `${head}Content-Length: ,,\r\n\r\n`, "an empty field"],
	["a negative length", `${head}Content-Length: -1\r\n\r\n`, "an unclear Content-Length"],
	["a length with a sign", `${head}Content-Length: +2\r\n\r\nok`, "an unclear Content-Length"],
	["a hexadecimal length", `${head}Content-Length: 0x2\r\n\r\nok`, "an unclear Content-Length"],
	[
		"a length in hexadecimal digits",
		`${head}Content-Length: a\r\n\r\n0123456789`,
		"an unclear Content-Length",
	],
	["a length with a fraction", `${head}Content-Length: 2.0\r\n\r\nok`, "an unclear Content-Length"],
	["a length with a blank in it", `${head}Content-Length: 2 2\r\n\r\nok`, "an unclear Content-Length"],
	[
		"nonsense for a length, beside chunks",
		`${chunked}Content-Length: x\r\n\r\n0\r\n\r\n`,
		"an unclear Content-Length",
	],

	["another coding", `${head}Transfer-Encoding: gzip\r\n\r\n`, "a transfer coding that"],
	[
		"another coding before chunked",
		`${head}Transfer-Encoding: gzip, chunked\r\n\r\n`,
		"a transfer coding that",
	],
	["chunked twice", `${chunked}Transfer-Encoding: chunked\r\n\r\n`, "a transfer coding that"],
	["chunked with a parameter", `${head}Transfer-Encoding: chunked;a=b\r\n\r\n`, "a transfer coding that"],
	["an empty Transfer-Encoding", `${head}Transfer-Encoding: \r\n\r\n`, "an empty field"],
	[
		"chunked in HTTP/1.0",
		"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding in HTTP/1.0",
	],

	["no chunk size", `${chunked}\r\n\r\nok\r\n0\r\n\r\n`, "not a chunk size"],
	["a chunk size that is no number", `${chunked}\r\nxyz\r\n`, 'not a chunk size: "xyz"'],
	["a chunk size with 0x", `${chunked}\r\n0x2\r\nok\r\n0\r\n\r\n`, "not a chunk size"],
	["a negative chunk size", `${chunked}\r\n-2\r\nok\r\n0\r\n\r\n`, "not a chunk size"],
	["a blank before a chunk size", `${chunked}\r\n 2\r\nok\r\n0\r\n\r\n`, "not a chunk size"],
	["something after a chunk size", `${chunked}\r\n2 2\r\nok\r\n0\r\n\r\n`, "not a chunk size"],
	["a bare LF after a chunk size", `${chunked}\r\n2\nok\r\n0\r\n\r\n`, "not a chunk size"],
	["a bare CR in an extension", `${chunked}\r\n2;a\rb\r\nok\r\n0\r\n\r\n`, "a control character"],
	["a chunk longer than its size", `${chunked}\r\n2\r\nokk\r\n0\r\n\r\n`, "a chunk beyond its size"],
	["a bare LF after a chunk", `${chunked}\r\n2\r\nok\n0\r\n\r\n`, "a chunk beyond its size"],
	["a trailer that is no field", `${chunked}\r\n0\r\nX\r\n\r\n`, "not a field"],
	["a folded trailer", `${chunked}\r\n0\r\nX: a\r\n b\r\n\r\n`, "a folded line"],
	["a chunk size beyond any number", `${chunked}\r\n${"f".repeat(400)}\r\n`, "a body of more than"],
	["a length beyond any number", `${head}Content-Length: ${"9".repeat(400)}\r\n\r\n`, "a body of more than"],

	["bytes after a body", `${head}Content-Length: 2\r\n\r\nokay`, 'bytes after the answer: "ay"'],
	["an empty line after a body", `${head}Content-Length: 2\r\n\r\nok\r\n`, 'bytes after the answer: ".."'],
	["bytes after the last chunk", `${chunked}\r\n0\r\n\r\n0`, "bytes after the answer"],
	["bytes after a 204", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", "bytes after the answer"],
	[
		"a second answer",
		`${head}Content-Length: 0\r\n\r\n${head}Content-Length: 0\r\n\r\n`,
		"bytes after the answer",
	],
	["a close in the head", `${head}Content-Length: 2\r\n`, "closed after 36 bytes of an answer"],
	["a close in a body", `${head}Content-Length: 2\r\n\r\no`, "closed after 39 bytes of an answer"],
	["a close in a chunk", `${chunked}\r\n2\r\no`, "closed after 51 bytes of an answer"],
	["a close before the last chunk", `${chunked}\r\n2\r\nok\r\n`, "closed after 54 bytes of an answer"],
	["a close after an interim one", "HTTP/1.1 100 Continue\r\n\r\n", "closed after 25 bytes of an answer"],
];

describe("reads", () => {
	test.each(good)("%s", (_, response, answer) => {
		const bytes = latin1(response);
		const expected = { ...answer, bytes: bytes.length };
		expect(parse(bytes)).toEqual(expected);
		expect(parse(...eachByte(bytes))).toEqual(expected);
		for (let at = 0; at <= bytes.length; at++) expect([at, parse(...cut(bytes, at))]).toEqual([at, expected]);
	});
});

describe("finds malformed", () => {
	test.each(bad)("%s", (_, response, message) => {
		const bytes = latin1(response);
		expect(messageOf(bytes)).toStartWith(message);
		const outcome = parse(bytes);
		expect(parse(...eachByte(bytes))).toEqual(outcome);
		for (let at = 0; at <= bytes.length; at++) expect([at, parse(...cut(bytes, at))]).toEqual([at, outcome]);
	});
});

function messageOf(bytes: Buffer): string {
	const parser = new ResponseParser();
	try {
		parser.feed(bytes);
		parser.end();
	} catch (error) {
		return (error as Error).message;
	}
	return "nothing is wrong";
}

test("one parser reads response after response, malformed ones between them", () => {
	const parser = new ResponseParser();
	for (const [, goodResponse, answer] of good) {
		for (const [, badResponse] of bad.slice(0, 20)) {
			expect(outcomeOf(parser, cut(latin1(badResponse), 5))).toHaveProperty("malformed");
		}
		const bytes = latin1(goodResponse);
		expect(outcomeOf(parser, cut(bytes, 7, 30))).toEqual({ ...answer, bytes: bytes.length });
		expect(outcomeOf(parser, [bytes])).toEqual({ ...answer, bytes: bytes.length });
	}
});

test("the last answer stays until the next one is whole", () => {
	const parser = new ResponseParser();
	parser.feed(latin1(`${head}Content-Length: 2\r\n\r\nok`));
	parser.reset();
	expect(answerOf(parser)).toEqual({ ...lasting, body: "ok", bytes: 40 });
	expect(parser.feed(latin1("HTTP/1.0 404 Not Found\r\n"))).toBe(false);
	expect([parser.status, parser.keepAlive, parser.bytes]).toEqual([200, true, 40]);
	expect(parser.feed(latin1("Content-Length: 0\r\n\r\n"))).toBe(true);
	expect([parser.status, parser.keepAlive, parser.bytes]).toEqual([404, false, 45]);
});

test("a close is no answer when nothing has come, and none after a whole answer", () => {
	const parser = new ResponseParser();
	expect(parser.end()).toBe(false);
	expect(parser.feed(Buffer.alloc(0))).toBe(false);
	expect(parser.end()).toBe(false);
	expect(parser.feed(latin1(`${head}Content-Length: 2\r\n\r\nok`))).toBe(true);
	expect(parser.feed(Buffer.alloc(0))).toBe(true);
	expect(parser.end()).toBe(false);
});

test("an answer that comes whole is left where it is", () => {
	const whole = good.filter(([name]) => ["a plain one", "one chunk", "several chunks"].includes(name));
	const isCopied = whole.map(([, response]) => {
		const bytes = latin1(response);
		const parser = new ResponseParser();
		expect(parser.feed(bytes)).toBe(true);
		expect(bytes).toEqual(latin1(response));
		return parser.bodyBytes !== bytes;
	});
	expect(isCopied).toEqual([false, false, true]);
});

test("a message shows at most 60 bytes, all printable", () => {
	for (const line of ["x".repeat(500), "\x80\xff".repeat(500), `${"x".repeat(500)}\0`, "x".repeat(99_999)]) {
		const excerpt = /"(.*)"$/.exec(messageOf(latin1(`${line}\r\n`)))?.[1] ?? "";
		expect(excerpt).toMatch(/^[ -~]{60}$/);
	}
});

describe("bounds, to the byte:", () => {
	const malformed = (message: string) => ({ malformed: message });
	const feeds: [string, (bytes: Buffer) => Buffer[]][] = [
		["whole", (bytes) => [bytes]],
		["in pieces", inPieces],
	];

	function inPieces(bytes: Buffer): Buffer[] {
		const count = Math.ceil(bytes.length / 100);
		return Array.from({ length: count }, (_, at) => bytes.subarray(100 * at, 100 * (at + 1)));
	}

	function headOf(length: number): Buffer {
		const end = "\r\nContent-Length: 2\r\n\r\n";
		return latin1(`${head}X: ${"x".repeat(length - head.length - 3 - end.length)}${end}ok`);
	}

	describe.each(feeds)("%s,", (_, pieces) => {
		test("a head", () => {
			expect(parse(...pieces(headOf(headBytesMax)))).toMatchObject({ body: "ok" });
			expect(parse(...pieces(headOf(headBytesMax + 1)))).toEqual(malformed("a head beyond the bound"));
			expect(parse(...pieces(Buffer.alloc(headBytesMax + 1, "x")))).toEqual(
				malformed("a head beyond the bound"),
			);
			const interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(headBytesMax / 25 + 1);
			expect(parse(...pieces(latin1(interim)))).toEqual(malformed("a head beyond the bound"));
		});

		test("a body", () => {
			const tooLong = malformed(`a body of more than ${bodyBytesMax} bytes`);
			const body = "x".repeat(bodyBytesMax);
			const size = bodyBytesMax.toString(16);
			const sized = latin1(`${head}Content-Length: ${bodyBytesMax}\r\n\r\n${body}`);
			expect((parse(...pieces(sized)) as Answer).body.length).toBe(bodyBytesMax);
			expect(parse(...pieces(latin1(`${head}Content-Length: ${bodyBytesMax + 1}\r\n\r\n`)))).toEqual(tooLong);
			expect((parse(...pieces(latin1(`${head}\r\n${body}`))) as Answer).body.length).toBe(bodyBytesMax);
			expect(parse(...pieces(latin1(`${head}\r\n${body}x`)))).toEqual(tooLong);
			const whole = latin1(`${chunked}\r\n${size}\r\n${body}\r\n0\r\n\r\n`);
			expect((parse(...pieces(whole)) as Answer).body.length).toBe(bodyBytesMax);
			expect(parse(...pieces(latin1(`${chunked}\r\n${size}\r\n${body}\r\n1\r\nx\r\n0\r\n\r\n`)))).toEqual(
				tooLong,
			);
		});

		test("chunk sizes, extensions and trailers", () => {
			const framing = "2;\r\n\r\n0\r\n\r\n".length;
			const extended = (length: number) =>
				latin1(`${chunked}\r\n2;${"e".repeat(length - framing)}\r\nok\r\n0\r\n\r\n`);
			const tooLong = malformed("chunk sizes and trailers beyond the bound");
			expect(parse(...pieces(extended(framingBytesMax)))).toMatchObject({ body: "ok" });
			expect(parse(...pieces(extended(framingBytesMax + 1)))).toEqual(tooLong);
			const small = latin1(`${chunked}\r\n${"1\r\nx\r\n".repeat(framingBytesMax / 5 + 1)}`);
			expect(parse(...pieces(small))).toEqual(tooLong);
			const trailers = latin1(`${chunked}\r\n0\r\n${"X: y\r\n".repeat(framingBytesMax / 6 + 1)}`);
			expect(parse(...pieces(trailers))).toEqual(tooLong);
		});
	});
});

describe("the longest, byte by byte:", () => {
	const longest: [string, string, string][] = [
		["a body with a length", `${head}Content-Length: ${bodyBytesMax}\r\n\r\n`, ""],
		["a body in one chunk", `${chunked}\r\n${bodyBytesMax.toString(16)}\r\n`, "\r\n0\r\n\r\n"],
	];

	// Were the cost of a byte to grow with those before it, this would take minutes.
	test.each(longest)("%s", (_, before, after) => {
		const parser = new ResponseParser();
		for (const byte of latin1(before)) expect(parser.feed(Buffer.of(byte))).toBe(false);
		const letter = latin1("x");
		let wholeCount = 0;
		for (let fed = 0; fed < bodyBytesMax; fed++) if (parser.feed(letter)) wholeCount++;
		for (const byte of latin1(after)) if (parser.feed(Buffer.of(byte))) wholeCount++;
		expect(wholeCount).toBe(1);
		expect(parser.bytes).toBe(before.length + bodyBytesMax + after.length);
		expect(answerOf(parser).body === "x".repeat(bodyBytesMax)).toBe(true);
	});
});

/** What http-parser-js makes of it: the one response that isn't interim, or undefined. */
function reference(bytes: Buffer): Pick<Answer, "status" | "body"> | undefined {
	const parser = new HTTPParser(HTTPParser.RESPONSE);
	const answers: { status: number; body: string }[] = [];
	let status = 0;
	let body = "";
	Object.assign(parser, {
		[HTTPParser.kOnHeadersComplete]: (info: { statusCode: number }) => {
			status = info.statusCode;
			body = "";
		},
		[HTTPParser.kOnBody]: (chunk: Buffer, offset: number, length: number) => {
			body += chunk.toString("latin1", offset, offset + length);
		},
		[HTTPParser.kOnMessageComplete]: () => {
			if (status >= 200) answers.push({ status, body });
		},
	});
	const isWhole = typeof parser.execute(bytes) === "number" && !(parser.finish() instanceof Error);
	return isWhole && answers.length === 1 ? answers[0] : undefined;
}

/** RFC 9112 is with us: http-parser-js knows no lists here, and interim responses with a body. */
function isReadOtherwise(bytes: Buffer): boolean {
	const heads = bytes.toString("latin1").split(/\n\r?\n/);
	return heads.some((text) => {
		const isInterim = /^HTTP\/1\.\d 1/.test(text);
		return (
			isInterim ? /content-length:|transfer-encoding:/i : /(content-length|transfer-encoding):.*,/i
		).test(text);
	});
}

describe("against http-parser-js", () => {
	const readAlike = good.filter(([, response]) => !isReadOtherwise(latin1(response)));
	/** It also waits for the body that a 204 or a 304 announces. */
	const readWhole = readAlike.filter(([, response]) => !/^HTTP\/1.1 [23]04.*: /s.test(response));

	test.each(readWhole)("agrees on %s", (_, response, answer) => {
		expect(reference(latin1(response))).toEqual({ status: answer.status, body: answer.body });
	});
});

describe(`of spoilt responses (SEED=${seed})`, () => {
	const count = 20_000;
	const insertions = [
		..."\r\n\t\0 ,;:019aF-\x80\xff",
		..."\r\n|\r\n\r\n|0\r\n\r\n|Content-Length: 2\r\n|Content-Length: 31\r\n|Transfer-Encoding: chunked\r\n".split(
			"|",
		),
		..."Connection: close\r\n|HTTP/1.1 100 Continue\r\n\r\n|HTTP/1.1 204 No\r\n| folded\r\n|chunked, |1\r\nx\r\n".split(
			"|",
		),
	].map(latin1);

	/** A linear congruential generator; its high bits are good enough to look for trouble with. */
	function randomBelow(state: number): (bound: number) => number {
		let last = state >>> 0;
		return (bound) => {
			last = (Math.imul(last, 1_664_525) + 1_013_904_223) >>> 0;
			return Math.floor((last / 2 ** 32) * bound);
		};
	}

	function spoil(bytes: Buffer, below: (bound: number) => number): Buffer {
		const at = below(bytes.length + 1);
		const to = Math.min(bytes.length, at + 1 + below(below(2) === 0 ? 4 : 40));
		const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
		switch (below(6)) {
			case 0:
				return Buffer.concat([before, Buffer.of(below(256)), bytes.subarray(at + 1)]);
			case 1:
				return Buffer.concat([before, after]);
			case 2:
				return Buffer.concat([before, part, part, after]);
			case 3:
				return Buffer.concat([before, latin1(part.toString("latin1").toUpperCase()), after]);
			case 4:
				return before;
			default:
				return Buffer.concat([before, insertions[below(insertions.length)] as Buffer, bytes.subarray(at)]);
		}
	}

	function* spoilt(): Generator<[bytes: Buffer, cuts: number[]]> {
		const below = randomBelow(seed);
		for (let round = 0; round < count; round++) {
			let bytes = latin1((good[below(good.length)] as (typeof good)[number])[1]);
			for (let times = 1 + below(3); times > 0; times--) bytes = spoil(bytes, below);
			const cuts = [below(bytes.length + 1), below(bytes.length + 1)].sort((a, b) => a - b);
			yield [bytes, cuts];
		}
	}

	/** Spoilt responses on which the two differ, of those that both accept; and how many those are. */
	function compare(read: (bytes: Buffer) => Outcome): {
		differing: string[];
		agreed: number;
		malformed: number;
	} {
		const differing: string[] = [];
		let agreed = 0;
		let malformed = 0;
		for (const [bytes] of spoilt()) {
			const outcome = read(bytes);
			if (outcome === "nothing") continue;
			if ("malformed" in outcome) {
				malformed++;
				continue;
			}
			const expected = isReadOtherwise(bytes) ? undefined : reference(bytes);
			if (expected === undefined) continue;
			if (expected.status === outcome.status && expected.body === outcome.body) agreed++;
			else differing.push(bytes.toString("latin1"));
		}
		return { differing, agreed, malformed };
	}

	test("what both accept has the same status and body", () => {
		const { differing, agreed, malformed } = compare(parse);
		expect(differing).toEqual([]);
		// Otherwise the comparison would say nothing.
		expect(agreed).toBeGreaterThan(count / 20);
		expect(malformed).toBeGreaterThan(count / 20);
	});

	test("a parser that loses a byte where two chunks meet is found out", () => {
		const { differing } = compare((bytes) => {
			const outcome = parse(bytes);
			const isAnswer = outcome !== "nothing" && !("malformed" in outcome);
			return isAnswer ? { ...outcome, body: outcome.body.replace("bcd0", "bcd") } : outcome;
		});
		expect(differing).not.toEqual([]);
	});

	test("a parser that forgets a piece is found out", () => {
		const isFound = [...spoilt()].slice(0, 100).some(([bytes, cuts]) => {
			return !Bun.deepEquals(parse(...cut(bytes, ...cuts).slice(1)), parse(bytes));
		});
		expect(isFound).toBe(true);
	});

	test("each gives an answer or is malformed, the same in whatever pieces it comes", () => {
		const parser = new ResponseParser();
		for (const [bytes, cuts] of spoilt()) {
			const outcome = parse(bytes);
			const text = bytes.toString("latin1");
			expect([text, outcomeOf(parser, cut(bytes, ...cuts))]).toEqual([text, outcome]);
			expect([text, outcomeOf(parser, eachByte(bytes))]).toEqual([text, outcome]);
		}
	});
});

/**
 * Bad input of other kinds than a length: lines, methods, targets, hosts, headers, and what a client does to its
 * connection. See smuggling-cases.ts.
 */
import {
	type Case,
	chunk,
	head,
	lengthOf,
	type Parts,
	posted,
	refused,
	start,
	tolerated,
} from "./smuggling-cases.ts";

/** A request whose body is another request: who doesn't read the body takes it for one. */
function bodyIsRequest(method: string, target = "/clientes/1/transacoes"): Case {
	return refused(`${method} ${target} with a request as its body`, ({ hidden }) => {
		return `${method} ${target} HTTP/1.1\r\nHost: x\r\n${lengthOf(hidden)}\r\n${hidden}`;
	});
}

/** The head and the body of an ordinary posting, with a wound. */
function wounded(
	make: (name: string, bytes: Case["bytes"]) => Case,
	name: string,
	wound: (text: string) => string,
) {
	return make(name, ({ body }) => `${wound(`${head}${lengthOf(body)}\r\n`)}${body}`);
}

const withHeader = (lines: string) => (text: string) => text.replace("\r\n", `\r\n${lines}`);
const withTarget = (target: string) => (text: string) => text.replace("/clientes/1/transacoes", target);
const withVersion = (version: string) => (text: string) => text.replace("HTTP/1.1", version);
const withMethod = (method: string) => (text: string) => text.replace("POST", method);
const withHost = (lines: string) => (text: string) => text.replace("Host: x\r\n", lines);

const lines: readonly Case[] = [
	wounded(tolerated, "lines that end in a bare LF", (text) => text.replaceAll("\r\n", "\n")),
	wounded(refused, "lines that end in a bare CR", (text) => text.replaceAll("\r\n", "\r")),
	wounded(tolerated, "one line that ends in a bare LF", (text) => text.replace("x\r\n", "x\n")),
	wounded(refused, "a NUL in a header", withHeader("X-Nul: a\0b\r\n")),
	wounded(refused, "a NUL in a header's name", withHeader("X-\0Nul: a\r\n")),
	wounded(refused, "a space before a colon", withHeader("X-Space : a\r\n")),
	wounded(tolerated, "a header without a colon", withHeader("X-Colon\r\n")),
	wounded(tolerated, "a header without a name", withHeader(": a\r\n")),
	wounded(tolerated, "a control character in a header", withHeader("X-Bell: \x07\r\n")),
	wounded(tolerated, "bytes that are no ASCII in a header", withHeader("X-Bytes: \xff\xfe\r\n")),
	wounded(tolerated, "a folded line", withHeader("X-Fold: a\r\n b\r\n")),
	wounded(tolerated, "an empty line before the request", (text) => `\r\n${text}`),
	wounded(tolerated, "a space before the method", (text) => ` ${text}`),
	wounded(tolerated, "two spaces before the target", withTarget(" /clientes/1/transacoes")),
	wounded(refused, "a tab before the target", (text) => text.replace("POST ", "POST\t")),
	wounded(tolerated, "a space at the end of the request line", withVersion("HTTP/1.1 ")),
	wounded(refused, "no version", (text) => text.replace(" HTTP/1.1", "")),
	{
		...refused("a GET of HTTP/0.9 with a request behind it", ({ hidden }) => `GET /health\r\n${hidden}`),
		// nginx answers it as HTTP/0.9 has it, without a status, and closes.
		nginx: { requests: 0 },
	},
	wounded(tolerated, "HTTP/1.0", withVersion("HTTP/1.0")),
	wounded(tolerated, "HTTP/1.0 that is kept alive", (text) =>
		withHeader("Connection: keep-alive\r\n")(withVersion("HTTP/1.0")(text)),
	),
	wounded(tolerated, "HTTP/1.2", withVersion("HTTP/1.2")),
	wounded(refused, "HTTP/2.0", withVersion("HTTP/2.0")),
	wounded(refused, "HTTP/11.1", withVersion("HTTP/11.1")),
	wounded(refused, "http/1.1", withVersion("http/1.1")),
	wounded(refused, "HTTP/1.", withVersion("HTTP/1.")),
	refused("the preface of HTTP/2", ({ hidden }) => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden}`),
	refused("a TLS handshake", ({ hidden }) => `\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n${hidden}`),
];

const methods: readonly Case[] = [
	...["GET", "HEAD", "DELETE", "PUT", "PATCH", "OPTIONS", "FOO"].map((method) => bodyIsRequest(method)),
	bodyIsRequest("TRACE", "/health"),
	bodyIsRequest("CONNECT", "x:80"),
	bodyIsRequest("GET", "/nada"),
	...["post", "Post", "POS", "POSTT", "P\0ST", "PO ST", "\xffPOST", "M".repeat(3000)].map((method) =>
		wounded(refused, `the method ${JSON.stringify(method.slice(0, 20))}`, withMethod(method)),
	),
	refused("a chunked GET with a request in its chunk", ({ hidden }) => {
		return `GET /clientes/1/transacoes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(hidden)}0\r\n\r\n`;
	}),
];

const targets: readonly Case[] = [
	...[
		...["/clientes/1/transacoes%00", "/clientes/1%2ftransacoes", "/clientes/1%2Ftransacoes?a=/", "*", "x:80"],
		...["/clientes/1/../1/transacoes", "/clientes/2/..%2f1/transacoes", "/./clientes/1/transacoes"],
		...["/../clientes/1/transacoes", "//clientes/1/transacoes", "/clientes//1/transacoes"],
		...["/clientes/%31/transacoes", "/clientes/1/transacoes/", "/clientes/1/transacoes;a=b"],
		...["/clientes/1/transacoes?a=b", "/clientes/1/transacoes#a", "/clientes\\1\\transacoes"],
		...["/clientes/1/transacoes%0d%0aX:%20a", "/clientes/1/transa\xe7oes", "/clientes/1/transacoes%zz"],
		...["http://x/clientes/1/transacoes", "http://elsewhere:1/clientes/1/transacoes", "http:///clientes/1"],
		...["ftp://x/clientes/1/transacoes", "http://a@x/clientes/1/transacoes", "clientes/1/transacoes", "/%"],
	].map((target) => wounded(tolerated, `the target ${target}`, withTarget(target))),
	wounded(refused, "a NUL in the target", withTarget("/clientes/1/transacoes\0")),
	wounded(tolerated, "a space in the target", withTarget("/clientes/1/transacoes a")),
	wounded(tolerated, "a version in the target", withTarget("/clientes/1/transacoes HTTP/1.1")),
	wounded(refused, "a target of 5 KB", withTarget(`/${"x".repeat(5000)}`)),
	wounded(refused, "a target of 40 KB", withTarget(`/${"x".repeat(40_000)}`)),
];

const headers: readonly Case[] = [
	wounded(refused, "no Host", withHost("")),
	wounded(tolerated, "two Hosts", withHost("Host: x\r\nHost: y\r\n")),
	...["", "x y", "x/y", "a@x", "x:80", "x:y", "[::1", "\x7f", "x\0"].map((host) =>
		wounded(tolerated, `the Host ${JSON.stringify(host)}`, withHost(`Host: ${host}\r\n`)),
	),
	wounded(tolerated, "a header of 5 KB", withHeader(`X-Long: ${"x".repeat(5000)}\r\n`)),
	wounded(refused, "a header of 40 KB", withHeader(`X-Long: ${"x".repeat(40_000)}\r\n`)),
	wounded(tolerated, "a header's name of 5 KB", withHeader(`${"X".repeat(5000)}: a\r\n`)),
	wounded(tolerated, "190 headers", withHeader("X-Many: a\r\n".repeat(190))),
	wounded(refused, "4000 headers", withHeader("X-Many: a\r\n".repeat(4000))),
	wounded(tolerated, "a body said to be gzip", withHeader("Content-Encoding: gzip\r\n")),
	wounded(tolerated, "two media types", withHeader("Content-Type: text/plain\r\n")),
	wounded(posted, "If-Match", withHeader('If-Match: "a"\r\n')),
	wounded(posted, "a Range", withHeader("Range: bytes=0-0\r\n")),
	wounded(tolerated, "Expect: tea", withHeader("Expect: tea\r\n")),
	wounded(posted, "Expect: 100-continue", withHeader("Expect: 100-continue\r\n")),
	wounded(
		posted,
		"a request's names from outside",
		withHeader(`X-Request-Id: ${"0".repeat(32)}\r\nX-Request-Start: 1.000\r\nX-Request-Try: 2\r\n`),
	),
	wounded(
		posted,
		"the same names with underscores",
		withHeader(`X_Request_Id: ${"0".repeat(32)}\r\nX_Request_Start: 1.000\r\nX_Request_Try: 2\r\n`),
	),
	...["X-Request-Id, X-Request-Start, X-Request-Try", "Content-Length", "Content-Type", "Host"].map((names) =>
		wounded(tolerated, `Connection: ${names}`, withHeader(`Connection: ${names}\r\n`)),
	),
	wounded(
		tolerated,
		"Upgrade: h2c",
		withHeader("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"),
	),
	wounded(
		tolerated,
		"Upgrade: websocket",
		withHeader(
			"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n",
		),
	),
];

const whole = ({ body }: Parts) => `${head}${lengthOf(body)}\r\n${body}`;

const connections: readonly Case[] = [
	posted("nothing wrong", whole),
	{
		...posted("two postings at once", ({ body, hidden }) => whole({ body, hidden }) + hidden),
		...{ hidden: "once", requests: 2 },
		// Bun drops a connection on which a request comes while an answer waits for the disk.
		direct: { hidden: "at most once" },
	},
	{
		...posted(
			"a posting behind one that is refused",
			({ body, hidden }) => `${start}Host: x\r\nContent-Length: 2\r\n\r\n[]${whole({ body, hidden })}`,
		),
		requests: 2,
	},
	{
		...posted(
			"something that is no request behind a posting",
			(parts) => `${whole(parts)}}{ / HTTP/1.1\r\n\r\n`,
		),
		requests: 2,
	},
	{
		...tolerated("a posting behind a request that is to be the last one", (parts) => {
			return `${withHeader("Connection: close\r\n")(whole(parts))}${parts.hidden}`;
		}),
		// Bun answers nothing more, but has the second one carried out before it closes.
		direct: { hidden: "at most once", requests: 2 },
	},
	posted("a body with a request in its text", ({ body, hidden }) => {
		const text = body.replace("{", `{"x":${JSON.stringify(hidden)},`);
		return `${head}${lengthOf(text)}\r\n${text}`;
	}),
	refused("a body that is compressed", ({ body }) => {
		const packed = Buffer.from(Bun.gzipSync(body)).toString("latin1");
		return `${head}Content-Encoding: gzip\r\n${lengthOf(packed)}\r\n${packed}`;
	}),
	refused("a body of 2 KB with a request at its end", ({ hidden }) => {
		const content = " ".repeat(2000) + hidden;
		return `${head}${lengthOf(content)}\r\n${content}`;
	}),
	refused("a body of 64 KB with a request at its end", ({ hidden }) => {
		const content = " ".repeat(65_536) + hidden;
		return `${head}${lengthOf(content)}\r\n${content}`;
	}),
	{ ...refused("a header without its end", ({ body }) => `${head}${lengthOf(body)}`), waits: true },
	{ ...refused("half a line", () => "POST /clientes/1/tran"), waits: true },
	{
		...refused(
			"an expectation, and no body",
			() => `${head}Content-Length: 50\r\nExpect: 100-continue\r\n\r\n`,
		),
		waits: true,
	},
	// Bun drops a connection that was half closed while an answer waits for the disk.
	{ ...posted("no more after a posting", whole), halfCloses: true },
	{ ...refused("no more after half a body", (parts) => whole(parts).slice(0, -20)), halfCloses: true },
	{ ...refused("no more after half a header", () => head), halfCloses: true },
	{ ...refused("nothing, and no more", () => ""), halfCloses: true },
];

export const otherCases: readonly Case[] = [...lines, ...methods, ...targets, ...headers, ...connections];

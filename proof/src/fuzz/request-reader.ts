/**
 * A request as RFC 9112 has it, from bytes, read strictly. What a server must refuse, what it may read in more than
 * one way, and what is not whole are told apart; a request that is none of these has one meaning only.
 */

export interface PlainRequest {
	readonly method: string;
	readonly target: string;
	/** Lower-case names, in their order. */
	readonly headers: readonly (readonly [name: string, value: string])[];
	readonly body: Buffer;
	readonly isChunked: boolean;
	/** Bytes of the longest line of the head, and of the whole head. */
	readonly lineBytes: number;
	readonly headBytes: number;
}

export type Reading =
	| { readonly type: "plain"; readonly request: PlainRequest; readonly end: number }
	/** More has to come. With a request: its head is there. */
	| { readonly type: "incomplete"; readonly request: PlainRequest | undefined }
	/** It may be refused, or taken in some way. */
	| { readonly type: "doubtful"; readonly method: string; readonly serverErrors: readonly number[] }
	/** It must be refused. */
	| { readonly type: "wrong"; readonly method: string; readonly serverErrors: readonly number[] };

const knownMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const requestLineShape = new RegExp(`^(${token}) ([^ ]+) HTTP/([0-9])\\.([0-9])$`);
/** As far as it has come. */
const lineBegunShape =
	/^[A-Z]*(?: (?:\/[!-~]*(?: (?:H(?:T(?:T(?:P(?:\/(?:1(?:\.(?:1\r?)?)?)?)?)?)?)?)?)?)?)?$/;
const targetShape = /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*$/;
const headerShape = new RegExp(`^(${token}):[ \\t]*(.*?)[ \\t]*$`, "s");
const hostShape = /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::[0-9]{1,4})?$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for.
const oddByte = /[\x00-\x08\x0a-\x1f\x7f]/;
const chunkLineShape = /^([0-9a-fA-F]{1,6})$/;

/** The request that begins at `at`, before the end of the bytes. */
export function readRequest(bytes: Buffer, text: string, at: number): Reading {
	const headEnd = text.indexOf("\r\n\r\n", at);
	if (headEnd < 0) return readHeadless(text.slice(at));
	const lines = text.slice(at, headEnd).split("\r\n");
	const [requestLine = "", ...headerLines] = lines;
	const line = readRequestLine(requestLine);
	if ("type" in line) return line;
	const headers: [string, string][] = [];
	for (const headerLine of headerLines) {
		const [, name = "", value = ""] = headerShape.exec(headerLine) ?? [];
		if (/^[!-9;-~]+[ \t]+:/.test(headerLine)) return wrong(line.method);
		if (name === "" || oddByte.test(value)) return doubtful(line.method);
		// Blanks that nginx takes for a part of these.
		if (/^(?:host|content-length|transfer-encoding|connection):.*\t/i.test(headerLine))
			return doubtful(line.method);
		headers.push([name.toLowerCase(), value]);
	}
	const framing = readFraming(line.method, headers);
	if ("type" in framing) return framing;
	const request = {
		...line,
		headers,
		isChunked: framing.isChunked,
		lineBytes: Math.max(...lines.map(({ length }) => length)),
		headBytes: headEnd - at,
	};
	const bodyStart = headEnd + 4;
	return framing.isChunked
		? readChunks(bytes, text, bodyStart, request)
		: readLength(bytes, bodyStart, framing.length, request);
}

type Bodiless = Omit<PlainRequest, "body">;

/** No end of a head: some take a line feed alone for the end of a line, or a line without a version for HTTP/0.9. */
function readHeadless(text: string): Reading {
	const [method = ""] = /^[^ ]*/.exec(text) ?? [];
	if (/(^|[^\r])\n/.test(text) || /^\r\n/.test(text) || /^\S+ +\S+\r\n/.test(text))
		return doubtful(method, [501, 505]);
	const [requestLine = "", rest] = text.split("\r\n", 2);
	if (rest === undefined)
		return lineBegunShape.test(requestLine)
			? { type: "incomplete", request: undefined }
			: doubtful(method, [501, 505]);
	const line = readRequestLine(requestLine);
	return "type" in line ? line : { type: "incomplete", request: undefined };
}

function readRequestLine(line: string): { readonly method: string; readonly target: string } | Reading {
	const [, method = "", target = "", major = "", minor = ""] = requestLineShape.exec(line) ?? [];
	if (method === "") {
		const [first = ""] = /^[^ ]*/.exec(line) ?? [];
		return doubtful(first, [501, 505]);
	}
	if (!knownMethods.includes(method)) return wrong(method, [501, 505]);
	if (major !== "1") return wrong(method, [505]);
	if (minor !== "1") return doubtful(method, minor === "0" && targetShape.test(target) ? [] : [505]);
	return targetShape.test(target) ? { method, target } : doubtful(method, [505]);
}

interface Framing {
	readonly isChunked: boolean;
	readonly length: number;
}

function readFraming(method: string, headers: readonly [string, string][]): Framing | Reading {
	const all = (wanted: string) => headers.filter(([name]) => name === wanted).map(([, value]) => value);
	const hosts = all("host");
	const lengths = all("content-length");
	const codings = all("transfer-encoding");
	if (hosts.length === 0) return wrong(method);
	if (hosts.length > 1 || !hostShape.test(hosts[0] ?? "")) return doubtful(method);
	if (codings.length > 0) {
		const [coding = ""] = codings;
		if (codings.length > 1 || lengths.length > 0) return doubtful(method, [501]);
		if (/^chunked$/i.test(coding)) return { isChunked: true, length: 0 };
		// Empty elements of a list are none; two codings, or none, are for the server to say.
		return /(^|[ ,])chunked[ ,]*$/i.test(coding) || /^identity$/i.test(coding) || coding === ""
			? doubtful(method, [501])
			: wrong(method, [501]);
	}
	return readLengths(method, lengths);
}

function readLengths(method: string, lengths: readonly string[]): Framing | Reading {
	const [length = "0"] = lengths;
	if (lengths.length > 1) return new Set(lengths).size === 1 ? doubtful(method) : wrong(method);
	if (/^(?:0|[1-9][0-9]{0,14})$/.test(length)) return { isChunked: false, length: Number(length) };
	// Zeros before it are allowed, the same number twice may be.
	if (/^0*[0-9]{1,15}$/.test(length) || /^([0-9]+)(?: *, *\1)+$/.test(length)) return doubtful(method);
	return wrong(method);
}

function readLength(bytes: Buffer, start: number, length: number, request: Bodiless): Reading {
	const end = start + length;
	const body = bytes.subarray(start, end);
	if (end > bytes.length) return { type: "incomplete", request: { ...request, body } };
	return { type: "plain", request: { ...request, body }, end };
}

/** Without extensions and trailers: those may be refused. */
function readChunks(bytes: Buffer, text: string, start: number, request: Bodiless): Reading {
	const chunks: Buffer[] = [];
	let at = start;
	for (;;) {
		const lineEnd = text.indexOf("\r\n", at);
		const line = text.slice(at, lineEnd < 0 ? text.length : lineEnd);
		if (lineEnd < 0 && /^[0-9a-fA-F]{0,6}\r?$/.test(line)) return incompleteChunks(request, chunks);
		const [, digits] = chunkLineShape.exec(line) ?? [];
		if (digits === undefined) return doubtful(request.method);
		const size = Number.parseInt(digits, 16);
		at = lineEnd + 2;
		if (size > 0) chunks.push(bytes.subarray(at, at + size));
		const end = text.slice(at + size, at + size + 2);
		if (end !== "\r\n" && !"\r\n".startsWith(end)) return doubtful(request.method);
		// The last chunk has come, and only its empty trailer is missing: the body is whole.
		if (end !== "\r\n") return size === 0 ? doubtful(request.method) : incompleteChunks(request, chunks);
		at += size + 2;
		if (size === 0) return { type: "plain", request: { ...request, body: Buffer.concat(chunks) }, end: at };
	}
}

function incompleteChunks(request: Bodiless, chunks: readonly Buffer[]): Reading {
	return { type: "incomplete", request: { ...request, body: Buffer.concat(chunks) } };
}

function wrong(method: string, serverErrors: readonly number[] = []): Reading {
	return { type: "wrong", method, serverErrors };
}

function doubtful(method: string, serverErrors: readonly number[] = []): Reading {
	return { type: "doubtful", method, serverErrors };
}

/** Answers as they come, read strictly: a server that is attacked has no excuse for an answer that is no HTTP. */

export interface Answer {
	readonly status: number;
	/** By lower-case name. */
	readonly headers: ReadonlyMap<string, string>;
	readonly body: Buffer;
	readonly isClosing: boolean;
}

/** What came is no answer. */
export class NoHttp extends Error {}

const headShape = /^HTTP\/1\.[01] ([1-5][0-9][0-9])(?: [\t -~]*)?$/;
const headerShape = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~]*?)[ \t]*$/;
const headEndMark = "\r\n\r\n";
const headBytesMax = 16_000;

/**
 * The first whole answer of the bytes, interim ones (1xx) passed over, and where it ends; undefined when more has to
 * come. @throws {NoHttp}
 */
export function readAnswer(
	bytes: Buffer,
	isToHead: boolean,
): { readonly answer: Answer; readonly end: number } | undefined {
	let at = 0;
	for (;;) {
		const headEnd = bytes.indexOf(headEndMark, at);
		if (headEnd < 0) {
			if (bytes.length - at > headBytesMax) throw new NoHttp("the head of an answer has no end");
			return undefined;
		}
		const head = readHead(bytes.toString("latin1", at, headEnd));
		at = headEnd + headEndMark.length;
		if (head.status < 200) continue;
		if (head.headers.has("transfer-encoding") && !isToHead) return readChunks(bytes, at, head);
		const length = bodyLength(head, isToHead);
		if (bytes.length < at + length) return undefined;
		const body = bytes.subarray(at, at + length);
		return { answer: { ...head, body }, end: at + length };
	}
}

type Head = Omit<Answer, "body">;

function readHead(text: string): Head {
	const [statusLine = "", ...lines] = text.split("\r\n");
	const [, status] = headShape.exec(statusLine) ?? [];
	if (status === undefined)
		throw new NoHttp(`the status line of an answer is ${JSON.stringify(statusLine.slice(0, 80))}`);
	const headers = new Map<string, string>();
	for (const line of lines) {
		const [, name, value = ""] = headerShape.exec(line) ?? [];
		if (name === undefined) throw new NoHttp(`an answer has the header ${JSON.stringify(line.slice(0, 80))}`);
		if (headers.has(name.toLowerCase())) throw new NoHttp(`an answer has ${name} twice`);
		headers.set(name.toLowerCase(), value);
	}
	const isClosing = /\bclose\b/i.test(headers.get("connection") ?? "") || statusLine.startsWith("HTTP/1.0");
	return { status: Number(status), headers, isClosing };
}

/** nginx passes on in chunks what Bun says without a length. */
function readChunks(bytes: Buffer, start: number, head: Head): { answer: Answer; end: number } | undefined {
	const chunks: Buffer[] = [];
	for (let at = start; ; ) {
		const lineEnd = bytes.indexOf("\r\n", at);
		if (lineEnd < 0) return undefined;
		const digits = bytes.toString("latin1", at, lineEnd);
		if (!/^[0-9a-fA-F]{1,6}$/.test(digits)) throw new NoHttp(`a chunk of an answer has the size ${digits}`);
		const size = Number.parseInt(digits, 16);
		at = lineEnd + 2;
		if (bytes.length < at + size + 2) return undefined;
		chunks.push(bytes.subarray(at, at + size));
		at += size + 2;
		if (size === 0) return { answer: { ...head, body: Buffer.concat(chunks) }, end: at };
	}
}

function bodyLength({ status, headers }: Head, isToHead: boolean): number {
	const length = headers.get("content-length");
	if (isToHead || status === 204 || status === 304 || length === undefined) return 0;
	if (!/^[0-9]{1,8}$/.test(length)) throw new NoHttp(`an answer has the length ${JSON.stringify(length)}`);
	return Number(length);
}

/**
 * The lines of an HTTP/1.1 response's head, each read where it lies once its end is known: the status, and the
 * three fields that say where the body ends and what becomes of the connection. `response-parser.ts` finds the
 * lines and reads the body.
 *
 * Where RFC 9112 leaves a client the choice:
 * - Content-Length may be repeated, in a field or a list, if all are equal. Nonsense in it is malformed, even
 *   where it would not count.
 * - Any transfer coding but one chunked is malformed: we never offer to take another.
 * - Obsolete folding (5.2) and a space before the colon (5.1) are malformed.
 * - The status may lack the space before an empty reason, as many servers have it.
 */

const excerptMax = 60;
/** More than any bound there is. */
const muchMax = 2 ** 30;

const tab = 9;
const space = 32;
const comma = 44;
const colon = 58;
/** What tells a small letter from a capital. */
const caseBit = 32;

const versionPrefix = Buffer.from("HTTP/1.");
const connection = Buffer.from("connection");
const contentLength = Buffer.from("content-length");
const transferEncoding = Buffer.from("transfer-encoding");
const framingNames = [connection, contentLength, transferEncoding];
const close = Buffer.from("close");
const keepAlive = Buffer.from("keep-alive");
const chunked = Buffer.from("chunked");

/** 1 for the bytes that a field's name may consist of. */
const isNameByte = new Uint8Array(256);
const nameBytes = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
for (const byte of Buffer.from(nameBytes + nameBytes.toUpperCase())) isNameByte[byte] = 1;

/** The answer isn't HTTP/1, or beyond the bounds. The connection is of no more use, the parser after reset(). */
export class MalformedResponse extends Error {}

export class ResponseHead {
	status = 0;
	minorVersion = 0;
	/** -1 when it isn't given. */
	contentLength = -1;
	isChunked = false;
	saysClose = false;
	saysKeepAlive = false;

	/** Such as HTTP/1.1 200 OK, in input[start, end); begins a head. Any minor version but 0 is read as 1. */
	readStatusLine(input: Buffer, start: number, end: number): void {
		const versionEnd = start + 8;
		const statusEnd = versionEnd + 4;
		this.minorVersion = wholeNumber(input, versionEnd - 1, versionEnd, 10);
		this.status = wholeNumber(input, versionEnd + 1, statusEnd, 10);
		const isWell =
			end >= statusEnd &&
			is(input, start, versionEnd - 1, versionPrefix, 0) &&
			this.minorVersion >= 0 &&
			input[versionEnd] === space &&
			this.status >= 100 &&
			(end === statusEnd || input[statusEnd] === space);
		if (!isWell) throw malformed("not a status line of HTTP/1", input, start, end);
		this.contentLength = -1;
		this.isChunked = this.saysClose = this.saysKeepAlive = false;
	}

	/** A line of the head, or of the trailers, which are only looked at. */
	readField(input: Buffer, start: number, end: number, isTrailer: boolean): void {
		let nameEnd = start;
		while (isNameByte[input[nameEnd] as number] === 1) nameEnd++;
		if (isBlank(input[start])) throw malformed("a folded line", input, start, end);
		if (nameEnd === start || input[nameEnd] !== colon) throw malformed("not a field", input, start, end);
		if (isTrailer) return;
		for (const name of framingNames) {
			if (is(input, start, nameEnd, name, caseBit)) this.#readList(name, input, nameEnd + 1, start, end);
		}
	}

	/** The value of a field is a list with commas, in which elements may be missing. */
	#readList(name: Buffer, input: Buffer, from: number, lineStart: number, lineEnd: number): void {
		let elements = 0;
		for (let next = from; next < lineEnd; next++) {
			let start = next;
			while (next < lineEnd && input[next] !== comma) next++;
			let end = next;
			while (start < end && isBlank(input[start])) start++;
			while (start < end && isBlank(input[end - 1])) end--;
			if (start === end) continue;
			const wrong = this.#readElement(name, input, start, end);
			if (wrong !== undefined) throw malformed(wrong, input, lineStart, lineEnd);
			elements++;
		}
		if (elements === 0 && name !== connection) throw malformed("an empty field", input, lineStart, lineEnd);
	}

	/** @returns what is wrong with it. */
	#readElement(name: Buffer, input: Buffer, start: number, end: number): string | undefined {
		if (name === connection) {
			if (is(input, start, end, close, caseBit)) this.saysClose = true;
			else if (is(input, start, end, keepAlive, caseBit)) this.saysKeepAlive = true;
		} else if (name === contentLength) {
			const length = wholeNumber(input, start, end, 10);
			const isConflict = this.contentLength >= 0 && this.contentLength !== length;
			if (length < 0 || isConflict) return "an unclear Content-Length";
			this.contentLength = length;
		} else {
			const isKnown = is(input, start, end, chunked, caseBit);
			if (!isKnown || this.isChunked) return "a transfer coding that nobody asked for";
			this.isChunked = true;
		}
		return undefined;
	}
}

/** With an excerpt of input[start, end), the bytes that it is about. */
export function malformed(what: string, input: Buffer, start: number, end: number): MalformedResponse {
	const excerpt = input.toString("latin1", start, Math.min(end, start + excerptMax));
	return new MalformedResponse(`${what}: "${excerpt.replace(/[^ -~]/g, ".")}"`);
}

/** Whether input[start, end) is the word, in small letters: with caseBit in any case, with 0 exactly. */
function is(input: Buffer, start: number, end: number, word: Buffer, bit: number): boolean {
	if (end - start !== word.length) return false;
	for (let at = 0; at < word.length; at++) {
		if (((input[start + at] as number) | bit) !== word[at]) return false;
	}
	return true;
}

/** Of digits only, otherwise -1. What is too much for any bound is given as just that. */
export function wholeNumber(input: Buffer, start: number, end: number, base: number): number {
	let value = start < end ? 0 : -1;
	for (let at = start; at < end; at++) {
		const next = digit(input[at]);
		if (next >= base) return -1;
		value = Math.min(value * base + next, muchMax);
	}
	return value;
}

/** The value of a hexadecimal digit; 16 for any other byte. */
export function digit(byte = 0): number {
	if (byte >= 48 && byte <= 57) return byte - 48;
	const letter = byte | caseBit;
	return letter >= 97 && letter <= 102 ? letter - 87 : 16;
}

export function isBlank(byte: number | undefined): boolean {
	return byte === space || byte === tab;
}

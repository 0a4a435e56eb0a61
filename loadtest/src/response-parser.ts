/**
 * Reads an HTTP/1.1 response from bytes that come in any pieces.
 *
 * A load generator does little else, so an answer that comes whole is read where it lies, without a copy and
 * without a string. One that comes in pieces is gathered; whatever is read stays read, so a byte is looked at
 * once however small the pieces are.
 *
 * Where RFC 9112 leaves a client the choice (for the head's lines, see `response-head.ts`):
 * - Transfer-Encoding wins over Content-Length (6.3), and the connection is not used again. In a response of
 *   HTTP/1.0 it is malformed (6.1).
 * - A bare LF ends a line of the head and a trailer (2.2), but not a chunk or its size. A bare CR is malformed,
 *   and so is an empty line before the status.
 */
import { digit, isBlank, MalformedResponse, malformed, ResponseHead, wholeNumber } from "./response-head.ts";

export { MalformedResponse };

/** Of the status line and the fields, those of interim responses included. */
export const headBytesMax = 16 * 1024;
export const bodyBytesMax = 1024 * 1024;
/** Of all in a chunked body that isn't the body: sizes, extensions, trailers. */
export const framingBytesMax = 256 * 1024;
/** A buffer that has grown beyond this isn't kept for the next response. */
const gatheredBytesKept = 64 * 1024;
const excerptMax = 60;

const tab = 9;
const lineFeed = 10;
const carriageReturn = 13;
const space = 32;
const semicolon = 59;

const noBytes = Buffer.alloc(0);

/** What comes next. */
type Phase = "status line" | "field" | "sized" | "endless" | "chunk size" | "chunk" | "trailer" | "nothing";

export class ResponseParser {
	/** Of the last complete response. */
	status = 0;
	/** Of the last complete response: whether the connection may carry another request. */
	keepAlive = false;
	/** The body: bytes [bodyStart, bodyEnd) of bodyBytes; valid until the next feed(). */
	bodyBytes: Buffer = noBytes;
	bodyStart = 0;
	bodyEnd = 0;
	/** All bytes of the last complete response, head included, interim ones too. */
	bytes = 0;

	#phase: Phase = "status line";
	/** All of the response that has come is [0, #length) of #input: of the chunk fed, or of #gathered. */
	#input: Buffer = noBytes;
	#length = 0;
	#gathered: Buffer = noBytes;
	/** Up to here it is read: the start of a line, a body or a chunk. */
	#position = 0;
	/** Up to here the line that starts at #position has no end. */
	#scanned = 0;
	/** Of the line found last: its end without CR and LF, and with them. */
	#lineEnd = 0;
	#nextLine = 0;
	/** No line may end beyond this. */
	#lineEndMax = headBytesMax;

	readonly #head = new ResponseHead();
	#chunkSize = 0;

	/**
	 * True when the response is whole.
	 *
	 * @throws {MalformedResponse} also for bytes beyond the response: there was only one request.
	 */
	feed(chunk: Buffer): boolean {
		if (this.#length > 0) {
			this.#gather(chunk);
		} else {
			this.#input = chunk;
			this.#length = chunk.length;
		}
		while (this.#advance());
		if (this.#phase !== "nothing") {
			this.#ownInput();
			return false;
		}
		if (this.#length > this.bytes) throw this.#malformed("bytes after the answer", this.bytes, this.#length);
		return true;
	}

	/**
	 * The peer closed. True when that completes a response; false when there was nothing of one.
	 *
	 * @throws {MalformedResponse} when it was cut in the middle.
	 */
	end(): boolean {
		if (this.#length === 0 || this.#phase === "nothing") return false;
		if (this.#phase !== "endless") {
			throw new MalformedResponse(`closed after ${this.#length} bytes of an answer`);
		}
		this.bodyEnd = this.#length;
		this.#complete(this.#length);
		return true;
	}

	/** Makes it ready for the next response. What it says of the last one stays. */
	reset(): void {
		this.#phase = "status line";
		this.#length = 0;
		this.#position = 0;
		this.#scanned = 0;
		this.#lineEndMax = headBytesMax;
		if (this.#gathered.length > gatheredBytesKept) this.#gathered = noBytes;
	}

	/** One step; false when the next one takes more bytes, or there is none. */
	#advance(): boolean {
		switch (this.#phase) {
			case "status line":
				return this.#findLine() && this.#readStatusLine();
			case "field":
			case "trailer":
				return this.#findLine() && this.#readField();
			case "chunk size":
				return this.#findLine() && this.#readChunkSize();
			case "chunk":
				return this.#length >= this.#position + this.#chunkSize + 2 && this.#readChunk();
			case "sized":
				return this.#length >= this.bodyEnd && this.#complete(this.bodyEnd);
			case "endless":
				this.#boundBody(this.#length - this.bodyStart);
				return false;
			case "nothing":
				return false;
		}
	}

	/** Finds the end of the line that starts at #position; false when it hasn't come. */
	#findLine(): boolean {
		const input = this.#input;
		const end = Math.min(this.#length, this.#lineEndMax);
		let at = this.#scanned;
		while (at < end) {
			const byte = input[at] as number;
			if (byte < space && byte !== tab) {
				if (byte === carriageReturn && at + 1 === end) break;
				const nextLine = byte === carriageReturn ? at + 2 : at + 1;
				if (input[nextLine - 1] !== lineFeed) {
					const start = Math.max(this.#position, nextLine - excerptMax);
					throw this.#malformed("a control character", start, nextLine);
				}
				this.#lineEnd = at;
				this.#nextLine = this.#scanned = nextLine;
				return true;
			}
			at++;
		}
		this.#scanned = at;
		if (this.#length <= this.#lineEndMax) return false;
		const what = this.#lineEndMax === headBytesMax ? "a head" : "chunk sizes and trailers";
		throw this.#malformed(`${what} beyond the bound`, this.#position, this.#lineEndMax);
	}

	#readStatusLine(): boolean {
		this.#head.readStatusLine(this.#input, this.#position, this.#lineEnd);
		this.#position = this.#nextLine;
		this.#phase = "field";
		return true;
	}

	#readField(): boolean {
		const isTrailer = this.#phase === "trailer";
		if (this.#lineEnd === this.#position) return isTrailer ? this.#complete(this.#nextLine) : this.#endHead();
		this.#head.readField(this.#input, this.#position, this.#lineEnd, isTrailer);
		this.#position = this.#nextLine;
		return true;
	}

	#endHead(): boolean {
		const { status, isChunked, minorVersion, contentLength } = this.#head;
		this.#position = this.bodyStart = this.bodyEnd = this.#nextLine;
		if (status === 101) throw new MalformedResponse("101, and nobody asked for another protocol");
		if (status === 204 || status === 304) return this.#complete(this.#nextLine);
		if (status < 200) {
			this.#phase = "status line";
		} else if (isChunked) {
			if (minorVersion === 0) throw new MalformedResponse("Transfer-Encoding in HTTP/1.0");
			this.#lineEndMax = this.#nextLine + framingBytesMax;
			this.#phase = "chunk size";
		} else if (contentLength >= 0) {
			this.#boundBody(contentLength);
			this.bodyEnd += contentLength;
			this.#phase = "sized";
		} else {
			this.#phase = "endless";
		}
		return true;
	}

	/** Such as 1f;name=value. */
	#readChunkSize(): boolean {
		const input = this.#input;
		let end = this.#position;
		while (digit(input[end]) < 16) end++;
		this.#chunkSize = wholeNumber(input, this.#position, end, 16);
		while (isBlank(input[end])) end++;
		const isEnded = end === this.#lineEnd || input[end] === semicolon;
		if (this.#chunkSize < 0 || !isEnded || this.#nextLine !== this.#lineEnd + 2) {
			throw this.#malformed("not a chunk size");
		}
		this.#boundBody(this.bodyEnd - this.bodyStart + this.#chunkSize);
		this.#position = this.#nextLine;
		this.#phase = this.#chunkSize === 0 ? "trailer" : "chunk";
		return true;
	}

	/** The first chunk stays where it is. The others move up to it, which must not happen in the caller's bytes. */
	#readChunk(): boolean {
		const start = this.#position;
		const end = start + this.#chunkSize;
		if (this.#input[end] !== carriageReturn || this.#input[end + 1] !== lineFeed) {
			throw this.#malformed("a chunk beyond its size", end, end + 2);
		}
		if (this.bodyStart === this.bodyEnd) {
			this.bodyStart = this.bodyEnd = start;
		} else {
			this.#ownInput();
			this.#input.copyWithin(this.bodyEnd, start, end);
		}
		this.bodyEnd += this.#chunkSize;
		this.#lineEndMax += this.#chunkSize;
		this.#position = this.#scanned = end + 2;
		this.#phase = "chunk size";
		return true;
	}

	#complete(end: number): false {
		const { status, minorVersion, isChunked, contentLength, saysClose, saysKeepAlive } = this.#head;
		const isLasting = minorVersion > 0 || saysKeepAlive;
		const isClear = this.#phase !== "endless" && !(isChunked && contentLength >= 0);
		this.status = status;
		this.keepAlive = isLasting && isClear && !saysClose;
		this.bodyBytes = this.#input;
		this.bytes = end;
		this.#phase = "nothing";
		return false;
	}

	/** The caller may do with its chunk as it likes after feed(). */
	#ownInput(): void {
		if (this.#input === this.#gathered) return;
		this.#length = 0;
		this.#gather(this.#input);
	}

	#gather(bytes: Buffer): void {
		const length = this.#length + bytes.length;
		if (length > this.#gathered.length) {
			const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#gathered.length, 1024));
			this.#gathered.copy(larger, 0, 0, this.#length);
			this.#gathered = larger;
		}
		bytes.copy(this.#gathered, this.#length);
		this.#input = this.#gathered;
		this.#length = length;
	}

	#boundBody(length: number): void {
		if (length > bodyBytesMax) throw new MalformedResponse(`a body of more than ${bodyBytesMax} bytes`);
	}

	/** The bytes are those of the line found last, unless others are given. */
	#malformed(what: string, start = this.#position, end = this.#lineEnd): MalformedResponse {
		return malformed(what, this.#input, start, end);
	}
}

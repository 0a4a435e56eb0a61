/**
 * Requests whose end can be argued about: by their length, their chunks, their lines, or what follows them. Each
 * holds a posting of its own, and most a second one, hidden where a careless reader would take it for a request.
 */

/** What a case's bytes are made of; each posting has a description that no other case has. */
export interface Parts {
	/** The JSON of the visible posting. */
	readonly body: string;
	/** A whole request with the hidden posting. */
	readonly hidden: string;
}

/** How often something may be found in the ledger. */
export type Times = "never" | "once" | "at most once";

interface Promised {
	readonly visible: Times;
	readonly hidden: Times;
	/** Requests that a strict parser sees, an unreadable one included, after which it stops. */
	readonly requests: number;
	/** Whether the last request isn't whole: nginx closes after five seconds, a ledger process after thirty. */
	readonly waits?: boolean;
}

export interface Case extends Promised {
	readonly name: string;
	readonly bytes: (parts: Parts) => string;
	/** Whether the client says afterwards that it sends no more. */
	readonly halfCloses?: boolean;
	/** Where nginx, or Bun alone, reads it in another way that does no harm. */
	readonly nginx?: Partial<Promised>;
	readonly direct?: Partial<Promised>;
}

export const start = "POST /clientes/1/transacoes HTTP/1.1\r\n";
export const head = `${start}Host: x\r\nContent-Type: application/json\r\n`;
const chunked = "Transfer-Encoding: chunked\r\n";

export function lengthOf(text: string): string {
	return `Content-Length: ${text.length}\r\n`;
}

export function chunk(text: string): string {
	return `${text.length.toString(16)}\r\n${text}\r\n`;
}

/** One request that nobody may take for anything but an error, whatever is hidden in it. */
export function refused(name: string, bytes: Case["bytes"]): Case {
	return { name, bytes, visible: "never", hidden: "never", requests: 1 };
}

/** One request, in order. */
export function posted(name: string, bytes: Case["bytes"]): Case {
	return { name, bytes, visible: "once", hidden: "never", requests: 1 };
}

/** One request that may be taken or refused. */
export function tolerated(name: string, bytes: Case["bytes"]): Case {
	return { name, bytes, visible: "at most once", hidden: "never", requests: 1 };
}

/** Read by its length it is one request with a strange body; by its chunks, an empty one and another behind it. */
function twoLengths(name: string, encoding: string): Case {
	return refused(`length and ${name}`, ({ hidden }) => {
		const content = `0\r\n\r\n${hidden}`;
		return `${head}${lengthOf(content)}${encoding}\r\n${content}`;
	});
}

/** Without a length: who doesn't see the encoding takes the request for an empty one, and finds another behind it. */
function encodingAlone(name: string, encoding: string): Case {
	return refused(`no length, ${name}`, ({ hidden }) => `${head}${encoding}\r\n${hidden}`);
}

const encodings: [name: string, lines: string][] = [
	["chunked", "Transfer-Encoding: chunked\r\n"],
	["Chunked", "Transfer-Encoding: Chunked\r\n"],
	["CHUNKED in small print", "transfer-encoding: CHUNKED\r\n"],
	["chunked without a space", "Transfer-Encoding:chunked\r\n"],
	["chunked behind a tab", "Transfer-Encoding:\tchunked\r\n"],
	["chunked before a space", "Transfer-Encoding: chunked \r\n"],
	["chunked before a tab", "Transfer-Encoding: chunked\t\r\n"],
	["chunked twice in a list", "Transfer-Encoding: chunked, chunked\r\n"],
	["chunked in two headers", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"],
	["chunked, then identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"],
	["identity, then chunked", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"],
	["a list that ends in identity", "Transfer-Encoding: chunked, identity\r\n"],
	["a list that begins with identity", "Transfer-Encoding: identity, chunked\r\n"],
	["gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n"],
	["a comma before chunked", "Transfer-Encoding: ,chunked\r\n"],
	["a comma behind chunked", "Transfer-Encoding: chunked,\r\n"],
	["chunked with a parameter", "Transfer-Encoding: chunked;q=1\r\n"],
	["chunked in quotes", 'Transfer-Encoding: "chunked"\r\n'],
	["xchunked", "Transfer-Encoding: xchunked\r\n"],
	["chunkedx", "Transfer-Encoding: chunkedx\r\n"],
	["chunk", "Transfer-Encoding: chunk\r\n"],
	["identity", "Transfer-Encoding: identity\r\n"],
	["an empty encoding", "Transfer-Encoding:\r\n"],
	["chunked behind a vertical tab", "Transfer-Encoding: \x0bchunked\r\n"],
	["chunked before a vertical tab", "Transfer-Encoding: chunked\x0b\r\n"],
	["chunked before a form feed", "Transfer-Encoding: chunked\x0c\r\n"],
	["chunked before a NUL", "Transfer-Encoding: chunked\0\r\n"],
	["chunked before a bare CR", "Transfer-Encoding: chunked\r \r\n"],
	["chunked in a folded line", "Transfer-Encoding:\r\n chunked\r\n"],
	["chunked in a line folded by a tab", "Transfer-Encoding:\r\n\tchunked\r\n"],
	["chunked in the fold of another header", "X-Fold: a\r\n Transfer-Encoding: chunked\r\n"],
	["a space before the colon", "Transfer-Encoding : chunked\r\n"],
	["a tab before the colon", "Transfer-Encoding\t: chunked\r\n"],
	["a NUL before the colon", "Transfer-Encoding\0: chunked\r\n"],
	["a space before the name", " Transfer-Encoding: chunked\r\n"],
	["an encoding behind a bare LF", "X-Line: a\nTransfer-Encoding: chunked\r\n"],
	["an encoding behind a bare CR", "X-Line: a\rTransfer-Encoding: chunked\r\n"],
	["two colons", "Transfer-Encoding:: chunked\r\n"],
	["an underscore in the name", "Transfer_Encoding: chunked\r\n"],
	["a name with a prefix", "X-Transfer-Encoding: chunked\r\n"],
	["a non-breaking space", "Transfer-Encoding: \xa0chunked\r\n"],
];

/** Some names are other headers, and an ordinary request with nothing in it comes before another one. */
const noEncodings = ["an underscore in the name", "a name with a prefix"];

const chunkSizes: [name: string, size: (hex: string) => string][] = [
	["a plus", (hex) => `+${hex}`],
	["a minus", (hex) => `-${hex}`],
	["0x before it", (hex) => `0x${hex}`],
	["a space before it", (hex) => ` ${hex}`],
	["a letter that is no digit", () => "2g"],
	["nothing", () => ""],
	["a point", (hex) => `${hex}.0`],
	["an underscore", (hex) => `${hex[0]}_${hex[1]}`],
	["2^64 more", (hex) => `1${hex.padStart(16, "0")}`],
	["2^32 more", (hex) => `1${hex.padStart(8, "0")}`],
	["sixteen f", () => "f".repeat(16)],
	["2^63", () => `8${"0".repeat(15)}`],
	["a NUL behind it", (hex) => `${hex}\0`],
	["a bare CR behind it", (hex) => `${hex}\r\r`],
];

const lengths: [name: string, value: (length: number) => string][] = [
	["a plus", (length) => `+${length}`],
	["a minus", (length) => `-${length}`],
	["hexadecimal", (length) => `0x${length.toString(16)}`],
	["letters behind it", (length) => `${length}abc`],
	["a point", (length) => `${length}.0`],
	["an exponent", (length) => `${length}e0`],
	["a space inside", (length) => String(length).split("").join(" ")],
	["an underscore", (length) => `${length}_0`],
	["quotes", (length) => `"${length}"`],
	["a semicolon", (length) => `${length};`],
	["a vertical tab", (length) => `${length}\x0b`],
	["a NUL", (length) => `${length}\0`],
	["another one in a list", (length) => `${length}, 0`],
	["nothing", () => ""],
	["2^64 more", (length) => String(2n ** 64n + BigInt(length))],
	["2^32 more, which is too large", (length) => String(2 ** 32 + length)],
	["twenty nines", () => "9".repeat(20)],
	["-0", () => "-0"],
	["fullwidth digits", () => "\xef\xbc\x93\xef\xbc\x98"],
];

export const smugglingCases: readonly Case[] = [
	...encodings.map(([name, lines]) => twoLengths(name, lines)),
	...encodings
		.filter(([name]) => !noEncodings.includes(name))
		.map(([name, lines]) => encodingAlone(name, lines)),
	refused("chunked before the length", ({ hidden }) => {
		const content = `0\r\n\r\n${hidden}`;
		return `${head}${chunked}${lengthOf(content)}\r\n${content}`;
	}),
	refused("a length that ends within the first chunk (TE.CL)", ({ hidden }) => {
		const content = `${chunk(hidden)}0\r\n\r\n`;
		return `${head}Content-Length: 4\r\n${chunked}\r\n${content}`;
	}),
	refused(
		"a length of 0 and a chunked posting",
		({ body, hidden }) => `${head}Content-Length: 0\r\n${chunked}\r\n${chunk(body)}0\r\n\r\n${hidden}`,
	),
	refused("a length that fits the chunks", ({ body, hidden }) => {
		const content = `${chunk(body)}0\r\n\r\n`;
		return `${head}${lengthOf(content)}${chunked}\r\n${content}${hidden}`;
	}),
	refused(
		"chunked in HTTP/1.0",
		({ body, hidden }) => `${head.replace("1.1", "1.0")}${chunked}\r\n${chunk(body)}0\r\n\r\n${hidden}`,
	),
	posted("a posting in one chunk", ({ body }) => `${head}${chunked}\r\n${chunk(body)}0\r\n\r\n`),
	posted("a posting in a chunk for each byte", ({ body }) => {
		return `${head}${chunked}\r\n${body.split("").map(chunk).join("")}0\r\n\r\n`;
	}),
	...chunkSizes.map(([name, size]) => ({
		...refused(`a chunk's size with ${name}`, ({ body, hidden }) => {
			const hex = body.length.toString(16);
			return `${head}${chunked}\r\n${size(hex)}\r\n${body}\r\n0\r\n\r\n${hidden}`;
		}),
		// Bun waits for the 4 GiB that were announced, and would refuse them after 16 KiB.
		...(name === "2^32 more" ? { direct: { waits: true } } : {}),
	})),
	tolerated("a chunk's size with zeros before it", ({ body }) => {
		return `${head}${chunked}\r\n${body.length.toString(16).padStart(8, "0")}\r\n${body}\r\n0\r\n\r\n`;
	}),
	tolerated("a chunk with an extension", ({ body }) => {
		return `${head}${chunked}\r\n${body.length.toString(16)};a=b;c="d"\r\n${body}\r\n0;e\r\n\r\n`;
	}),
	// Who ends the line at the LF finds a chunk in the extension; who doesn't, another one.
	{
		...refused("a chunk's extension with a bare LF", ({ hidden }) => {
			return `${head}${chunked}\r\n5;\nxxxxx\r\n0\r\n\r\n${hidden}`;
		}),
		// nginx takes the LF for the end of the line, as it may, and writes the chunks anew.
		nginx: { hidden: "at most once", requests: 2 },
	},
	refused("a chunk that is longer than it says", ({ body, hidden }) => {
		return `${head}${chunked}\r\n5\r\n${body}\r\n0\r\n\r\n${hidden}`;
	}),
	refused("a chunk without an end of line", ({ body, hidden }) => {
		return `${head}${chunked}\r\n${chunk(body).slice(0, -2)}0\r\n\r\n${hidden}`;
	}),
	refused("a chunk that ends in two other bytes", ({ body, hidden }) => {
		return `${head}${chunked}\r\n${chunk(body).slice(0, -2)}XX0\r\n\r\n${hidden}`;
	}),
	tolerated("a trailer", ({ body }) => `${head}${chunked}\r\n${chunk(body)}0\r\nX-Sum: 1\r\n\r\n`),
	tolerated("a trailer with a length", ({ body }) => {
		return `${head}${chunked}\r\n${chunk(body)}0\r\nContent-Length: 400\r\n\r\n`;
	}),
	{
		...tolerated(
			"a posting in chunks without the last one",
			({ body }) => `${head}${chunked}\r\n${chunk(body)}`,
		),
		visible: "never",
		waits: true,
	},
	...lengths.map(([name, value]) =>
		refused(`a length with ${name}`, ({ hidden }) => {
			return `${head}Content-Length: ${value(hidden.length)}\r\n\r\n${hidden}`;
		}),
	),
	...(["0", "5"] as const).flatMap((other) => [
		refused(`a length, then ${other}`, ({ hidden }) => {
			return `${head}${lengthOf(hidden)}Content-Length: ${other}\r\n\r\n${hidden}`;
		}),
		refused(`a length of ${other}, then another`, ({ hidden }) => {
			return `${head}Content-Length: ${other}\r\n${lengthOf(hidden)}\r\n${hidden}`;
		}),
	]),
	...(
		[
			["Content-Length :", "a space before its colon"],
			["Content-Length\t:", "a tab before its colon"],
			[" Content-Length:", "a space before its name"],
			["Content-Length:\r\n", "its value in a folded line"],
		] as const
	).map(([name, words]) =>
		refused(`a length with ${words}`, ({ hidden }) => `${head}${name} ${hidden.length}\r\n\r\n${hidden}`),
	),
	tolerated("the same length twice", ({ body }) => {
		return `${head}${lengthOf(body)}${lengthOf(body)}\r\n${body}`;
	}),
	tolerated("the same length twice in a list", ({ body }) => {
		return `${head}Content-Length: ${body.length}, ${body.length}\r\n\r\n${body}`;
	}),
	tolerated("a length with zeros before it", ({ body }) => {
		return `${head}Content-Length: 00${body.length}\r\n\r\n${body}`;
	}),
	posted("a length with spaces around it", ({ body }) => {
		return `${head}Content-Length:  ${body.length}  \r\n\r\n${body}`;
	}),
	tolerated("a length with a tab behind it", ({ body }) => {
		return `${head}Content-Length: ${body.length}\t\r\n\r\n${body}`;
	}),
	{
		...refused("a length that is one too long", ({ body }) => {
			return `${head}Content-Length: ${body.length + 1}\r\n\r\n${body}`;
		}),
		waits: true,
	},
	{
		...refused("a length that is one too short", ({ body, hidden }) => {
			return `${head}Content-Length: ${body.length - 1}\r\n\r\n${body}${hidden}`;
		}),
		requests: 2,
	},
];

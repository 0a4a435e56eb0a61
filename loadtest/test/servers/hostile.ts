/**
 * A server on raw sockets that is hostile in one way, or unusual but right: what the judge must survive,
 * count, and never hang on.
 *
 * Behind it is a right ledger. In the lawful modes its answers are whole and true, so the judge must find
 * nothing wrong. In the others an entry is posted before the answer is spoilt, unless the mode comes before
 * the request.
 */
import type { Socket, TCPSocketListener } from "bun";
import { randomOf } from "../made-up-history.ts";
import { answerOf, openBooks } from "./books.ts";
import { type Answer, officialLimits } from "./wire.ts";

/** Unusual, but HTTP: the judge must take the answers as they are. */
export const lawfulModes = [
	"http-1.0",
	"closes-silently",
	"until-close",
	"interim-first",
	"chunked",
	"in-pieces",
	"drips",
] as const;

export const rudeModes = [
	"closes-at-once",
	"resets-at-once",
	"never-answers",
	"half-closes",
	"half-head",
	"half-body",
	"malformed-status-line",
	"content-length-too-long",
	"content-length-too-short",
	"chunked-garbage",
	"two-answers",
	"answers-early",
	"always-500",
	"invalid-json",
	"other-shape",
	"endless-headers",
	"endless-body",
	"escape-in-reason",
	"escape-in-body",
	"escape-in-statement",
] as const;

export type HostileMode = (typeof lawfulModes)[number] | (typeof rudeModes)[number];

export interface HostileOptions {
	/** So many requests are answered plainly first; also connections behave until then. */
	readonly politeRequests?: number;
	/** After them, the share of requests (or connections) that isn't answered plainly. */
	readonly share?: number;
	readonly seed?: number;
	/** Between two bytes of "drips" and two pieces of "in-pieces". */
	readonly gapMs?: number;
}

export interface HostileServer {
	readonly url: string;
	stop(): void;
	/** Accepted so far. */
	connections(): number;
	openConnections(): number;
	/** Whole requests read so far. */
	requests(): number;
}

interface Client {
	/** Read, but not a whole request. */
	input: string;
	isOpen: boolean;
	/** Got an answer before it asked: its first request gets no other. */
	isAnswered: boolean;
	/** Not written, since the kernel took no more. */
	unwritten: Buffer;
	whenDrained: (() => void) | undefined;
}

type Connection = Socket<Client>;

/** What clears a screen, changes the title of its window, and turns the rest red. */
export const escapes = "\x1b[2J\x1b]0;owned\x07\x1b[31m";

const endlessPieceBytes = 16 * 1024;

export function startHostile(mode: HostileMode, options: HostileOptions = {}): HostileServer {
	const { politeRequests = 0, share = 1, seed = 1, gapMs = mode === "drips" ? 50 : 1 } = options;
	const random = randomOf(seed);
	const books = openBooks(officialLimits);
	let connections = 0;
	let open = 0;
	let requests = 0;
	const isRude = () => requests >= politeRequests && random() < share;

	const listener: TCPSocketListener<Client> = Bun.listen<Client>({
		hostname: "127.0.0.1",
		port: 0,
		allowHalfOpen: true,
		socket: {
			open(connection) {
				connections += 1;
				open += 1;
				connection.data = {
					...{ input: "", isOpen: true, isAnswered: false },
					...{ unwritten: Buffer.alloc(0), whenDrained: undefined },
				};
				if (isRude()) greetings[mode]?.(connection);
			},
			data(connection, bytes) {
				connection.data.input += bytes.toString("latin1");
				for (let request = takeRequest(connection.data); request; request = takeRequest(connection.data)) {
					const { method, path, body } = request;
					// The answer first: an entry is posted even if nobody will be told.
					const answer = answerOf(books, method, path, body);
					const respond = isRude() ? responses[mode] : plainly;
					requests += 1;
					void respond(connection, answer, gapMs);
				}
			},
			drain: (connection) => flush(connection),
			end: (connection) => void connection.end(),
			close(connection) {
				open -= 1;
				connection.data.isOpen = false;
				connection.data.whenDrained?.();
			},
			error() {},
		},
	});
	return {
		url: `http://127.0.0.1:${listener.port}`,
		stop: () => listener.stop(true),
		connections: () => connections,
		openConnections: () => open,
		requests: () => requests,
	};
}

/** Of the modes that don't wait for a request. */
const greetings: Partial<Record<HostileMode, (connection: Connection) => void>> = {
	"closes-at-once": (connection) => void connection.end(),
	"resets-at-once": (connection) => void connection.terminate(),
	"answers-early"(connection) {
		connection.data.isAnswered = true;
		write(connection, plain({ status: 200, body: '{"limite":100000,"saldo":1}' }));
	},
};

type Respond = (connection: Connection, answer: Answer, gapMs: number) => void | Promise<void>;

const plainly: Respond = (connection, answer) => write(connection, plain(answer));

const responses: Record<HostileMode, Respond> = {
	"http-1.0"(connection, answer) {
		writeLast(connection, plain(answer).replace("HTTP/1.1", "HTTP/1.0"));
	},
	"closes-silently"(connection, answer) {
		writeLast(connection, plain(answer));
	},
	"until-close"(connection, answer) {
		writeLast(connection, plain(answer).replace(/Content-Length: \d+\r\n/, ""));
	},
	"interim-first"(connection, answer) {
		const hints = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
		write(connection, `HTTP/1.1 100 Continue\r\n\r\n${hints}${plain(answer)}`);
	},
	chunked(connection, { status, body }) {
		const half = body.length >> 1;
		const chunks = [body.slice(0, half), body.slice(half), ""].filter(
			(chunk, at) => chunk !== "" || at === 2,
		);
		const text = chunks.map((chunk) => `${chunk.length.toString(16)};name=value\r\n${chunk}\r\n`);
		// The last chunk is followed by trailers, and these by an empty line.
		const framed = `${text.join("").slice(0, -2)}X-Trailer: yes\r\n\r\n`;
		write(connection, head(status, ["Transfer-Encoding: chunked"]) + framed);
	},
	async "in-pieces"(connection, answer, gapMs) {
		await writeInPieces(connection, plain(answer), 17, gapMs);
	},
	async drips(connection, answer, gapMs) {
		await writeInPieces(connection, plain(answer), 1, gapMs);
	},

	// These two are over before a request can be read, or should be.
	"closes-at-once": (connection) => void connection.end(),
	"resets-at-once": (connection) => void connection.terminate(),
	"never-answers"() {},
	"half-closes": (connection) => void connection.shutdown(),
	"half-head"(connection, answer) {
		writeLast(connection, plain(answer).slice(0, 30));
	},
	"half-body"(connection, answer) {
		writeLast(connection, plain(answer).slice(0, -(answer.body.length >> 1)));
	},
	"malformed-status-line"(connection, answer) {
		write(connection, plain(answer).replace("HTTP/1.1 ", "HTCPCP/1.0 I'm a teapot "));
	},
	"content-length-too-long"(connection, answer) {
		write(connection, withLength(answer, answer.body.length + 10));
	},
	"content-length-too-short"(connection, answer) {
		write(connection, withLength(answer, Math.max(1, answer.body.length - 10)));
	},
	"chunked-garbage"(connection, { status, body }) {
		write(connection, `${head(status, ["Transfer-Encoding: chunked"])}zz\r\n${body}\r\n-5\r\n\r\n`);
	},
	"two-answers"(connection, answer) {
		write(connection, plain(answer) + plain(answer));
	},
	"answers-early"(connection, answer) {
		if (!connection.data.isAnswered) write(connection, plain(answer));
		connection.data.isAnswered = false;
	},
	"always-500"(connection) {
		write(connection, plain({ status: 500, body: '{"error":"internal"}' }));
	},
	"invalid-json"(connection, answer) {
		write(connection, plain({ ...answer, body: `${answer.body.slice(0, -1)},,}` }));
	},
	"other-shape"(connection) {
		write(connection, plain({ status: 200, body: '{"data":[{"balance":"12.50"},null]}' }));
	},
	async "endless-headers"(connection) {
		write(connection, "HTTP/1.1 200 OK\r\n");
		await writeForever(connection, `X-More: ${"a".repeat(endlessPieceBytes)}\r\n`);
	},
	async "endless-body"(connection) {
		write(connection, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
		await writeForever(connection, " ".repeat(endlessPieceBytes));
	},
	"escape-in-reason"(connection, answer) {
		write(connection, plain(answer).replace(/^(\S+ \d+) .*/, `$1 ${escapes}`));
	},
	"escape-in-body"(connection) {
		write(connection, plain({ status: 418, body: `${escapes}I am red` }));
	},
	"escape-in-statement"(connection, answer) {
		// In JSON they must be escaped themselves, so that they are there once it is read.
		const quoted = JSON.stringify(escapes).slice(1, -1);
		const entry = `{"valor":1,"tipo":"c","descricao":"${quoted}","realizada_em":"2024-02-06T00:00:00Z"}`;
		write(
			connection,
			plain({
				...answer,
				body: answer.body.replace(/"ultimas_transacoes":\[.*\]/, `"ultimas_transacoes":[${entry}]`),
			}),
		);
	},
};

/** The first request of the input, taken from it; undefined while it isn't whole. */
function takeRequest(client: Client): { method: string; path: string; body: string } | undefined {
	const headEnd = client.input.indexOf("\r\n\r\n");
	if (headEnd < 0) return undefined;
	const fields = client.input.slice(0, headEnd);
	const length = Number(/^content-length: *(\d+)/im.exec(fields)?.[1] ?? 0);
	const end = headEnd + 4 + length;
	if (client.input.length < end) return undefined;
	const body = client.input.slice(headEnd + 4, end);
	client.input = client.input.slice(end);
	const [method = "", path = ""] = fields.split(" ", 2);
	return { method, path, body };
}

function plain(answer: Answer): string {
	return withLength(answer, answer.body.length);
}

function withLength({ status, body }: Answer, length: number): string {
	return head(status, [`Content-Length: ${length}`]) + body;
}

function head(status: number, fields: readonly string[]): string {
	const lines = [`HTTP/1.1 ${status} Whatever`, "Content-Type: application/json", ...fields];
	return `${lines.join("\r\n")}\r\n\r\n`;
}

function write(connection: Connection, text: string): void {
	const { data } = connection;
	data.unwritten = Buffer.concat([data.unwritten, Buffer.from(text, "latin1")]);
	flush(connection);
}

function flush(connection: Connection): void {
	const { data } = connection;
	const written = connection.write(data.unwritten);
	data.unwritten = data.unwritten.subarray(Math.max(0, written));
	if (data.unwritten.length === 0) data.whenDrained?.();
}

/** Answers are small, and go into the kernel's buffer as a whole. */
function writeLast(connection: Connection, text: string): void {
	write(connection, text);
	connection.end();
}

async function writeInPieces(
	connection: Connection,
	text: string,
	bytes: number,
	gapMs: number,
): Promise<void> {
	for (let at = 0; at < text.length && connection.data.isOpen; at += bytes) {
		write(connection, text.slice(at, at + bytes));
		await Bun.sleep(gapMs);
	}
}

/** As fast as the client reads, until it closes. */
async function writeForever(connection: Connection, piece: string): Promise<void> {
	while (connection.data.isOpen) {
		write(connection, piece);
		if (connection.data.unwritten.length > 0)
			await new Promise<void>((resolve) => {
				connection.data.whenDrained = resolve;
			});
		await Bun.sleep(1);
	}
}

/**
 * What may be answered to bytes, by the README's section on the API and the challenge's rules. It knows nothing of the
 * ledger's code: HTTP is read by request-reader.ts, JSON by json-reader.ts, a posting by posting-rule.ts.
 *
 * Where several things are wrong with a request the README doesn't say which one is told, so any of them may be.
 * These are the liberties beyond it, and why:
 *
 * - Asked directly: 501 for a method or a transfer coding, 505 for a version, that HTTP doesn't know: RFC 9110 names
 *   them. 505 too for a request line that can't be read, which docs/decisions.md promises of Bun.
 * - 413, 414 and 431 from sizes on that the balancer or Bun state, each with whatever the request itself calls for.
 * - Bun's own refusals (a bare 400, 413, 431, 505 without a problem detail) of heads that it can't read, asked directly;
 *   and a bare 400 or 431 through the balancer, where nginx takes a head that Bun doesn't (control characters in a
 *   value, some 200 fields).
 * - A path that is another one written differently (%31, //, /../) may be found, or not.
 * - Asked directly, a process may lose answers on a connection on which more arrives, or that the client half-closes,
 *   while an answer waits for the disk; and may tell 400 to a body in chunks whose trailer it dislikes, and have
 *   posted it. docs/decisions.md says so. Through the balancer neither may happen.
 */

import { claimOf } from "./lenient-reader.ts";
import { type Claim, rule } from "./posting-rule.ts";
import { type PlainRequest, readRequest } from "./request-reader.ts";

/** Who is asked: the whole stack, or a process by itself. */
export type Front = "balancer" | "process";

export interface Expectation {
	/**
	 * - answer: one of the statuses, in time.
	 * - refusal: 4xx, one of the server errors, or the connection closed; never an effect.
	 * - any: as refusal, or taken in some way.
	 */
	readonly demand: "answer" | "refusal" | "any";
	readonly method: string;
	readonly statuses: ReadonlySet<number>;
	/** What would be posted, if anything. */
	readonly claim: Claim | undefined;
	/** Whose statement is asked for, when nothing else can be meant. */
	readonly statementOf: number | undefined;
	/** Whether nothing but the account's limit can be the reason of a 422. */
	readonly isLimitOnly: boolean;
	/** The server may close the connection behind its answer. */
	readonly mayClose: boolean;
	readonly isChunked: boolean;
}

export interface StreamExpectation {
	/** In their order; only the last one may demand something else than an answer. */
	readonly requests: readonly Expectation[];
	/** Whether each of them has its answer, and nothing is left over. */
	readonly isPlain: boolean;
}

const bodyBytesMax = 1024;
/** Beyond it Bun answers without the ledger. */
const bodyBytesHardMax = 16 * 1024;
/** nginx.conf has 4 KiB for a line and 12 KiB for a head; what is near is either. */
const lineBytesNear = 4000;
const headBytesNear = 11_000;
/** From so many header fields on, Bun refuses. */
const headersNear = 100;
const accountIds: readonly number[] = [1, 2, 3, 4, 5];
/** The account whose balance may come near the end of what a balance can be. */
export const richAccountId = 5;

export function expectStream(bytes: Buffer, front: Front): StreamExpectation {
	const text = bytes.toString("latin1");
	const requests: Expectation[] = [];
	for (let at = 0; at < bytes.length; ) {
		const reading = readRequest(bytes, text, at);
		if (reading.type === "plain") {
			requests.push(expectRequest(reading.request, front));
			at = reading.end;
			continue;
		}
		const rest = bytes.subarray(at);
		if (reading.type === "incomplete") requests.push(expectIncomplete(reading.request));
		else requests.push(expectOdd(reading, rest, front));
		return { requests, isPlain: false };
	}
	return { requests, isPlain: requests.every(({ demand }) => demand === "answer") };
}

const nothing = {
	...{ statuses: new Set<number>(), claim: undefined, statementOf: undefined },
	...{ isLimitOnly: false, mayClose: true, isChunked: false },
};

/** No effect, until it is whole; a method without a use for a body may have its answer already. */
function expectIncomplete(request: PlainRequest | undefined): Expectation {
	const method = request?.method ?? "";
	const isHarmless = request !== undefined && (method !== "POST" || !isEntryTarget(request.target));
	return { ...nothing, demand: isHarmless ? "any" : "refusal", method };
}

function isEntryTarget(target: string): boolean {
	return target.includes("transacoes") || target.includes("%");
}

function expectOdd(
	reading: { type: "doubtful" | "wrong"; method: string; serverErrors: readonly number[] },
	rest: Buffer,
	front: Front,
): Expectation {
	const { method, serverErrors } = reading;
	const statuses = new Set(front === "process" ? serverErrors : []);
	if (reading.type === "wrong") return { ...nothing, demand: "refusal", method, statuses };
	const claim = claimOf(rest);
	// What Bun takes for a second request begins with a line that it can't read.
	if (front === "process") statuses.add(505);
	const isChunked = /transfer-encoding/i.test(rest.toString("latin1"));
	return { ...nothing, demand: "any", method, statuses, claim, isChunked };
}

function expectRequest(request: PlainRequest, front: Front): Expectation {
	const { method, isChunked, headers } = request;
	const route = readRoute(request.target);
	const ruling = rulingOf(request, route);
	const statuses = new Set([...ruling.statuses, ...sizeStatuses(request)]);
	if (route.isDoubtful) for (const status of [400, 404]) statuses.add(status);
	const expectation: Expectation = {
		...{ ...nothing, demand: "answer", method, statuses, isChunked },
		claim: ruling.claim,
		statementOf: method === "GET" && ruling.statuses.has(200) ? route.statementOf : undefined,
		isLimitOnly: ruling.isLimitOnly,
		mayClose: headers.some(([name, value]) => name === "connection" && /close/i.test(value)),
	};
	return isOdd(request, front) ? { ...expectation, demand: "any" } : expectation;
}

/** What HTTP itself lets a server refuse, or what closes the connection before its answer can be read. */
function isOdd({ headers, body }: PlainRequest, front: Front): boolean {
	const value = (wanted: string) => headers.find(([name]) => name === wanted)?.[1];
	const expectation = value("expect");
	if (expectation !== undefined && !/^100-continue$/i.test(expectation)) return true;
	if (value("upgrade") !== undefined || /upgrade|te/i.test(value("connection") ?? "")) return true;
	return front === "process" && body.length > bodyBytesHardMax;
}

function sizeStatuses({ lineBytes, headBytes, headers, body }: PlainRequest): number[] {
	const large =
		lineBytes >= lineBytesNear || headBytes >= headBytesNear || headers.length >= headersNear
			? [400, 414, 431]
			: [];
	return body.length > bodyBytesMax ? [...large, 413] : large;
}

interface Route {
	readonly methods: readonly string[];
	/** Of a path with an account: its id, when there is such an account. */
	readonly accountId: number | undefined;
	readonly isEntry: boolean;
	readonly statementOf: number | undefined;
	/** The path is written in another way than the route. */
	readonly isDoubtful: boolean;
}

const noRoute: Route = {
	...{ methods: [], accountId: undefined, isEntry: false, statementOf: undefined, isDoubtful: false },
};

function readRoute(target: string): Route {
	const [path = ""] = target.split("?", 1);
	const plain = normalized(path);
	const isDoubtful = plain !== path || /%(?![0-9a-fA-F]{2})/.test(path);
	if (plain === "/health" || plain === "/metrics")
		return { ...noRoute, methods: ["GET", "HEAD"], isDoubtful };
	if (plain === "/reset") return { ...noRoute, methods: ["POST"], isDoubtful };
	const [, id, ending] = /^\/clientes\/([^/]+)\/(transacoes|extrato)$/.exec(plain) ?? [];
	if (id === undefined) return { ...noRoute, isDoubtful };
	const accountId = accountIds.find((known) => String(known) === id);
	return ending === "transacoes"
		? { ...noRoute, methods: ["POST"], accountId: accountId ?? 0, isEntry: true, isDoubtful }
		: {
				...{ ...noRoute, methods: ["GET", "HEAD"], accountId: accountId ?? 0, isDoubtful },
				statementOf: isDoubtful ? undefined : accountId,
			};
}

/** As RFC 3986 lets a server read it: %31 is 1, and dot segments and empty ones are none. */
export function normalized(path: string): string {
	let decoded: string;
	try {
		decoded = decodeURIComponent(path);
	} catch {
		decoded = path;
	}
	const segments: string[] = [];
	for (const segment of decoded.split("/").slice(1)) {
		if (segment === "..") segments.pop();
		else if (segment !== "." && segment !== "") segments.push(segment);
	}
	const isFolder = decoded.endsWith("/") && segments.length > 0;
	return `/${segments.join("/")}${isFolder ? "/" : ""}`;
}

interface RouteRuling {
	readonly statuses: ReadonlySet<number>;
	readonly claim: Claim | undefined;
	readonly isLimitOnly: boolean;
}

function rulingOf(request: PlainRequest, route: Route): RouteRuling {
	const bare = (...statuses: number[]) => ({
		...{ statuses: new Set(statuses), claim: undefined, isLimitOnly: false },
	});
	const { methods, accountId, isEntry } = route;
	if (methods.length === 0) return bare(404);
	const isKnown = accountId === undefined || accountId > 0;
	if (!methods.includes(request.method)) return isKnown ? bare(405) : bare(404, 405);
	if (isEntry) return entryRuling(request, accountId ?? 0);
	return isKnown ? bare(200) : bare(404);
}

/** All that is wrong with it; a posting only when nothing is. */
function entryRuling(request: PlainRequest, accountId: number): RouteRuling {
	const ruling = rule(accountId, request.body);
	const problems = [
		...(accountId === 0 ? [404] : []),
		...(request.body.length > bodyBytesMax ? [413] : []),
		...(ruling.type === "wrong" ? [ruling.status] : []),
	];
	const { wrong, doubtful } = headerRuling(request);
	const all = [...problems, ...wrong];
	if (all.length > 0 || ruling.type === "wrong")
		return { statuses: new Set([...all, ...doubtful]), claim: undefined, isLimitOnly: false };
	const { claim, isDoubtful } = ruling;
	const mayBeFull = claim.change < 0 || accountId === richAccountId;
	const statuses = [200, ...(mayBeFull ? [422] : []), ...doubtful, ...(isDoubtful ? [400, 422] : [])];
	const isLimitOnly = claim.change < 0 && !isDoubtful && !doubtful.includes(422);
	return { statuses: new Set(statuses), claim, isLimitOnly };
}

/** What the headers of a posting get it, and what they may get it. */
function headerRuling({ headers }: PlainRequest): { wrong: number[]; doubtful: number[] } {
	const all = (wanted: string) => headers.filter(([name]) => name === wanted).map(([, value]) => value);
	const types = all("content-type");
	const keys = all("idempotency-key");
	const [type] = types;
	const [key] = keys;
	const wrong: number[] = [];
	const doubtful: number[] = [];
	// A body without a type may be taken for what it has to be.
	if (type === undefined || types.length > 1 || /charset *= *"?(?!utf-8)/i.test(type)) doubtful.push(415);
	else if (!/^application\/json[ \t]*(?:;.*)?$/i.test(type)) wrong.push(415);
	if (headers.some(([name]) => name === "content-encoding")) doubtful.push(400, 415);
	// A key twice, or one without quotes, may be no key.
	if (keys.length > 1) doubtful.push(400, 422);
	else if (key !== undefined && !isKey(key)) (isBareKey(key) ? doubtful : wrong).push(400);
	return { wrong, doubtful };
}

/** A string of structured fields (RFC 9651), of 1 to 128 characters. */
function isKey(header: string): boolean {
	const [, inner] = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/.exec(header) ?? [];
	const length = inner?.replaceAll(/\\(.)/g, "$1").length ?? 0;
	return length >= 1 && length <= 128;
}

function isBareKey(header: string): boolean {
	return /^[!#-[\]-~]{1,128}$/.test(header);
}

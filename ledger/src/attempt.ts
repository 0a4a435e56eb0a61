/**
 * A request that comes twice is applied once. What a balancer or a client says about a request, read from its
 * headers, and how old it may be.
 *
 * A balancer that gets no answer sends the request to another process, and can't know whether the first one
 * had posted the entry, nor whether it is dead or only asleep, and will:
 *
 *     balancer    try 1 ──────────────┐ no answer      try 2 ──┐
 *     process 1   [gets it] stopped ··┼·························┼··· wakes, applies it?
 *     process 2                       └                         └─► applied, answered
 *
 * So both find the request's id, or its key, under the lock under which entries are posted, and a request is
 * refused there once it is so old that its id may be forgotten.
 */
import type { Attempt } from "./ledger.ts";

/**
 * Microseconds after which nobody applies a request any more: longer than the balancer tries (twice 250 ms to
 * connect and 3 s to read, deploy/nginx.conf), and half of what ids are kept for.
 */
export const attemptMicrosMax = 10_000_000;

/** Microseconds for which a request's id is found again, at least. */
export const requestIdMicros = 2 * attemptMicrosMax;

/** Microseconds after which a client's key may be forgotten: 24 hours. */
export const idempotencyKeyMicros = 24 * 3600 * 1_000_000;

/** A first attempt this old may have been given up by the balancer, and repeated elsewhere. */
const timelyMicros = 1_000_000;

/** Whether the request may have been applied before, or may be about to be, by another process. */
export function isLate({ isRepeat, startedAt }: Attempt, now: number): boolean {
	// A start in the future is as strange: the clock was set meanwhile.
	return isRepeat || Math.abs(now - startedAt) > timelyMicros;
}

/** Whether it is too old to be applied, whoever holds it. */
export function isExpired({ startedAt }: Attempt, now: number): boolean {
	return Math.abs(now - startedAt) > attemptMicrosMax;
}

/**
 * What the balancer's headers say. Only for a process that nobody else can reach: X-Request-Id from anyone
 * could be that of another's entry.
 */
export function parseAttempt(headers: Headers): Attempt | undefined {
	const requestId = headers.get("x-request-id");
	const start = headers.get("x-request-start");
	if (requestId === null || start === null) return undefined;
	if (!/^[0-9a-f]{32}$/.test(requestId) || !/^[0-9]{1,10}\.[0-9]{3}$/.test(start)) return undefined;
	const isRepeat = headers.get("x-request-try") !== "1";
	return { requestId, startedAt: Math.round(Number(start) * 1000) * 1000, isRepeat };
}

/** Bytes of a client's key; each is kept for a day. */
const idempotencyKeyLengthMax = 128;

/**
 * The key of an Idempotency-Key header (draft-ietf-httpapi-idempotency-key-header-07): a string in quotes, as
 * structured fields have them (RFC 9651), or what many clients send, the same without quotes.
 * @returns "malformed" for anything else.
 */
export function parseIdempotencyKey(header: string): { readonly key: string } | "malformed" {
	const quoted = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/.exec(header)?.[1];
	const key = quoted?.replaceAll(/\\(.)/g, "$1") ?? (/^[!#-+\--[\]-~]+$/.test(header) ? header : "");
	return key.length > 0 && key.length <= idempotencyKeyLengthMax ? { key } : "malformed";
}

/**
 * What a balancer and a client say about a request, header by header, and how old it may be, microsecond by
 * microsecond. What follows from it is in exactly-once.test.ts.
 */
import { describe, expect, test } from "bun:test";
import {
	attemptMicrosMax,
	idempotencyKeyMicros,
	isExpired,
	isLate,
	parseAttempt,
	parseIdempotencyKey,
	requestIdMicros,
} from "../src/attempt.ts";
import { property, type Random } from "./random.ts";

const id = "0123456789abcdef0123456789abcdef";

function parsed(changes: Record<string, string | undefined> = {}) {
	const given = { "X-Request-Id": id, "X-Request-Start": "1705459201.217", "X-Request-Try": "1", ...changes };
	const headers = new Headers();
	for (const [name, value] of Object.entries(given)) if (value !== undefined) headers.set(name, value);
	return parseAttempt(headers);
}

describe("a balancer's headers", () => {
	test("are an id, a start in microseconds, and whether it is the first try", () => {
		expect(parsed()).toEqual({ requestId: id, startedAt: 1_705_459_201_217_000, isRepeat: false });
	});

	test.each([["2"], ["3"], ["x"], [""], ["01"], ["1, 1"], [undefined]])(
		"are of a repeat, for safety, when the try is %p",
		(value) => {
			expect(parsed({ "X-Request-Try": value })?.isRepeat).toBe(true);
		},
	);

	test.each([
		["0.000", 0],
		["0.001", 1000],
		["1.999", 1_999_000],
		["9999999999.999", 9_999_999_999_999_000],
	])("hold the start %s exactly", (start, micros) => {
		expect(parsed({ "X-Request-Start": start })?.startedAt).toBe(micros);
	});

	property("hold every millisecond's start exactly", (random) => {
		for (let round = 0; round < 2000; round += 1) {
			const millis = random.below(10_000_000_000_000);
			const start = `${Math.floor(millis / 1000)}.${String(millis % 1000).padStart(3, "0")}`;
			expect([start, parsed({ "X-Request-Start": start })?.startedAt]).toEqual([start, millis * 1000]);
		}
	});

	const ids: [string, string | undefined][] = [
		["missing", undefined],
		["empty", ""],
		["a digit short", id.slice(1)],
		["a digit long", `${id}0`],
		["in capitals", id.toUpperCase()],
		["no hexadecimal", `${id.slice(1)}g`],
		["a UUID with its dashes", "01234567-89ab-cdef-0123-456789abcdef"],
		["given twice", `${id}, ${id}`],
		["in quotes", `"${id}"`],
		["broken by a space", `${id.slice(0, 16)} ${id.slice(16)}`],
		["the variable that nobody filled in", "$request_id"],
	];
	test.each(ids)("are none at all when the id is %s", (_, value) => {
		expect(parsed({ "X-Request-Id": value })).toBeUndefined();
	});

	const starts: [string, string | undefined][] = [
		["missing", undefined],
		["empty", ""],
		["whole seconds", "1705459201"],
		["a point alone", "."],
		["without seconds", ".217"],
		["of two decimals", "1705459201.21"],
		["of four decimals", "1705459201.2170"],
		["of eleven digits", "17054592011.217"],
		["below zero", "-1705459201.217"],
		["with a sign", "+1705459201.217"],
		["in another notation", "1.705e9"],
		["with a comma", "1705459201,217"],
		["as Heroku writes it", "t=1705459201.217"],
		["given twice", "1705459201.217, 1705459201.217"],
		["no number", "NaN"],
		["in other digits", "١٧٠٥٤٥٩٢٠١.٢١٧"],
	];
	test.each(starts)("are none at all when the start is %s", (_, value) => {
		// Headers hold bytes only: as they come from the wire.
		const bytes = value === undefined ? undefined : Buffer.from(value).toString("latin1");
		expect(parsed({ "X-Request-Start": bytes })).toBeUndefined();
	});
});

describe("an attempt", () => {
	const startedAt = 1_705_459_201_217_000;
	const first = { requestId: id, startedAt, isRepeat: false };

	test.each([
		[0, false],
		[1_000_000, false],
		[1_000_001, true],
		[attemptMicrosMax, true],
	])("that is the first is late %d µs from its start: %p, whichever way the clock went", (micros, late) => {
		expect(isLate(first, startedAt + micros)).toBe(late);
		expect(isLate(first, startedAt - micros)).toBe(late);
	});

	test("that is a repeat is late at once", () => {
		expect(isLate({ ...first, isRepeat: true }, startedAt)).toBe(true);
	});

	test.each([
		[0, false],
		[attemptMicrosMax, false],
		[attemptMicrosMax + 1, true],
	])("is expired %d µs from its start: %p, whichever way the clock went", (micros, expired) => {
		for (const isRepeat of [false, true]) {
			expect(isExpired({ ...first, isRepeat }, startedAt + micros)).toBe(expired);
			expect(isExpired({ ...first, isRepeat }, startedAt - micros)).toBe(expired);
		}
	});

	test("has its id kept for as long as a clock that differs by all that is allowed could need it", () => {
		expect(requestIdMicros).toBeGreaterThanOrEqual(2 * attemptMicrosMax);
		expect(idempotencyKeyMicros).toBe(86_400_000_000);
	});
});

describe("a client's idempotency key", () => {
	const taken: [why: string, header: string, key: string][] = [
		["in quotes", '"8e03978e"', "8e03978e"],
		["in quotes, of one character", '"a"', "a"],
		["in quotes, with a quote inside", '"a\\"b"', 'a"b'],
		["in quotes, with a backslash inside", '"a\\\\b"', "a\\b"],
		["in quotes, of nothing but a quote", '"\\""', '"'],
		["in quotes, with a backslash before its end", '"a\\\\"', "a\\"],
		["in quotes, with spaces", '" a b "', " a b "],
		["in quotes, with a comma", '"a,b"', "a,b"],
		["in quotes, with what is no escape in JSON's way", '"n\\\\n"', "n\\n"],
		["bare", "8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324"],
		["bare, with what tokens may hold", "!#$%&'()*+-./:;<=>?@[]^_`{|}~", "!#$%&'()*+-./:;<=>?@[]^_`{|}~"],
		["of 128 characters", "k".repeat(128), "k".repeat(128)],
		["of 128 characters in quotes", `"${"k".repeat(128)}"`, "k".repeat(128)],
		["of 128 characters, each escaped", `"${'\\"'.repeat(128)}"`, '"'.repeat(128)],
	];
	test.each(taken)("%s is taken", (_, header, key) => {
		expect(parseIdempotencyKey(header)).toEqual({ key });
	});

	const refused: [why: string, header: string][] = [
		["empty", ""],
		["empty in quotes", '""'],
		["too long", "k".repeat(129)],
		["too long in quotes", `"${"k".repeat(129)}"`],
		["too long, each escaped", `"${"\\\\".repeat(129)}"`],
		["with its quote not closed", '"a'],
		["with its quote not opened", 'a"'],
		["of one quote", '"'],
		["of three quotes", '"""'],
		["with a bare quote inside", '"a"b"'],
		["whose last quote is escaped", '"a\\"'],
		["with a backslash before what needs none", '"a\\b"'],
		["bare, with a backslash", "a\\b"],
		["bare, with a space", "a b"],
		["with a space before its quotes", ' "a"'],
		["with a space after its quotes", '"a" '],
		["in single quotes with a space", "'a b'"],
		["that is two keys", '"a", "b"'],
		["that is the same key twice", '"a", "a"'],
		["that is two bare keys", "a, b"],
		["that is two bare keys without a space", "a,b"],
		["with parameters", '"a";x=1'],
		["with an umlaut in latin-1", "a\u00fcb"],
		["with a control character", '"a\u0001b"'],
		["with a line feed", '"a\nb"'],
		["with a line feed at its end", '"a"\n'],
		["bare, with a line feed at its end", "a\n"],
		["with a tab", '"a\tb"'],
		["with a NUL", "a\u0000b"],
		["with a DEL", '"a\u007fb"'],
		["that is not ASCII", '"chavé"'],
		["bare, that is not ASCII", "chavé"],
		["with an emoji", '"🔑"'],
	];
	test.each(refused)("%s is malformed", (_, header) => {
		expect(parseIdempotencyKey(header)).toBe("malformed");
	});

	test("is malformed as HTTP joins a header that is given twice", () => {
		for (const value of ['"a"', "a"]) {
			const headers = new Headers();
			headers.append("Idempotency-Key", value);
			expect(parseIdempotencyKey(headers.get("idempotency-key") ?? "")).toEqual({ key: "a" });
			headers.append("Idempotency-Key", value);
			expect(parseIdempotencyKey(headers.get("idempotency-key") ?? "")).toBe("malformed");
		}
	});

	const printable = (random: Random, length: number) =>
		Array.from({ length }, () => String.fromCharCode(random.between(0x20, 0x7e))).join("");

	property("of any printable characters comes out of its quotes as it went in", (random) => {
		for (let round = 0; round < 3000; round += 1) {
			const key = printable(random, random.between(1, 128));
			expect(parseIdempotencyKey(`"${key.replaceAll(/["\\]/g, "\\$&")}"`)).toEqual({ key });
		}
	});

	property("is never read in two ways: what is taken has at most 128 printable characters", (random) => {
		let taken = 0;
		for (let round = 0; round < 20_000; round += 1) {
			const length = random.between(1, 6);
			const header = Array.from({ length }, () => random.pick([...'"\\ ab,;\t\n\u007fé'])).join("");
			const outcome = parseIdempotencyKey(header);
			if (outcome === "malformed") continue;
			taken += 1;
			expect(outcome.key).toMatch(/^[ -~]{1,128}$/);
			const again = `"${outcome.key.replaceAll(/["\\]/g, "\\$&")}"`;
			// Either these very quotes, or the same without any.
			expect([again, outcome.key]).toContain(header);
		}
		expect(taken).toBeGreaterThan(0);
	});
});

/** The fast reader of an answer to a credit or debit, against JSON.parse: over tables, and over spoilt answers. */
import { describe, expect, test } from "bun:test";
import { Posting } from "../src/posting.ts";
import { below, type Random, randomOf } from "./made-up-history.ts";

const seed = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);

/** By JSON.parse alone: undefined when it isn't an answer. */
function expectedOf(text: string): readonly [number, number] | undefined {
	try {
		const { limite, saldo } = JSON.parse(text);
		return Number.isSafeInteger(limite) && Number.isSafeInteger(saldo) ? [limite, saldo] : undefined;
	} catch {
		return undefined;
	}
}

/** With bytes before and after it that are none of its business. */
function readOf(text: string, after = "}1234"): readonly [number, number] | undefined {
	const posting = new Posting();
	const before = Buffer.from('HTTP/1.1 200 OK\r\n\r\n{"limite":5');
	const body = Buffer.from(text);
	const bytes = Buffer.concat([before, body, Buffer.from(after)]);
	return posting.read(bytes, before.length, before.length + body.length)
		? [posting.limite, posting.saldo]
		: undefined;
}

const numbersOf = (text: string) => [`{"limite":${text},"saldo":0}`, `{"saldo":${text},"limite":100000}`];

const table = [
	'{"limite":100000,"saldo":-9098}',
	'{"saldo":-9098,"limite":100000}',
	...["0", "-0", "7", "-7", "00", "01", "-01", "+1", "1.0", "1.5", "1e2", "1E+2", "1e-2", "-", ""].flatMap(
		numbersOf,
	),
	...["999999999999999", "-999999999999999", "1000000000000000", "0000000000000001"].flatMap(numbersOf),
	...["9007199254740991", "9007199254740992", "-9007199254740991", "-9007199254740993", "1e400"].flatMap(
		numbersOf,
	),
	...["null", "true", '"1"', "[1]", "{}", "NaN", "Infinity", "1 ", " 1", "1\n", "0x10", "1_000"].flatMap(
		numbersOf,
	),
	...["", "{", "}", "{}", "[]", "null", "1", '"limite"', "{,}", '{"limite":1}', '{"saldo":1}', "[1,2]"],
	...['{"limite":1,"saldo":2,"limite":3}', '{"limite":1,"limite":2}', '{"saldo":1,"saldo":2}'],
	...['{"limite":1,"saldo":2,"nome":"x"}', '{"id":1,"limite":1,"saldo":2}', '{"a":{"limite":1,"saldo":2}}'],
	...[
		'{"limite":1,"saldo":2}\n',
		'{"limite":1,"saldo":2} ',
		'{"limite":1,"saldo":2}x',
		'{"limite":1,"saldo":2}}',
	],
	...[
		' {"limite":1,"saldo":2}',
		'{ "limite" : 1 , "saldo" : 2 }',
		'{"limite":1,"saldo":2,}',
		'\ufeff{"limite":1,"saldo":2}',
	],
	...[
		'{"Limite":1,"saldo":2}',
		'{"limit\\u0065":1,"saldo":2}',
		'{"limite":1;"saldo":2}',
		"{'limite':1,'saldo':2}",
	],
	...['{"limite":1,"saldo":2', '{"limite":1"saldo":2}', '{"limite"1,"saldo":2}', '{"limite":1,"saldox":2}'],
];

describe("an answer to a credit or debit", () => {
	test.each(table)("is read as JSON.parse reads it: %s", (text) => {
		expect(readOf(text)).toEqual(expectedOf(text));
	});

	test("ends where the body ends, whatever stands behind it", () => {
		for (const text of table)
			for (const after of ["", "}", "0}", ',"saldo":1}', "9"])
				expect([text, after, readOf(text, after)]).toEqual([text, after, expectedOf(text)]);
	});

	test("leaves nothing of the one before it", () => {
		const posting = new Posting();
		const [good, bad] = [Buffer.from('{"limite":1,"saldo":2}'), Buffer.from('{"limite":7,"saldo":x}')];
		expect(posting.read(good, 0, good.length)).toBe(true);
		expect(posting.read(bad, 0, bad.length)).toBe(false);
		expect([posting.limite, posting.saldo]).toEqual([1, 2]);
	});
});

const pieces = [
	"0",
	"1",
	"9",
	"-",
	"+",
	".",
	"e",
	"E2",
	" ",
	"\n",
	"\t",
	'"',
	",",
	":",
	"{",
	"}",
	"\\",
	"00",
	"\u0000",
];

/** Characters put in, taken out, doubled, swapped or replaced, once to three times. */
function spoilt(text: string, random: Random): string {
	let result = text;
	for (let times = 1 + below(random, 3); times > 0; times -= 1) {
		const at = below(random, result.length + 1);
		const piece = pieces[below(random, pieces.length)] as string;
		const [before, after] = [result.slice(0, at), result.slice(at)];
		result = [
			before + piece + after,
			before + after.slice(1),
			before + piece + after.slice(1),
			before + before.slice(-3) + after,
		][below(random, 4)] as string;
	}
	return result;
}

function madeUp(random: Random): string {
	const number = () => {
		const digits = 1 + below(random, 18);
		return (random() < 0.3 ? "-" : "") + Array.from({ length: digits }, () => below(random, 10)).join("");
	};
	const [limite, saldo] = [`"limite":${number()}`, `"saldo":${number()}`];
	return random() < 0.5 ? `{${limite},${saldo}}` : `{${saldo},${limite}}`;
}

test(`is read as JSON.parse reads it, spoilt or not (SEED=${seed})`, () => {
	const random = randomOf(seed);
	let read = 0;
	for (let count = 0; count < 20_000; count += 1) {
		const whole = madeUp(random);
		for (const text of [whole, spoilt(whole, random)]) {
			const expected = expectedOf(text);
			if (expected !== undefined) read += 1;
			expect([text, readOf(text)]).toEqual([text, expected]);
		}
	}
	// Otherwise it would only have been shown that both refuse.
	expect(read).toBeGreaterThan(5000);
});

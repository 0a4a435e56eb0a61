/** Bodies that ask for nothing that there is, each by its number and a seed. */
import type { Random } from "../random.ts";
import { type Fields, rightBody, rightFields, written } from "./right-bodies.ts";
import { splinters, wound } from "./wounds.ts";

const amounts = [
	...[
		"0",
		"-1",
		"-0",
		"1.0",
		"1.5",
		"0.1",
		"1e0",
		"1e2",
		"1E+2",
		"10e-1",
		"1e400",
		"1.0000000000000001",
		"-1e-400",
	],
	...[
		"9007199254740992",
		"9007199254740993",
		"18446744073709551616",
		"1".repeat(400),
		"1e-1",
		"4503599627370497.5",
	],
	...[
		'"1"',
		'"100"',
		'""',
		"null",
		"true",
		"false",
		"[]",
		"[1]",
		"{}",
		'{"valor":1}',
		'"1.5"',
		'"c"',
		"-9007199254740991",
	],
	...[
		"01",
		"+1",
		"1.",
		".5",
		"0x10",
		"1_000",
		"NaN",
		"Infinity",
		"-",
		"1e",
		"--1",
		"1 0",
		"1n",
		"١",
		"undefined",
	],
];
const kinds = [
	...[
		'"C"',
		'"D"',
		'"credit"',
		'""',
		'"cd"',
		'" c"',
		'"c "',
		"null",
		"1",
		"true",
		'["c"]',
		"{}",
		'"c\\u0000"',
		'"ｃ"',
	],
	...['"x"', "c", "'c'", '"с"', '"c\\n"', "99"],
];
const descriptions = [
	...[
		'""',
		"null",
		"1",
		"true",
		"[]",
		'["a"]',
		"{}",
		'"12345678901"',
		'"😀😀😀😀😀😀😀😀😀😀😀"',
		'"\\u0000"',
		'"a\\u0000b"',
	],
	...[
		'"\\ud800"',
		'"\\udc00a"',
		'"a\\ud83d"',
		'"\\n"',
		'"\\t"',
		'"\\u007f"',
		'"\\u0085"',
		'"a\\u001fb"',
		'"\u007f"',
		'"\u0085"',
	],
	...[
		'"          1"',
		"abc",
		"'abc'",
		'"\\x41"',
		'"abc',
		'abc"',
		'"e\\u0301e\\u0301e\\u0301e\\u0301e\\u0301e\\u0301"',
	],
	...['"a\tb"', '"a\nb"', '"a\0b"'],
];

/** One value that is none, or none at all. */
export function wrongValueBody(random: Random, number: number): Buffer {
	const fields = rightFields(random, number);
	const spots = ["valor", "tipo", "descricao"] as const;
	const spot = random.pick(spots);
	const values = { valor: amounts, tipo: kinds, descricao: descriptions }[spot];
	const change = random.below(10);
	if (change < 6) return Buffer.from(written({ ...fields, [spot]: random.pick(values) }));
	const whole = written(fields);
	if (change === 6) return Buffer.from(whole.replace(`"${spot}":${fields[spot]}`, `"x":${number}`));
	if (change === 7)
		return Buffer.from(
			whole.replace(`"${spot}"`, `"${random.pick([spot.toUpperCase(), `${spot} `, ` ${spot}`])}"`),
		);
	if (change === 8) return Buffer.from(whole.replace("{", `{"${spot}":${random.pick(values)},`));
	if (random.chance(0.5)) return Buffer.from(whole.replace("}", `,"${spot}":${random.pick(values)}}`));
	return longDescription(random, fields);
}

function longDescription(random: Random, fields: Fields): Buffer {
	const filler = random.pick([..."aé😀\u0301\u200d"]);
	const length = random.pick([11, 12, 20, 50, 100, 200]);
	return Buffer.from(written({ ...fields, descricao: JSON.stringify(filler.repeat(length)) }));
}

const others = [
	...[
		"",
		" ",
		"null",
		"1",
		'"a"',
		"[]",
		"{}",
		"true",
		"[[[[",
		"]",
		"{",
		"}",
		'"',
		"{}{}",
		"[1,2",
		"{,}",
		"//",
		"<a/>",
		"a=b",
	],
	...["valor=1&tipo=c&descricao=a", "\0", "\ufeff{}", "NaN", "---", "{'valor':1}", "\\", "\ud800"],
];

/** No object with these fields at all. */
export function otherBody(random: Random, number: number): Buffer {
	const whole = written(rightFields(random, number));
	const depth = random.pick([10, 100, 400]);
	switch (random.below(6)) {
		case 0:
			return Buffer.from(random.pick(others));
		case 1:
			return Buffer.from(`[${whole}]`);
		case 2:
			return Buffer.from("[".repeat(depth) + "]".repeat(random.pick([depth, depth - 1])));
		case 3:
			return Buffer.from('{"a":'.repeat(Math.min(depth, 150)) + whole + "}".repeat(Math.min(depth, 150)));
		case 4:
			return Buffer.from(whole + random.pick([...others, whole, ",", "\0", " x", "\n{}"]));
		default:
			return Buffer.from(JSON.stringify(whole));
	}
}

/** JSON broken at one place: every place has its turn. */
export function brokenBody(random: Random, number: number): Buffer {
	const whole = rightBody(random, number);
	const at = random.below(whole.length + 1);
	switch (random.below(4)) {
		case 0:
			return whole.subarray(0, at);
		case 1:
			return Buffer.concat([whole.subarray(0, at), whole.subarray(at + random.between(1, 3))]);
		case 2:
			return Buffer.concat([whole.subarray(0, at), Buffer.from(random.pick(splinters)), whole.subarray(at)]);
		default:
			return wound(random, whole);
	}
}

const badBytes = [
	...[[0xff], [0xfe], [0x80], [0xc0, 0x80], [0xc3], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xed, 0xb0, 0x80]],
	...[
		[0xf4, 0x90, 0x80, 0x80],
		[0xf0, 0x80, 0x80, 0xaf],
		[0xf8, 0x88, 0x80, 0x80, 0x80],
		[0x00],
		[0x1f],
		[0x7f],
	],
	...[[0xef, 0xbb, 0xbf], [0xff, 0xfe], [0xe0, 0x80, 0xaf], [0xc1, 0xbf], [0x0d], [0x0a], [0xf0, 0x9f, 0x98]],
].map((bytes) => Buffer.from(bytes));

/** A right body with bytes that are no UTF-8, or no text. */
export function badBytesBody(random: Random, number: number): Buffer {
	const whole = rightBody(random, number);
	const at = random.pick([0, whole.length, whole.length - 3, random.below(whole.length + 1)]);
	return Buffer.concat([whole.subarray(0, at), random.pick(badBytes), whole.subarray(at)]);
}

/** Around the kilobyte, and far beyond; right but for its length. */
export function largeBody(random: Random, number: number): Buffer {
	const whole = rightBody(random, number);
	const size = random.pick([1022, 1023, 1024, 1025, 1026, 1100, 2000, 8192, 16_384, 16_385, 20_000, 70_000]);
	const filler = random.pick([" ", "\n", "\t"]);
	const padding = Buffer.alloc(size - whole.length, filler);
	return Buffer.concat(random.chance(0.5) ? [whole, padding] : [padding, whole]);
}

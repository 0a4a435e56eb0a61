/** Bodies: right ones in every way that JSON can be written, and wrong ones, each by its number and a seed. */
import type { Random } from "../random.ts";
import { splinters, wound } from "./wounds.ts";

/** Of a right posting, as it stands in JSON. */
interface Fields {
	readonly valor: string;
	readonly tipo: string;
	readonly descricao: string;
}

const base = 36;
const numberLength = 6;
const tagPrefix = "fuzz";
export const tagShape = /^fuzz[0-9a-z]{6}$/;

/** Ten characters that name a request. */
export function tagOf(number: number): string {
	return tagPrefix + number.toString(base).padStart(numberLength, "0");
}

function rightFields(random: Random, number: number): Fields {
	return {
		valor: String(random.between(1, 3000)),
		tipo: random.chance(0.45) ? '"c"' : '"d"',
		descricao: JSON.stringify(tagOf(number)),
	};
}

function written({ valor, tipo, descricao }: Fields): string {
	return `{"valor":${valor},"tipo":${tipo},"descricao":${descricao}}`;
}

export function rightBody(random: Random, number: number): Buffer {
	return Buffer.from(written(rightFields(random, number)));
}

/** Right, as few would write it. */
export function oddRightBody(random: Random, number: number): Buffer {
	const fields = rightFields(random, number);
	const change = random.below(6);
	if (change === 0) return Buffer.from(written({ ...fields, descricao: oddDescription(random, number) }));
	if (change === 1) return Buffer.from(written({ ...fields, valor: "9007199254740991", tipo: '"d"' }));
	if (change === 2) return Buffer.from(escaped(random, fields));
	if (change === 3) return Buffer.from(withBlanks(random, fields));
	if (change === 4) return Buffer.from(written(fields).replace("{", `{${random.pick(strangers)},`));
	return Buffer.from(written({ ...fields, descricao: JSON.stringify(shortDescription(number)) }));
}

/** Fields that nobody asked for. */
const strangers = [
	...[
		'"x":1',
		'"__proto__":{"valor":1}',
		'"constructor":null',
		'"valor ":2',
		'"VALOR":2',
		'"":0',
		'"toString":1',
	],
	...['"x":{"valor":1.5}', '"x":[[[[[[]]]]]]', '"x":1e400', '"x":"\\ud800"', '"saldo":0', '"valor\\u0000":7'],
];

const exotic = [
	...[
		"😀",
		"e\u0301",
		"\u200d",
		"\u202e",
		"ß",
		"İ",
		"\u2028",
		"\ufeff",
		"\u00a0",
		"👩",
		"𝒳",
		"'",
		"<",
		"%",
		"\\",
		'"',
	],
	...["\uffff", "\u{10ffff}", "\ufffd", "\u3000", "/", "\u0300", "&", " ", "ﬀ", "０"],
];

/** Ten characters at the most, of which six are the number. */
function oddDescription(random: Random, number: number): string {
	const digits = number.toString(base).padStart(numberLength, "0");
	const before = Array.from({ length: random.below(3) }, () => random.pick(exotic)).join("");
	const after = Array.from({ length: random.between(0, 2) }, () => random.pick(exotic)).join("");
	const text = [...(before + digits + after)].slice(0, 10).join("");
	return JSON.stringify(text.includes(digits) ? text : digits);
}

/** One character while there are any, else two. */
function shortDescription(number: number): string {
	const first = 0xf0000;
	const characters = 0xfffe;
	if (number < characters) return String.fromCodePoint(first + number);
	return String.fromCodePoint(first + (number % characters), 0x4e00 + Math.floor(number / characters));
}

function escaped(random: Random, fields: Fields): string {
	const spell = (text: string) =>
		text.replaceAll(/[a-z0-9]/g, (letter) => {
			if (random.chance(0.6)) return letter;
			const digits = letter.charCodeAt(0).toString(16).padStart(4, "0");
			return `\\u${random.chance(0.5) ? digits : digits.toUpperCase()}`;
		});
	return `{"${spell("tipo")}":${spell(fields.tipo)},"${spell("valor")}":${fields.valor},"descricao":${spell(fields.descricao)}}`;
}

function withBlanks(random: Random, { valor, tipo, descricao }: Fields): string {
	const blank = () =>
		Array.from({ length: random.below(4) }, () => random.pick([" ", "\t", "\r\n", "\n"])).join("");
	const members = [
		["valor", valor],
		["descricao", descricao],
		["tipo", tipo],
	].map(([name, value]) => `${blank()}"${name}"${blank()}:${blank()}${value}${blank()}`);
	return `${blank()}{${members.join(",")}}${blank()}`;
}

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

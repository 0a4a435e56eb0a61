/** Bodies that ask for a posting, in every way in which JSON lets them be written, each by its number and a seed. */
import type { Random } from "../random.ts";

/** Of a right posting, as it stands in JSON. */
export interface Fields {
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

export function rightFields(random: Random, number: number): Fields {
	return {
		valor: String(random.between(1, 3000)),
		tipo: random.chance(0.45) ? '"c"' : '"d"',
		descricao: JSON.stringify(tagOf(number)),
	};
}

export function written({ valor, tipo, descricao }: Fields): string {
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

/**
 * The border, byte by byte: every body that is taken, every body that is refused and with which problem,
 * and the exact bytes of every answer.
 */
import { describe, expect, test } from "bun:test";
import { type Posting, type Statement, statementEntriesMax } from "../src/ledger.ts";
import {
	bodyBytesMax,
	encodeHealth,
	encodePosted,
	encodeProblem,
	encodeStatement,
	encodeTimestamp,
	isJson,
	type Problem,
	parseAccountId,
	parsePosting,
	problems,
} from "../src/wire.ts";
import { property, type Random } from "./random.ts";

const utf8 = new TextEncoder();

/** Text as UTF-8; what UTF-8 can't say is given as bytes. */
function parse(body: string | Uint8Array): Posting | Problem {
	return parsePosting(3, typeof body === "string" ? utf8.encode(body) : body);
}

function posting(change: Partial<Posting> = {}): Posting {
	return { type: "post", accountId: 3, kind: "credit", amount: 1, description: "x", ...change };
}

/** A body that is right but for what is given, each value as it stands in JSON. */
function body({ valor = "1", tipo = '"c"', descricao = '"x"' } = {}): string {
	return `{"valor":${valor},"tipo":${tipo},"descricao":${descricao}}`;
}

/** Puts raw bytes where the body's text says @. */
function splice(text: string, ...bytes: number[]): Uint8Array {
	const [before = "", after = ""] = text.split("@");
	return Uint8Array.of(...utf8.encode(before), ...bytes, ...utf8.encode(after));
}

type Accepted = [why: string, body: string | Uint8Array, expected: Partial<Posting>];
type Refused = [why: string, body: string | Uint8Array];

function accepts(cases: readonly Accepted[]): void {
	test.each(cases)("%s", (_, bytes, expected) => {
		expect(parse(bytes)).toEqual(posting(expected));
	});
}

function refuses(problem: Problem, cases: readonly Refused[]): void {
	test.each(cases)("%s", (_, bytes) => {
		expect(parse(bytes)).toEqual(problem);
	});
}

describe("a body is taken:", () => {
	accepts([
		[
			"the specification's example",
			'{"valor": 1000, "tipo" : "c", "descricao" : "descricao"}',
			{ amount: 1000, description: "descricao" },
		],
		["a debit", body({ tipo: '"d"' }), { kind: "debit" }],
		["fields in another order", '{"descricao":"x","tipo":"c","valor":1}', {}],
		["white space wherever JSON takes it", ' \t\r\n{ "valor"\n:\t1 ,"tipo":"c" , "descricao":"x" }\r\n ', {}],
		["names written with escapes", '{"\\u0076alor":1,"tip\\u006F":"c","\\u0064escricao":"x"}', {}],
		["a kind written with an escape", body({ tipo: '"\\u0064"' }), { kind: "debit" }],
		["a field that says nothing to the ledger", '{"valor":1,"tipo":"c","descricao":"x","moeda":"BRL"}', {}],
		["a fraction in such a field", '{"taxa":1.5,"valor":1,"tipo":"c","descricao":"x","juros":2e3}', {}],
		[
			"a fraction deep in such a field",
			'{"extra":[{"taxa":[0.1,1e-9]}],"valor":1,"tipo":"c","descricao":"x"}',
			{},
		],
		["a number without end in such a field", '{"valor":1,"tipo":"c","descricao":"x","x":1e999}', {}],
		["a description that looks like a fraction", body({ descricao: '"1.5e3"' }), { description: "1.5e3" }],
		[
			"a description that holds another body",
			body({ descricao: '"\\"valor\\":1."' }),
			{ description: '"valor":1.' },
		],
		[
			"a name given twice with the same meaning: the last one counts",
			'{"valor":2,"valor":1,"tipo":"d","tipo":"c","descricao":"y","descricao":"x"}',
			{},
		],
		[
			"a wrong value that a later one replaces",
			'{"valor":"2","valor":1,"tipo":0,"tipo":"c","descricao":[],"descricao":"x"}',
			{},
		],
		["a fraction that a later amount replaces", '{"valor":1.5,"valor":1,"tipo":"c","descricao":"x"}', {}],
		[
			"a __proto__ that would bring other values",
			'{"__proto__":{"tipo":"d","valor":9},"valor":1,"tipo":"c","descricao":"x"}',
			{},
		],
		["a __proto__ that is null", '{"valor":1,"tipo":"c","descricao":"x","__proto__":null}', {}],
		[
			"names of what every object has",
			'{"constructor":1,"toString":2.5,"hasOwnProperty":[],"valor":1,"tipo":"c","descricao":"x"}',
			{},
		],
		["an empty name", '{"":1.5,"valor":1,"tipo":"c","descricao":"x"}', {}],
		[
			"a lone surrogate in a name that says nothing",
			'{"\\ud800":1,"valor":1,"tipo":"c","descricao":"x"}',
			{},
		],
		[
			"arrays nested as deep as the body allows",
			`{"x":${"[".repeat(480)}${"]".repeat(480)},"valor":1,"tipo":"c","descricao":"x"}`,
			{},
		],
	]);
});

describe("a fraction named valor somewhere inside another field", () => {
	accepts([
		[
			"doesn't refuse a whole amount that stands before it",
			'{"valor":1,"tipo":"c","descricao":"x","itens":{"valor":1.5}}',
			{},
		],
		[
			"doesn't refuse a whole amount that stands behind it",
			'{"itens":{"valor":1.5},"valor":1,"tipo":"c","descricao":"x"}',
			{},
		],
		[
			"doesn't refuse it from inside a __proto__",
			'{"valor":1,"tipo":"c","descricao":"x","__proto__":{"valor":1.5}}',
			{},
		],
	]);
	refuses(problems.amount, [
		["doesn't excuse a fraction before it", '{"valor":1.0,"tipo":"c","descricao":"x","itens":{"valor":1}}'],
		["doesn't excuse a fraction behind it", '{"itens":{"valor":1},"valor":1.0,"tipo":"c","descricao":"x"}'],
		[
			"doesn't excuse it from within an array",
			'{"valor":1e0,"tipo":"c","descricao":"x","itens":[[{"valor":7}]]}',
		],
	]);
});

describe("an amount is taken:", () => {
	accepts([
		["one cent", body({ valor: "1" }), { amount: 1 }],
		["2^31, past the small integers", body({ valor: "2147483648" }), { amount: 2 ** 31 }],
		["2^32", body({ valor: "4294967296" }), { amount: 2 ** 32 }],
		["2^53 − 2", body({ valor: "9007199254740990" }), { amount: 2 ** 53 - 2 }],
		["2^53 − 1, the largest", body({ valor: "9007199254740991" }), { amount: 2 ** 53 - 1 }],
	]);
});

describe("an amount is refused:", () => {
	const values = [
		...["0", "-0", "-1", "-9007199254740991", "9007199254740992", "9007199254740993", "18446744073709551616"],
		...["1.0", "1.5", "0.1", "-1.5", "100.00", "1e3", "1E3", "1e+3", "1e0", "10e-1", "1.0e1", "0e0"],
		...["4503599627370497.5", "9007199254740991.0", "9007199254740991.4", "1.00000000000000000001"],
		...["0.99999999999999999999", "1e400", "-1e400", "1e-400", "1e999999999999", `1${"0".repeat(300)}`],
		...['"1"', '"c"', '""', "true", "false", "null", "[]", "[1]", "{}", '{"valor":1}'],
	];
	refuses(
		problems.amount,
		values.map((valor) => [valor.slice(0, 40), body({ valor })]),
	);
	refuses(problems.amount, [
		["a missing one", '{"tipo":"c","descricao":"x"}'],
		["one by another case", '{"Valor":1,"tipo":"c","descricao":"x"}'],
		["one only in __proto__", '{"__proto__":{"valor":1},"tipo":"c","descricao":"x"}'],
		["a fraction that replaces a whole one", '{"valor":1,"valor":1.0,"tipo":"c","descricao":"x"}'],
		["a fraction under an escaped name", '{"\\u0076alor":1.0,"tipo":"c","descricao":"x"}'],
		["no field at all", "{}"],
	]);
});

describe("a kind is refused:", () => {
	const values = ['"C"', '"D"', '"cd"', '"c "', '" c"', '""', '"x"', '"credit"', '"\\u0441"', '"\\u0000c"'];
	refuses(
		problems.kind,
		[...values, "0", "1", "true", "null", "[]", '["c"]', "{}"].map((tipo) => [tipo, body({ tipo })]),
	);
	refuses(problems.kind, [
		["a missing one", '{"valor":1,"descricao":"x"}'],
		["one only in __proto__", '{"__proto__":{"tipo":"c"},"valor":1,"descricao":"x"}'],
	]);
});

describe("a description is taken:", () => {
	const kept: [string, string][] = [
		["one character", "a"],
		["ten", "0123456789"],
		["a space", " "],
		["ten spaces", " ".repeat(10)],
		["accents", "ação é ñ ü"],
		["ten characters beyond the first plane", "😀".repeat(10)],
		["ten code points of combining marks", `e${"\u0301".repeat(9)}`],
		["a family of emoji, which is seven code points", "👩‍👩‍👧‍👦"],
		["a quote and a backslash", '"\\'],
		["markup", "<b>&amp;"],
		["the line separators of JavaScript", "\u2028\u2029"],
		["a byte order mark inside", "a\ufeff"],
		["a byte order mark alone", "\ufeff"],
		["a character without width", "\u200b"],
		["a mark that turns the direction", "\u202eabc"],
		["the replacement character", "\ufffd"],
		["a noncharacter", "\uffff"],
		["the last code point", "\u{10ffff}"],
		["a private one", "\ue000"],
		["the first after the C1 controls", "\u00a0"],
		["the last before DEL", "~"],
		["what a query would take for its end", "'; DROP--"],
		["what a format would take for a place", "%s $1 {0}"],
	];
	accepts(
		kept.map(([why, description]) => [
			`${why}, in UTF-8`,
			body({ descricao: JSON.stringify(description) }),
			{ description },
		]),
	);
	accepts(
		kept.map(([why, description]) => [
			`${why}, all in escapes`,
			body({ descricao: `"${escaped(description)}"` }),
			{ description },
		]),
	);
});

describe("a description is refused:", () => {
	refuses(problems.description, [
		["an empty one", body({ descricao: '""' })],
		["eleven characters", body({ descricao: '"0123456789a"' })],
		["eleven spaces", body({ descricao: `"${" ".repeat(11)}"` })],
		["eleven characters beyond the first plane", body({ descricao: `"${"😀".repeat(11)}"` })],
		["eleven code points of combining marks", body({ descricao: `"e${"\u0301".repeat(10)}"` })],
		["eleven code points in escapes", body({ descricao: `"${"\\ud83d\\ude00".repeat(11)}"` })],
		["a missing one", '{"valor":1,"tipo":"c"}'],
		["one only in __proto__", '{"__proto__":{"descricao":"x"},"valor":1,"tipo":"c"}'],
		...["null", "1", "true", "[]", '["x"]', "{}"].map(
			(descricao): Refused => [descricao, body({ descricao })],
		),
		...[
			"\\ud800",
			"\\udbff",
			"\\udc00",
			"\\udfff",
			"a\\ud800",
			"\\ud800a",
			"\\ude00\\ud83d",
			"\\ud83d\\ud83d\\ude00",
		].map((text): Refused => [`the lone surrogate ${text}`, body({ descricao: `"${text}"` })]),
		...[...range(0, 0x1f), ...range(0x7f, 0x9f)].map((code): Refused => {
			const text = escaped(String.fromCharCode(code));
			return [`the control character ${text} in an escape`, body({ descricao: `"a${text}"` })];
		}),
		...range(0x7f, 0x9f).map((code): Refused => {
			const character = String.fromCharCode(code);
			return [`the control character ${escaped(character)} in UTF-8`, body({ descricao: `"${character}"` })];
		}),
		["a line feed at the end, which a pattern's $ may overlook", body({ descricao: '"abc\\n"' })],
		["a line feed as the eleventh", body({ descricao: '"0123456789\\n"' })],
	]);
});

describe("what is no JSON in UTF-8 is refused:", () => {
	const inString = '{"valor":1,"tipo":"c","descricao":"@"}';
	refuses(problems.malformedJson, [
		["nothing at all", ""],
		["white space alone", " \t\r\n"],
		["a byte order mark first", `\ufeff${body()}`],
		["UTF-16", new Uint8Array(new Uint16Array([...body()].map((c) => c.charCodeAt(0))).buffer)],
		["a byte that UTF-8 never has", splice(inString, 0xff)],
		["a continuation without a start", splice(inString, 0x80)],
		["a start without its continuation", splice(inString, 0xc3)],
		["NUL in two bytes", splice(inString, 0xc0, 0x80)],
		["a slash in two bytes", splice(inString, 0xc0, 0xaf)],
		["a surrogate in three bytes", splice(inString, 0xed, 0xa0, 0x80)],
		["a pair of surrogates in six bytes (CESU-8)", splice(inString, 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80)],
		["a code point past the last", splice(inString, 0xf4, 0x90, 0x80, 0x80)],
		["ISO 8859-1", splice(inString, 0xe7, 0xe3, 0x6f)],
		["a character cut off at the end of the body", splice(`${body()}@`, 0xf0, 0x9f, 0x98)],
		["a bad byte behind the object", splice(`${body()}@`, 0xff)],
		["a bad byte in a name", splice('{"@":0,"valor":1,"tipo":"c","descricao":"x"}', 0xff)],
		...range(0, 0x1f).map(
			(code): Refused => [`the control byte ${code} in a string`, splice(inString, code)],
		),
		["a NUL behind the object", splice(`${body()}@`, 0)],
		["a NUL before it", splice(`@${body()}`, 0)],
		["a space that JSON doesn't know", `\u00a0${body()}`],
		["a form feed", `\f${body()}`],
		["something behind the object", `${body()}x`],
		["a second object", body() + body()],
		["a comma behind it", `${body()},`],
		["an object that doesn't end", body().slice(0, -1)],
		["a string that doesn't end", '{"valor":1,"tipo":"c","descricao":"x'],
		["a comma too many", '{"valor":1,"tipo":"c","descricao":"x",}'],
		["a comma too few", '{"valor":1 "tipo":"c","descricao":"x"}'],
		["a colon too few", '{"valor" 1,"tipo":"c","descricao":"x"}'],
		["a comment", `/**/${body()}`],
		["names without quotes", '{valor:1,"tipo":"c","descricao":"x"}'],
		["single quotes", "{'valor':1,'tipo':'c','descricao':'x'}"],
		["an unknown escape", body({ descricao: '"\\x41"' })],
		["an escape cut off", body({ descricao: '"\\u00"' })],
		["a capital U", body({ descricao: '"\\U00000041"' })],
		...[
			"01",
			"+1",
			"1.",
			".5",
			"1e",
			"1e+",
			"0x1",
			"0b1",
			"1_000",
			"1n",
			"NaN",
			"Infinity",
			"-",
			"undefined",
			"",
		].map((valor): Refused => [`the number "${valor}"`, body({ valor })]),
		["1 KiB of opening brackets", "[".repeat(bodyBytesMax)],
		["1 KiB of opening objects", '{"a":'.repeat(bodyBytesMax / 5)],
		["a form", "valor=1&tipo=c&descricao=x"],
		["XML", "<valor>1</valor>"],
		["zeros", new Uint8Array(bodyBytesMax)],
	]);
});

describe("JSON that is no object is refused:", () => {
	refuses(
		problems.notAnObject,
		[
			"[]",
			`[${body()}]`,
			"null",
			"true",
			"false",
			"0",
			"1",
			"1.5",
			'""',
			'"valor"',
			JSON.stringify(body()),
		].map((json) => [json.slice(0, 40), json]),
	);
	refuses(problems.notAnObject, [
		["512 nested arrays", "[".repeat(512) + "]".repeat(512)],
		["a surrogate by itself", '"\\ud800"'],
	]);
});

test("of several wrong fields the first is told: amount, then kind, then description", () => {
	expect(parse("{}")).toEqual(problems.amount);
	expect(parse('{"valor":1}')).toEqual(problems.kind);
	expect(parse('{"valor":1,"tipo":"c"}')).toEqual(problems.description);
});

property("what is taken reads back as it was sent, whatever the characters", (random) => {
	for (let round = 0; round < 2000; round += 1) {
		const description = randomDescription(random);
		const amount = random.between(1, Number.MAX_SAFE_INTEGER);
		const kind = random.pick(["credit", "debit"] as const);
		const json = body({
			valor: String(amount),
			tipo: kind === "credit" ? '"c"' : '"d"',
			descricao: random.chance(0.5) ? JSON.stringify(description) : `"${escaped(description)}"`,
		});
		const parsed = parse(json);
		expect(parsed).toEqual(posting({ kind, amount, description }));
		const statement: Statement = {
			type: "statement",
			balance: 0,
			limit: 0,
			issuedAt: 0,
			entries: [{ kind, amount, description, postedAt: 0 }],
		};
		// As bytes, since that is what travels: a lone surrogate would come back as something else.
		const [entry] = JSON.parse(Buffer.from(encodeStatement(statement)).toString()).ultimas_transacoes;
		expect(entry).toEqual({
			valor: amount,
			tipo: kind === "credit" ? "c" : "d",
			descricao: description,
			realizada_em: "1970-01-01T00:00:00.000000Z",
		});
	}
});

property("no bytes whatever make the border throw, and what it takes is within the rules", (random) => {
	const whole = utf8.encode(body({ valor: "12", descricao: '"é\\u00e9😀"' }));
	let taken = 0;
	for (let round = 0; round < 20_000; round += 1) {
		const bytes = Uint8Array.from(whole);
		for (let change = random.between(1, 3); change > 0; change -= 1) {
			bytes[random.below(bytes.length)] = random.chance(0.5)
				? random.below(256)
				: random.pick(whole as never);
		}
		const parsed = parse(bytes.subarray(0, random.chance(0.1) ? random.below(bytes.length) : undefined));
		if ("status" in parsed) {
			expect(Object.values<Problem>(problems)).toContain(parsed);
			continue;
		}
		taken += 1;
		expect(Number.isSafeInteger(parsed.amount) && parsed.amount >= 1).toBe(true);
		expect(["credit", "debit"]).toContain(parsed.kind);
		expect([...parsed.description].length).toBeWithin(1, 11);
		expect(parsed.description.isWellFormed()).toBe(true);
	}
	// Else the mutations were too wild to say anything.
	expect(taken).toBeGreaterThan(100);
});

describe("an account's id in a path", () => {
	test.each([
		["1", 1],
		["6", 6],
		["10", 10],
		["4294967296", 4_294_967_296],
		["9999999999", 9_999_999_999],
	])("%s is %d", (text, id) => {
		expect(parseAccountId(text)).toBe(id);
	});

	const none = [
		"",
		"0",
		"00",
		"01",
		"-1",
		"+1",
		"1.0",
		"1.",
		".1",
		"1e1",
		"0x1",
		"0b1",
		"1n",
		"1_0",
		"10000000000",
	];
	const strange = [
		" 1",
		"1 ",
		"1\n",
		"\n1",
		"1\0",
		"1\r",
		"%31",
		"1/",
		"a",
		"NaN",
		"Infinity",
		"null",
		"1,0",
		"٣",
		"１",
		"²",
	];
	test.each([...none, ...strange, "1".repeat(1000)].map((text) => [text.slice(0, 40), text]))(
		"%j is none",
		(_, text) => {
			expect(parseAccountId(text)).toBeUndefined();
		},
	);
});

describe("a media type", () => {
	const json = [null, "application/json", "APPLICATION/Json", "application/json;charset=utf-8"];
	const padded = [
		"application/json ; charset=UTF-8",
		"application/json\t;x=y",
		"application/json;",
		"application/json ",
	];
	test.each([...json, ...padded].map((type) => [type]))("%j is JSON", (type) => {
		expect(isJson(type)).toBe(true);
	});

	const other = [
		"",
		"text/plain",
		"text/json",
		"application/xml",
		"application/x-www-form-urlencoded",
		"json",
	];
	const near = ["application/jsonp", "application/json5", "application/problem+json", "application/json/x"];
	const mixed = ["application/json,text/plain", "text/plain, application/json", "application/json x", "*/*"];
	test.each([...other, ...near, ...mixed].map((type) => [type]))("%j is not", (type) => {
		expect(isJson(type)).toBe(false);
	});
});

describe("an answer's bytes", () => {
	test("of a posted entry are limit and balance", () => {
		expect(encodePosted({ type: "posted", limit: 100_000, balance: -9098 })).toBe(
			'{"limite":100000,"saldo":-9098}',
		);
	});

	test("of the largest numbers are plain digits", () => {
		const { MAX_SAFE_INTEGER: max } = Number;
		expect(encodePosted({ type: "posted", limit: max, balance: -max })).toBe(
			'{"limite":9007199254740991,"saldo":-9007199254740991}',
		);
	});

	test("of a statement without entries hold an empty list", () => {
		expect(
			encodeStatement({
				type: "statement",
				balance: 0,
				limit: 0,
				issuedAt: 1_705_458_881_217_753,
				entries: [],
			}),
		).toBe(
			'{"saldo":{"total":0,"data_extrato":"2024-01-17T02:34:41.217753Z","limite":0},"ultimas_transacoes":[]}',
		);
	});

	test("of a statement are the specification's, in the order given", () => {
		expect(
			encodeStatement({
				type: "statement",
				balance: -9098,
				limit: 100_000,
				issuedAt: 1_705_458_881_217_753,
				entries: [
					{ kind: "credit", amount: 10, description: "descricao", postedAt: 1_705_458_878_543_030 },
					{ kind: "debit", amount: 90_000, description: 'a"\\\u2028', postedAt: 1_705_458_878_542_000 },
				],
			}),
		).toBe(
			'{"saldo":{"total":-9098,"data_extrato":"2024-01-17T02:34:41.217753Z","limite":100000},"ultimas_transacoes":' +
				'[{"valor":10,"tipo":"c","descricao":"descricao","realizada_em":"2024-01-17T02:34:38.543030Z"},' +
				'{"valor":90000,"tipo":"d","descricao":"a\\"\\\\\u2028","realizada_em":"2024-01-17T02:34:38.542000Z"}]}',
		);
	});

	test("of a statement full of the longest entries are JSON", () => {
		const entry = { kind: "debit", amount: 1, description: '"\\'.repeat(5), postedAt: 0 } as const;
		const entries = new Array(statementEntriesMax).fill(entry);
		const text = encodeStatement({ type: "statement", balance: 0, limit: 0, issuedAt: 0, entries });
		expect(JSON.parse(text).ultimas_transacoes).toHaveLength(statementEntriesMax);
	});

	test("of health are a status and a time, with a reason only when there is one", () => {
		const micros = 1_705_458_881_217_000;
		const timestamp = "2024-01-17T02:34:41.217000Z";
		expect(JSON.parse(encodeHealth("healthy", micros))).toEqual({ status: "healthy", timestamp });
		expect(JSON.parse(encodeHealth("draining", micros, 'a "b"'))).toEqual({
			status: "draining",
			reason: 'a "b"',
			timestamp,
		});
	});
});

describe("a timestamp", () => {
	test.each([
		[0, "1970-01-01T00:00:00.000000Z"],
		[1, "1970-01-01T00:00:00.000001Z"],
		[999, "1970-01-01T00:00:00.000999Z"],
		[1000, "1970-01-01T00:00:00.001000Z"],
		[999_999, "1970-01-01T00:00:00.999999Z"],
		[1_000_000, "1970-01-01T00:00:01.000000Z"],
		[951_782_400_000_000, "2000-02-29T00:00:00.000000Z"],
		[1_705_458_881_217_753, "2024-01-17T02:34:41.217753Z"],
		[1_709_251_199_999_999, "2024-02-29T23:59:59.999999Z"],
		[4_102_444_799_999_999, "2099-12-31T23:59:59.999999Z"],
	])("of %d µs is %s", (micros, text) => {
		expect(encodeTimestamp(micros)).toBe(text);
	});

	property("keeps every microsecond, and sorts as text the way it sorts in time", (random) => {
		let earlier = 0;
		for (let round = 0; round < 5000; round += 1) {
			const micros = random.between(0, 4_102_444_800_000_000);
			const text = encodeTimestamp(micros);
			expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
			const millis = Date.parse(`${text.slice(0, 23)}Z`);
			expect(millis * 1000 + Number(text.slice(23, 26))).toBe(micros);
			expect(encodeTimestamp(earlier) < text).toBe(earlier < micros);
			earlier = micros;
		}
	});
});

describe("a problem", () => {
	const all = Object.entries<Problem>(problems);

	test("has a type and a title of its own, or is another status of the same problem", () => {
		const { repeatUnanswered: again, ...others } = problems;
		const list: Problem[] = Object.values(others);
		for (const member of ["type", "title"] as const) {
			expect(new Set(list.map((problem) => problem[member])).size).toBe(list.length);
			expect(again[member]).toBe(problems.outcomeUnknown[member]);
		}
	});

	test.each(all)("%s is a problem detail as RFC 9457 has it", (_, problem) => {
		const json = JSON.parse(encodeProblem(problem));
		expect(Object.keys(json)).toEqual(["type", "title", "status"]);
		const { type, title, status } = problem;
		expect(json).toEqual({ type, title, status });
		expect(new URL(json.type).protocol).toBe("urn:");
		// RFC 8141: urn:<namespace>:<what it names>
		expect(json.type).toMatch(/^urn:[a-z0-9][a-z0-9-]{1,31}:[a-z0-9:-]+$/);
		expect(json.title).toBeString();
		expect(json.status).toBeWithin(400, 600);
	});

	test("is a 5xx only at a bound or when the outcome is unknown", () => {
		const failures = all.filter(([, problem]) => problem.status >= 500).map(([name]) => name);
		expect(failures.sort()).toEqual(["nothingApplied", "outcomeUnknown", "overloaded", "repeatUnanswered"]);
	});

	test("carries what is given for a person and for the log, whatever its characters", () => {
		const detail = '"a"\n\u2028\\';
		const json = JSON.parse(encodeProblem(problems.overloaded, { detail, instance: "7f0c" }));
		const { type, title, status } = problems.overloaded;
		expect(json).toEqual({ type, title, status, detail, instance: "7f0c" });
	});
});

function range(first: number, last: number): number[] {
	return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** Every UTF-16 unit as an escape. */
function escaped(text: string): string {
	return Array.from({ length: text.length }, (_, index) => {
		return `\\u${text.charCodeAt(index).toString(16).padStart(4, "0")}`;
	}).join("");
}

/** 1 to 10 code points from all over Unicode, the awkward ones more often. */
function randomDescription(random: Random): string {
	let text = "";
	for (let length = random.between(1, 10); length > 0; length -= 1) {
		text += random.chance(0.3)
			? random.pick([
					'"',
					"\\",
					"/",
					"\u2028",
					"\u2029",
					"\ufeff",
					"\ufffe",
					"😀",
					"\u0301",
					"<",
					"'",
					"\u{10ffff}",
				])
			: randomCharacter(random);
	}
	return text;
}

function randomCharacter(random: Random): string {
	for (;;) {
		const character = String.fromCodePoint(random.below(random.pick([0x80, 0x800, 0x10000, 0x110000])));
		if (!/[\p{Cc}\p{Cs}]/u.test(character)) return character;
	}
}

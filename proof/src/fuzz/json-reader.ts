/**
 * JSON as RFC 8259 has it, from bytes, and nothing beyond: no byte order mark, no byte that is not UTF-8. Written out
 * here because the ledger is asked what JSON.parse makes of a body, and the oracle must not ask the same.
 *
 * A number stays as it was written, since what it is worth is for the rules to say.
 */

/** A number, by its letters. */
export class JsonNumber {
	readonly source: string;

	constructor(source: string) {
		this.source = source;
	}
}

/** An object's members in their order, names that stand twice included. */
export class JsonObject {
	readonly members: [name: string, value: JsonValue][] = [];
}

export type JsonValue = null | boolean | string | JsonNumber | JsonValue[] | JsonObject;

class NoJson extends Error {}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const numberShape = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not stand in a string.
const plainShape = /[^"\\\x00-\x1f]+/y;
const escapes: Readonly<Record<string, string>> = {
	...{ '"': '"', "\\": "\\", "/": "/" },
	...{ b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" },
};
const words: readonly [string, JsonValue][] = [
	["null", null],
	["true", true],
	["false", false],
];

/** Undefined when it is no JSON. */
export function readJson(bytes: Uint8Array): JsonValue | undefined {
	try {
		return new JsonReader(utf8.decode(bytes)).whole();
	} catch (error) {
		if (error instanceof NoJson || error instanceof TypeError) return undefined;
		throw error;
	}
}

class JsonReader {
	readonly #text: string;
	#at = 0;

	constructor(text: string) {
		this.#text = text;
	}

	whole(): JsonValue {
		const value = this.#value();
		if (this.#at < this.#text.length) throw new NoJson();
		return value;
	}

	/** With the blanks around it. */
	#value(): JsonValue {
		this.#skipBlanks();
		const value = this.#bare();
		this.#skipBlanks();
		return value;
	}

	#bare(): JsonValue {
		const first = this.#text.charAt(this.#at);
		if (first === "{") return this.#object();
		if (first === "[") return this.#array();
		if (first === '"') return this.#string();
		const number = this.#match(numberShape);
		if (number !== undefined) return new JsonNumber(number);
		for (const [word, value] of words) {
			if (!this.#text.startsWith(word, this.#at)) continue;
			this.#at += word.length;
			return value;
		}
		throw new NoJson();
	}

	#object(): JsonObject {
		const object = new JsonObject();
		this.#list("}", () => {
			this.#skipBlanks();
			const name = this.#string();
			this.#skipBlanks();
			this.#take(":");
			object.members.push([name, this.#value()]);
		});
		return object;
	}

	#array(): JsonValue[] {
		const values: JsonValue[] = [];
		this.#list("]", () => values.push(this.#value()));
		return values;
	}

	#list(end: string, element: () => void): void {
		this.#at += 1;
		this.#skipBlanks();
		if (this.#text.charAt(this.#at) !== end) {
			element();
			while (this.#text.charAt(this.#at) === ",") {
				this.#at += 1;
				element();
			}
		}
		this.#take(end);
	}

	#string(): string {
		this.#take('"');
		let string = "";
		for (;;) {
			string += this.#match(plainShape) ?? "";
			const next = this.#text.charAt(this.#at++);
			if (next === '"') return string;
			if (next !== "\\") throw new NoJson();
			string += this.#escape();
		}
	}

	#escape(): string {
		const letter = this.#text.charAt(this.#at++);
		if (letter !== "u") {
			const character = escapes[letter];
			if (character === undefined) throw new NoJson();
			return character;
		}
		const digits = this.#text.slice(this.#at, this.#at + 4);
		if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new NoJson();
		this.#at += 4;
		return String.fromCharCode(Number.parseInt(digits, 16));
	}

	#skipBlanks(): void {
		while (" \t\n\r".includes(this.#text.charAt(this.#at)) && this.#at < this.#text.length) this.#at += 1;
	}

	#take(character: string): void {
		if (this.#text.charAt(this.#at) !== character) throw new NoJson();
		this.#at += 1;
	}

	#match(shape: RegExp): string | undefined {
		shape.lastIndex = this.#at;
		const [found] = shape.exec(this.#text) ?? [];
		if (found !== undefined) this.#at += found.length;
		return found;
	}
}

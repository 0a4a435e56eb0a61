/**
 * The answer to a credit or debit, read from its bytes: `{"limite":100000,"saldo":-9098}`, in either order.
 *
 * Nine of ten answers are this one, so it is read without making a string or an object. What is written in any
 * other way, with a further field or an escape, is left to JSON.parse, which decides.
 */

const quote = 0x22;
const names = {
	limite: Uint8Array.from('"limite":', (character) => character.charCodeAt(0)),
	saldo: Uint8Array.from('"saldo":', (character) => character.charCodeAt(0)),
};
/** Fewer than 2⁵³ has, so that a sum of digits is exact. */
const digitsMax = 15;

export class Posting {
	limite = 0;
	saldo = 0;
	/** Where reading has come to. */
	#at = 0;

	/** Whether bytes [start, end) are an object with limite and saldo, both whole numbers of at most 2⁵³ − 1. */
	read(bytes: Buffer, start: number, end: number): boolean {
		return this.#readPlain(bytes, start, end) || this.#readAny(bytes, start, end);
	}

	#readPlain(bytes: Buffer, start: number, end: number): boolean {
		if (bytes[start] !== 0x7b || bytes[start + 1] !== quote) return false;
		const limiteFirst = bytes[start + 2] === 0x6c;
		this.#at = start + 1;
		const first = this.#readMember(bytes, limiteFirst ? names.limite : names.saldo);
		if (Number.isNaN(first) || bytes[this.#at] !== 0x2c) return false;
		this.#at += 1;
		const second = this.#readMember(bytes, limiteFirst ? names.saldo : names.limite);
		if (Number.isNaN(second) || bytes[this.#at] !== 0x7d || this.#at + 1 !== end) return false;
		this.limite = limiteFirst ? first : second;
		this.saldo = limiteFirst ? second : first;
		return true;
	}

	/** NaN when it isn't that name with a short whole number. */
	#readMember(bytes: Buffer, name: Uint8Array): number {
		for (let index = 0; index < name.length; index += 1)
			if (bytes[this.#at + index] !== name[index]) return Number.NaN;
		this.#at += name.length;
		const isNegative = bytes[this.#at] === 0x2d;
		if (isNegative) this.#at += 1;
		const firstAt = this.#at;
		let value = 0;
		for (;;) {
			const digit = (bytes[this.#at] as number) - 0x30;
			if (!(digit >= 0 && digit <= 9)) break;
			value = value * 10 + digit;
			this.#at += 1;
		}
		const digits = this.#at - firstAt;
		const hasLeadingZero = digits > 1 && bytes[firstAt] === 0x30;
		if (digits === 0 || digits > digitsMax || hasLeadingZero) return Number.NaN;
		return isNegative ? -value : value;
	}

	#readAny(bytes: Buffer, start: number, end: number): boolean {
		const answer = parsed(bytes.toString("utf8", start, end));
		if (!Number.isSafeInteger(answer?.limite) || !Number.isSafeInteger(answer?.saldo)) return false;
		this.limite = answer?.limite as number;
		this.saldo = answer?.saldo as number;
		return true;
	}
}

/** Undefined when the text is no JSON object. */
export function parsed(text: string): Record<string, unknown> | undefined {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
	} catch {
		return undefined;
	}
}

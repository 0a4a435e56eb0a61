/** Descriptions of ten characters that name a run, and an operation of it, and are found again in statements. */

const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const prefixLength = 4;
const numberLength = 6;
const base = 36;
/** Eight days at 3,000 requests/s. */
export const operationsMax = base ** numberLength;
export const tagLength = prefixLength + numberLength;

const digits = Uint8Array.from("0123456789abcdefghijklmnopqrstuvwxyz", (digit) => digit.charCodeAt(0));

export class Tags {
	/** Drawn, not seeded: entries that an earlier run with the same seed has left must not look like ours. */
	readonly prefix = Array.from(crypto.getRandomValues(new Uint8Array(prefixLength)), (byte) =>
		alphabet.charAt(byte % alphabet.length),
	).join("");

	tag(number: number): string {
		return this.prefix + number.toString(base).padStart(numberLength, "0");
	}

	/** Undefined when it is no tag of this run. */
	numberOf(description: string): number | undefined {
		if (description.length !== tagLength || !description.startsWith(this.prefix)) return undefined;
		let number = 0;
		for (let at = prefixLength; at < tagLength; at += 1) {
			const code = description.charCodeAt(at);
			const digit = code >= 97 ? code - 87 : code - 48;
			if (digit < 0 || digit >= base || (digit > 9 && code < 97)) return undefined;
			number = number * base + digit;
		}
		return number;
	}

	/** Writes the number's part of a tag over the one that stands at that place of the bytes. */
	overwrite(bytes: Buffer, tagAt: number, number: number): void {
		let rest = number;
		for (let at = tagAt + tagLength - 1; at >= tagAt + prefixLength; at -= 1) {
			const quotient = Math.floor(rest / base);
			bytes[at] = digits[rest - quotient * base] as number;
			rest = quotient;
		}
	}
}

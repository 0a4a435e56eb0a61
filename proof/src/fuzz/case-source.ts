/**
 * Which bytes are sent, and how, as a function of a seed and a number: the same ones again whenever they are asked for.
 */
import { Random } from "../random.ts";
import { oddChunks, oddCoding, oddHeader, oddLength, oddLine } from "./framings.ts";
import {
	entryTarget,
	forged,
	inChunks,
	keyed,
	oddMediaType,
	oddMethod,
	oddPath,
	request,
	statement,
} from "./heads.ts";
import { claimsOf } from "./lenient-reader.ts";
import { expectStream, type Front, richAccountId, type StreamExpectation } from "./oracle.ts";
import { oddRightBody, rightBody, rightFields, tagOf, tagShape, written } from "./right-bodies.ts";
import { wound } from "./wounds.ts";
import { badBytesBody, brokenBody, largeBody, otherBody, wrongValueBody } from "./wrong-bodies.ts";

/**
 * - kept: on a connection that others have used, if nothing forbids it. pieces: the same, in several writes.
 * - half-closed: the client ends its side at once. dropped: it goes away at once.
 * - dripped: byte by byte. stalled: it stops in the middle, and stays.
 * - again: with a key, sent twice and then for another posting.
 */
type Manner = "kept" | "pieces" | "half-closed" | "dropped" | "dripped" | "stalled" | "again";

export interface Case {
	readonly number: number;
	readonly family: string;
	readonly front: Front;
	readonly manner: Manner;
	readonly bytes: Buffer;
	readonly expected: StreamExpectation;
}

type Make = (random: Random, number: number) => Buffer;
interface Family {
	readonly name: string;
	/** Of a thousand. */
	readonly share: number;
	readonly make: Make;
	readonly manner?: (random: Random) => Manner;
}

const posted =
	(body: Make): Make =>
	(random, number) =>
		request({ target: entryTarget(random), body: body(random, number) });

const families: readonly Family[] = [
	{ name: "right", share: 190, make: posted(rightBody) },
	{ name: "rightOddly", share: 90, make: posted(oddRightBody) },
	{ name: "rich", share: 3, make: rich },
	{ name: "statement", share: 60, make: statement },
	{ name: "brokenJson", share: 110, make: posted(brokenBody) },
	{ name: "wrongValue", share: 120, make: posted(wrongValueBody) },
	{ name: "noPosting", share: 40, make: posted(otherBody) },
	{ name: "noText", share: 50, make: posted(badBytesBody) },
	{ name: "large", share: 15, make: posted(largeBody) },
	{ name: "path", share: 70, make: oddPath },
	{ name: "method", share: 30, make: oddMethod },
	{ name: "mediaType", share: 20, make: oddMediaType },
	{ name: "key", share: 25, make: keyed },
	{ name: "forged", share: 15, make: forged },
	{ name: "chunks", share: 15, make: inChunks },
	{ name: "oddChunks", share: 15, make: oddChunks },
	{ name: "length", share: 20, make: oddLength },
	{ name: "coding", share: 15, make: oddCoding },
	{ name: "header", share: 25, make: oddHeader },
	{ name: "line", share: 10, make: oddLine },
	{ name: "pipelined", share: 10, make: pipelined },
	{ name: "truncated", share: 20, make: truncated, manner: cutManner },
	{ name: "wounded", share: 20, make: wounded },
	{ name: "again", share: 5, make: repeatable, manner: () => "again" },
	{ name: "halfClosed", share: 5, make: someRight, manner: () => "half-closed" },
	{ name: "dropped", share: 5, make: someRight, manner: () => "dropped" },
];
const shares = families.reduce((sum, { share }) => sum + share, 0);

export const familyNames = [...families.map(({ name }) => name), "slow"];

function someRight(random: Random, number: number): Buffer {
	return random.chance(0.2) ? inChunks(random, number) : posted(rightBody)(random, number);
}

/** As much as there may be, so that the next one would be too much. */
function rich(random: Random, number: number): Buffer {
	const valor = random.pick(["9007199254740991", "9007199254740990", "4503599627370496"]);
	const body = Buffer.from(written({ ...rightFields(random, number), valor }));
	return request({ target: `/clientes/${richAccountId}/transacoes`, body });
}

/** Cut behind each byte in turn. */
function truncated(random: Random, number: number): Buffer {
	const whole = someRight(random, number);
	return whole.subarray(0, number % whole.length);
}

function cutManner(random: Random): Manner {
	return random.pick(["half-closed", "half-closed", "dropped", "kept"]);
}

/** Of several requests, one posts at the most: its number is one. */
function pipelined(random: Random, number: number): Buffer {
	const others = Array.from({ length: random.between(1, 7) }, (): Buffer => {
		if (random.chance(0.4)) return statement(random);
		if (random.chance(0.5)) return posted(wrongValueBody)(random, number);
		return oddPath(new Random(random.below(2 ** 32)), number);
	});
	const right = someRight(random, number);
	others.splice(random.below(others.length + 1), 0, right);
	return Buffer.concat(others);
}

function wounded(random: Random, number: number): Buffer {
	let bytes = random.pick([someRight, posted(oddRightBody), statement as Make, keyed, forged])(
		random,
		number,
	);
	for (let wounds = random.between(1, 4); wounds > 0; wounds -= 1) bytes = wound(random, bytes);
	return bytes;
}

function repeatable(random: Random, number: number): Buffer {
	const headers = [["Idempotency-Key", `"again-${number}"`]] as const;
	return request({ target: entryTarget(random), headers, body: rightBody(random, number) });
}

/** One in so many is slow. */
const slowEvery = 10_007;

export class CaseSource {
	readonly #seed: number;
	/** Who is asked. */
	readonly #fronts: readonly Front[];
	/** Whether clients may stop in the middle and stay: that takes half a minute. */
	readonly #isPatient: boolean;
	/** Odd descriptions that were claimed: none twice, or nobody could say whose entry it is. */
	readonly #claimed = new Set<string>();
	#next = 0;

	constructor(seed: number, fronts: readonly Front[], isPatient: boolean) {
		this.#isPatient = isPatient;
		this.#seed = seed;
		this.#fronts = fronts;
	}

	get made(): number {
		return this.#next;
	}

	/** In the order of their numbers, once each. */
	next(): Case {
		const number = this.#next++;
		// A number's own randomness, whatever came before it.
		const random = new Random(Math.imul(number + 1, 0x9e3779b1) ^ this.#seed);
		random.next();
		const front = random.pick(this.#fronts);
		if (number % slowEvery === slowEvery - 1) return this.#slow(number, front, random);
		const { name, make, manner } = pickFamily(random);
		const bytes = make(random, number);
		const expected = expectStream(bytes, front);
		const how = manner?.(random) ?? (random.chance(0.05) ? "pieces" : "kept");
		if ((expected.isPlain || make !== pipelined) && this.#isTellable(bytes, expected, number))
			return { number, front, bytes, expected, family: name, manner: how };
		return this.#plain(number, front, random);
	}

	#plain(number: number, front: Front, random: Random): Case {
		const bytes = posted(rightBody)(random, number);
		return { number, front, bytes, expected: expectStream(bytes, front), family: "right", manner: "kept" };
	}

	#slow(number: number, front: Front, random: Random): Case {
		const whole = someRight(random, number);
		const manner = this.#isPatient && random.chance(0.5) ? "stalled" : "dripped";
		const bytes = manner === "dripped" ? whole : whole.subarray(0, random.between(1, whole.length - 1));
		return { number, front, bytes, expected: expectStream(bytes, front), family: "slow", manner };
	}

	/** Whether an entry that comes of it can be told from all others. */
	#isTellable(bytes: Buffer, { requests, isPlain }: StreamExpectation, number: number): boolean {
		const claims = requests.flatMap(({ claim }) => (claim === undefined ? [] : [claim]));
		if (claims.length > 1 || (!isPlain && claimsOf(bytes).length > 1)) return false;
		for (const { description } of claims) {
			if (description === tagOf(number)) continue;
			if (tagShape.test(description) || this.#claimed.has(description)) return false;
			this.#claimed.add(description);
		}
		return true;
	}
}

function pickFamily(random: Random): Family {
	let left = random.below(shares);
	for (const family of families) {
		left -= family.share;
		if (left < 0) return family;
	}
	throw new Error("the shares don't add up");
}

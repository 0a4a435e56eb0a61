/**
 * What somebody generous could take for a posting in bytes that are no plain request: so that an entry which comes
 * of them can be told from one that came of nothing. Such bytes are only sent when there is one reading at most.
 */
import { type Claim, rule } from "./posting-rule.ts";

/** Objects looked for in one request; mutilated ones have a few. */
const bracesMax = 40;

export function claimOf(bytes: Buffer): Claim | undefined {
	return claimsOf(bytes)[0];
}

/** Each posting once. */
export function claimsOf(bytes: Buffer): Claim[] {
	const text = bytes.toString("latin1");
	const found = new Map<string, Claim>();
	for (const accountId of new Set(accountsIn(text)))
		for (const reading of new Set([text, text.replaceAll(chunkFrame, "")]))
			for (const claim of objectsIn(reading, accountId)) found.set(JSON.stringify(claim), claim);
	return [...found.values()];
}

/** Between two chunks of one body, as some let them be written. */
const chunkFrame = /\r?\n[0-9a-fA-F]{1,8}[ \t]*(?:;[^\r\n]*)?\r?\n/g;

function objectsIn(text: string, accountId: number): Claim[] {
	const ends = placesOf(text, "}");
	return placesOf(text, "{").flatMap((start) =>
		ends
			.filter((end) => end > start)
			.map((end) => rule(accountId, Buffer.from(text.slice(start, end + 1), "latin1")))
			.flatMap((ruling) => (ruling.type === "right" ? [ruling.claim] : [])),
	);
}

function accountsIn(text: string): number[] {
	const decoded = text.replaceAll(/%3([1-5])/g, "$1");
	return [...decoded.matchAll(/clientes[^\r\n]*?([1-5])[^\r\n]*?transacoes/gi)].map(([, id]) => Number(id));
}

function placesOf(text: string, character: string): number[] {
	const places: number[] = [];
	for (
		let at = text.indexOf(character);
		at >= 0 && places.length < bracesMax;
		at = text.indexOf(character, at + 1)
	)
		places.push(at);
	return places;
}

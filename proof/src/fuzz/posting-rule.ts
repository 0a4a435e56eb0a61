/**
 * What a body asks for, by the README's section on the API and the challenge's rules: `valor` a whole number of cents
 * from 1 to 2^53−1, `tipo` "c" or "d", `descricao` of 1 to 10 characters.
 *
 * Where the README is silent, what the ledger's problems say on the wire decides: valor has digits only, and no
 * character of a description is a control character. Where nobody says anything (a name twice, a field that nobody
 * asked for) the posting may be taken, with the last value of a name, or refused.
 */
import { JsonNumber, JsonObject, type JsonValue, readJson } from "./json-reader.ts";

/** What would be in the books, were it taken. */
export interface Claim {
	readonly accountId: number;
	/** Above zero a credit. */
	readonly change: number;
	readonly description: string;
}

export type Ruling =
	| { readonly type: "wrong"; readonly status: 400 | 422 }
	| { readonly type: "right"; readonly claim: Claim; readonly isDoubtful: boolean };

const amountMax = 2n ** 53n - 1n;
const fields = ["valor", "tipo", "descricao"];
const notJson: Ruling = { type: "wrong", status: 400 };
const wrongField: Ruling = { type: "wrong", status: 422 };

export function rule(accountId: number, body: Uint8Array): Ruling {
	const json = readJson(body);
	if (json === undefined) return notJson;
	if (!(json instanceof JsonObject)) return wrongField;
	const members = new Map(json.members);
	const amount = amountOf(members.get("valor"));
	const kind = members.get("tipo");
	const description = members.get("descricao");
	if (amount === undefined || (kind !== "c" && kind !== "d") || !isDescription(description))
		return wasRightOnce(json) ? wrongFieldOrNot(accountId, json) : wrongField;
	const isDoubtful = members.size < json.members.length || [...members.keys()].some(isStrange);
	const change = kind === "c" ? amount : -amount;
	return { type: "right", claim: { accountId, change, description }, isDoubtful };
}

function isStrange(name: string): boolean {
	return !fields.includes(name);
}

/** A name that stands twice, right the first time and wrong the last: whoever takes the first one isn't wrong. */
function wasRightOnce({ members }: JsonObject): boolean {
	return new Set(members.map(([name]) => name)).size < members.length;
}

function wrongFieldOrNot(accountId: number, { members }: JsonObject): Ruling {
	const first = new JsonObject();
	first.members.push(...members.toReversed());
	const chosen = new Map(first.members);
	const amount = amountOf(chosen.get("valor"));
	const kind = chosen.get("tipo");
	const description = chosen.get("descricao");
	if (amount === undefined || (kind !== "c" && kind !== "d") || !isDescription(description))
		return wrongField;
	const change = kind === "c" ? amount : -amount;
	return { type: "right", claim: { accountId, change, description }, isDoubtful: true };
}

function amountOf(value: JsonValue | undefined): number | undefined {
	if (!(value instanceof JsonNumber) || !/^[1-9][0-9]*$/.test(value.source)) return undefined;
	return value.source.length <= 16 && BigInt(value.source) <= amountMax ? Number(value.source) : undefined;
}

function isDescription(value: JsonValue | undefined): value is string {
	if (typeof value !== "string" || !value.isWellFormed()) return false;
	const characters = [...value];
	return characters.length >= 1 && characters.length <= 10 && !characters.some(isControl);
}

function isControl(character: string): boolean {
	const code = character.codePointAt(0) as number;
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

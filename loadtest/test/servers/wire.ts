/**
 * The API as the test servers speak it: requests in, answers out. With `plain.ts`, whose tables are in
 * Portuguese too, it is their border.
 */

/** Of accounts 1 to 5, in cents. */
export const officialLimits: readonly number[] = [100_000, 80_000, 1_000_000, 10_000_000, 500_000];

export const shownMax = 10;

export interface Posting {
	readonly kind: "credit" | "debit";
	/** In cents, above 0. */
	readonly amount: number;
	/** 1 to 10 characters. */
	readonly description: string;
}

export interface ShownEntry extends Posting {
	/** Milliseconds since 1970. */
	readonly postedAt: number;
}

export interface Statement {
	readonly balance: number;
	readonly limit: number;
	/** Newest first. */
	readonly entries: readonly ShownEntry[];
}

export type Route =
	| { readonly name: "entry" | "statement"; readonly accountId: number }
	| { readonly name: "reset" }
	| { readonly name: "nothing" };

export interface Answer {
	readonly status: number;
	/** JSON, unless a fault makes it something else. */
	readonly body: string;
}

export const notFound: Answer = { status: 404, body: '{"error":"not found"}' };
export const invalid: Answer = { status: 422, body: '{"error":"invalid"}' };
export const refused: Answer = { status: 422, body: '{"error":"limit"}' };
export const wasReset: Answer = { status: 200, body: "{}" };

export function routeOf(method: string, path: string): Route {
	if (method === "POST" && path === "/reset") return { name: "reset" };
	const [, id, last] = /^\/clientes\/([0-9]{1,9})\/(transacoes|extrato)$/.exec(path) ?? [];
	const accountId = Number(id);
	if (method === "POST" && last === "transacoes") return { name: "entry", accountId };
	if (method === "GET" && last === "extrato") return { name: "statement", accountId };
	return { name: "nothing" };
}

/** Undefined when the body isn't what the API asks for. */
export function readPosting(body: string): Posting | undefined {
	const { valor, tipo, descricao } = objectOf(body);
	if (typeof valor !== "number" || !Number.isSafeInteger(valor) || valor <= 0) return undefined;
	if (tipo !== "c" && tipo !== "d") return undefined;
	if (typeof descricao !== "string" || descricao === "" || Array.from(descricao).length > 10)
		return undefined;
	return { kind: tipo === "c" ? "credit" : "debit", amount: valor, description: descricao };
}

export function posted(limit: number, balance: number): Answer {
	return { status: 200, body: JSON.stringify({ limite: limit, saldo: balance }) };
}

export function shown({ balance, limit, entries }: Statement): Answer {
	const body = JSON.stringify({
		saldo: { total: balance, data_extrato: new Date().toISOString(), limite: limit },
		ultimas_transacoes: entries.map(({ amount, kind, description, postedAt }) => ({
			valor: amount,
			tipo: kind === "credit" ? "c" : "d",
			descricao: description,
			realizada_em: new Date(postedAt).toISOString(),
		})),
	});
	return { status: 200, body };
}

/** Without fields when the body is no JSON object. */
function objectOf(body: string): Record<string, unknown> {
	try {
		const value: unknown = JSON.parse(body);
		return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
	} catch {
		return {};
	}
}

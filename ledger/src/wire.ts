/**
 * The border: JSON in Portuguese on one side, the ledger's types on the other. Trusts nothing that comes
 * in. No other file of the ledger holds a Portuguese word.
 *
 * Refusals are RFC 9457 problem details, each with a type of its own.
 */
import { centsMax, type Outcome, type Posting, type Statement, type StatementEntry } from "./ledger.ts";

export const paths = {
	entries: "/clientes/:id/transacoes",
	statement: "/clientes/:id/extrato",
} as const;

/** Bytes of a request's body; more is refused. */
export const bodyBytesMax = 1024;

export interface Problem {
	readonly status: number;
	readonly type: string;
	readonly title: string;
	/** The problem as JSON, made once: a refused debit is a quarter of what the Rinha asks for. */
	readonly json: string;
}

const unknownTitle = "Não se sabe se o lançamento foi gravado; consulte o extrato";

export const problems = {
	noSuchRoute: problem(404, "rota-desconhecida", "Não há nada neste endereço"),
	noSuchAccount: problem(404, "cliente-desconhecido", "Cliente não encontrado"),
	methodNotAllowed: problem(405, "metodo-nao-permitido", "Este endereço não aceita este método"),
	bodyTooLarge: problem(413, "corpo-grande", "O corpo passa de 1024 bytes"),
	mediaType: problem(415, "tipo-de-midia", "O corpo precisa ser application/json"),
	bodyIncomplete: problem(400, "corpo-incompleto", "O corpo não chegou inteiro"),
	malformedJson: problem(400, "json-malformado", "O corpo não é JSON em UTF-8"),
	notAnObject: problem(422, "corpo-invalido", "O corpo precisa ser um objeto JSON"),
	amount: problem(422, "valor-invalido", `valor precisa ser um inteiro de 1 a ${centsMax}, só com dígitos`),
	kind: problem(422, "tipo-invalido", 'tipo precisa ser "c" ou "d"'),
	description: problem(
		422,
		"descricao-invalida",
		"descricao precisa ter de 1 a 10 caracteres, nenhum de controle",
	),
	limit: problem(422, "limite-excedido", "O débito passaria do limite do cliente"),
	range: problem(422, "saldo-fora-da-faixa", `O saldo passaria de ${centsMax}`),
	keyMalformed: problem(
		400,
		"chave-invalida",
		"Idempotency-Key precisa ter de 1 a 128 caracteres ASCII, entre aspas",
	),
	keyReused: problem(422, "chave-reutilizada", "Esta Idempotency-Key já foi usada para outro lançamento"),
	overloaded: problem(503, "sobrecarga", "Há pedidos demais na fila; nada foi lançado, tente de novo"),
	nothingApplied: problem(503, "indisponivel", "O razão não pôde gravar; nada foi lançado, tente de novo"),
	outcomeUnknown: problem(500, "resultado-desconhecido", unknownTitle),
	/** This process applied nothing, but another one may have been given the request before. */
	repeatUnanswered: problem(503, "resultado-desconhecido", unknownTitle),
} as const satisfies Record<string, Problem>;

function problem(status: number, name: string, title: string): Problem {
	const type = `urn:crebito:problema:${name}`;
	return { status, type, title, json: JSON.stringify({ type, title, status }) };
}

/** `detail` is for a person; `instance` is the request's id, to be found in the log. */
export function encodeProblem(problem: Problem, more?: { detail?: string; instance?: string }): string {
	if (more === undefined) return problem.json;
	const { type, title, status } = problem;
	return JSON.stringify({ type, title, status, ...more });
}

/** An account's id as it stands in a path; anything but plain digits names no account. */
export function parseAccountId(text: string): number | undefined {
	return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : undefined;
}

/** application/json, with whatever parameters; an absent header is taken for it. */
export function isJson(contentType: string | null): boolean {
	return (
		contentType === "application/json" ||
		contentType === null ||
		/^application\/json[ \t]*(;|$)/i.test(contentType)
	);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The posting that a body asks for, or the first thing that is wrong with it. */
export function parsePosting(accountId: number, body: Uint8Array): Posting | Problem {
	let text: string;
	let json: unknown;
	try {
		text = utf8.decode(body);
		json = JSON.parse(text);
	} catch {
		return problems.malformedJson;
	}
	if (typeof json !== "object" || json === null || Array.isArray(json)) return problems.notAnObject;
	const { valor, tipo, descricao } = json as Record<string, unknown>;
	if (typeof valor !== "number" || !Number.isSafeInteger(valor) || valor < 1) return problems.amount;
	if (/[0-9][.eE]/.test(text) && holdsFraction(text)) return problems.amount;
	if (tipo !== "c" && tipo !== "d") return problems.kind;
	if (typeof descricao !== "string" || !/^[^\p{Cc}\p{Cs}]{1,10}$/u.test(descricao))
		return problems.description;
	return {
		type: "post",
		accountId,
		kind: tipo === "c" ? "credit" : "debit",
		amount: valor,
		description: descricao,
	};
}

/**
 * Whether valor is written with a point or an exponent. JSON.parse rounds 4503599627370497.5 to a whole
 * number, and 1.00000000000000000001 to 1: cents are taken only as they were written.
 */
function holdsFraction(text: string): boolean {
	// By the object that holds it: another valor may stand somewhere deeper.
	const sources = new Map<unknown, string>();
	const body: unknown = JSON.parse(text, function (this: unknown, key, value, context?: { source?: string }) {
		if (key === "valor") sources.set(this, context?.source ?? "");
		return value;
	});
	return /[.eE]/.test(sources.get(body) ?? "");
}

export function encodePosted(outcome: Outcome & { type: "posted" }): string {
	return `{"limite":${outcome.limit},"saldo":${outcome.balance}}`;
}

export function encodeStatement(statement: Statement): string {
	const issuedAt = encodeTimestamp(statement.issuedAt);
	const head = `{"saldo":{"total":${statement.balance},"data_extrato":"${issuedAt}","limite":${statement.limit}}`;
	return `${head},"ultimas_transacoes":[${statement.entries.map(encodeEntry).join(",")}]}`;
}

function encodeEntry(entry: StatementEntry): string {
	const kind = entry.kind === "credit" ? "c" : "d";
	const description = JSON.stringify(entry.description);
	const postedAt = encodeTimestamp(entry.postedAt);
	return `{"valor":${entry.amount},"tipo":"${kind}","descricao":${description},"realizada_em":"${postedAt}"}`;
}

/** Microseconds since 1970 as 2024-01-17T02:34:41.217753Z. */
export function encodeTimestamp(micros: number): string {
	const millis = Math.floor(micros / 1000);
	const rest = String(micros - millis * 1000).padStart(3, "0");
	return `${new Date(millis).toISOString().slice(0, -1)}${rest}Z`;
}

export function encodeHealth(
	status: "healthy" | "draining" | "unable to commit",
	micros: number,
	reason?: string,
): string {
	return JSON.stringify({ status, reason, timestamp: encodeTimestamp(micros) });
}

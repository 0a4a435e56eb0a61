/**
 * `bun careless-server.ts SOCKET [FAULT]`: a ledger in memory that does what the README says, but for one fault. What
 * the attack has to find, and with no fault has to pass. SIGTERM makes it write its books to SOCKET.json.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import type { BookAccount, BookEntry } from "../books.ts";
import type { Fault } from "./careless-controls.ts";

interface Body {
	readonly valor: number;
	readonly tipo: "c" | "d";
	readonly descricao: string;
}

const [socket = "", fault] = process.argv.slice(2) as [string, Fault | undefined];
const seedFile = join(import.meta.dir, "../../../ledger/seed.json");
const seed = JSON.parse(readFileSync(seedFile, "utf8")) as { id: number; limit: number; balance: number }[];
const accounts = seed.map(({ id, limit, balance }) => ({
	...{ accountId: id, limit, balance, initialBalance: balance, sequence: 0 },
}));
const entries: BookEntry[] = [];
const answersByKey = new Map<
	string,
	{ readonly asked: string; readonly status: number; readonly body: string }
>();
/** Where the server itself is. */
const listenedAt = fault === "keeps-cut-connections" ? `${socket}-inner` : socket;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function problem(status: number, title: string, headers: Record<string, string> = {}): Response {
	const type = `urn:careless:${status}`;
	const json = { "content-type": "application/problem+json", ...headers };
	return new Response(JSON.stringify({ type, title, status }), { status, headers: json });
}

function json(body: string, status = 200): Response {
	const type = status < 400 ? "application/json" : "application/problem+json";
	return new Response(body, { status, headers: { "content-type": type } });
}

function accountOf(id: string): (typeof accounts)[number] | undefined {
	const asked = fault === "path-by-parseInt" ? String(Number.parseInt(id, 10)) : id;
	return accounts.find(({ accountId }) => String(accountId) === asked);
}

/** The posting, or the refusal. */
function read(bytes: Uint8Array): Body | Response | Promise<Response> {
	let text: string;
	try {
		text = utf8.decode(bytes);
	} catch {
		if (fault === "dies-at-bad-utf8") process.exit(1);
		return problem(400, "no UTF-8");
	}
	try {
		const sources = new Map<unknown, string>();
		const whole = JSON.parse(text, function (this: unknown, key, value, context?: { source?: string }) {
			if (key === "valor") sources.set(this, context?.source ?? "");
			return value;
		}) as Partial<Body> | null;
		return ruled(whole, sources.get(whole) ?? "");
	} catch (error) {
		if (fault === "hangs-on-cut-json" && !text.endsWith("}")) return new Promise<Response>(() => undefined);
		if (fault === "500-to-broken-json") return problem(500, "no JSON");
		if (fault === "leaks-a-stack") return problem(400, (error as Error).stack ?? "");
		return problem(400, "no JSON");
	}
}

function ruled(whole: Partial<Body> | null, source: string): Body | Response {
	if (typeof whole !== "object" || whole === null || Array.isArray(whole)) return problem(422, "no object");
	const { valor, tipo } = whole;
	const descricao =
		fault === "trims-descriptions" && typeof whole.descricao === "string"
			? whole.descricao.trim()
			: whole.descricao;
	const amount = fault === "takes-a-string-amount" ? Number(valor) : valor;
	const isWhole =
		fault === "takes-a-float-amount" || (Number.isSafeInteger(amount) && /^[0-9"]+$/.test(source));
	if (typeof amount !== "number" || !isWhole || amount < 1 || amount >= 2 ** 53) return problem(422, "valor");
	if (tipo !== "c" && tipo !== "d") return problem(422, "tipo");
	if (typeof descricao !== "string" || !/^[^\p{Cc}\p{Cs}]{1,10}$/u.test(descricao)) {
		// Answered as it should be, and posted all the same.
		if (fault === "posts-what-it-refuses") post(accounts[0] as (typeof accounts)[number], amount, "refused");
		return problem(422, "descricao");
	}
	return { valor: amount, tipo, descricao };
}

function post(account: (typeof accounts)[number], change: number, description: string): void {
	account.balance += change;
	account.sequence += 1;
	const { accountId, sequence, balance } = account;
	entries.push({ accountId, sequence, change, balance, description, postedAt: Date.now() * 1000 });
}

async function takeEntry(request: Request, id: string): Promise<Response> {
	const account = accountOf(id);
	if (account === undefined) return problem(404, "no such account");
	const type = request.headers.get("content-type");
	if (type !== null && !/^application\/json[ \t]*(;|$)/i.test(type)) return problem(415, "no JSON");
	const bytes = await request.bytes().catch(() => undefined);
	if (bytes === undefined) return problem(400, "cut off");
	if (bytes.length > 1024) return problem(413, "too large");
	const body = await read(bytes);
	if (body instanceof Response) return body;
	const header = request.headers.get("idempotency-key");
	if (header === null) return decide(account, body);
	const inner = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/.exec(header)?.[1]?.replaceAll(/\\(.)/g, "$1");
	const key = inner ?? (/^[!#-[\]-~]+$/.test(header) ? header : "");
	if (key === "" || key.length > 128) return problem(400, "no key");
	return onlyOnce(account, body, key);
}

async function onlyOnce(account: (typeof accounts)[number], body: Body, key: string): Promise<Response> {
	const name = `${account.accountId} ${key}`;
	const asked = JSON.stringify(body);
	const known = answersByKey.get(name);
	if (known !== undefined)
		return known.asked === asked ? json(known.body, known.status) : problem(422, "key");
	const answer = decide(account, body);
	const text = await answer.text();
	answersByKey.set(name, { asked, status: answer.status, body: text });
	return json(text, answer.status);
}

function decide(account: (typeof accounts)[number], { valor, tipo, descricao }: Body): Response {
	const change = tipo === "c" ? valor : -valor;
	if (change < 0 && account.balance + change < -account.limit) return problem(422, "limit");
	if (account.balance + change > Number.MAX_SAFE_INTEGER) return problem(422, "range");
	post(account, change, descricao);
	return json(`{"limite":${account.limit},"saldo":${account.balance}}`);
}

function showStatement(id: string): Response {
	const account = accountOf(id);
	if (account === undefined) return problem(404, "no such account");
	const ultimas_transacoes = entries
		.filter(({ accountId }) => accountId === account.accountId)
		.slice(-10)
		.toReversed()
		.map(({ change, description, postedAt }) => ({
			...{ valor: Math.abs(change), tipo: change > 0 ? "c" : "d", descricao: description },
			realizada_em: new Date(postedAt / 1000).toISOString(),
		}));
	const saldo = { total: account.balance, data_extrato: new Date().toISOString(), limite: account.limit };
	return json(JSON.stringify({ saldo, ultimas_transacoes }));
}

type Handle = (request: Bun.BunRequest<string>) => Response | Promise<Response>;

function only(methods: readonly string[], handle: Handle): Handle {
	return (request) =>
		methods.includes(request.method)
			? handle(request)
			: problem(405, "no such method", { allow: methods.join(", ") });
}

const readers = ["GET", "HEAD"];
const routes = {
	"/clientes/:id/transacoes": only(["POST"], (request) => takeEntry(request, request.params.id ?? "")),
	"/clientes/:id/extrato": only(readers, (request) => showStatement(request.params.id ?? "")),
	"/health": only(readers, () => json("{}")),
	"/metrics": only(readers, () => json("{}")),
	"/reset": only(["POST"], () => json("{}")),
};

/** In front of the server: passes on all that is said, but not that nothing more will be. */
function keepConnections(innerSocket: string): void {
	const server = createServer({ allowHalfOpen: true }, (client) => {
		const inner = connect({ path: innerSocket, allowHalfOpen: true });
		client.on("data", (chunk) => inner.write(chunk));
		inner.on("data", (chunk) => client.write(chunk));
		inner.on("end", () => client.end());
		client.on("close", () => inner.destroy());
		for (const side of [client, inner]) side.on("error", () => side.destroy());
	});
	server.listen(socket);
}

process.on("SIGTERM", () => {
	const books: { accounts: BookAccount[]; entries: BookEntry[]; problems: string[] } = {
		...{ accounts, problems: [] },
		entries: entries.toSorted(
			(one, other) => one.accountId - other.accountId || one.sequence - other.sequence,
		),
	};
	writeFileSync(`${socket}.json`, JSON.stringify(books));
	process.exit(0);
});
Bun.serve({
	...{ unix: listenedAt, development: false, maxRequestBodySize: 16 * 1024, routes },
	fetch: () => problem(404, "no such route"),
	error: () => problem(500, "unknown"),
} as never);
if (fault === "keeps-cut-connections") keepConnections(listenedAt);
process.stdout.write("listening\n");

/**
 * A plain implementation of the API, by another way than crebito's ledger: node:http, the tables that most
 * entrants of the challenge use, one transaction a request. The judge must find nothing in it, and must be
 * able to read its database.
 *
 *     bun loadtest/test/servers/plain.ts --port 0 --db FILE
 */
import { Database } from "bun:sqlite";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import {
	type Answer,
	invalid,
	notFound,
	officialLimits,
	type Posting,
	posted,
	readPosting,
	refused,
	routeOf,
	shown,
	shownMax,
	wasReset,
} from "./wire.ts";

const schema = `
	PRAGMA journal_mode = WAL;
	PRAGMA synchronous = NORMAL;
	PRAGMA busy_timeout = 5000;
	CREATE TABLE IF NOT EXISTS clientes (
		id INTEGER PRIMARY KEY,
		nome TEXT NOT NULL,
		limite INTEGER NOT NULL,
		saldo INTEGER NOT NULL DEFAULT 0
	);
	CREATE TABLE IF NOT EXISTS transacoes (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		cliente_id INTEGER NOT NULL REFERENCES clientes (id),
		valor INTEGER NOT NULL,
		tipo TEXT NOT NULL,
		descricao TEXT NOT NULL,
		realizada_em TEXT NOT NULL
	);
	CREATE INDEX IF NOT EXISTS transacoes_cliente ON transacoes (cliente_id, id);
`;

export interface PlainOptions {
	/** 0, the default, is any free one. */
	readonly port?: number;
	/** Of the SQLite file; in memory when it isn't given. */
	readonly databasePath?: string;
}

export interface PlainServer {
	readonly url: string;
	stop(): Promise<void>;
}

export async function startPlain(options: PlainOptions = {}): Promise<PlainServer> {
	const { port = 0, databasePath = ":memory:" } = options;
	const database = openDatabase(databasePath);
	const server = createServer(async (request, response) => {
		const body = await textOf(request);
		const answer = answerOf(database, request.method ?? "", request.url ?? "", body);
		response.writeHead(answer.status, { "content-type": "application/json" }).end(answer.body);
	});
	server.listen(port, "127.0.0.1");
	await once(server, "listening");
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		async stop() {
			const closed = new Promise((resolve) => server.close(resolve));
			server.closeAllConnections();
			await closed;
			database.close();
		},
	};
}

function openDatabase(path: string): Database {
	const database = new Database(path, { create: true });
	database.exec(schema);
	const insert = database.query("INSERT OR IGNORE INTO clientes (id, nome, limite) VALUES (?, ?, ?)");
	for (const [index, limit] of officialLimits.entries()) insert.run(index + 1, `cliente ${index + 1}`, limit);
	return database;
}

function answerOf(database: Database, method: string, path: string, body: string): Answer {
	const route = routeOf(method, path);
	if (route.name === "nothing") return notFound;
	const work = (): Answer => {
		if (route.name === "reset") return resetAll(database);
		const account = database
			.query<{ limite: number; saldo: number }, [number]>("SELECT limite, saldo FROM clientes WHERE id = ?")
			.get(route.accountId);
		if (account === null) return notFound;
		if (route.name === "statement") return statement(database, route.accountId, account);
		const posting = readPosting(body);
		return posting === undefined ? invalid : post(database, route.accountId, account, posting);
	};
	return database.transaction(work).immediate();
}

function resetAll(database: Database): Answer {
	database.exec("DELETE FROM transacoes; UPDATE clientes SET saldo = 0;");
	return wasReset;
}

function post(
	database: Database,
	accountId: number,
	{ limite, saldo }: { limite: number; saldo: number },
	{ kind, amount, description }: Posting,
): Answer {
	const balance = saldo + (kind === "credit" ? amount : -amount);
	if (kind === "debit" && balance < -limite) return refused;
	database.query("UPDATE clientes SET saldo = ? WHERE id = ?").run(balance, accountId);
	database
		.query("INSERT INTO transacoes (cliente_id, valor, tipo, descricao, realizada_em) VALUES (?, ?, ?, ?, ?)")
		.run(accountId, amount, kind === "credit" ? "c" : "d", description, new Date().toISOString());
	return posted(limite, balance);
}

interface Row {
	readonly valor: number;
	readonly tipo: "c" | "d";
	readonly descricao: string;
	readonly realizada_em: string;
}

function statement(
	database: Database,
	accountId: number,
	{ limite, saldo }: { limite: number; saldo: number },
): Answer {
	const rows = database
		.query<Row, [number, number]>(
			"SELECT valor, tipo, descricao, realizada_em FROM transacoes WHERE cliente_id = ? ORDER BY id DESC LIMIT ?",
		)
		.all(accountId, shownMax);
	return shown({
		balance: saldo,
		limit: limite,
		entries: rows.map((row) => ({
			kind: row.tipo === "c" ? "credit" : "debit",
			amount: row.valor,
			description: row.descricao,
			postedAt: Date.parse(row.realizada_em),
		})),
	});
}

async function textOf(request: IncomingMessage): Promise<string> {
	const pieces: Buffer[] = [];
	for await (const piece of request) pieces.push(piece as Buffer);
	return Buffer.concat(pieces).toString();
}

if (import.meta.main) {
	const { values } = parseArgs({ options: { port: { type: "string" }, db: { type: "string" } } });
	const { url, stop } = await startPlain({
		port: Number(values.port ?? 0),
		...(values.db === undefined ? {} : { databasePath: values.db }),
	});
	console.log(`listening on ${url}`);
	for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop());
}

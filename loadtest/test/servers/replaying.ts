/**
 * A ledger whose recovery is wrong: whenever it starts, it applies its newest entries once more, as one does that
 * replays a log without knowing how much of it was applied. As long as it runs it is the plain one, which is right.
 *
 *     bun loadtest/test/servers/replaying.ts --port PORT --db FILE
 */
import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { startPlain } from "./plain.ts";

const replayed = 5;

function replayNewest(path: string): void {
	const database = new Database(path);
	database.exec(`
		BEGIN IMMEDIATE;
		INSERT INTO transacoes (cliente_id, valor, tipo, descricao, realizada_em)
			SELECT cliente_id, valor, tipo, descricao, realizada_em FROM transacoes ORDER BY id DESC LIMIT ${replayed};
		UPDATE clientes SET saldo = (
			SELECT coalesce(sum(iif(tipo = 'c', valor, -valor)), 0) FROM transacoes WHERE cliente_id = clientes.id
		);
		COMMIT;
	`);
	database.close();
}

const { values } = parseArgs({ options: { port: { type: "string" }, db: { type: "string" } } });
if (values.db === undefined) throw new Error("--db FILE is missing");
if (existsSync(values.db)) replayNewest(values.db);
const { url } = await startPlain({ port: Number(values.port), databasePath: values.db });
console.log(`listening on ${url}`);

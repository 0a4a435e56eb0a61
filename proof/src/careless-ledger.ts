/**
 * A ledger as a textbook would write it, for the controls: SQLite in WAL mode, a transaction a request, synced before
 * the answer, and no look at whether its files are still the ones with the names. With ACKNOWLEDGES=before it answers
 * before it commits, and hopes.
 *
 * Its tables are named as the ledger's, so that the same checker reads them.
 */
import { Database, type Statement } from "bun:sqlite";

const {
	DATABASE_FILE = "",
	API_SOCKET = "",
	ACKNOWLEDGES = "after",
	CHECKPOINT_PAGES = "1000",
} = process.env;
const limits = [100_000, 80_000, 1_000_000, 10_000_000, 500_000];
const shownMax = 10;

interface Row {
	readonly limit: number;
	readonly balance: number;
	readonly sequence: number;
}

interface Body {
	readonly valor: number;
	readonly tipo: "c" | "d";
	readonly descricao: string;
}

class CarelessLedger {
	readonly #db: Database;
	readonly #account: Statement<Row, [number]>;
	readonly #newest: Statement<
		{ valor: number; tipo: string; descricao: string; realizada_em: string },
		[number]
	>;

	constructor(file: string) {
		this.#db = new Database(file);
		const checkpoint = `wal_autocheckpoint = ${CHECKPOINT_PAGES}`;
		for (const setting of ["busy_timeout = 10000", "journal_mode = wal", "synchronous = full", checkpoint])
			this.#db.run(`PRAGMA ${setting}`);
		this.#db.transaction(() => this.#create()).immediate();
		this.#account = this.#db.query('SELECT "limit", balance, sequence FROM accounts WHERE id = ?');
		this.#newest = this.#db.query(
			`SELECT abs(change) AS valor, CASE WHEN change > 0 THEN 'c' ELSE 'd' END AS tipo, description AS descricao,
			strftime('%Y-%m-%dT%H:%M:%fZ', posted_at / 1000000.0, 'unixepoch') AS realizada_em
			FROM entries WHERE account_id = ? ORDER BY sequence DESC LIMIT ${shownMax}`,
		);
	}

	#create(): void {
		this.#db.run(`CREATE TABLE IF NOT EXISTS accounts (id INTEGER PRIMARY KEY, "limit" INTEGER NOT NULL,
			initial_balance INTEGER NOT NULL, balance INTEGER NOT NULL, sequence INTEGER NOT NULL)`);
		this.#db.run(`CREATE TABLE IF NOT EXISTS entries (account_id INTEGER NOT NULL, sequence INTEGER NOT NULL,
			change INTEGER NOT NULL, balance INTEGER NOT NULL, description TEXT NOT NULL, posted_at INTEGER NOT NULL,
			PRIMARY KEY (account_id, sequence)) WITHOUT ROWID`);
		for (const [index, limit] of limits.entries())
			this.#db.run("INSERT OR IGNORE INTO accounts VALUES (?, ?, 0, 0, 0)", [index + 1, limit]);
	}

	async post(accountId: number, { valor, tipo, descricao }: Body): Promise<Response> {
		const change = tipo === "c" ? valor : -valor;
		if (ACKNOWLEDGES === "before") return this.#hope(accountId, change, descricao);
		const posted = this.#commit(accountId, change, descricao);
		return posted === undefined ? problem(422, "limite-excedido") : Response.json(posted);
	}

	/** Answers what it would come to, and commits afterwards. */
	#hope(accountId: number, change: number, description: string): Response {
		const { limit, balance } = this.#account.get(accountId) as Row;
		if (balance + change < -limit) return problem(422, "limite-excedido");
		setImmediate(() => {
			try {
				this.#commit(accountId, change, description);
			} catch (error) {
				process.stderr.write(`careless: ${error}\n`);
			}
		});
		return Response.json({ limite: limit, saldo: balance + change });
	}

	/** Undefined when it would pass the limit. */
	#commit(accountId: number, change: number, description: string) {
		return this.#db
			.transaction(() => {
				const { limit, balance, sequence } = this.#account.get(accountId) as Row;
				const next = balance + change;
				if (change < 0 && next < -limit) return undefined;
				const values = [accountId, sequence + 1, change, next, description, Date.now() * 1000];
				this.#db.run("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)", values);
				this.#db.run("UPDATE accounts SET balance = ?, sequence = ? WHERE id = ?", [
					next,
					sequence + 1,
					accountId,
				]);
				return { limite: limit, saldo: next };
			})
			.immediate();
	}

	statement(accountId: number): Response {
		return this.#db.transaction(() => {
			const { limit, balance } = this.#account.get(accountId) as Row;
			const saldo = { total: balance, data_extrato: new Date().toISOString(), limite: limit };
			return Response.json({ saldo, ultimas_transacoes: this.#newest.all(accountId) });
		})();
	}
}

function problem(status: number, name: string): Response {
	return Response.json({ type: `urn:crebito:problema:${name}`, status }, { status });
}

const ledger = new CarelessLedger(DATABASE_FILE);
Bun.serve({
	unix: API_SOCKET,
	routes: {
		"/clientes/:id/transacoes": async (request) =>
			ledger.post(Number(request.params.id), (await request.json()) as Body),
		"/clientes/:id/extrato": (request) => ledger.statement(Number(request.params.id)),
	},
	error: (error) => {
		process.stderr.write(`careless: ${error}\n`);
		return problem(503, "indisponivel");
	},
});
process.stdout.write("listening\n");

/**
 * The last word about the books: the target's own SQLite file, read after the run. Every acknowledged entry
 * has to be there exactly once, a refused one never, one without an answer at most once, and none with a tag
 * of this run that wasn't sent, or not like that.
 *
 * It knows no implementation. The table of entries is found by its columns, whatever language they are in;
 * and what can't be understood is said to be not possible to audit, which is neither passed nor failed.
 *
 * Memory is one byte for each operation, however many rows there are.
 */
import type { Database } from "bun:sqlite";
import { readDatabase, Unreadable } from "./database-file.ts";
import type { Operation } from "./operation.ts";
import type { AuditRow, Violation } from "./result.ts";

/** What this run sent, by the numbers of its operations. */
export interface Sent {
	/** The operation's number of this description; undefined when it isn't one of this run's tags. */
	numberOf(description: string): number | undefined;
	/** A pure function of the number; asked only of operations that were sent. */
	operation(number: number): Operation;
	/** "never sent" also of what has no tag of its own, and can't be found by it. */
	outcome(number: number): "posted" | "refused" | "unknown" | "never sent";
	/** Operations sent; their numbers are below it. */
	readonly count: number;
}

export interface DatabaseAudit {
	readonly row: AuditRow;
	/** The first ones, at most 100. */
	readonly violations: readonly Violation[];
	readonly violationsTotal: number;
	/** By account, the sum of what this run's entries changed, as the file has them. Empty when not possible. */
	readonly changes: ReadonlyMap<number, number>;
}

const violationsMax = 100;

/** Columns by what they hold, without accents, underscores and capitals; the first that is there counts. */
const columnNames = {
	description: ["descricao", "description", "descripcion", "descr"],
	account: [
		...["clienteid", "idcliente", "cliente", "contaid", "idconta", "conta"],
		...["accountid", "idaccount", "account", "clientid", "idclient", "client", "customerid"],
	],
	amount: ["valor", "amount", "value"],
	kind: ["tipo", "kind", "type", "operacao", "operation", "tipotransacao", "transactiontype"],
	change: ["change", "delta", "signedamount", "variacao"],
} as const;

/** The entries' table, its columns as SQL. Either amount and kind, or change. */
interface EntriesTable {
	readonly name: string;
	readonly description: string;
	readonly account: string;
	readonly amount: string;
	readonly kind: string | undefined;
}

type Value = string | number | bigint | Uint8Array | null;

interface EntryRow {
	readonly description: Value;
	readonly account: Value;
	readonly amount: Value;
	readonly kind: Value;
}

/** Reads the file as it is at this moment, and leaves it as it is. */
export function auditDatabase(file: string, source: Sent): DatabaseAudit {
	try {
		return readDatabase(file, (db) => {
			const table = entriesTable(db);
			const findings = new Findings(source);
			for (const row of rowsOf(db, table)) findings.addRow(row, table.kind !== undefined);
			return findings.conclude(table.name);
		});
	} catch (error) {
		if (!(error instanceof Unreadable)) throw error;
		const row = { source: "database", verdict: "not possible", reason: error.message } as const;
		return { row, violations: [], violationsTotal: 0, changes: new Map() };
	}
}

/** What such a table is called, in either language. */
const entriesName = /entr|transa|posting|lan[cç]amento/i;

function entriesTable(db: Database): EntriesTable {
	const tables = db
		.query<{ name: string }, []>(
			"SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
		)
		.all();
	const alike = tables.flatMap(({ name }) => entriesTableOf(db, name) ?? []);
	// A table of answers that were given, for one, looks like it too.
	const named = alike.filter(({ name }) => entriesName.test(name));
	const found = alike.length > 1 && named.length > 0 ? named : alike;
	const [table] = found;
	if (table === undefined)
		throw new Unreadable(
			`no table has columns of a description, an account, and an amount with its kind or a signed change; there are ${tables.map(({ name }) => name).join(", ") || "no tables"}`,
		);
	if (found.length > 1)
		throw new Unreadable(`several tables look like the entries: ${found.map(({ name }) => name).join(", ")}`);
	return table;
}

function entriesTableOf(db: Database, name: string): EntriesTable | undefined {
	const columns = new Map(
		db
			.query<{ name: string }, [string]>("SELECT name FROM pragma_table_info(?)")
			.all(name)
			.map((column) => [plain(column.name), quoted(column.name)]),
	);
	const column = (holds: keyof typeof columnNames) =>
		columnNames[holds].map((known) => columns.get(known)).find((known) => known !== undefined);
	const [description, account, kind] = [column("description"), column("account"), column("kind")];
	const amount = kind === undefined ? undefined : column("amount");
	const change = column("change");
	if (description === undefined || account === undefined) return undefined;
	if (amount !== undefined && kind !== undefined) return { name, description, account, amount, kind };
	return change === undefined ? undefined : { name, description, account, amount: change, kind: undefined };
}

/** In whatever order the file has them. */
function rowsOf(db: Database, table: EntriesTable): Iterable<EntryRow> {
	const { name, description, account, amount, kind } = table;
	return db
		.query<EntryRow, []>(
			`SELECT ${description} AS description, ${account} AS account, ${amount} AS amount, ${kind ?? "NULL"} AS kind FROM ${quoted(name)}`,
		)
		.iterate();
}

class Findings {
	readonly #source: Sent;
	/** How often each operation's entry was there; 255 and more are the same. */
	readonly #counts: Uint8Array;
	readonly #violations: Violation[] = [];
	readonly #totals = new Map<string, number>();
	readonly #changes = new Map<number, number>();
	#rows = 0;

	constructor(source: Sent) {
		this.#source = source;
		this.#counts = new Uint8Array(source.count);
	}

	addRow(row: EntryRow, hasKind: boolean): void {
		this.#rows += 1;
		const description = String(row.description);
		const number = this.#source.numberOf(description);
		if (number === undefined) return;
		const accountId = accountOf(row.account);
		const change = hasKind ? changeOf(row) : Number(row.amount ?? Number.NaN);
		this.#changes.set(accountId, (this.#changes.get(accountId) ?? 0) + (change || 0));
		const isSent = number < this.#source.count && this.#source.outcome(number) !== "never sent";
		const operation = isSent ? this.#source.operation(number) : undefined;
		if (operation === undefined || operation.kind === "statement") {
			this.#add("never-sent", accountId, `${description} is there, and was never sent`);
			return;
		}
		this.#counts[number] = Math.min(255, (this.#counts[number] as number) + 1);
		const sent = operation.kind === "credit" ? operation.amount : -operation.amount;
		if (operation.accountId !== accountId || sent !== change)
			this.#add(
				"entry-differs",
				operation.accountId,
				`${description} was sent to account ${operation.accountId} as ${signed(sent)}, and is there on ${accountId} as ${signed(change)}`,
			);
	}

	conclude(table: string): DatabaseAudit {
		let acknowledged = 0;
		for (let number = 0; number < this.#source.count; number += 1) {
			const outcome = this.#source.outcome(number);
			if (outcome === "posted") acknowledged += 1;
			if (outcome !== "never sent") this.#judge(number, outcome, this.#counts[number] as number);
		}
		const violationsTotal = [...this.#totals.values()].reduce((sum, count) => sum + count, 0);
		const names = [...this.#totals].map(([name, count]) => `${count} ${name}`).join(", ");
		const reason =
			violationsTotal === 0
				? `all ${acknowledged} acknowledged entries are among the ${this.#rows} of table ${table}, each once and as sent`
				: `table ${table} has ${names}`;
		return {
			row: { source: "database", verdict: violationsTotal === 0 ? "passed" : "failed", reason },
			violations: this.#violations,
			violationsTotal,
			changes: this.#changes,
		};
	}

	#judge(number: number, outcome: "posted" | "refused" | "unknown", count: number): void {
		const [name, finding] =
			outcome === "posted" && count === 0
				? ["acknowledged-then-lost", "was acknowledged, and isn't there"]
				: outcome === "refused" && count > 0
					? ["refused-but-applied", "was refused, and is there"]
					: count > 1
						? [
								"applied-twice",
								`was sent once, and is there ${count === 255 ? "255 times or more" : `${count} times`}`,
							]
						: [];
		if (name === undefined) return;
		const { kind, amount, accountId } = this.#source.operation(number);
		this.#add(name, accountId, `the ${kind} of ${amount} with number ${number} ${finding}`);
	}

	#add(name: string, accountId: number | null, message: string): void {
		this.#totals.set(name, (this.#totals.get(name) ?? 0) + 1);
		if (this.#violations.length >= violationsMax) return;
		const nowhere = { sentAtMs: null, receivedAtMs: null, request: null, response: null, window: [] };
		this.#violations.push({ name, message, accountId, ...nowhere });
	}
}

/** An account that goes by another name than the API's number can't be recognized. */
function accountOf(value: Value): number {
	const account = typeof value === "bigint" || typeof value === "string" ? Number(value) : value;
	if (typeof account === "number" && Number.isSafeInteger(account)) return account;
	throw new Unreadable(`the entries' accounts are not numbers: ${shown(value)}`);
}

/** NaN when the kind is neither c nor d, which is nothing that was sent. */
function changeOf({ amount, kind }: EntryRow): number {
	if (typeof kind !== "string") throw new Unreadable(`the entries' kinds are not text: ${shown(kind)}`);
	const sign = /^(?:c|cr[eé]dito?)$/i.test(kind) ? 1 : /^(?:d|d[eé]bito?)$/i.test(kind) ? -1 : Number.NaN;
	return sign * Number(amount ?? Number.NaN);
}

function signed(change: number): string {
	if (Number.isNaN(change)) return "what is neither a credit nor a debit";
	return `${change > 0 ? "credit" : "debit"} of ${Math.abs(change)}`;
}

function shown(value: Value): string {
	return value instanceof Uint8Array ? "a blob" : JSON.stringify(value);
}

/** ID_Cliente → idcliente, descrição → descricao. */
function plain(name: string): string {
	return name
		.normalize("NFD")
		.replace(/[^A-Za-z0-9]/g, "")
		.toLowerCase();
}

function quoted(name: string): string {
	return `"${name.replaceAll('"', '""')}"`;
}

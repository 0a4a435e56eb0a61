/**
 * `npm run bench:deadlock`: API processes on one PostgreSQL, for minutes, under requests for the same accounts in any
 * order, with keys, repetitions and resets. Counts deadlocks, and holds what was acknowledged against the books.
 *
 * The load comes in rounds. In the first part of each there are resets; then everything stops, is reset once, and in
 * the second part each acknowledged change is noted, and must be in the balances when it has stopped again.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SQL } from "bun";
import { LedgerProcess } from "../../test/process.ts";
import { Random } from "../../test/random.ts";
import { PostgresBooks } from "../../test/store/postgres-books.ts";
import { PostgresServer } from "../../test/store/postgres-server.ts";

const help = `npm run bench:deadlock [-- --minutes N --processes N --clients N --server URL]

Loads API processes on one PostgreSQL with requests for few accounts, keys, repetitions and resets; counts deadlocks and
holds the books against what was acknowledged. Exit code 1 if there is a deadlock or a difference.

  --minutes N    10 by default
  --processes N  4 by default
  --clients N    of each process, 24 by default
  --server URL   another server than one of its own; the user must be allowed to make databases
`;

const accounts = 12;
/** High enough that a round's debits can't reach it, and both kinds are posted. */
const limit = 1_000_000_000;
const partMs = 10_000;
const resetShare = 0.0005;

interface Tally {
	posted: number;
	repeated: number;
	resets: number;
	/** Neither posted nor refused for a rule: by their status. */
	readonly others: Map<number, number>;
}

interface Part {
	readonly sockets: readonly string[];
	readonly clients: number;
	readonly withResets: boolean;
	readonly tally: Tally;
	/** Of what was acknowledged, by account. */
	readonly sums: Map<number, number>;
}

interface Request {
	readonly account: number;
	readonly change: number;
	readonly key: string | undefined;
}

/** Clients that ask again as soon as they are answered; resolves when the last one is. */
async function runPart(part: Part): Promise<void> {
	const end = performance.now() + partMs;
	const keyed = new Map<string, Request>();
	const applied = new Set<string>();
	const client = async (socket: string, random: Random) => {
		while (performance.now() < end) {
			if (part.withResets && random.chance(resetShare)) {
				await reset(socket);
				part.tally.resets += 1;
				continue;
			}
			const request = nextRequest(random, keyed);
			const status = await post(socket, request);
			if (status !== 200) part.tally.others.set(status, (part.tally.others.get(status) ?? 0) + 1);
			else if (request.key !== undefined && applied.has(request.key)) part.tally.repeated += 1;
			else {
				if (request.key !== undefined) applied.add(request.key);
				part.tally.posted += 1;
				part.sums.set(request.account, (part.sums.get(request.account) ?? 0) + request.change);
			}
		}
	};
	const clients = part.sockets.flatMap((socket) =>
		Array.from({ length: part.clients }, () =>
			client(socket, new Random(Math.floor(Math.random() * 2 ** 32))),
		),
	);
	await Promise.all(clients);
}

/** One in five has a key, and one in four of those is sent again, by whichever client, to whichever process. */
function nextRequest(random: Random, keyed: Map<string, Request>): Request {
	const account = random.between(1, accounts);
	const change = random.between(1, 1000) * random.pick([-1, 1]);
	if (random.chance(0.8)) return { account, change, key: undefined };
	if (random.chance(0.25) && keyed.size > 0) return random.pick([...keyed.values()]);
	const request = { account, change, key: crypto.randomUUID() };
	keyed.set(request.key, request);
	// Few enough to be sent again while the first one is on its way.
	if (keyed.size > 64) keyed.delete(keyed.keys().next().value as string);
	return request;
}

async function post(socket: string, { account, change, key }: Request): Promise<number> {
	const answer = await fetch(`http://ledger/clientes/${account}/transacoes`, {
		unix: socket,
		method: "POST",
		headers: { "content-type": "application/json", ...(key && { "idempotency-key": `"${key}"` }) },
		body: JSON.stringify({ valor: Math.abs(change), tipo: change > 0 ? "c" : "d", descricao: "deadlock" }),
	});
	await answer.arrayBuffer();
	return answer.status;
}

async function reset(socket: string): Promise<void> {
	const answer = await fetch("http://ledger/reset", { unix: socket, method: "POST" });
	if (!answer.ok) throw new Error(`POST /reset was answered ${answer.status}`);
}

async function lockRetries(socket: string): Promise<number> {
	const answer = await fetch("http://ledger/metrics", { unix: socket });
	return Number(/^crebito_lock_retries_total (\d+)$/m.exec(await answer.text())?.[1]);
}

/** What was acknowledged since the reset, and isn't in the books, or the other way round. */
async function differences(books: PostgresBooks, sums: ReadonlyMap<number, number>): Promise<string[]> {
	const found = await books.broken();
	for (const [id, balance] of await books.balances()) {
		const acknowledged = sums.get(id) ?? 0;
		if (balance !== acknowledged)
			found.push(`account ${id}: balance ${balance}, but ${acknowledged} was acknowledged`);
	}
	return found;
}

const { values } = parseArgs({
	options: {
		minutes: { type: "string", default: "10" },
		processes: { type: "string", default: "4" },
		clients: { type: "string", default: "24" },
		server: { type: "string" },
		help: { type: "boolean", default: false },
	},
});
if (values.help) {
	process.stdout.write(help);
	process.exit(0);
}

async function databaseOn(serverUrl: string, name: string): Promise<string> {
	const sql = new SQL({ url: serverUrl, max: 1 });
	await sql.unsafe(`CREATE DATABASE ${name}`).simple();
	await sql.close();
	const url = new URL(serverUrl);
	url.pathname = name;
	return url.href;
}

const folder = mkdtempSync(join(tmpdir(), "crebito-deadlock-"));
const own =
	values.server === undefined ? await PostgresServer.start({ settings: { fsync: "on" } }) : undefined;
const ledgers: LedgerProcess[] = [];
try {
	const url = await databaseOn(values.server ?? own?.url() ?? "", `crebito_deadlock_${process.pid}`);
	const seedPath = join(folder, "seed.json");
	await Bun.write(
		seedPath,
		JSON.stringify(Array.from({ length: accounts }, (_, index) => ({ id: index + 1, limit }))),
	);
	for (let index = 0; index < Number(values.processes); index += 1) {
		const environment = { DATABASE_URL: url, SEED_FILE: seedPath, LOG_LEVEL: "info" };
		ledgers.push(new LedgerProcess({ socket: join(folder, `${index}.sock`), databasePath: "", environment }));
	}
	await Promise.all(ledgers.map((ledger) => ledger.ready()));
	const sockets = ledgers.map(({ socket }) => socket);
	const books = new PostgresBooks(url);
	const tally: Tally = { posted: 0, repeated: 0, resets: 0, others: new Map() };
	const found: string[] = [];
	const end = performance.now() + Number(values.minutes) * 60_000;
	for (let rounds = 1; performance.now() < end && found.length === 0; rounds += 1) {
		const part = { sockets, clients: Number(values.clients), tally };
		await runPart({ ...part, withResets: true, sums: new Map() });
		found.push(...(await books.broken()));
		await reset(sockets[0] ?? "");
		const sums = new Map<number, number>();
		await runPart({ ...part, withResets: false, sums });
		found.push(...(await differences(books, sums)));
		const { transactions, deadlocks } = await books.statistics();
		process.stderr.write(
			`round ${rounds}: ${tally.posted} posted, ${transactions} transactions, ${deadlocks} deadlocks\n`,
		);
	}
	const retries = await Promise.all(sockets.map(lockRetries));
	// Their sessions tell their last statistics when they end.
	await Promise.all(ledgers.map((ledger) => ledger.stop()));
	await Bun.sleep(1000);
	const { transactions, deadlocks } = await books.statistics();
	await books.close();
	const lines = {
		minutes: values.minutes,
		processes: ledgers.length,
		posted: tally.posted,
		"answered again": tally.repeated,
		resets: tally.resets,
		"other answers": [...tally.others].map(([status, count]) => `${count} × ${status}`).join(", ") || "none",
		transactions,
		deadlocks,
		retries: retries.reduce((sum, count) => sum + count, 0),
		books: found.length === 0 ? "add up, and hold all that was acknowledged" : found.join("; "),
	};
	for (const [name, value] of Object.entries(lines)) process.stdout.write(`${name.padEnd(16)}${value}\n`);
	if (deadlocks > 0 || found.length > 0) process.exitCode = 1;
} finally {
	await Promise.all(ledgers.map((ledger) => ledger.running && ledger.kill()));
	await own?.stop();
	rmSync(folder, { recursive: true, force: true });
}

/**
 * Whether the books are right: what a process asks of the file before it serves, and what `verify` asks
 * of every entry ever posted.
 */
import type { Database } from "bun:sqlite";
import { readFileSync } from "node:fs";
import type { Verdict } from "../store.ts";
import { versionOf } from "./sqlite-schema.ts";

/** Findings shown of one kind; a broken file has as many as it has rows. */
const findingsMax = 20;

/** A file of this size is read in a tenth of a second. */
const smallFileBytes = 32_000_000;

/**
 * What is asked before a process serves: SQLite's own quick_check, which reads the whole file, and each account
 * against the entry that it says is its newest. A large file is read once in every boot of the machine: what
 * damages it is a write that a power cut tore, or somebody else's hands, and not a process that was killed, which
 * must be back at once, however long the history is.
 * @returns one line for each thing that is wrong, none when all is right.
 */
export function checkAtStart(db: Database): string[] {
	const boot = bootId();
	const structure = isLarge(db) && isCheckedIn(db, boot) ? [] : quickCheck(db);
	const findings = structure.length > 0 ? structure : checkNewestEntries(db);
	if (findings.length === 0 && !isCheckedIn(db, boot)) db.run("UPDATE checks SET boot_id = ?", [boot]);
	return findings;
}

function isLarge(db: Database): boolean {
	const [[pages, bytes]] = db
		.query("SELECT page_count, page_size FROM pragma_page_count, pragma_page_size")
		.values() as [[number, number]];
	return pages * bytes > smallFileBytes;
}

function isCheckedIn(db: Database, boot: string): boolean {
	const [[checked]] = db.query("SELECT boot_id FROM checks").values() as [[string]];
	return boot !== "" && boot === checked;
}

/** Linux names each boot (random(4)); elsewhere every start is taken for the first. */
function bootId(): string {
	try {
		return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
	} catch {
		return "";
	}
}

function checkNewestEntries(db: Database): string[] {
	const dangling = db
		.query(
			`SELECT account.id FROM accounts AS account
			LEFT JOIN entries AS newest ON newest.position = account.last_position
			WHERE CASE WHEN account.sequence = 0
				THEN account.last_position <> 0 OR account.balance <> account.initial_balance
				ELSE newest.account_id IS NOT account.id OR newest.sequence IS NOT account.sequence
					OR newest.balance IS NOT account.balance OR newest.posted_at IS NOT account.last_posted_at
				END
			LIMIT ${findingsMax}`,
		)
		.values();
	return dangling.map(([id]) => `account ${id}: its balance is not that of its newest entry`);
}

function quickCheck(db: Database): string[] {
	try {
		const rows = db.query(`PRAGMA quick_check(${findingsMax})`).values();
		// SQLite puts the findings of one b-tree into one row of many lines.
		const lines = rows.flatMap(([row]) => String(row).split("\n"));
		return lines.length === 1 && lines[0] === "ok"
			? []
			: lines.slice(0, findingsMax).map((line) => `quick_check: ${line}`);
	} catch (error) {
		// Pages too damaged for it to go on.
		return [`quick_check: ${error instanceof Error ? error.message : error}`];
	}
}

interface EntryRow {
	readonly position: number;
	readonly account_id: number;
	readonly sequence: number;
	readonly previous: number;
	readonly change: number;
	readonly balance: number;
	readonly posted_at: number;
}

/** An account as its entries alone make it. */
interface Replayed {
	readonly limit: number;
	balance: number;
	sequence: number;
	lastPosition: number;
	lastPostedAt: number;
}

/**
 * Replays every entry, oldest first, in one read transaction: no gap in any account's sequence, no limit
 * passed at any prefix, no date before its predecessor's, each running balance and each account's balance
 * equal to the sum, no request applied twice. Memory: one small object an account.
 */
export function verify(db: Database): Verdict {
	const structure = quickCheck(db);
	// Nothing can be said about entries that can't be read.
	if (structure.length > 0) return { accounts: 0, entries: 0, findings: structure };
	const read = db.transaction(() => {
		const findings = checkNewestEntries(db);
		const replayed = new Map<number, Replayed>();
		const accounts = db.query('SELECT id, "limit", initial_balance FROM accounts').values() as [
			number,
			number,
			number,
		][];
		for (const [id, limit, balance] of accounts) {
			replayed.set(id, { limit, balance, sequence: 0, lastPosition: 0, lastPostedAt: 0 });
		}
		let entries = 0;
		for (const row of db.query("SELECT * FROM entries ORDER BY position").iterate() as Iterable<EntryRow>) {
			entries += 1;
			if (findings.length < findingsMax) findings.push(...replay(row, replayed.get(row.account_id)));
		}
		findings.push(...compare(db, replayed), ...checkRequests(db));
		return { accounts: accounts.length, entries, findings: findings.slice(0, findingsMax) };
	});
	return read();
}

/** A request that was applied twice. Sorts the ids of all entries, in a temporary file if they are many. */
function checkRequests(db: Database): string[] {
	if (versionOf(db) === 1) return [];
	const twice = db
		.query(
			`SELECT request_id, count(*) FROM entries WHERE request_id IS NOT NULL
			GROUP BY request_id HAVING count(*) > 1 LIMIT ${findingsMax}`,
		)
		.values();
	return twice.map(([id, count]) => `request ${id}: was applied ${count} times`);
}

function replay(row: EntryRow, account: Replayed | undefined): string[] {
	const at = `entry ${row.position} of account ${row.account_id}`;
	if (account === undefined) return [`${at}: there is no such account`];
	const findings: string[] = [];
	account.balance += row.change;
	if (row.sequence !== account.sequence + 1)
		findings.push(`${at}: number ${row.sequence} follows ${account.sequence}`);
	if (row.previous !== account.lastPosition)
		findings.push(`${at}: points to ${row.previous}, not ${account.lastPosition}`);
	if (row.balance !== account.balance)
		findings.push(`${at}: says balance ${row.balance}, the sum is ${account.balance}`);
	if (account.balance < -account.limit)
		findings.push(`${at}: passes the limit, ${account.balance} < −${account.limit}`);
	if (row.posted_at < account.lastPostedAt) findings.push(`${at}: is dated before its predecessor`);
	account.sequence = row.sequence;
	account.lastPosition = row.position;
	account.lastPostedAt = row.posted_at;
	return findings;
}

function compare(db: Database, replayed: ReadonlyMap<number, Replayed>): string[] {
	const findings: string[] = [];
	const rows = db.query("SELECT id, balance, sequence FROM accounts").iterate();
	for (const { id, balance, sequence } of rows as Iterable<{
		id: number;
		balance: number;
		sequence: number;
	}>) {
		const account = replayed.get(id);
		if (account?.balance !== balance)
			findings.push(`account ${id}: balance ${balance}, its entries sum to ${account?.balance}`);
		if (account?.sequence !== sequence)
			findings.push(`account ${id}: counts ${sequence} entries, has ${account?.sequence}`);
		if (findings.length >= findingsMax) break;
	}
	return findings;
}

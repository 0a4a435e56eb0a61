/**
 * A program that makes a ledger of any size: `bun ledger/bench/fill.ts FILE ACCOUNTS ENTRIES`.
 *
 * The file is created by the ledger's own code and the entries are posted by the ledger's own rules, only
 * past its server and in one transaction without a journal: ten million in half a minute. The ledger's own
 * `verify` then replays all of them, so a schema that has moved on is noticed here and not in a result.
 */
import type { Database } from "bun:sqlite";
import { rmSync, writeFileSync } from "node:fs";
import { type Account, type Entry, post } from "../src/ledger.ts";
import { verify } from "../src/store/sqlite-check.ts";
import { openLedgerFile } from "../src/store/sqlite-file.ts";

/**
 * An account begins where the load soon takes any account: half its debits are refused, and as many cents
 * come in as go out. With larger limits a million accounts would hardly refuse, and five would.
 */
const limit = 5000;
const amountMax = 10_000;
const description = "aB3dE6gH9j";
const microsBetween = 50;

interface FilledAccount extends Account {
	lastPosition: number;
}

function fill(file: string, accountCount: number, entryCount: number): void {
	const accounts = Array.from({ length: accountCount }, (_, i) => emptyAccount(i + 1));
	const seedFile = `${file}.seed.json`;
	writeFileSync(seedFile, JSON.stringify(accounts.map(({ id, balance }) => ({ id, limit, balance }))));
	const db = openLedgerFile(file, seedFile, "os");
	rmSync(seedFile);
	// Whoever fills alone and starts over after a failure needs neither.
	db.run("PRAGMA journal_mode = OFF");
	db.run("PRAGMA synchronous = OFF");
	db.transaction(() => {
		append(db, accounts, entryCount);
		if (entryCount > 0) save(db, accounts);
	})();
	db.run("PRAGMA journal_mode = WAL");
	const { findings } = verify(db);
	if (findings.length > 0) throw new Error(`the filled ledger is wrong:\n${findings.join("\n")}`);
	db.run("PRAGMA wal_checkpoint(TRUNCATE)");
	db.close();
}

function emptyAccount(id: number): FilledAccount {
	return { id, limit, balance: 0, sequence: 0, lastPostedAt: 0, lastPosition: 0 };
}

function append(db: Database, accounts: FilledAccount[], entryCount: number): void {
	const insert = db.prepare(
		`INSERT INTO entries (position, account_id, sequence, previous, change, balance, description, posted_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
	);
	const random = randomBelow(1);
	const startedAt = Date.now() * 1000 - entryCount * microsBetween;
	for (let position = 1; position <= entryCount; position++) {
		const account = accounts[random(accounts.length)];
		if (!account) throw new Error("there is no such account");
		const entry = postAny(account, random, startedAt + position * microsBetween);
		const change = entry.kind === "credit" ? entry.amount : -entry.amount;
		const { sequence, balance, postedAt } = entry;
		insert.run(position, account.id, sequence, account.lastPosition, change, balance, description, postedAt);
		account.lastPosition = position;
	}
}

/** As the load has it, two debits to a credit; where the limit refuses the debit, it becomes a credit. */
function postAny(account: Account, random: (below: number) => number, now: number): Entry {
	const posting = {
		type: "post",
		accountId: account.id,
		amount: 1 + random(amountMax),
		description,
	} as const;
	const entry = post(account, { ...posting, kind: random(3) === 0 ? "credit" : "debit" }, now);
	if (!("type" in entry)) return entry;
	const instead = post(account, { ...posting, kind: "credit" }, now);
	if ("type" in instead) throw new Error(`a credit was refused: ${instead.reason}`);
	return instead;
}

function save(db: Database, accounts: FilledAccount[]): void {
	const update = db.prepare(
		"UPDATE accounts SET balance = ?, sequence = ?, last_position = ?, last_posted_at = ? WHERE id = ?",
	);
	for (const { balance, sequence, lastPosition, lastPostedAt, id } of accounts)
		update.run(balance, sequence, lastPosition, lastPostedAt, id);
}

/** The minimal standard generator (Park and Miller, 1988), so that the file is the same every time. */
function randomBelow(seed: number): (below: number) => number {
	let state = seed;
	return (below) => {
		state = (state * 48_271) % 2_147_483_647;
		return state % below;
	};
}

const [file, accounts, entries] = process.argv.slice(2);
if (!file || !accounts || !entries) throw new Error("fill.ts takes FILE ACCOUNTS ENTRIES");
fill(file, Number(accounts), Number(entries));

-- The schema of the ledger in SQLite. Cents are INTEGER, times are microseconds since 1970 UTC.
--
-- One log for all accounts: an append dirties the log's right edge and the accounts' page, however many
-- accounts a batch touches. Each entry points to its account's previous one, so a statement follows ten
-- pointers, whether the log holds ten entries or ten million.
--
--     accounts   1 ──last_position──┐            2 ─┐
--     entries    [1|a1] ◄─ [2|a1]   [3|a2] ◄────────┤
--                            ▲──── [4|a1] ◄─┘   [5|a2]
--
-- The CHECKs repeat ledger.ts as a last line of defence: they are never the first to refuse.

CREATE TABLE accounts (
	id              INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 9999999999),
	"limit"         INTEGER NOT NULL CHECK ("limit" BETWEEN 0 AND 9007199254740991),
	initial_balance INTEGER NOT NULL CHECK (initial_balance BETWEEN -"limit" AND 9007199254740991),
	balance         INTEGER NOT NULL CHECK (balance BETWEEN -"limit" AND 9007199254740991),
	sequence        INTEGER NOT NULL DEFAULT 0 CHECK (sequence >= 0),
	last_position   INTEGER NOT NULL DEFAULT 0,
	last_posted_at  INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE entries (
	position    INTEGER PRIMARY KEY,
	account_id  INTEGER NOT NULL REFERENCES accounts (id),
	sequence    INTEGER NOT NULL CHECK (sequence >= 1),
	-- position of the account's previous entry, 0 for its first
	previous    INTEGER NOT NULL CHECK (previous BETWEEN 0 AND position - 1),
	-- the signed amount: above zero a credit, below zero a debit
	change      INTEGER NOT NULL CHECK (change <> 0 AND change BETWEEN -9007199254740991 AND 9007199254740991),
	-- the account's balance with this entry
	balance     INTEGER NOT NULL,
	description TEXT NOT NULL CHECK (length(description) BETWEEN 1 AND 10),
	posted_at   INTEGER NOT NULL
) STRICT;

-- One row that GET /health rewrites, to learn whether the way to the disk is open.
CREATE TABLE probe (
	id        INTEGER PRIMARY KEY CHECK (id = 1),
	probed_at INTEGER NOT NULL
) STRICT;
INSERT INTO probe (id, probed_at) VALUES (1, 0);

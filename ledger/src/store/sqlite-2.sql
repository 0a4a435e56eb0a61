-- What version 2 of the schema adds to sqlite.sql: a request that comes twice is applied once.
-- sqlite-repeats.ts tells how these are used.

-- The id that the balancer gave the request, NULL without a balancer. Not indexed: random ids would dirty a page
-- of the index for each entry.
ALTER TABLE entries ADD COLUMN request_id TEXT;

-- What was answered to a request that may come again: one with a client's key, for a day; and one that the
-- balancer repeated, if it was refused. (If it was posted, its entry tells.)
CREATE TABLE answers (
	id          INTEGER PRIMARY KEY,
	account_id  INTEGER NOT NULL REFERENCES accounts (id),
	-- "client:" and the key, or "balancer:" and the request's id
	key         TEXT NOT NULL,
	change      INTEGER NOT NULL,
	description TEXT NOT NULL,
	-- NULL when it was posted
	refusal     TEXT CHECK (refusal IN ('limit', 'range')),
	-- the account's balance with the entry, NULL when it was refused
	balance     INTEGER CHECK ((balance IS NULL) = (refusal IS NOT NULL)),
	answered_at INTEGER NOT NULL,
	UNIQUE (account_id, key)
) STRICT;

-- The newest reset. Positions go on after it, so that a process can tell which entries it hasn't seen.
CREATE TABLE resets (
	id       INTEGER PRIMARY KEY CHECK (id = 1),
	reset_at INTEGER NOT NULL,
	-- of the newest entry before it
	position INTEGER NOT NULL
) STRICT;
INSERT INTO resets (id, reset_at, position) VALUES (1, 0, 0);

-- In which boot of the machine the whole file was last checked: see sqlite-check.ts.
CREATE TABLE checks (
	id      INTEGER PRIMARY KEY CHECK (id = 1),
	boot_id TEXT NOT NULL
) STRICT;
INSERT INTO checks (id, boot_id) VALUES (1, '');

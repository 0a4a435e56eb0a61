-- The ledger in PostgreSQL: version 1 of the schema, and the function that applies a batch. Cents are bigint, times are
-- microseconds since 1970 UTC by the database's clock.
--
-- Everything that a batch does is one call of commit_batch, and so one round trip, one transaction, one flush:
--
--     lock the sender          has this batch been applied already?
--     lock the accounts        in the order of their ids, so that nobody waits in a circle
--     fold the commands        in memory, in their order
--     append, update           each entry once, each account once
--     note the outcomes        with the sender, for the case that the answer is lost
--     read the statements      after the last entry
--
-- ledger.ts has the rules, attempt.ts what holds for repeated requests. Both are written a second time here, since a
-- second round trip would hold the locks for longer than all of this takes; store.test.ts holds both against a model.
--
-- The functions run with the rights of their owner: who serves needs no more than to call them (docs/postgres.md).

CREATE SCHEMA crebito;

CREATE TABLE crebito.schema_version (version integer NOT NULL);
INSERT INTO crebito.schema_version VALUES (1);

-- The fillfactors leave room in a page for an update to stay in it, without touching an index.
CREATE TABLE crebito.accounts (
	id              bigint PRIMARY KEY CHECK (id BETWEEN 1 AND 9999999999),
	"limit"         bigint NOT NULL CHECK ("limit" BETWEEN 0 AND 9007199254740991),
	initial_balance bigint NOT NULL CHECK (initial_balance BETWEEN -"limit" AND 9007199254740991),
	balance         bigint NOT NULL CHECK (balance BETWEEN -"limit" AND 9007199254740991),
	sequence        bigint NOT NULL DEFAULT 0 CHECK (sequence >= 0),
	last_posted_at  bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 25);

CREATE TABLE crebito.entries (
	account_id  bigint NOT NULL REFERENCES crebito.accounts (id),
	sequence    bigint NOT NULL CHECK (sequence >= 1),
	-- the signed amount: above zero a credit, below zero a debit
	change      bigint NOT NULL CHECK (change <> 0 AND change BETWEEN -9007199254740991 AND 9007199254740991),
	-- the account's balance with this entry
	balance     bigint NOT NULL,
	description text NOT NULL CHECK (char_length(description) BETWEEN 1 AND 10),
	posted_at   bigint NOT NULL,
	-- what the balancer called the request; NULL without a balancer, or with a client's key
	request_id  uuid UNIQUE,
	PRIMARY KEY (account_id, sequence)
);

-- What was answered to a request that may come again: one with a client's key, for a day; and one that the
-- balancer repeated, if it was refused. (If it was posted, its entry tells.)
CREATE TABLE crebito.answers (
	id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	account_id  bigint NOT NULL REFERENCES crebito.accounts (id),
	-- "client:" and the key, or "balancer:" and the request's id
	key         text NOT NULL,
	change      bigint NOT NULL,
	description text NOT NULL,
	-- NULL when it was posted
	refusal     text CHECK (refusal IN ('limit', 'range')),
	-- the account's balance with the entry, NULL when it was refused
	balance     bigint CHECK ((balance IS NULL) = (refusal IS NOT NULL)),
	answered_at bigint NOT NULL,
	UNIQUE (account_id, key)
);

-- The newest reset.
CREATE TABLE crebito.resets (
	id       integer PRIMARY KEY CHECK (id = 1),
	reset_at bigint NOT NULL
);
INSERT INTO crebito.resets VALUES (1, 0);

-- The last batch of each process, and what came of it.
CREATE TABLE crebito.senders (
	id         uuid PRIMARY KEY,
	batch      bigint NOT NULL DEFAULT 0,
	outcomes   text NOT NULL DEFAULT '',
	applied_at bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 40, toast_tuple_target = 8160);
ALTER TABLE crebito.senders ALTER COLUMN outcomes SET STORAGE MAIN;

CREATE FUNCTION crebito.micros_now() RETURNS bigint LANGUAGE sql VOLATILE
RETURN (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;

CREATE FUNCTION crebito.current_version() RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crebito, pg_temp
AS 'SELECT version FROM schema_version';

-- Makes a process known, and forgets those of which nothing was heard for a week. Asked with each new connection: fails
-- on a standby, and in a copy that isn't finished.
CREATE FUNCTION crebito.register_sender(sender uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = crebito, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM schema_version WHERE version = 1) THEN
		RAISE 'the database holds another version, or an unfinished copy' USING ERRCODE = 'CR002';
	END IF;
	DELETE FROM senders WHERE id IN
		(SELECT id FROM senders WHERE applied_at < micros_now() - 7 * 86400000000 FOR UPDATE SKIP LOCKED);
	INSERT INTO senders (id, applied_at) VALUES (sender, micros_now()) ON CONFLICT DO NOTHING;
END $$;

-- What a request that came before is answered with, NULL if it is to be decided: see find() in sqlite-repeats.ts.
CREATE FUNCTION crebito.find_answer(
	account crebito.accounts, change bigint, description text,
	request uuid, started_at bigint, is_repeat boolean, client_key text, now bigint
) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = crebito, pg_temp
AS $$
DECLARE
	is_late boolean := request IS NOT NULL AND (is_repeat OR abs(now - started_at) > 1000000);
	answer_key text;
	found text;
BEGIN
	IF client_key IS NOT NULL THEN
		answer_key := 'client:' || client_key;
	ELSIF request IS NOT NULL THEN
		SELECT CASE WHEN (e.account_id, e.change, e.description) = (account.id, find_answer.change, find_answer.description)
			THEN '=p' || e.balance || ':' || account."limit" ELSE '=k' END
		INTO found FROM entries e WHERE e.request_id = request;
		IF is_late THEN answer_key := 'balancer:' || replace(request::text, '-', ''); END IF;
	END IF;
	IF found IS NULL AND answer_key IS NOT NULL THEN
		SELECT CASE
			WHEN (a.change, a.description) <> (find_answer.change, find_answer.description) THEN '=k'
			WHEN a.refusal IS NULL THEN '=p' || a.balance || ':' || account."limit"
			ELSE '=' || left(a.refusal, 1) END
		INTO found FROM answers a WHERE a.account_id = account.id AND a.key = answer_key;
	END IF;
	IF found IS NULL AND is_late AND (abs(now - started_at) > 10000000
		OR started_at < (SELECT reset_at FROM resets)) THEN found := '=e'; END IF;
	RETURN found;
END $$;

-- Keeps an answer, if it must hold. Two old ones go for each that comes.
CREATE FUNCTION crebito.keep_answer(
	account_id bigint, change bigint, description text, refusal text, balance bigint,
	request uuid, started_at bigint, is_repeat boolean, client_key text, now bigint
) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = crebito, pg_temp
AS $$
DECLARE
	is_late boolean := request IS NOT NULL AND (is_repeat OR abs(now - started_at) > 1000000);
BEGIN
	IF client_key IS NULL AND (refusal IS NULL OR NOT is_late) THEN RETURN; END IF;
	DELETE FROM answers WHERE id IN (
		-- To look for two that are old enough would read all that are not.
		SELECT id FROM answers WHERE id IN (SELECT id FROM answers ORDER BY id LIMIT 2)
			AND answered_at < now - 86400000000 FOR UPDATE SKIP LOCKED
	);
	INSERT INTO answers (account_id, key, change, description, refusal, balance, answered_at)
	VALUES (account_id, coalesce('client:' || client_key, 'balancer:' || replace(request::text, '-', '')),
		change, description, refusal, balance, now);
END $$;

-- Applies a batch, or finds that it was applied, and tells what came of it.
--
-- commands[i] is what the i-th command is about: the index of its account in account_ids, which ascend; 0 for a reset;
-- -1 for a probe. is_careful says that the batch holds what may have come before, or a reset. statement_ids are the
-- accounts whose statements are asked for. sender NULL: there are no commands.
--
-- outcomes: one word for each command: p<balance>:<limit> posted, l and r refused for the limit or the range, u unknown
-- account, k key reused, e expired, d done; after a "=" if it was found and not decided. statements: JSON,
-- [[id, limit, balance, last posted at, now, [[change, description, posted at], …]], …].
CREATE FUNCTION crebito.commit_batch(
	sender uuid, batch_number bigint, account_ids bigint[], commands integer[], changes bigint[], descriptions text[],
	request_ids uuid[], starts bigint[], repeats boolean[], client_keys text[], is_careful boolean, statement_ids bigint[],
	OUT outcomes text, OUT statements text
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = crebito, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	last_batch bigint;
	account accounts;
	command record;
	now bigint;
	n integer := 0;
	-- NULL where there is no such account.
	balances bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(account_ids)]);
	limits bigint[] := balances; sequences bigint[] := balances; dates bigint[] := balances;
	answers_given text[] := '{}';
	answer text; next_balance bigint;
	-- Of the entries that are appended at the end, NULL where a command posts none.
	new_balances bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(commands)]);
	new_sequences bigint[] := new_balances; new_dates bigint[] := new_balances;
	has_appended boolean := false;
BEGIN
	IF sender IS NOT NULL THEN
		SELECT s.batch, s.outcomes INTO last_batch, commit_batch.outcomes
		FROM senders s WHERE s.id = sender FOR NO KEY UPDATE;
		IF NOT FOUND THEN RAISE 'this sender is not registered' USING ERRCODE = 'CR001'; END IF;
	END IF;
	IF last_batch < batch_number THEN
		IF 0 = ANY (commands) THEN PERFORM 1 FROM accounts ORDER BY id FOR NO KEY UPDATE; END IF;
		FOR account IN SELECT * FROM accounts WHERE id = ANY (account_ids) ORDER BY id FOR NO KEY UPDATE LOOP
			LOOP n := n + 1; EXIT WHEN account_ids[n] = account.id; END LOOP;
			balances[n] := account.balance;
			limits[n] := account."limit";
			sequences[n] := account.sequence;
			dates[n] := account.last_posted_at;
		END LOOP;
		-- Not before: a batch may have waited for its locks.
		now := micros_now();
		IF NOT is_careful AND request_ids IS NOT NULL THEN
			is_careful := EXISTS (SELECT FROM unnest(starts) AS started_at WHERE abs(now - started_at) > 1000000)
				OR EXISTS (SELECT FROM entries WHERE request_id = ANY (request_ids));
		END IF;

		-- A loop over rows, since to look into an argument's array takes longer the longer it is.
		FOR command IN
			SELECT * FROM unnest(commands, changes, descriptions, request_ids, starts, repeats, client_keys) WITH ORDINALITY
				AS c (n, change, description, request_id, started_at, is_repeat, client_key, i)
		LOOP
			n := command.n;
			answer := NULL;
			IF n < 0 THEN
				answer := 'd';
			ELSIF n = 0 THEN
				SELECT CASE WHEN reset_at > now OR abs(now - command.started_at) > 10000000 THEN '=e'
					WHEN command.started_at <= reset_at THEN 'd' END INTO answer FROM resets
				WHERE command.request_id IS NOT NULL AND (command.is_repeat OR abs(now - command.started_at) > 1000000);
				IF answer IS NULL THEN
					answer := 'd';
					DELETE FROM entries; DELETE FROM answers;
					UPDATE accounts SET balance = initial_balance, sequence = 0, last_posted_at = 0 WHERE sequence > 0;
					UPDATE resets SET reset_at = now;
					FOR account IN SELECT * FROM accounts WHERE id = ANY (account_ids) LOOP
						n := array_position(account_ids, account.id);
						balances[n] := account.balance;
						sequences[n] := 0;
						dates[n] := 0;
					END LOOP;
				END IF;
			ELSIF balances[n] IS NULL THEN
				answer := 'u';
			ELSE
				IF is_careful THEN
					account.id := account_ids[n];
					account."limit" := limits[n];
					answer := find_answer(account, command.change, command.description,
						command.request_id, command.started_at, command.is_repeat, command.client_key, now);
				END IF;
				IF answer IS NULL THEN
					next_balance := balances[n] + command.change;
					IF command.change < 0 AND next_balance < -limits[n] THEN
						answer := 'l';
					ELSIF abs(next_balance) > 9007199254740991 THEN
						answer := 'r';
					ELSE
						answer := 'p' || next_balance || ':' || limits[n];
						balances[n] := next_balance;
						sequences[n] := sequences[n] + 1;
						dates[n] := greatest(now, dates[n]);
						IF is_careful THEN
							-- At once, for the next command may ask for it.
							INSERT INTO entries VALUES (account_ids[n], sequences[n], command.change, next_balance, command.description,
								dates[n], CASE WHEN command.client_key IS NULL THEN command.request_id END);
							-- And its account, since a reset may come that has to find it.
							UPDATE accounts SET balance = balances[n], sequence = sequences[n], last_posted_at = dates[n]
							WHERE id = account_ids[n];
						ELSE
							new_balances[command.i] := next_balance;
							new_sequences[command.i] := sequences[n];
							new_dates[command.i] := dates[n];
							has_appended := true;
						END IF;
					END IF;
					IF is_careful THEN
						PERFORM keep_answer(account_ids[n], command.change, command.description,
							CASE answer WHEN 'l' THEN 'limit' WHEN 'r' THEN 'range' END,
							CASE WHEN answer LIKE 'p%' THEN next_balance END,
							command.request_id, command.started_at, command.is_repeat, command.client_key, now);
					END IF;
				END IF;
			END IF;
			answers_given[command.i] := answer;
		END LOOP;

		IF has_appended THEN
			INSERT INTO entries
			SELECT account_ids[c.n], c.sequence, c.change, c.balance, c.description, c.posted_at, c.request_id
			FROM unnest(commands, changes, descriptions, request_ids, new_balances, new_sequences, new_dates)
				AS c (n, change, description, request_id, balance, sequence, posted_at)
			WHERE c.sequence IS NOT NULL;
			UPDATE accounts a SET balance = c.balance, sequence = c.sequence, last_posted_at = c.posted_at
			FROM unnest(account_ids, balances, sequences, dates) AS c (id, balance, sequence, posted_at)
			WHERE a.id = c.id AND a.sequence < c.sequence;
		END IF;
		commit_batch.outcomes := array_to_string(answers_given, ' ');
		UPDATE senders SET batch = batch_number, outcomes = commit_batch.outcomes, applied_at = now WHERE id = sender;
	END IF;
	IF cardinality(statement_ids) > 0 THEN
		-- One query, and so one snapshot of an account and its entries.
		SELECT json_agg(json_build_array(a.id, a."limit", a.balance, a.last_posted_at, micros_now(), (
			SELECT json_agg(json_build_array(e.change, e.description, e.posted_at) ORDER BY e.sequence DESC)
			FROM (SELECT * FROM entries WHERE account_id = a.id ORDER BY sequence DESC LIMIT 10) AS e
		)))::text INTO statements FROM accounts a WHERE a.id = ANY (statement_ids);
	END IF;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA crebito FROM PUBLIC;

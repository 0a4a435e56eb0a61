/**
 * How a database becomes a ledger: the schema and the first accounts, once, whoever comes first.
 */
import { readSeed } from "../seed.ts";
import type { Durability } from "../settings.ts";
import { StoreUnusable } from "../store.ts";
import sql from "./postgres.sql" with { type: "text" };
import { type PostgresConnection, RefusedByServer } from "./postgres-connection.ts";

export const schemaVersion = 1;

/** Of a copy that isn't whole yet: nobody serves it. */
export const unfinishedVersion = -1;

/** Of the advisory lock under which the schema is made ("crbt"). */
const migrationLock = 0x63726274;
const preparingMsMax = 60_000;
/** The SQLSTATE with which a server refuses to write; the primary may be had, or become it, later. */
const isStandby = "25006";

/** Not to_regnamespace(), which answers from a cache that a wait for a lock doesn't refresh. */
export const hasSchemaSql = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'crebito') AS has";

/** What the log tells of the server. */
export type ServerSettings = Readonly<Record<string, string>>;

/**
 * Makes the schema if there is none, and fills it from the seed.
 * @throws {StoreUnusable} the database is no ledger of this version, or can't be made one.
 * @throws {ConnectionLost | RefusedByServer} another try, later, may do better.
 */
export async function prepareSchema(
	connection: PostgresConnection,
	seedPath: string | undefined,
	durability: Durability,
): Promise<ServerSettings> {
	const settings = await serverSettings(connection);
	if (settings.server_encoding !== "UTF8")
		throw new StoreUnusable(`the database's encoding is ${settings.server_encoding}, UTF8 is needed`);
	if (durability === "fsync" && settings.fsync === "off")
		throw new StoreUnusable(
			"PostgreSQL runs with fsync=off: switch it on, or set DURABILITY=os to do without",
		);
	try {
		if (!(await hasSchema(connection))) await createSchema(connection, seedPath);
		const [row] = await connection.ask<{ version: number }>(
			"SELECT crebito.current_version() AS version",
			[],
			preparingMsMax,
		);
		if (row?.version === unfinishedVersion)
			throw new StoreUnusable(
				"the database holds an unfinished copy: finish it with npm run ledger -- migrate",
			);
		if (row?.version !== schemaVersion)
			throw new StoreUnusable(`the schema is of version ${row?.version}, this program has ${schemaVersion}`);
	} catch (error) {
		if (!(error instanceof RefusedByServer) || error.state === isStandby) throw error;
		throw new StoreUnusable(`the schema "crebito" can't be made or used: ${error.message}`, { cause: error });
	}
	return settings;
}

async function hasSchema(connection: PostgresConnection): Promise<boolean> {
	const [row] = await connection.ask<{ has: boolean }>(hasSchemaSql, [], preparingMsMax);
	return row?.has === true;
}

async function createSchema(connection: PostgresConnection, seedPath: string | undefined): Promise<void> {
	const accounts = readSeed(seedPath)
		.map(({ id, limit, balance }) => `(${id}, ${limit}, ${balance}, ${balance})`)
		.join(",");
	await connection.transact(preparingMsMax, async (run) => {
		// Another process may be at it.
		await run(`SET LOCAL lock_timeout = ${preparingMsMax}; SELECT pg_advisory_xact_lock(${migrationLock})`);
		const [found] = await run(hasSchemaSql);
		if (found?.has === true) return;
		await run(sql);
		await run(`INSERT INTO crebito.accounts (id, "limit", initial_balance, balance) VALUES ${accounts}`);
	});
}

async function serverSettings(connection: PostgresConnection): Promise<ServerSettings> {
	const names = [
		"server_version",
		"server_encoding",
		"fsync",
		"synchronous_commit",
		"synchronous_standby_names",
	];
	const [row] = await connection.ask<ServerSettings>(
		`SELECT ${names.map((name) => `current_setting('${name}') AS ${name}`).join(", ")}`,
		[],
		preparingMsMax,
	);
	return row ?? {};
}

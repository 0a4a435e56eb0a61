/**
 * A ledger in a database of its own, on the server that the tests share, with the means to do to it what the ledger
 * never would.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SQL } from "bun";
import { Metrics } from "../../src/metrics.ts";
import type { Durability } from "../../src/settings.ts";
import { PostgresStore, type PostgresStoreOptions } from "../../src/store/postgres.ts";
import { parsePostgresUrl } from "../../src/store/postgres-address.ts";
import type { Store } from "../../src/store.ts";
import { durableFolder } from "../durable-folder.ts";
import { closedLater, type Place, type Seed } from "./place.ts";
import { type PostgresServer, sharedPostgres } from "./postgres-server.ts";

export class PostgresPlace implements Place {
	readonly #seedPath: string;
	readonly #durability: Durability;
	/** Of a database that is made in the background: whoever needs it waits for it. */
	readonly url: Promise<string>;

	constructor(
		seed: Seed,
		durability: Durability = "os",
		server: () => Promise<PostgresServer> = sharedPostgres,
	) {
		this.#seedPath = join(durableFolder(), "seed.json");
		this.#durability = durability;
		writeFileSync(this.#seedPath, JSON.stringify(seed));
		this.url = server().then((running) => running.createDatabase());
	}

	open(options: Partial<PostgresStoreOptions> = {}): Store {
		const opened = this.url.then(
			(url) =>
				new PostgresStore({
					address: parsePostgresUrl(url),
					durability: this.#durability,
					seedPath: this.#seedPath,
					metrics: new Metrics(),
					...options,
				}),
		);
		return closedLater({
			commit: async (batch) => (await opened).commit(batch),
			close: () => void opened.then((store) => store.close()),
		});
	}

	/** Does to the database what the ledger never would, once it is a ledger. */
	async tamper(...statements: readonly string[]): Promise<void> {
		await this.open().commit([]);
		const sql = new SQL({ url: await this.url, max: 1 });
		try {
			for (const statement of statements) await sql.unsafe(statement).simple();
		} finally {
			await sql.close();
		}
	}

	async dateAhead(accountId: number, postedAt: number): Promise<void> {
		await this.tamper(
			`UPDATE crebito.entries SET posted_at = ${postedAt} WHERE account_id = ${accountId}
				AND sequence = (SELECT sequence FROM crebito.accounts WHERE id = ${accountId})`,
			`UPDATE crebito.accounts SET last_posted_at = ${postedAt} WHERE id = ${accountId}`,
		);
	}

	async dateResetAhead(at: number): Promise<void> {
		await this.tamper(`UPDATE crebito.resets SET reset_at = ${at}`);
	}

	async breakOn(description: string | undefined): Promise<void> {
		await this.tamper(
			description === undefined
				? "DROP TRIGGER broken ON crebito.entries"
				: `CREATE FUNCTION crebito.break() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$;
					CREATE TRIGGER broken BEFORE INSERT ON crebito.entries FOR EACH ROW
					WHEN (new.description = '${description}') EXECUTE FUNCTION crebito.break()`,
		);
	}
}

/**
 * A fresh ledger in PostgreSQL, and stores that reach it by way of a proxy that cuts.
 */
import { SQL } from "bun";
import { Metrics } from "../../src/metrics.ts";
import { PostgresStore, type PostgresStoreOptions } from "../../src/store/postgres.ts";
import { parsePostgresUrl } from "../../src/store/postgres-address.ts";
import { CuttingProxy } from "./cutting-proxy.ts";
import { accounts, closedLater } from "./place.ts";
import { PostgresPlace } from "./postgres.ts";
import { type PostgresServer, sharedPostgres } from "./postgres-server.ts";

interface Network {
	readonly proxy: CuttingProxy;
	/** Of the server itself. */
	readonly url: string;
	open(options?: Partial<PostgresStoreOptions>): PostgresStore;
}

const proxies: CuttingProxy[] = [];

/** For afterEach. */
export function stopProxies(): void {
	for (const proxy of proxies.splice(0)) proxy.stop();
}

export async function network(server?: PostgresServer): Promise<Network> {
	const running = server ?? (await sharedPostgres());
	const place = new PostgresPlace(accounts, "os", async () => running);
	await place.open().commit([]);
	const url = await place.url;
	const proxy = await CuttingProxy.start(running.port);
	proxies.push(proxy);
	const address = parsePostgresUrl(proxy.by(url));
	const open = (options: Partial<PostgresStoreOptions> = {}) => {
		const metrics = new Metrics();
		const presets = { address, durability: "os", seedPath: undefined, metrics, answerMsMax: 300 } as const;
		return closedLater(new PostgresStore({ ...presets, ...options }));
	};
	return { proxy, url, open };
}

/** Asks the server itself. */
export async function asked<Row>(url: string, statements: string): Promise<Row[]> {
	const sql = new SQL({ url, max: 1 });
	try {
		return [...(await sql.unsafe<Row[]>(statements).simple())];
	} finally {
		await sql.close();
	}
}

/** How many entries there are of this description. */
export async function entriesOf(url: string, description: string): Promise<number> {
	const [row] = await asked<{ count: number }>(
		url,
		`SELECT count(*)::int AS count FROM crebito.entries WHERE description = '${description}'`,
	);
	return row?.count ?? 0;
}

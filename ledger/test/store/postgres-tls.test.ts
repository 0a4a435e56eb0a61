/**
 * TLS to PostgreSQL, as sslmode asks for it: what was used is what the server says that it was.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Metrics } from "../../src/metrics.ts";
import { PostgresStore } from "../../src/store/postgres.ts";
import { parsePostgresUrl } from "../../src/store/postgres-address.ts";
import { PostgresConnection } from "../../src/store/postgres-connection.ts";
import { StoreUnusable } from "../../src/store.ts";
import { durableFolder, removeDurableFolders } from "../durable-folder.ts";
import { endPostgres, PostgresServer } from "./postgres-server.ts";

setDefaultTimeout(60_000);
let secure: PostgresServer;
let plain: PostgresServer;
/** Its certificates are as good, but of another authority. */
let stranger: PostgresServer;
const noCertificate = join(durableFolder(), "no-certificate.pem");

describe.skipIf(Bun.which("openssl") === null)("TLS to PostgreSQL", () => {
	beforeAll(async () => {
		writeFileSync(noCertificate, "this is none");
		[secure, plain, stranger] = await Promise.all([
			PostgresServer.start({ tls: true }),
			PostgresServer.start(),
			PostgresServer.start({ tls: true }),
		]);
	});
	afterAll(endPostgres);
	afterAll(removeDurableFolders);

	const used: [string, () => string, boolean][] = [
		["nothing said, where the server has it", () => secure.url(), true],
		["nothing said, where it hasn't", () => plain.url(), false],
		["prefer, where the server has it", () => `${secure.url()}?sslmode=prefer`, true],
		["prefer, where it hasn't", () => `${plain.url()}?sslmode=prefer`, false],
		["disable", () => `${secure.url()}?sslmode=disable`, false],
		["require", () => `${secure.url()}?sslmode=require`, true],
		["require, with the right authority", () => of(secure, "require", secure.caPath), true],
		["verify-full, by address", () => of(secure, "verify-full", secure.caPath), true],
		["verify-full, by name", () => named("localhost", of(secure, "verify-full", secure.caPath)), true],
	];
	test.each(used)("%s: connects", async (_, url, ssl) => {
		const connection = await PostgresConnection.open(parsePostgresUrl(url()), "os");
		const [row] = await connection.ask("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", [], 5000);
		connection.close();
		expect(row).toEqual({ ssl });
	});

	const refused: [string, () => string, RegExp][] = [
		["require, where the server hasn't it", () => `${plain.url()}?sslmode=require`, /not support SSL/],
		["an authority given, where it hasn't", () => of(plain, "prefer", secure.caPath), /not support SSL/],
		["require, with another authority", () => of(secure, "require", stranger.caPath), /unable to verify/],
		["verify-full, where it hasn't", () => of(plain, "verify-full", secure.caPath), /not support SSL/],
		["verify-full, another authority", () => of(secure, "verify-full", stranger.caPath), /unable to verify/],
		[
			"verify-full, by a name that is not in the certificate",
			// Another way to write 127.0.0.1.
			() => named("127.1", of(secure, "verify-full", secure.caPath)),
			/altnames/,
		],
		["no certificate in the file", () => of(secure, "verify-full", noCertificate), /CA/],
		["no such file", () => of(secure, "verify-full", "/no/such.pem"), /no such file.*\/no\/such\.pem/],
	];
	test.each(refused)("%s: is refused at once, in one line", async (_, url, words) => {
		const address = parsePostgresUrl(url());
		const store = new PostgresStore({
			address,
			durability: "os",
			seedPath: undefined,
			metrics: new Metrics(),
		});
		const startedAt = performance.now();
		const refusal = await store.ready(20_000).catch((error) => error);
		store.close();
		expect(refusal).toBeInstanceOf(StoreUnusable);
		expect(refusal.message).toMatch(words);
		expect(refusal.message).not.toContain("\n");
		expect(performance.now() - startedAt).toBeLessThan(5000);
	});
});

function of(server: PostgresServer, mode: string, caPath: string): string {
	return `${server.url()}?sslmode=${mode}&sslrootcert=${encodeURIComponent(caPath)}`;
}

function named(host: string, url: string): string {
	return url.replace("@127.0.0.1", `@${host}`);
}

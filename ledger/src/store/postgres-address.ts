/**
 * Where a PostgreSQL is and how it is spoken to, from a DATABASE_URL:
 *
 *     postgres://user:password@host:5432/database?sslmode=verify-full&sslrootcert=/etc/ca.pem
 *     postgres://user@/database?host=/var/run/postgresql
 *
 * The parameters are those of libpq that have a meaning here; any other is refused rather than ignored.
 */
import { readFileSync } from "node:fs";
import type { SQL } from "bun";
import { StoreUnusable } from "../store.ts";

/** Bun's client has no verify-ca, which would check the authority but not the name. */
const sslModes = ["disable", "prefer", "require", "verify-full"] as const;
type SslMode = (typeof sslModes)[number];

export interface PostgresAddress {
	/** A name or an address, or the absolute path of the folder of a Unix socket. */
	readonly host: string;
	readonly port: number;
	readonly database: string;
	readonly user: string;
	readonly password: string | undefined;
	/** Without it, what libpq does: TLS if the server offers it. */
	readonly sslMode: SslMode;
	/** Paths of PEM files. */
	readonly sslRootCert: string | undefined;
	readonly sslCert: string | undefined;
	readonly sslKey: string | undefined;
}

const parameters = ["host", "sslmode", "sslrootcert", "sslcert", "sslkey"];

/** @throws {StoreUnusable} the message doesn't show the password. */
export function parsePostgresUrl(text: string): PostgresAddress {
	// Without a host, which then stands in the parameters, this would be no URL.
	const url = URL.parse(text.replace(/^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)(?=\/)/, "$1localhost"));
	const database = decoded(url?.pathname.slice(1));
	const user = decoded(url?.username);
	const password = decoded(url?.password);
	const refuse = (what: string) => new StoreUnusable(`DATABASE_URL takes ${what}`);
	if (
		url === null ||
		!database ||
		database.includes("/") ||
		!user ||
		password === undefined ||
		url.hash !== ""
	)
		throw refuse("postgres://user:password@host:port/database, with %-codes where these hold : / ? # or @");
	const unknown = [...url.searchParams.keys()].find((name) => !parameters.includes(name));
	if (unknown !== undefined) throw refuse(`the parameters ${parameters.join(", ")}, not ${unknown}`);
	const given = (name: string) => url.searchParams.get(name) || undefined;
	const host = given("host");
	if (host !== undefined && !host.startsWith("/")) throw refuse("host=/the/folder/of/a/socket, nothing else");
	const sslMode = sslModes.find((mode) => mode === (given("sslmode") ?? "prefer"));
	if (sslMode === undefined) throw refuse(`sslmode=${sslModes.join(", ")}, not ${given("sslmode")}`);
	const address = {
		host: host ?? url.hostname.replace(/^\[(.*)\]$/, "$1"),
		port: Number(url.port || 5432),
		database,
		user,
		password: password || undefined,
		sslMode,
		sslRootCert: given("sslrootcert"),
		sslCert: given("sslcert"),
		sslKey: given("sslkey"),
	};
	if (sslMode === "verify-full" && address.sslRootCert === undefined)
		throw refuse("sslrootcert=FILE with sslmode=verify-full");
	const hasIdentity = address.sslCert !== undefined && address.sslKey !== undefined;
	if (hasIdentity ? sslMode === "prefer" : (address.sslCert ?? address.sslKey) !== undefined)
		throw refuse("sslcert and sslkey together, with sslmode=require or verify-full");
	return address;
}

/** For logs and messages: without the password. */
export function addressText({ host, port, database, user }: PostgresAddress): string {
	return host.startsWith("/")
		? `postgres://${user}@/${database}?host=${host}`
		: `postgres://${user}@${host.includes(":") ? `[${host}]` : host}:${port}/${database}`;
}

/** As Bun's client takes it. @throws {StoreUnusable} a certificate can't be read. */
export function clientOptions(address: PostgresAddress): SQL.Options {
	const { host, port, database, user, password, sslMode, sslRootCert, sslCert, sslKey } = address;
	const options = {
		adapter: "postgres",
		hostname: host,
		port,
		database,
		username: user,
		...(password === undefined ? {} : { password }),
	} as const;
	if (host.startsWith("/") || sslMode === "disable") return { ...options, tls: false };
	// Only a URL can say "if the server has it"; every other field of it is overridden.
	if (sslMode === "prefer" && sslRootCert === undefined)
		return { ...options, url: "postgres://localhost/?sslmode=prefer" };
	// libpq checks against a root certificate that is given, whatever the mode says.
	const authority = sslRootCert === undefined ? {} : { ca: readPem(sslRootCert) };
	const identity = sslCert && sslKey ? { cert: readPem(sslCert), key: readPem(sslKey) } : {};
	return { ...options, tls: { ...authority, ...identity, rejectUnauthorized: sslRootCert !== undefined } };
}

function decoded(text: string | undefined): string | undefined {
	try {
		return text && decodeURIComponent(text);
	} catch {
		return undefined;
	}
}

function readPem(path: string): string {
	try {
		return readFileSync(path, "utf8");
	} catch (error) {
		throw new StoreUnusable(`DATABASE_URL: ${error instanceof Error ? error.message : error}`);
	}
}

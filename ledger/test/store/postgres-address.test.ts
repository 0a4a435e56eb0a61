/**
 * Which DATABASE_URLs are taken and which refused; a password is in no message.
 */
import { describe, expect, test } from "bun:test";
import { addressText, parsePostgresUrl } from "../../src/store/postgres-address.ts";
import { StoreUnusable } from "../../src/store.ts";

const plain = {
	host: "db",
	port: 5432,
	database: "crebito",
	user: "me",
	password: undefined,
	sslMode: "prefer",
	sslRootCert: undefined,
	sslCert: undefined,
	sslKey: undefined,
};

describe("is taken:", () => {
	const taken: [string, object, string][] = [
		["postgres://me@db/crebito", {}, "postgres://me@db:5432/crebito"],
		["postgresql://me@db:6543/crebito", { port: 6543 }, "postgres://me@db:6543/crebito"],
		["postgres://me:secret@db/crebito", { password: "secret" }, "postgres://me@db:5432/crebito"],
		[
			"postgres://me:se%3A%2F%3F%23%40t@db/crebito",
			{ password: "se:/?#@t" },
			"postgres://me@db:5432/crebito",
		],
		["postgres://me:se:c@ret@db/crebito", { password: "se:c@ret" }, "postgres://me@db:5432/crebito"],
		["postgres://m%C3%AA@db/cr%20bito", { user: "mê", database: "cr bito" }, "postgres://mê@db:5432/cr bito"],
		["postgres://me@10.0.0.7/crebito", { host: "10.0.0.7" }, "postgres://me@10.0.0.7:5432/crebito"],
		["postgres://me@[::1]:5433/crebito", { host: "::1", port: 5433 }, "postgres://me@[::1]:5433/crebito"],
		[
			"postgres://me@/crebito?host=/run/postgresql",
			{ host: "/run/postgresql" },
			"postgres://me@/crebito?host=/run/postgresql",
		],
		["postgres://me@/crebito", { host: "localhost" }, "postgres://me@localhost:5432/crebito"],
		...["disable", "prefer", "require"].map((sslMode): [string, object, string] => [
			`postgres://me@db/crebito?sslmode=${sslMode}`,
			{ sslMode },
			"postgres://me@db:5432/crebito",
		]),
		[
			"postgres://me@db/crebito?sslmode=verify-full&sslrootcert=/ca.pem&sslcert=/c.pem&sslkey=/k.pem",
			{ sslMode: "verify-full", sslRootCert: "/ca.pem", sslCert: "/c.pem", sslKey: "/k.pem" },
			"postgres://me@db:5432/crebito",
		],
	];
	test.each(taken)("%s", (url, differences, text) => {
		const address = parsePostgresUrl(url);
		expect(address).toEqual({ ...plain, ...differences } as typeof address);
		expect(addressText(address)).toBe(text);
	});
});

describe("is refused, in one line that doesn't show the password:", () => {
	const refused: [string, string][] = [
		["postgres://", "postgres://user"],
		["postgres://secret", "postgres://user"],
		["postgres://me:secret@db", "postgres://user"],
		["postgres://me:secret@db/", "postgres://user"],
		["postgres://:secret@db/crebito", "postgres://user"],
		["postgres://me:secret@db/crebito/more", "postgres://user"],
		["postgres://me:secret@db:port/crebito", "postgres://user"],
		["postgres://me:secret@db:70000/crebito", "postgres://user"],
		["postgres://me:se/cret@db/crebito", "postgres://user"],
		["postgres://me:1/secret@db/crebito", "postgres://user"],
		["postgres://me:se?secret@db/crebito", "postgres://user"],
		["postgres://me:se#secret@db/crebito", "postgres://user"],
		["postgres://me:secret@db/crebito#part", "postgres://user"],
		["postgres://me:secret%zz@db/crebito", "postgres://user"],
		["postgres://me%zz:secret@db/crebito", "postgres://user"],
		["postgres://me@db/crebito?password=secret", "not password"],
		["postgres://me:secret@db/crebito?options=-c", "not options"],
		["postgres://me:secret@db/crebito?host=other", "host=/the/folder"],
		["postgres://me:secret@db/crebito?sslmode=verify-ca", "not verify-ca"],
		["postgres://me:secret@db/crebito?sslmode=allow", "not allow"],
		["postgres://me:secret@db/crebito?sslmode=verify-full", "sslrootcert=FILE"],
		["postgres://me:secret@db/crebito?sslmode=require&sslcert=/c.pem", "sslcert and sslkey"],
		["postgres://me:secret@db/crebito?sslmode=require&sslkey=/k.pem", "sslcert and sslkey"],
		["postgres://me:secret@db/crebito?sslcert=/c.pem&sslkey=/k.pem", "sslcert and sslkey"],
	];
	test.each(refused)("%s", (url, words) => {
		const refusal = refusalOf(url);
		expect(refusal).toBeInstanceOf(StoreUnusable);
		expect(refusal?.message).toContain(words);
		expect(refusal?.message).toStartWith("DATABASE_URL takes ");
		expect(refusal?.message).not.toMatch(/secret|\n/);
	});
});

function refusalOf(url: string): Error | undefined {
	try {
		parsePostgresUrl(url);
		return undefined;
	} catch (error) {
		return error as Error;
	}
}

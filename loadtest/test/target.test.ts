/** Where requests go: the forms that a target may have, and those that it may not. */
import { describe, expect, test } from "bun:test";
import { parseTarget } from "../src/target.ts";

describe("a target", () => {
	test.each([
		["http://localhost:9999", { hostname: "localhost", port: 9999 }, "localhost:9999", ""],
		["http://example.org", { hostname: "example.org", port: 80 }, "example.org", ""],
		["HTTP://EXAMPLE.org:8080/", { hostname: "example.org", port: 8080 }, "example.org:8080", ""],
		["http://[::1]:9999/a/b//", { hostname: "::1", port: 9999 }, "[::1]:9999", "/a/b"],
		["unix:/run/api.sock", { unix: "/run/api.sock" }, "localhost", ""],
		["http://unix:/run/api.sock:/base/", { unix: "/run/api.sock" }, "localhost", "/base"],
	])("may be %s", (text, address, host, base) => {
		expect(parseTarget(text)).toEqual({ text, address, host, base });
	});

	test.each([
		["localhost:9999", "is no target"],
		["", "is no target"],
		["ftp://localhost", "is no target"],
		["http://", "is no target"],
		["unix:relative.sock", "is no target"],
		["https://localhost", "https is not supported"],
		["http://me@localhost", "no user, query or fragment"],
		["http://localhost/?a=1", "no user, query or fragment"],
		["http://localhost/#a", "no user, query or fragment"],
		["http://localhost:0", "port 0"],
		["http://localhost:99999", "is no target"],
	])("may not be %p", (text, reason) => {
		expect(() => parseTarget(text)).toThrow(reason);
	});

	test("has no line break in what goes into a request's head", () => {
		const { host, base } = parseTarget("http://local\r\nhost:80/a\r\nX-Other: 1");
		expect(host + base).not.toMatch(/[\r\n ]/);
	});
});

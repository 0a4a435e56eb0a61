/** `npm run proof` as somebody types it wrongly. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { missing } from "../src/place.ts";

const main = join(import.meta.dir, "../src/main.ts");

function run(...args: string[]) {
	const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, main, ...args]);
	return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

describe("the command", () => {
	test("tells with --help what there is", () => {
		const { code, out } = run("--help");
		expect(code).toBe(0);
		expect(out).toContain("--quick");
		expect(out).toContain("--seed NUMBER");
	});

	test.each([
		[["nonsense"]],
		[[]],
		[["all", "nonsense"]],
		[["all", "--seed", "x"]],
		[["all", "--seed", "-1"]],
		[["all", "--seed", "4294967296"]],
		[["--fast"]],
	])("answers %j in one line", (args) => {
		const { code, out, err } = run(...args);
		expect([code, out]).toEqual([1, ""]);
		expect(err).toMatch(/^[^\n]+\n$/);
	});
});

describe("what an attack needs", () => {
	test("is there", () => {
		expect(missing([])).toBeUndefined();
		expect(missing(["sh"])).toBeUndefined();
	});

	test("is named, when it is not", () => {
		expect(missing(["sh", "no-such-program"])).toBe(
			"no-such-program is missing: apt-get install no-such-program",
		);
	});
});

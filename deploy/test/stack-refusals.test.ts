/** `npm start` where it can't: every reason is one line, and exit code 1. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isNginxMissing, RunningStack } from "./running-stack.ts";

/** Processes start slowly on a machine that others use. */
setDefaultTimeout(30_000);

const folder = mkdtempSync(join(tmpdir(), "refusal-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("what can't be started is one line that names the reason, and exit code 1", () => {
	const refusals: [what: string, environment: Record<string, string>, line: string][] = [
		["a PORT that is none", { PORT: "99999" }, 'PORT takes a whole number from 1 to 65535, not "99999"'],
		["a PORT that is a word", { PORT: "http" }, 'PORT takes a whole number from 1 to 65535, not "http"'],
		["port 0", { PORT: "0" }, 'PORT takes a whole number from 1 to 65535, not "0"'],
		[
			"a HOST that is a name",
			{ HOST: "here" },
			'HOST takes an IP address of this machine, 0.0.0.0 for all, not "here"',
		],
		["an unknown BALANCER", { BALANCER: "apache" }, 'BALANCER takes auto, nginx, kernel, not "apache"'],
		[
			"a DATA_DIR below a file",
			{ DATA_DIR: "/dev/null/data" },
			"DATA_DIR=/dev/null/data can't be written to (ENOTDIR)",
		],
		[
			"a DATA_DIR that is a file",
			{ DATA_DIR: "/dev/null" },
			"DATA_DIR=/dev/null can't be written to (EEXIST)",
		],
		[
			"a DATA_DIR no URL takes",
			{ DATA_DIR: "/tmp/100%" },
			'DATA_DIR takes a path without ? # or %: "/tmp/100%"',
		],
	];
	for (const [what, environment, line] of refusals) {
		test(what, async () => {
			await using stack = await RunningStack.start({ environment });
			expect(await stack.ended()).toEqual({ code: 1, errors: `crebito: ${line}\n` });
		});
	}

	test("a HOST of another machine", async () => {
		await using stack = await RunningStack.start({ environment: { HOST: "192.0.2.1" } });
		const { code, errors } = await stack.ended();
		expect(code).toBe(1);
		expect(errors).toMatch(/^crebito: HOST=192\.0\.2\.1 PORT=\d+: can't listen on .* \(EADDRNOTAVAIL\)\n$/);
	});

	test("a PORT that is taken, even by a program that would share it", async () => {
		using other = Bun.serve({ hostname: "0.0.0.0", port: 0, reusePort: true, fetch: () => new Response() });
		const environment = { PORT: String(other.port), BALANCER: "kernel" };
		await using stack = await RunningStack.start({ environment });
		const line = `PORT=${other.port} is taken on 127.0.0.1: stop what listens there, or set another`;
		expect(await stack.ended()).toEqual({ code: 1, errors: `crebito: ${line}\n` });
	});

	test("a ledger process that ends at once, which is not tried again", async () => {
		const environment = { BALANCER: "kernel", FAILS_WITH: "ledger: WAL_MAX_MB takes a number" };
		await using stack = await RunningStack.start({ environment });
		const { code, errors } = await stack.ended();
		expect(code).toBe(1);
		expect(errors.split("\n").slice(1)).toEqual([
			expect.stringMatching(
				/^crebito: api-[12] ended before it was ready \(exit code 1\): ledger: WAL_MAX_MB takes a number$/,
			),
			"",
		]);
	});

	test("an nginx that ends at once, with its own words", async () => {
		writeFileSync(join(folder, "nginx"), "#!/bin/sh\necho 'nginx: [emerg] no' >&2\nexit 1\n", {
			mode: 0o755,
		});
		await using stack = await RunningStack.start({ environment: { PATH: folder } });
		const { code, errors } = await stack.ended();
		expect(code).toBe(1);
		expect(errors).toEndWith("crebito: nginx ended before it was ready (exit code 1): nginx: [emerg] no\n");
		expect(stack.leftovers()).toEqual([]);
	});

	test.skipIf(isNginxMissing)("a TMPDIR that can't be written in nginx.conf", async () => {
		await using stack = await RunningStack.start({ environment: { BALANCER: "nginx", TMPDIR: "/tmp/a b" } });
		const line = 'TMPDIR takes at most 60 plain characters for nginx, or set BALANCER=kernel: "/tmp/a b"';
		expect(await stack.ended()).toEqual({ code: 1, errors: `crebito: ${line}\n` });
	});

	test.skipIf(isNginxMissing || process.getuid?.() !== 0)(
		"for root, a TMPDIR that nginx's workers can't enter",
		async () => {
			await using stack = await RunningStack.start({ environment: { BALANCER: "nginx", TMPDIR: folder } });
			const line = `TMPDIR=${folder}: nginx's workers don't stay root and can't pass ${folder} (chmod o+x)`;
			expect(await stack.ended()).toEqual({ code: 1, errors: `crebito: ${line}\n` });
		},
	);

	test.skipIf(isNginxMissing)("an nginx.conf that nginx refuses", async () => {
		await using stack = await confStack((conf) => conf.replace("least_conn;", "most_conn;"));
		const { code, errors } = await stack.ended();
		expect(code).toBe(1);
		expect(errors).toMatch(
			/crebito: nginx ended before it was ready \(exit code 1\): .*\[emerg\].* unknown directive "most_conn"/,
		);
		expect(stack.leftovers()).toEqual([]);
	});

	const confs: [missing: string, line: string][] = [
		["listen 9999;", 'nginx.conf must hold "listen 9999;" exactly once'],
		["unix:/run/crebito/api-1.sock ", 'nginx.conf must share out to "unix:/run/crebito/api-1.sock"'],
		["unix:/run/crebito/api-2.sock ", 'nginx.conf must share out to "unix:/run/crebito/api-2.sock"'],
	];
	for (const [missing, line] of confs) {
		test.skipIf(isNginxMissing)(`an nginx.conf without "${missing}"`, async () => {
			await using stack = await confStack((conf) => conf.replaceAll(missing, "listen 80;"));
			expect(await stack.ended()).toEqual({ code: 1, errors: `crebito: ${line}\n` });
			expect(stack.leftovers()).toEqual([]);
		});
	}
});

/** With a changed nginx.conf. */
function confStack(change: (conf: string) => string): Promise<RunningStack> {
	const confPath = join(folder, "nginx.conf");
	writeFileSync(confPath, change(readFileSync(join(import.meta.dir, "../nginx.conf"), "utf8")));
	return RunningStack.start({ environment: { BALANCER: "nginx" }, confPath });
}

/** `npm run restart`, asked as a process: of real stacks, of what only looks like one, of a stand-in engine. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isGone, isNginxMissing, RunningStack } from "./running-stack.ts";

/** Processes start slowly on a machine that others use. */
setDefaultTimeout(30_000);

const program = join(import.meta.dir, "../restart.ts");
const folder = mkdtempSync(join(tmpdir(), "restart-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function restart(
	environment: Readonly<Record<string, string>>,
	...args: string[]
): Promise<{ code: number; output: string; errors: string }> {
	const asked = Bun.spawn([process.execPath, program, ...args], {
		env: { PATH: process.env.PATH ?? "", ...environment },
		stdio: ["ignore", "pipe", "pipe"],
	});
	const [output, errors, code] = await Promise.all([asked.stdout.text(), asked.stderr.text(), asked.exited]);
	return { code, output, errors };
}

describe.each([
	{ balancer: "nginx", skip: isNginxMissing },
	{ balancer: "kernel", skip: process.platform !== "linux" },
])("a stack balanced by $balancer", ({ balancer, skip }) => {
	test.skipIf(skip)("has other processes, which serve, when the command ends", async () => {
		await using stack = await RunningStack.serving({ environment: { BALANCER: balancer } });
		const before = stack.pidFiles() as number[];
		const { code, errors } = await restart({ DATA_DIR: join(stack.folder, "data") });
		const after = stack.pidFiles();
		expect(errors).toMatch(
			/^crebito: restarted within [0-9.]+ s: api-1 is process \d+, api-2 is process \d+\n$/,
		);
		expect(code).toBe(0);
		expect(before.every(isGone)).toBe(true);
		expect(new Set(after)).toEqual(await stack.pids());
	});
});

test("a process that is dead for the moment doesn't hinder it", async () => {
	await using stack = await RunningStack.serving({ environment: { BALANCER: "kernel" } });
	const [first = 0] = stack.pidFiles();
	process.kill(first, "SIGKILL");
	expect((await restart({ DATA_DIR: join(stack.folder, "data") })).code).toBe(0);
});

describe("what isn't a stack is left alone, with exit code 1 and the reason", () => {
	function dataFolder(name: string, pids: Readonly<Record<string, number | string>>): string {
		const path = join(folder, name);
		mkdirSync(path);
		for (const [file, pid] of Object.entries(pids)) writeFileSync(join(path, `${file}.pid`), `${pid}\n`);
		return path;
	}

	test("a folder without one", async () => {
		const DATA_DIR = dataFolder("none", {});
		const line = `no stack runs on DATA_DIR=${DATA_DIR}: npm start would leave a stack.pid there`;
		expect(await restart({ DATA_DIR })).toEqual({ code: 1, output: "", errors: `crebito: ${line}\n` });
	});

	for (const content of ["", "x", "0", "1", "-5", "12 13", "99999999999999"]) {
		test(`a stack.pid that holds "${content}"`, async () => {
			const DATA_DIR = dataFolder(`holds${content}`, { stack: content });
			const { code, errors } = await restart({ DATA_DIR });
			expect(code).toBe(1);
			expect(errors).toStartWith("crebito: no stack runs on DATA_DIR=");
		});
	}

	test("the number of a process that is gone", async () => {
		const gone = Bun.spawn(["true"]);
		await gone.exited;
		const DATA_DIR = dataFolder("gone", { stack: gone.pid });
		const { code, errors } = await restart({ DATA_DIR });
		expect(code).toBe(1);
		expect(errors).toEndWith(`process ${gone.pid}, which ${join(DATA_DIR, "stack.pid")} names, is gone\n`);
	});

	test("the number of another program, which lives on", async () => {
		const other = Bun.spawn(["sleep", "60"]);
		const ledger = Bun.spawn(["sleep", "60"]);
		try {
			const DATA_DIR = dataFolder("other", { stack: other.pid, "api-1": ledger.pid, "api-2": process.pid });
			const { code, errors } = await restart({ DATA_DIR });
			expect(code).toBe(1);
			expect(errors).toContain("has no ledger process that serves: is it the stack?");
			expect(isGone(other.pid)).toBe(false);
		} finally {
			other.kill("SIGKILL");
			ledger.kill("SIGKILL");
		}
	});
});

describe("with --containers", () => {
	/** Writes down how it was called, and makes nginx's stand-in below say that the service is up or down. */
	function engine(name: string, script = ""): string {
		const path = join(folder, name);
		writeFileSync(path, `#!/bin/sh\necho "$@" >> ${path}.calls\n${script}\n`, { mode: 0o755 });
		return path;
	}
	function calls(path: string): string[] {
		return existsSync(`${path}.calls`) ? readFileSync(`${path}.calls`, "utf8").trim().split("\n") : [];
	}
	/** Each service is healthy unless there is a file of its name. */
	function nginx(statusOf: (path: string) => number) {
		const fetch = (request: Request) =>
			new Response(null, { status: statusOf(new URL(request.url).pathname) });
		return Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
	}

	test("one service is restarted after the other, when that one is healthy again", async () => {
		const down = join(folder, "down");
		const CONTAINER_ENGINE = engine("docker-1", `touch ${down}; (sleep 0.4; rm ${down}) >&- 2>&- &`);
		let whileDown = 0;
		using server = nginx((path) => {
			if (!existsSync(down) || calls(CONTAINER_ENGINE).length !== Number(path.at(-1))) return 200;
			whileDown += 1;
			return 502;
		});
		const { code, errors } = await restart({ CONTAINER_ENGINE, PORT: String(server.port) }, "--containers");
		expect(errors).toMatch(
			/^crebito: restarting api01\ncrebito: restarting api02\ncrebito: restarted within .* s: api01, api02\n$/,
		);
		expect(code).toBe(0);
		expect(calls(CONTAINER_ENGINE)).toEqual(["compose restart -t 15 api01", "compose restart -t 15 api02"]);
		expect(whileDown).toBeGreaterThan(1);
	});

	test("nothing is restarted while the other one isn't healthy", async () => {
		const CONTAINER_ENGINE = engine("docker-2");
		using server = nginx((path) => (path === "/health/2" ? 502 : 200));
		const { code, errors } = await restart({ CONTAINER_ENGINE, PORT: String(server.port) }, "--containers");
		expect(code).toBe(1);
		expect(errors).toStartWith("crebito: api02 is not healthy, and without api01 nobody would serve");
		expect(calls(CONTAINER_ENGINE)).toEqual([]);
	});

	test("what the engine complains of is passed on", async () => {
		const CONTAINER_ENGINE = engine(
			"docker-3",
			"echo 'first' >&2; echo 'no such service: api01' >&2; exit 14",
		);
		using server = nginx(() => 200);
		const { code, errors } = await restart({ CONTAINER_ENGINE, PORT: String(server.port) }, "--containers");
		expect(code).toBe(1);
		expect(errors).toEndWith("compose restart -t 15 api01 failed: no such service: api01\n");
	});

	test("that there is no engine is said", async () => {
		const none = await restart({ PATH: folder }, "--containers");
		expect(none.code).toBe(1);
		expect(none.errors).toStartWith("crebito: no container engine: neither docker nor podman is in PATH");
		const wrong = await restart({ CONTAINER_ENGINE: "/nonexistent" }, "--containers");
		expect(wrong.code).toBe(1);
		expect(wrong.errors).toBe("crebito: CONTAINER_ENGINE takes a program, and /nonexistent is none\n");
	});
});

test("what it doesn't know is exit code 2", async () => {
	const { code, errors } = await restart({}, "--now");
	expect(errors).toBe("crebito: restart takes --containers or nothing, not --now\n");
	expect(code).toBe(2);
});

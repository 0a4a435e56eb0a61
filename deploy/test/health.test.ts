/** `npm run health`, asked as a process: of stacks, of single ledgers, and of what is neither. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isNginxMissing, RunningStack } from "./running-stack.ts";

/** Processes start slowly on a machine that others use. */
setDefaultTimeout(30_000);

const program = join(import.meta.dir, "../health.ts");
const ledgerPath = join(import.meta.dir, "../../ledger/src/main.ts");

const folder = mkdtempSync(join(tmpdir(), "health-test-"));
const ends: (() => void)[] = [];
afterAll(() => {
	for (const end of ends) end();
	rmSync(folder, { recursive: true, force: true });
});

async function health(...args: string[]): Promise<{ code: number; output: string; errors: string }> {
	const asked = Bun.spawn([process.execPath, program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
	const [output, errors, code] = await Promise.all([asked.stdout.text(), asked.stderr.text(), asked.exited]);
	return { code, output, errors };
}

/** The lines without their milliseconds. */
function states(output: string): string[] {
	return output
		.trimEnd()
		.split("\n")
		.map((line) => line.replace(/ +[0-9]+ ms {2}/, " | "));
}

/** A place that answers every path like this. */
function answering(fetch: (path: string) => Response | Promise<Response>): string {
	const server = Bun.serve({
		hostname: "127.0.0.1",
		port: 0,
		fetch: (request) => fetch(new URL(request.url).pathname),
	});
	ends.push(() => void server.stop(true));
	return `http://127.0.0.1:${server.port}`;
}

/** A place that does with each connection whatever it wants to. */
async function connecting(onConnection: (socket: Socket) => void): Promise<string> {
	const server: Server = createServer((socket) => {
		socket.on("error", () => undefined);
		onConnection(socket);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
	ends.push(() => server.close());
	return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const single = (body: object, status = 200) =>
	answering((path) =>
		path === "/health" ? Response.json(body, { status }) : new Response(null, { status: 404 }),
	);

describe.skipIf(isNginxMissing)("behind nginx", () => {
	const environment = { BALANCER: "nginx", DURABILITY: "os" };

	test("each process has a line of its own, and all healthy is exit code 0", async () => {
		await using stack = await RunningStack.serving({ environment, ledgerPath });
		const { code, output, errors } = await health(stack.url);
		expect(states(output)).toEqual([
			`${stack.url} | healthy`,
			`${stack.url} process 1 | healthy`,
			`${stack.url} process 2 | healthy`,
		]);
		expect({ code, errors }).toEqual({ code: 0, errors: "" });
	});

	test("a process that doesn't answer is named, and that is exit code 1, though the balancer is healthy", async () => {
		await using stack = await RunningStack.serving({
			environment: { ...environment, WATCHDOG_MS: "0" },
			ledgerPath,
		});
		const [, second = 0] = stack.pidFiles();
		process.kill(second, "SIGSTOP");
		const { code, output } = await health(stack.url);
		process.kill(second, "SIGCONT");
		expect(code).toBe(1);
		expect(states(output)[1]).toEndWith("process 1 | healthy");
		expect(states(output)[2]).toMatch(/process 2 \| no answer: (none within 3000 ms|the balancer gets none)/);
	});
});

test("where the kernel balances, it is said that the processes can't be told apart", async () => {
	await using stack = await RunningStack.serving({
		environment: { BALANCER: "kernel", DURABILITY: "os" },
		ledgerPath,
	});
	const { code, output } = await health(stack.url);
	expect(states(output)).toEqual([
		`${stack.url} | healthy`,
		`${stack.url}: its processes can't be told apart, only nginx can ask each`,
	]);
	expect(code).toBe(0);
});

test("a Unix socket is one process", async () => {
	const unix = join(folder, "one.sock");
	const server = Bun.serve({ unix, fetch: () => Response.json({ status: "healthy" }) });
	ends.push(() => void server.stop(true));
	const { code, output } = await health(`unix:${unix}`);
	expect(states(output)).toEqual([`unix:${unix} | healthy`]);
	expect(code).toBe(0);
});

test("several places are asked at once, one that is unhealthy decides, and programs are told the same", async () => {
	const slow = answering(async (path) => {
		await Bun.sleep(700);
		return path === "/health" ? Response.json({ status: "healthy" }) : new Response(null, { status: 404 });
	});
	const draining = single({ status: "draining", reason: "the process is about to end" }, 503);
	const stuck = single({ status: "unable to commit", reason: "the disk is full" }, 503);
	const startedAt = performance.now();
	const { code, output } = await health("--json", slow, slow, slow, draining, stuck);
	expect(performance.now() - startedAt).toBeLessThan(2100);
	expect(code).toBe(1);
	const healthy = { name: slow, state: "healthy", reason: null, milliseconds: expect.any(Number) };
	expect(JSON.parse(output)).toEqual({
		healthy: false,
		asked: [
			...[healthy, healthy, healthy],
			{ ...healthy, name: draining, state: "draining", reason: "the process is about to end" },
			{ ...healthy, name: stuck, state: "unable to commit", reason: "the disk is full" },
		],
	});
});

describe("what is no ledger is one line", () => {
	const html = () => new Response("<html>", { headers: { "content-type": "text/html" } });
	const cases: [what: string, place: () => string | Promise<string>, line: RegExp][] = [
		["a web page", () => answering(html), /no answer: status 200 with text\/html, which is no ledger's$/],
		[
			"JSON of another program",
			() => answering(() => Response.json({ ok: true })),
			/no answer: status 200, which is no ledger's$/,
		],
		[
			"a redirect",
			() => answering(() => Response.redirect("http://127.0.0.1:1/")),
			/no answer: a redirect \(302\), which is not followed$/,
		],
		[
			"a balancer without processes",
			() => answering(() => Response.json({ title: "O razão não respondeu" }, { status: 502 })),
			/no answer: the balancer gets none \(502\): O razão não respondeu$/,
		],
		[
			"a reason that would move the cursor, and is long",
			() => single({ status: "draining", reason: `\u001b[2J\r\n\u202e${"x".repeat(5000)}` }, 503),
			/no answer: status 503 with application\/json\S*, which is no ledger's$/,
		],
		[
			"a reason with control characters",
			() => single({ status: "draining", reason: "\u001b[2Ja\r\n\u202eb" }, 503),
			/\| draining: \[2Ja b$/,
		],
		[
			"one that says it is healthy with another status",
			() => single({ status: "healthy" }, 500),
			/no answer: status 500, which is no ledger's$/,
		],
		["a body without an end", () => connecting(endless), /no answer: status 200 with/],
		["nothing at all", () => connecting(() => undefined), /no answer: none within 3000 ms$/],
		["a byte now and then", () => connecting(dripping), /no answer: none within 3000 ms$/],
		["a connection that is closed", () => connecting((socket) => socket.destroy()), /no answer: \S/],
		["what isn't HTTP", () => connecting((socket) => socket.end("SSH-2.0-x\r\n")), /no answer: \S/],
		["nobody", () => "http://127.0.0.1:1", /no answer: nothing listens there \(ECONNREFUSED\)$/],
		["no socket", () => "unix:/nonexistent.sock", /no answer: there is no such socket \(ENOENT\)$/],
	];
	for (const [what, place, line] of cases) {
		test.concurrent(what, async () => {
			const { code, output, errors } = await health(await place());
			expect(states(output)[0]).toMatch(line);
			expect(output).not.toMatch(/[^\P{C}\n]/u);
			expect({ code, errors }).toEqual({ code: 1, errors: "" });
		});
	}
});

function endless(socket: Socket): void {
	const flood = () => {
		while (socket.writable && socket.write("x".repeat(65_536)));
	};
	socket.on("drain", flood);
	socket.once("data", () => {
		socket.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n");
		flood();
	});
}

function dripping(socket: Socket): void {
	socket.write("HTTP/1.1 200 OK\r\nX-Long: ");
	const timer = setInterval(() => socket.write("H"), 200);
	socket.on("close", () => clearInterval(timer));
}

describe("what can't be asked is exit code 2, and one line", () => {
	const url = "a URL is http://HOST[:PORT] or unix:/path/to/a.sock, not";
	const cases: [args: string[], line: string][] = [
		[["https://127.0.0.1"], `${url} "https://127.0.0.1"`],
		[["http://127.0.0.1/path"], `${url} "http://127.0.0.1/path"`],
		[["http://me@127.0.0.1"], `${url} "http://me@127.0.0.1"`],
		[["unix:here.sock"], `${url} "unix:here.sock"`],
		[["9999"], `${url} "9999"`],
		[["--verbose"], "there is --json and --help, but no --verbose"],
	];
	for (const [args, line] of cases) {
		test.concurrent(args.join(" "), async () => {
			expect(await health(...args)).toEqual({ code: 2, output: "", errors: `health: ${line}\n` });
		});
	}
});

/** `npm start`, with real processes and signals: what serves, what comes back, what is left at the end. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findNginx, kernelBalancing } from "../balancer.ts";
import { isGone, isNginxMissing, RunningStack, until } from "./running-stack.ts";

/** Processes start slowly on a machine that others use. */
setDefaultTimeout(30_000);

const realLedger = join(import.meta.dir, "../../ledger/src/main.ts");
const isKernelUnbalanced = process.platform !== "linux";

const folder = mkdtempSync(join(tmpdir(), "stack-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const balancers = [
	{ name: "nginx", words: "balancer    nginx (", skip: isNginxMissing },
	{ name: "kernel", words: "balancer    the kernel (SO_REUSEPORT)", skip: isKernelUnbalanced },
];

for (const { name, words, skip } of balancers) {
	const environment = { BALANCER: name };
	describe.skipIf(skip)(`balanced by ${name}`, () => {
		test("two processes serve one address, and the terminal is told who balances, where and how", async () => {
			await using stack = await RunningStack.serving({ environment });
			expect((await stack.pids()).size).toBe(2);
			expect(stack.output).toContain(words);
			expect(stack.output).toContain(`crebito serves at ${stack.url}\n`);
			expect(stack.output).toContain(join(stack.folder, "data", "ledger.db"));
			expect(stack.output).toContain(`curl ${stack.url}/clientes/1/extrato\n`);
		});

		test("a process that is killed is started again within a second", async () => {
			await using stack = await RunningStack.serving({ environment });
			const [victim = 0] = await stack.pids();
			const killedAt = performance.now();
			process.kill(victim, "SIGKILL");
			await until(() => /starting it again (at once|in 0\.1 s)/.test(stack.errors));
			expect(performance.now() - killedAt).toBeLessThan(900);
			await until(() => stack.errors.includes("serves again"));
			const after = await stack.pids();
			expect(after.size).toBe(2);
			expect(after.has(victim)).toBe(false);
		});

		test("SIGUSR2 restarts one process after the other, and both serve all the while", async () => {
			await using stack = await RunningStack.serving({ environment });
			const before = stack.pidFiles();
			expect(new Set(before)).toEqual(await stack.pids());
			stack.process.kill("SIGUSR2");
			stack.process.kill("SIGUSR2");
			const statuses = new Set<number>();
			await until(async () => {
				// The kernel gives connections to a process that is about to close its socket, too.
				if (name === "nginx") statuses.add((await stack.fetch("/", { method: "POST" })).status);
				return stack.errors.includes("restarted in turn");
			});
			if (name === "nginx") expect([...statuses]).toEqual([200]);
			const after = stack.pidFiles();
			expect(new Set([...before, ...after]).size).toBe(4);
			// nginx asks a process that it couldn't reach three times again after a second.
			await until(async () => (await stack.pids()).size === 2);
			expect(new Set(after)).toEqual(await stack.pids());
			const said = ["api-1 serves again", "api-2 serves again", "restarted in turn"];
			expect(said.map((words) => stack.errors.indexOf(words))).toEqual(
				said.map((words) => stack.errors.indexOf(words)).toSorted((a, b) => a - b),
			);
			expect(stack.errors).not.toContain("unasked");
		});

		test("SIGTERM leaves nothing behind, and what was in flight is answered", async () => {
			await using stack = await RunningStack.serving({ environment });
			const pids = [...(await stack.pids()), ...(name === "nginx" ? [stack.nginxPid] : [])];
			const slow = stack.fetch("/slow");
			await until(() => stack.arrivals().includes("GET /slow"));
			stack.process.kill("SIGTERM");
			expect((await slow).status).toBe(200);
			expect((await stack.ended()).code).toBe(0);
			await until(() => pids.every(isGone));
			expect(stack.leftovers()).toEqual([]);
			await expect(stack.fetch()).rejects.toThrow();
		});

		test("the second of two Ctrl-C ends all at once", async () => {
			await using stack = await RunningStack.serving({ environment });
			const pids = [...(await stack.pids()), ...(name === "nginx" ? [stack.nginxPid] : [])];
			const slow = stack.fetch("/slow").catch(() => undefined);
			await until(() => stack.arrivals().includes("GET /slow"));
			stack.process.kill("SIGINT");
			await Bun.sleep(600);
			stack.process.kill("SIGINT");
			expect((await stack.ended()).code).toBe(130);
			expect(await slow).toBeUndefined();
			await until(() => pids.every(isGone));
			expect(stack.leftovers()).toEqual([]);
		});

		test("the Ctrl-C that npm sends after the terminal's is the same one", async () => {
			await using stack = await RunningStack.serving({ environment });
			const slow = stack.fetch("/slow");
			await until(() => stack.arrivals().includes("GET /slow"));
			stack.process.kill("SIGINT");
			await Bun.sleep(20);
			stack.process.kill("SIGINT");
			expect((await slow).status).toBe(200);
			expect((await stack.ended()).code).toBe(0);
		});

		test("the ledger itself posts an entry and states it", async () => {
			await using stack = await RunningStack.serving({
				environment: { ...environment, DURABILITY: "os" },
				ledgerPath: realLedger,
			});
			const posted = await fetch(`${stack.url}/clientes/1/transacoes`, {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: '{"valor":1000,"tipo":"c","descricao":"deposito"}',
			});
			expect(await posted.json()).toEqual({ limite: 100_000, saldo: 1000 });
			const statement = await (await stack.fetch("/clientes/1/extrato")).json();
			expect(statement).toMatchObject({ saldo: { total: 1000 }, ultimas_transacoes: [{ valor: 1000 }] });
			expect(stack.output).toContain("DURABILITY=os: an answer survives kill -9, not a power cut");
			stack.process.kill("SIGTERM");
			expect((await stack.ended()).code).toBe(0);
		});
	});
}

test.skipIf(isNginxMissing)(
	"nginx is killed and comes back, though its worker had the port still",
	async () => {
		await using stack = await RunningStack.serving({ environment: { BALANCER: "nginx" } });
		process.kill(stack.nginxPid, "SIGKILL");
		await until(() => stack.errors.includes("nginx serves again"));
		expect((await stack.pids()).size).toBe(2);
	},
);

test("whatever kills the stack takes the ledger processes with it", async () => {
	await using stack = await RunningStack.serving({ environment: { BALANCER: "kernel" } });
	const pids = [...(await stack.pids())];
	stack.process.kill("SIGKILL");
	await until(() => pids.every(isGone));
});

test("of a second SIGUSR2 meanwhile is said that it is ignored, as of one before anything serves", async () => {
	await using stack = await RunningStack.start({ environment: { BALANCER: "kernel" } });
	await until(() => stack.errors.includes("starting, balanced by"));
	stack.process.kill("SIGUSR2");
	await until(() => stack.errors.includes("asked to restart, but it doesn't serve yet"));
	await until(() => stack.output.includes("/extrato\n"));
	stack.process.kill("SIGUSR2");
	await until(() => stack.errors.includes("restarting the ledger processes"));
	stack.process.kill("SIGUSR2");
	await until(() => stack.errors.includes("asked to restart while at it: not again"));
	await until(() => stack.errors.includes("restarted in turn"));
	expect(stack.errors.split("serves again").length).toBe(3);
});

const isLeashMissing = Bun.which("setpriv") === null;

test.skipIf(isNginxMissing || (isLeashMissing && process.env.CI_ALL_PARTS !== "1"))(
	"whatever kills the stack takes nginx with it, so that the port is free again",
	async () => {
		await using stack = await RunningStack.serving({ environment: { BALANCER: "nginx" } });
		const pids = [...(await stack.pids()), stack.nginxPid];
		stack.process.kill("SIGKILL");
		await until(() => pids.every(isGone));
		await expect(stack.fetch()).rejects.toThrow();
	},
);

test("a stack that npm started stops when npm's shell is gone", async () => {
	await using stack = await RunningStack.serving({
		environment: { BALANCER: "kernel", npm_lifecycle_event: "start" },
		shell: '"$@" & wait',
	});
	const pids = [...(await stack.pids())];
	stack.process.kill("SIGKILL");
	await until(() => pids.every(isGone) && stack.errors.includes("crebito: stopped"));
});

test("nginx is looked for in PATH first, then where systems put it", () => {
	const [first, second] = ["first", "second"].map((name) => mkdtempSync(join(folder, name))) as [
		string,
		string,
	];
	expect(findNginx(first, [second])).toBeUndefined();
	writeFileSync(join(second, "nginx"), "", { mode: 0o755 });
	expect(findNginx(first, [second])).toBe(join(second, "nginx"));
	writeFileSync(join(first, "nginx"), "", { mode: 0o644 });
	expect(findNginx(first, [second])).toBe(join(second, "nginx"));
	expect(findNginx(`${second}:${first}`, [])).toBe(join(second, "nginx"));
});

test("where the kernel doesn't balance, one process serves alone and says so", () => {
	const ledger = { command: ["ledger"], environment: {}, pidFile: (name: string) => `${name}.pid` };
	const { balancer, ledgers, front } = kernelBalancing("darwin", { host: "127.0.0.1", port: 9999 }, ledger);
	expect(balancer).toBe("none, one process: the kernel of darwin doesn't balance, nginx would");
	expect(ledgers.map(({ environment }) => environment.REUSE_PORT)).toEqual(["off"]);
	expect(front).toBeUndefined();
});

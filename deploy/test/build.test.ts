/** The single binary of `npm run build`, made once and run where there is nothing else. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./running-stack.ts";

setDefaultTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), "build-"));
const binary = join(folder, "crebito-ledger");
const build = join(import.meta.dir, "../build.ts");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
	readonly code: number;
	readonly output: string;
	readonly errors: string;
}

/** Runs in a folder and an environment that have nothing to offer. */
async function run(command: readonly string[], environment: Record<string, string> = {}): Promise<Run> {
	const cwd = join(folder, "elsewhere");
	mkdirSync(cwd, { recursive: true });
	const child = Bun.spawn([...command], { cwd, env: environment, stdio: ["ignore", "pipe", "pipe"] });
	const [output, errors, code] = await Promise.all([
		new Response(child.stdout).text(),
		new Response(child.stderr).text(),
		child.exited,
	]);
	return { code, output, errors };
}

/** The binary, serving a ledger of its own on a socket. */
async function serving<T>(
	name: string,
	use: (environment: Record<string, string>) => Promise<T>,
): Promise<{ code: number; used: T }> {
	const at = join(folder, name);
	mkdirSync(at);
	writeFileSync(join(at, ".env"), "RESET=maybe\n");
	const API_SOCKET = join(at, "api.sock");
	const environment = {
		API_SOCKET,
		DATABASE_URL: `sqlite://${at}/ledger.db`,
		DURABILITY: "os",
		LOG_LEVEL: "warn",
	};
	const child = Bun.spawn([binary], { cwd: at, env: environment, stdio: ["ignore", "ignore", "inherit"] });
	try {
		await until(() => existsSync(API_SOCKET) || child.exitCode !== null);
		const used = await use(environment);
		child.kill("SIGTERM");
		return { code: await child.exited, used };
	} finally {
		child.kill("SIGKILL");
	}
}

const posting = (unix: string): Promise<Response> =>
	fetch("http://ledger/clientes/1/transacoes", {
		unix,
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({ valor: 1000, tipo: "c", descricao: "deposito" }),
	});

describe("npm run build", () => {
	beforeAll(async () => {
		const built = await run([process.execPath, build, "--outfile", binary]);
		expect(built.errors).toBe("");
		expect(built.output).toMatch(/crebito-ledger: \d+\.\d MB\n/);
		expect(built.code).toBe(0);
	});

	test("makes one file that serves and posts", async () => {
		const { code, used } = await serving("posts", async ({ API_SOCKET = "" }) => {
			const answer = await posting(API_SOCKET);
			return { status: answer.status, body: await answer.json() };
		});
		expect(used).toEqual({ status: 200, body: { limite: 100_000, saldo: 1000 } });
		expect(code).toBe(0);
	});

	test("puts the tools into it", async () => {
		const copy = join(folder, "copy.db");
		const { used } = await serving("tools", async (environment) => {
			await posting(environment.API_SOCKET ?? "");
			return [
				await run([binary, "verify"], environment),
				await run([binary, "backup", copy], environment),
				await run([binary, "invent"], environment),
			];
		});
		expect(used.map(({ code }) => code)).toEqual([0, 0, 1]);
		expect(used[0]?.output).toEndWith("5 accounts, 1 entries, the books are right\n");
		const restored = await run([binary, "restore", copy], { DATABASE_URL: `sqlite://${folder}/restored.db` });
		expect(restored).toMatchObject({ code: 0, errors: "" });
		expect(restored.output).toContain("5 accounts, 1 entries");
	});

	test("lets it tell whether the ledger is healthy, and that nobody is there", async () => {
		const { used } = await serving("health", async (environment) => ({
			healthy: await run([binary, "health"], environment),
			absent: await run([binary, "health"], { API_SOCKET: join(folder, "nobody.sock") }),
		}));
		expect(used.healthy).toEqual({ code: 0, output: "", errors: "" });
		expect(used.absent.code).toBe(1);
		expect(used.absent.errors).toContain("nobody.sock can't be asked");
	});

	test("refuses what is no platform, in a line that names the option", async () => {
		const refused = await run([process.execPath, build, "--target", "toaster", "--outfile", `${binary}-2`]);
		expect(refused.code).toBe(1);
		expect(refused.errors).toStartWith(
			'build: --target takes bun-linux-x64, bun-linux-arm64, …, not "toaster"\n',
		);
		expect(existsSync(`${binary}-2`)).toBeFalse();
	});
});

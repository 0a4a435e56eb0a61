/**
 * The compose stack as it is shipped, under a project name of its own and on a free port. Its victims are whole
 * containers, and its books lie in a volume that root can read.
 */
import { join } from "node:path";
import { isHealthy } from "../address.ts";
import { readBooks } from "./books.ts";
import { CampaignError } from "./folder.ts";
import { freePort } from "./stack-under-test.ts";
import type { Books, SystemPlan, SystemUnderTest } from "./system-under-test.ts";

const repository = join(import.meta.dir, "../..");
const startMsMax = 120_000;
const restartMsMax = 30_000;
const drainSeconds = 15;

export class ContainersUnderTest implements SystemUnderTest {
	readonly #port: number;
	readonly #project: string;
	readonly #environment: Record<string, string | undefined>;
	#hasStopped = false;
	victims: readonly string[] = [];
	databaseFile = "";

	private constructor(port: number, hasWatchdog: boolean) {
		this.#port = port;
		this.#project = `crebito-campaign-${process.pid}-${port}`;
		this.#environment = { ...process.env, PORT: String(port), WATCHDOG_MS: hasWatchdog ? "" : "0" };
	}

	static async start({ hasWatchdog, hasIdentity }: SystemPlan): Promise<ContainersUnderTest> {
		if (!hasIdentity) throw new CampaignError("the containers always look who asks");
		const containers = new ContainersUnderTest(await freePort(), hasWatchdog);
		try {
			await containers.#compose("up", "-d", "--build");
			await containers.#untilServing(startMsMax);
			await containers.#look();
			return containers;
		} catch (error) {
			await containers[Symbol.asyncDispose]();
			throw error;
		}
	}

	get url(): string {
		return `http://127.0.0.1:${this.#port}`;
	}

	async restartInTurn(): Promise<number> {
		const startedAt = performance.now();
		for (const service of ["api01", "api02"]) {
			await this.#compose("restart", "-t", String(drainSeconds), service);
			await this.#untilServing(restartMsMax);
		}
		return performance.now() - startedAt;
	}

	killBoth(): Promise<never> {
		throw new CampaignError("the containers are killed one at a time");
	}

	/** nginx's own log names each request that it had sent to a process and got no answer to. */
	repeatedPosts(): number {
		const name = this.victims[0]?.slice("container:".length).replace("api01", "nginx") ?? "";
		const { stdout, stderr } = Bun.spawnSync([engine(), "logs", name], { env: this.#environment });
		return countUnanswered(`${stdout}\n${stderr}`);
	}

	async stop(): Promise<void> {
		if (this.#hasStopped) return;
		this.#hasStopped = true;
		await this.#compose("stop", "-t", String(drainSeconds));
	}

	books(): Books {
		return readBooks(this.databaseFile);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#compose("down", "-v");
	}

	async #look(): Promise<void> {
		const names = (await this.#run(engine(), "ps", "--format", "{{.Names}}")).split("\n");
		// One compose joins its names with dashes, another with underscores.
		const own = names.filter((name) => name.startsWith(this.#project));
		this.victims = own.filter((name) => /api0[12]/.test(name)).map((name) => `container:${name}`);
		if (this.victims.length !== 2) throw new CampaignError(`two ledgers were to run, not ${own.join(", ")}`);
		const volume = `${this.#project}_data`;
		const folder = await this.#run(engine(), "volume", "inspect", volume, "--format", "{{.Mountpoint}}");
		this.databaseFile = join(folder, "ledger.db");
	}

	async #untilServing(msMax: number): Promise<void> {
		const address = { host: "127.0.0.1", port: this.#port };
		const startedAt = performance.now();
		while (performance.now() - startedAt < msMax) {
			const healthy = await Promise.all(["/health/1", "/health/2"].map((path) => isHealthy(address, path)));
			if (healthy.every(Boolean)) return;
			await Bun.sleep(20);
		}
		throw new CampaignError(`the containers did not serve within ${msMax / 1000} s`);
	}

	async #compose(...args: readonly string[]): Promise<void> {
		const [program = "docker", ...words] = (process.env.COMPOSE || "docker compose").split(" ");
		await this.#run(program, ...words, "-p", this.#project, "-f", join(repository, "compose.yaml"), ...args);
	}

	async #run(program: string, ...args: readonly string[]): Promise<string> {
		const child = Bun.spawn([program, ...args], {
			env: this.#environment,
			cwd: repository,
			stdio: ["ignore", "pipe", "pipe"],
		});
		const [output, complaint, code] = await Promise.all([
			child.stdout.text(),
			child.stderr.text(),
			child.exited,
		]);
		if (code === 0) return output.trim();
		const reason = complaint.trim().split("\n").at(-1);
		throw new CampaignError(`${program} ${args.join(" ")} ended with ${code}: ${reason}`);
	}
}

/** docker or podman, or what CONTAINER_ENGINE names, as the judge takes it. */
function engine(): string {
	const program = process.env.CONTAINER_ENGINE || Bun.which("docker") || Bun.which("podman");
	if (!program)
		throw new CampaignError("neither docker nor podman is in PATH (CONTAINER_ENGINE names another)");
	return program;
}

const unanswered = /(prematurely closed|recv\(\) failed|timed out).*while reading response header.*"POST /;

export function countUnanswered(log: string): number {
	return log.split("\n").filter((line) => unanswered.test(line)).length;
}

/**
 * A compose file of this repository, brought up under a project name of its own and on a free port, so that several may
 * run at once. COMPOSE and CONTAINER_ENGINE say with what.
 */
import { join } from "node:path";
import { isHealthy } from "./address.ts";

/** The containers can't be used; the message is one line. */
export class ContainersError extends Error {}

const repository = join(import.meta.dir, "..");
/** Longer than any stop_grace_period, and than a drain takes. */
const stopSeconds = 15;
/** An engine answers at once, but what it runs in a container may never end where there is no memory left. */
const engineMsMax = 60_000;
/** The image is built in it, too. */
const composeMsMax = 900_000;

export class ComposeProject {
	/** On 127.0.0.1. */
	readonly port: number;
	readonly name: string;
	readonly #file: string;
	readonly #environment: Record<string, string | undefined>;

	/** The file's path is from the repository's root; the purpose goes into the project's name. */
	constructor(file: string, purpose: string, port: number, environment: Record<string, string> = {}) {
		this.port = port;
		this.name = `crebito-${purpose}-${process.pid}-${port}`;
		this.#file = join(repository, file);
		this.#environment = { ...process.env, ...environment, PORT: String(port) };
	}

	async compose(...args: readonly string[]): Promise<void> {
		const [program = "docker", ...words] = (process.env.COMPOSE || "docker compose").split(" ");
		await this.#run(composeMsMax, program, ...words, "-p", this.name, "-f", this.#file, ...args);
	}

	/** What the container engine has to say. */
	engine(...args: readonly string[]): Promise<string> {
		return this.#run(engineMsMax, findEngine(), ...args);
	}

	/** As docker compose and podman-compose name them: one joins with dashes, the other with underscores. */
	async containerOf(service: string): Promise<string> {
		const names = (await this.engine("ps", "--format", "{{.Names}}")).split("\n");
		const name = names.find((name) =>
			[`${this.name}-${service}-1`, `${this.name}_${service}_1`].includes(name),
		);
		if (name === undefined) throw new ContainersError(`no container of ${service} runs in ${this.name}`);
		return name;
	}

	/** Where the engine keeps a named volume; root can read it. */
	volumeFolder(volume: string): Promise<string> {
		return this.engine("volume", "inspect", `${this.name}_${volume}`, "--format", "{{.Mountpoint}}");
	}

	/** Both ledgers, through the balancer. */
	async untilServing(msMax: number): Promise<void> {
		const address = { host: "127.0.0.1", port: this.port };
		const startedAt = performance.now();
		while (performance.now() - startedAt < msMax) {
			const healthy = await Promise.all(["/health/1", "/health/2"].map((path) => isHealthy(address, path)));
			if (healthy.every(Boolean)) return;
			await Bun.sleep(20);
		}
		throw new ContainersError(`the containers did not serve within ${msMax / 1000} s`);
	}

	async restart(service: string): Promise<void> {
		await this.compose("restart", "-t", String(stopSeconds), service);
	}

	async stop(): Promise<void> {
		await this.compose("stop", "-t", String(stopSeconds));
	}

	/** With all that it holds. */
	async remove(): Promise<void> {
		await this.compose("down", "-v");
		// podman-compose leaves them behind, and there are addresses for so many only.
		const networks = (await this.engine("network", "ls", "--format", "{{.Name}}")).split("\n");
		const own = networks.filter((name) => name.startsWith(`${this.name}_`));
		if (own.length > 0) await this.engine("network", "rm", ...own);
	}

	async #run(msMax: number, program: string, ...args: readonly string[]): Promise<string> {
		const child = Bun.spawn([program, ...args], {
			env: this.#environment,
			cwd: repository,
			stdio: ["ignore", "pipe", "pipe"],
			timeout: msMax,
			killSignal: "SIGKILL",
			// A Ctrl-C reaches the program only, which ends the rest in order.
			detached: true,
		});
		const [output, complaint, code] = await Promise.all([
			child.stdout.text(),
			child.stderr.text(),
			child.exited,
		]);
		if (code === 0) return output.trim();
		const reason = child.signalCode ? `no answer in ${msMax / 1000} s` : complaint.trim().split("\n").at(-1);
		throw new ContainersError(`${program} ${args.join(" ")} ended with ${code}: ${reason}`);
	}
}

/** docker or podman, or what CONTAINER_ENGINE names, as the judge takes it. */
export function findEngine(): string {
	const program = process.env.CONTAINER_ENGINE || Bun.which("docker") || Bun.which("podman");
	if (!program)
		throw new ContainersError("neither docker nor podman is in PATH (CONTAINER_ENGINE names another)");
	return program;
}

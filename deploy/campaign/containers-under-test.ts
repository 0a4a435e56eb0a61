/** The compose stack as it is shipped. Its victims are whole containers, and its books lie in a volume that root can read. */
import { join } from "node:path";
import { ComposeProject, findEngine } from "../compose-project.ts";
import { freePort } from "../free-port.ts";
import { readBooks } from "./books.ts";
import { CampaignError } from "./folder.ts";
import type { Books, SystemPlan, SystemUnderTest } from "./system-under-test.ts";

const startMsMax = 120_000;
const restartMsMax = 30_000;
const ledgers = ["api01", "api02"];

export class ContainersUnderTest implements SystemUnderTest {
	readonly #project: ComposeProject;
	#balancer = "";
	#hasStopped = false;
	victims: readonly string[] = [];
	databaseFile = "";

	private constructor(port: number, hasWatchdog: boolean) {
		const environment = { WATCHDOG_MS: hasWatchdog ? "" : "0" };
		this.#project = new ComposeProject("compose.yaml", "campaign", port, environment);
	}

	static async start({ hasWatchdog, hasIdentity }: SystemPlan): Promise<ContainersUnderTest> {
		if (!hasIdentity) throw new CampaignError("the containers always look who asks");
		const containers = new ContainersUnderTest(freePort(), hasWatchdog);
		try {
			await containers.#project.compose("up", "-d", "--build");
			await containers.#project.untilServing(startMsMax);
			await containers.#look();
			return containers;
		} catch (error) {
			await containers[Symbol.asyncDispose]();
			throw error;
		}
	}

	get url(): string {
		return `http://127.0.0.1:${this.#project.port}`;
	}

	async restartInTurn(): Promise<number> {
		const startedAt = performance.now();
		for (const service of ledgers) {
			await this.#project.restart(service);
			await this.#project.untilServing(restartMsMax);
		}
		return performance.now() - startedAt;
	}

	killBoth(): Promise<never> {
		throw new CampaignError("the containers are killed one at a time");
	}

	/** nginx's own log names each request that it had sent to a process and got no answer to. */
	repeatedPosts(): number {
		const { stdout, stderr } = Bun.spawnSync([findEngine(), "logs", this.#balancer]);
		return countUnanswered(`${stdout}\n${stderr}`);
	}

	async stop(): Promise<void> {
		if (this.#hasStopped) return;
		this.#hasStopped = true;
		await this.#project.stop();
	}

	books(): Books {
		return readBooks(this.databaseFile);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#project.remove();
	}

	async #look(): Promise<void> {
		this.#balancer = await this.#project.containerOf("nginx");
		const names = await Promise.all(ledgers.map((service) => this.#project.containerOf(service)));
		this.victims = names.map((name) => `container:${name}`);
		this.databaseFile = join(await this.#project.volumeFolder("data"), "ledger.db");
	}
}

const unanswered = /(prematurely closed|recv\(\) failed|timed out).*while reading response header.*"POST /;

export function countUnanswered(log: string): number {
	return log.split("\n").filter((line) => unanswered.test(line)).length;
}

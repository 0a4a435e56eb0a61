/** Looks at the containers of a project while they are loaded, and says what each has used in a span of time. */
import type { ComposeProject } from "../compose-project.ts";
import { ContainerCgroup, machineOomKills } from "./container-cgroup.ts";

export interface Usage {
	/** 1 is one processor. */
	readonly cpus: number;
	readonly memoryMbMax: number;
}

export interface Troubles {
	readonly oomKills: number;
	/** How often the whole container ended; its engine may start it again. */
	readonly ends: number;
}

export interface Limits {
	readonly cpus: number;
	readonly memoryMb: number;
}

interface Sample {
	readonly atMs: number;
	readonly cpuSeconds: number;
	readonly memoryBytes: number;
}

const everyMs = 200;
const mebibyte = 1024 ** 2;

export class ContainerWatch implements AsyncDisposable {
	readonly #project: ComposeProject;
	readonly #containers: readonly WatchedContainer[];
	readonly #looking: Promise<void>;
	#isEnding = false;

	private constructor(project: ComposeProject, containers: readonly WatchedContainer[]) {
		this.#project = project;
		this.#containers = containers;
		this.#looking = this.#look();
	}

	static async start(project: ComposeProject, services: readonly string[]): Promise<ContainerWatch> {
		const containers = services.map(
			async (service) => new WatchedContainer(service, await project.containerOf(service)),
		);
		return new ContainerWatch(project, await Promise.all(containers));
	}

	usage(fromMs: number, toMs: number): Record<string, Usage> {
		return this.#each((container) => container.usage(fromMs, toMs));
	}

	/** Since the watch began. */
	async troubles(): Promise<Record<string, Troubles>> {
		for (const container of this.#containers) await container.sample(this.#project);
		return this.#each(({ oomKills, ends }) => ({ oomKills, ends }));
	}

	/** That the engine enforces, whatever the compose file asks for. */
	async limits(): Promise<Record<string, Limits>> {
		const format = "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}";
		const each = this.#containers.map(async ({ service, name }) => {
			const text = await this.#project.engine("container", "inspect", "--format", format, name);
			const [nanoCpus = 0, bytes = 0] = text.split(" ").map(Number);
			return [service, { cpus: nanoCpus / 1e9, memoryMb: bytes / mebibyte }] as const;
		});
		return Object.fromEntries(await Promise.all(each));
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#isEnding = true;
		await this.#looking;
	}

	#each<T>(of: (container: WatchedContainer) => T): Record<string, T> {
		return Object.fromEntries(this.#containers.map((container) => [container.service, of(container)]));
	}

	async #look(): Promise<void> {
		while (!this.#isEnding) {
			for (const container of this.#containers) await container.sample(this.#project);
			await Bun.sleep(everyMs);
		}
	}
}

/** Across its ends, after which the kernel counts anew. */
class WatchedContainer {
	readonly service: string;
	readonly name: string;
	readonly #samples: Sample[] = [];
	#cgroup: ContainerCgroup | undefined;
	#ended = { cpuSeconds: 0, oomKills: 0 };
	#current = { cpuSeconds: 0, oomKills: 0 };
	#machineOomKills = machineOomKills();
	ends = 0;

	constructor(service: string, name: string) {
		this.service = service;
		this.name = name;
	}

	get oomKills(): number {
		return this.#ended.oomKills + this.#current.oomKills;
	}

	async sample(project: ComposeProject): Promise<void> {
		try {
			this.#cgroup ??= await this.#find(project);
			const { cpuSeconds, memoryBytes, oomKills } = this.#cgroup.read();
			this.#current = { cpuSeconds, oomKills };
			this.#machineOomKills = machineOomKills();
			this.#samples.push({
				atMs: Date.now(),
				cpuSeconds: this.#ended.cpuSeconds + cpuSeconds,
				memoryBytes,
			});
		} catch {
			if (this.#cgroup !== undefined) this.#end();
		}
	}

	/** A container that ends by being killed takes the kernel's count of it along: so the machine's tells. */
	#end(): void {
		this.#ended = {
			cpuSeconds: this.#ended.cpuSeconds + this.#current.cpuSeconds,
			oomKills:
				this.#ended.oomKills + Math.max(this.#current.oomKills, machineOomKills() - this.#machineOomKills),
		};
		this.#current = { cpuSeconds: 0, oomKills: 0 };
		this.#cgroup = undefined;
		this.ends += 1;
	}

	usage(fromMs: number, toMs: number): Usage {
		const within = this.#samples.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
		const [first, last] = [within[0], within.at(-1)];
		if (first === undefined || last === undefined || first === last)
			return { cpus: Number.NaN, memoryMbMax: Number.NaN };
		return {
			cpus: (last.cpuSeconds - first.cpuSeconds) / ((last.atMs - first.atMs) / 1000),
			memoryMbMax: Math.max(...within.map(({ memoryBytes }) => memoryBytes)) / mebibyte,
		};
	}

	async #find(project: ComposeProject): Promise<ContainerCgroup> {
		const pid = await project.engine("container", "inspect", "--format", "{{.State.Pid}}", this.name);
		return new ContainerCgroup(Number(pid));
	}
}

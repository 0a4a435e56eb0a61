/** What the kernel counts of a container, read from the files of its control groups: version 1 and version 2. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const mount = "/sys/fs/cgroup";

interface Reading {
	/** Since the container started. */
	readonly cpuSeconds: number;
	/** Without what was only read from files, and can be dropped: as `docker stats` counts. */
	readonly memoryBytes: number;
	/** Processes that were killed because the container had no memory left. */
	readonly oomKills: number;
}

export class ContainerCgroup {
	readonly #paths: ReadonlyMap<string, string>;

	/** @throws the process has ended. */
	constructor(pid: number) {
		const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
		this.#paths = new Map(
			lines.flatMap((line) => {
				const [, controllers = "", path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
				return controllers.split(",").map((controller) => [controller, path] as const);
			}),
		);
	}

	/** @throws the container has ended. */
	read(): Reading {
		return this.#paths.has("memory") ? this.#readVersion1() : this.#readVersion2();
	}

	#readVersion1(): Reading {
		const used = Number(this.#file("memory", "memory.usage_in_bytes"));
		return {
			cpuSeconds: Number(this.#file("cpuacct", "cpuacct.usage")) / 1e9,
			memoryBytes: used - field(this.#file("memory", "memory.stat"), "total_inactive_file"),
			oomKills: field(this.#file("memory", "memory.oom_control"), "oom_kill"),
		};
	}

	#readVersion2(): Reading {
		const used = Number(this.#file("", "memory.current"));
		return {
			cpuSeconds: field(this.#file("", "cpu.stat"), "usage_usec") / 1e6,
			memoryBytes: used - field(this.#file("", "memory.stat"), "inactive_file"),
			oomKills: field(this.#file("", "memory.events"), "oom_kill"),
		};
	}

	/** Version 2 has one hierarchy for all, and it bears no name. */
	#file(controller: string, name: string): string {
		return readFileSync(join(mount, controller, this.#paths.get(controller) ?? "", name), "utf8");
	}
}

/** Processes that were killed for want of memory since the machine started, also those of containers that are gone. */
export function machineOomKills(): number {
	return field(readFileSync("/proc/vmstat", "utf8"), "oom_kill");
}

function field(text: string, name: string): number {
	return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
}

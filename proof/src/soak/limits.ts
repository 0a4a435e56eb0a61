/**
 * The challenge's limits, enforced by the kernel: 1.5 processors and 550 MB for all of the stack together. Both kinds of
 * control groups are in use, v1 (a tree for each controller) and v2 (one for all).
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const periodUs = 100_000;
const removeTriesMax = 100;

interface Mount {
	readonly path: string;
	readonly type: string;
	readonly flags: readonly string[];
}

export class Limits {
	/** One for each tree. */
	readonly #folders: readonly string[];
	readonly #memoryFolder: string;
	readonly #version: 1 | 2;

	private constructor(version: 1 | 2, folders: readonly string[], memoryFolder: string) {
		this.#version = version;
		this.#folders = folders;
		this.#memoryFolder = memoryFolder;
	}

	/** @throws when this user, kernel or container may not set any. */
	static create(name: string, processors: number, memoryBytes: number): Limits {
		const mounts = readMounts();
		const quotaUs = String(Math.round(processors * periodUs));
		const [cpu, memory] = ["cpu", "memory"].map((flag) =>
			mounts.find(({ type, flags }) => type === "cgroup" && flags.includes(flag)),
		);
		if (cpu !== undefined && memory !== undefined) {
			const folders = [join(ownGroup(cpu.path, "cpu"), name), join(ownGroup(memory.path, "memory"), name)];
			return new Limits(1, folders, folders[1] as string).#set([
				[folders[0] as string, "cpu.cfs_period_us", String(periodUs)],
				[folders[0] as string, "cpu.cfs_quota_us", quotaUs],
				[folders[1] as string, "memory.limit_in_bytes", String(memoryBytes)],
			]);
		}
		const unified = mounts.find(({ type }) => type === "cgroup2");
		if (unified === undefined) throw new Error("no control groups are mounted");
		writeFileSync(join(unified.path, "cgroup.subtree_control"), "+cpu +memory");
		const folder = join(unified.path, name);
		return new Limits(2, [folder], folder).#set([
			[folder, "cpu.max", `${quotaUs} ${periodUs}`],
			[folder, "memory.max", String(memoryBytes)],
		]);
	}

	/** Put before a command, it comes under them, with all that it starts. */
	get wrapper(): readonly string[] {
		const joins = this.#folders.map((folder) => `echo $$ > '${join(folder, "cgroup.procs")}'`);
		return ["sh", "-ec", `${joins.join("; ")}; exec "$@"`, "sh"];
	}

	/** Processes that were killed for want of memory. */
	get memoryKills(): number {
		const file = this.#version === 1 ? "memory.oom_control" : "memory.events";
		const text = readFileSync(join(this.#memoryFolder, file), "utf8");
		return Number(/^oom_kill (\d+)/m.exec(text)?.[1] ?? 0);
	}

	/** When all are gone; the kernel lets go of an ended process a moment after its parent has seen it end. */
	async remove(): Promise<void> {
		for (const folder of this.#folders) await removeFolder(folder);
	}

	#set(values: readonly (readonly [folder: string, file: string, value: string])[]): this {
		try {
			for (const folder of this.#folders) mkdirSync(folder);
			for (const [folder, file, value] of values) writeFileSync(join(folder, file), value);
			return this;
		} catch (error) {
			for (const folder of this.#folders) if (existsSync(folder)) rmdirSync(folder);
			throw error;
		}
	}
}

function readMounts(): Mount[] {
	return readFileSync("/proc/mounts", "utf8")
		.split("\n")
		.map((line) => line.split(" "))
		.map(([, path = "", type = "", flags = ""]) => ({ path, type, flags: flags.split(",") }));
}

/** What limits this process already goes on to limit what it starts. */
function ownGroup(mount: string, controller: string): string {
	const line = readFileSync("/proc/self/cgroup", "utf8")
		.split("\n")
		.find((text) => text.split(":")[1]?.split(",").includes(controller));
	const path = join(mount, line?.split(":").slice(2).join(":") ?? "");
	// Inside of a container the path may be the one outside of it.
	return existsSync(path) ? path : mount;
}

async function removeFolder(folder: string): Promise<void> {
	for (let tries = 1; ; tries += 1) {
		try {
			return rmdirSync(folder);
		} catch (error) {
			if (tries === removeTriesMax) throw error;
			await Bun.sleep(10);
		}
	}
}

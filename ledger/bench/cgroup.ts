/**
 * A share of one processor, enforced by the kernel.
 *
 * The challenge gives the whole system 1.5 processors, and what is fast on an idle machine is not what is fast
 * when the scheduler stops it for the rest of every 100 ms. Both hierarchies are in use: v1 (cpu.cfs_quota_us)
 * and v2 (cpu.max).
 */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const periodUs = 100_000;

/** Where the kernel lets caps be made: the mount of the cpu controller. */
interface Hierarchy {
	version: 1 | 2;
	mount: string;
}

/** What the scheduler did to a cap's processes since it was made. */
export interface Throttling {
	count: number;
	seconds: number;
}

function findHierarchy(): Hierarchy | undefined {
	const mounts = readFileSync("/proc/mounts", "utf8")
		.split("\n")
		.map((line) => line.split(" "));
	const v1 = mounts.find(([, , type, flags]) => type === "cgroup" && flags?.split(",").includes("cpu"));
	if (v1?.[1]) return { version: 1, mount: v1[1] };
	const v2 = mounts.find(([, , type]) => type === "cgroup2");
	return v2?.[1] ? { version: 2, mount: v2[1] } : undefined;
}

/** One group with a quota. It is empty when its processes have ended, and only then can it be removed. */
export class Cap {
	readonly path: string;
	readonly #version: 1 | 2;

	private constructor(path: string, version: 1 | 2) {
		this.path = path;
		this.#version = version;
	}

	/** Throws when this user, kernel or container may not cap. */
	static create(name: string, processors: number): Cap {
		const hierarchy = findHierarchy();
		if (!hierarchy) throw new Error("no cpu controller is mounted");
		const { mount, version } = hierarchy;
		const quotaUs = String(Math.round(processors * periodUs));
		if (version === 2) writeFileSync(join(mount, "cgroup.subtree_control"), "+cpu");
		const path = join(mount, name);
		mkdirSync(path);
		try {
			if (version === 2) writeFileSync(join(path, "cpu.max"), `${quotaUs} ${periodUs}`);
			else {
				writeFileSync(join(path, "cpu.cfs_period_us"), String(periodUs));
				writeFileSync(join(path, "cpu.cfs_quota_us"), quotaUs);
			}
		} catch (error) {
			rmdirSync(path);
			throw error;
		}
		return new Cap(path, version);
	}

	/** The file a process writes its id to in order to come under the cap, with all that it starts later. */
	get membersFile(): string {
		return join(this.path, "cgroup.procs");
	}

	throttling(): Throttling {
		const stat = new Map(
			readFileSync(join(this.path, "cpu.stat"), "utf8")
				.split("\n")
				.map((line) => line.split(" ") as [string, string]),
		);
		const seconds =
			this.#version === 2
				? Number(stat.get("throttled_usec")) / 1e6
				: Number(stat.get("throttled_time")) / 1e9;
		return { count: Number(stat.get("nr_throttled")), seconds };
	}

	/** The kernel lets go of an ended process a moment after its parent has seen it end. */
	async remove(): Promise<void> {
		for (let attempt = 0; ; attempt++) {
			try {
				return rmdirSync(this.path);
			} catch (error) {
				if (attempt === 100) throw error;
				await Bun.sleep(10);
			}
		}
	}
}

/** Why caps can't be made here, or undefined when they can: tried, because no flag tells. */
export async function capObstacle(): Promise<string | undefined> {
	try {
		await Cap.create(`crebito-bench-${process.pid}-probe`, 0.5).remove();
		return undefined;
	} catch (error) {
		return error instanceof Error ? error.message.split(",")[0] : String(error);
	}
}

/**
 * The system under load: nginx in front of two API processes, each on half a processor.
 *
 *     wrk ──> nginx ──> api-1 ──┐
 *     TCP      0.5  └─> api-2 ──┴─> one SQLite file
 *                 Unix    0.5 each
 *
 * Or, "direct", one API process alone: what a proxy and a neighbour cost would hide what is measured there.
 */
import { join } from "node:path";
import { freePort } from "../../deploy/free-port.ts";
import { databaseFile, ready, startApi } from "./api.ts";
import type { Child, Effort, Usage } from "./child.ts";
import { startNginx } from "./nginx.ts";
import type { Variant } from "./variant.ts";

export interface TopologyPlan {
	variant: Variant;
	/** An empty folder for all files, with the database if it is filled beforehand. */
	folder: string;
	capped: boolean;
	direct: boolean;
}

export class Topology implements AsyncDisposable {
	readonly #plan: TopologyPlan;
	readonly #children: Child[] = [];
	#port = 0;

	private constructor(plan: TopologyPlan) {
		this.#plan = plan;
	}

	/** All processes, answering. */
	static async start(plan: TopologyPlan, stop: AbortSignal): Promise<Topology> {
		const topology = new Topology(plan);
		try {
			await (plan.direct ? topology.#startDirect(stop) : topology.#startBehindNginx(stop));
			return topology;
		} catch (error) {
			// The reason it didn't start says more than how its half-started processes ended.
			await topology[Symbol.asyncDispose]().catch(() => {});
			throw error;
		}
	}

	/** Where the load goes, on the loopback interface. */
	get port(): number {
		return this.#port;
	}

	get databaseFile(): string {
		return databaseFile(this.#plan.folder);
	}

	usage(): Usage[] {
		return this.#children.map((child) => child.usage());
	}

	/** Without memory, to be asked during a load. */
	effort(): Effort[] {
		return this.#children.map((child) => child.effort());
	}

	assertRunning(): void {
		for (const child of this.#children) child.assertRunning();
	}

	/** The proxy first, so that no request meets a process that is going. */
	async [Symbol.asyncDispose](): Promise<void> {
		const failures: unknown[] = [];
		for (const child of this.#children.toReversed())
			await child.stop().catch((error) => failures.push(error));
		this.#children.length = 0;
		if (failures.length > 0) throw failures[0];
	}

	async #startBehindNginx(stop: AbortSignal): Promise<void> {
		const { folder, capped } = this.#plan;
		const sockets = ["api-1", "api-2"].map((name) => {
			const unix = join(folder, `${name}.sock`);
			this.#children.push(startApi({ ...this.#plan, name, address: { unix } }));
			return unix;
		});
		await Promise.all(sockets.map((unix) => ready({ unix }, this.#children, stop)));
		const { nginx, port } = await startNginx({ folder, sockets, capped }, stop);
		this.#children.push(nginx);
		this.#port = port;
	}

	async #startDirect(stop: AbortSignal): Promise<void> {
		this.#port = freePort();
		const address = { port: this.#port };
		this.#children.push(startApi({ ...this.#plan, name: "api-1", address }));
		await ready(address, this.#children, stop);
	}
}

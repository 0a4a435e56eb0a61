/**
 * The stage on which the engine plays: the clocks and timers of the runtime, replaced by those of a world. For a
 * process that does nothing else; restore() gives the real ones back.
 */
import type { Planned, World } from "./world.ts";

/** A turn of the event loop. */
const turnMs = 0.01;

export class Stage {
	world: World | undefined;
	readonly #real = {
		setTimeout: globalThis.setTimeout,
		clearTimeout: globalThis.clearTimeout,
		setImmediate: globalThis.setImmediate,
		dateNow: Date.now,
		performanceNow: performance.now,
		temporal: Temporal,
	};

	/** From here on; whatever asks for the time while there is no world is told of an error. */
	constructor() {
		const world = (): World => {
			if (this.world === undefined) throw new Error("something asked for the time outside of a world");
			return this.world;
		};
		const stand = {
			setTimeout: (work: () => void, ms = 0) => world().after(ms, work),
			clearTimeout: (planned: Planned | undefined) => {
				if (planned !== undefined) planned.isCancelled = true;
			},
			setImmediate: (work: () => void) => world().after(turnMs, work),
			Temporal: {
				Now: {
					instant: () => ({ epochNanoseconds: BigInt(Math.round(world().wallMs() * 1000)) * 1000n }),
				},
			},
		};
		Object.assign(globalThis, stand);
		Date.now = () => Math.floor(world().wallMs());
		performance.now = () => world().nowMs;
	}

	restore(): void {
		const { dateNow, performanceNow, temporal, ...timers } = this.#real;
		Object.assign(globalThis, timers, { Temporal: temporal });
		Date.now = dateNow;
		performance.now = performanceNow;
	}
}

/** An engine with one mistake in it, the smallest there is of its kind. */
import { type Engine, realEngine } from "../engine.ts";

export interface Mutant {
	/** In kebab-case. */
	readonly name: string;
	/** The mistake. */
	readonly about: string;
	readonly engine: Engine;
}

/** The real engine, but for `parts`. */
export function mutant(name: string, about: string, parts: Partial<Engine>): Mutant {
	return { name, about, engine: { ...realEngine, ...parts } };
}

/**
 * What sets of operations without an answer add up to: at which distance from a balance they can help to
 * reach it, found without trying them all at every step.
 */
import type { InFlight } from "./configuration.ts";

const nothing: readonly (readonly InFlight[])[] = [];

export class SumTable {
	/** Whether it has every set; otherwise only the smallest ones. */
	readonly isComplete: boolean;
	readonly #sets = new Map<number, InFlight[][]>();

	/** Holds at most `setsMax` sets, the smallest ones first. */
	constructor(operations: readonly InFlight[], setsMax: number) {
		let size: { readonly set: InFlight[]; readonly sum: number; readonly next: number }[] = [
			{ set: [], sum: 0, next: 0 },
		];
		let count = 0;
		while (size.length > 0) {
			const larger: typeof size = [];
			for (const { set, sum, next } of size)
				for (let index = next; index < operations.length; index++) {
					if (++count > setsMax) {
						this.isComplete = false;
						return;
					}
					const operation = operations[index] as InFlight;
					const grown = {
						set: [...set, operation],
						sum: sum + operation.observation.change,
						next: index + 1,
					};
					this.#add(grown.sum, grown.set);
					larger.push(grown);
				}
			size = larger;
		}
		this.isComplete = true;
	}

	/** The sets, none empty, that change the balance by this much. */
	setsOf(difference: number): readonly (readonly InFlight[])[] {
		return this.#sets.get(difference) ?? nothing;
	}

	#add(sum: number, set: InFlight[]): void {
		const sets = this.#sets.get(sum);
		if (sets === undefined) this.#sets.set(sum, [set]);
		else sets.push(set);
	}
}

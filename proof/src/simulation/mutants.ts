/** All mutants. */
import { carelessStores } from "./mutants/careless-stores.ts";
import { forgetfulRepeats } from "./mutants/forgetful-repeats.ts";
import type { Mutant } from "./mutants/mutant.ts";
import { wrongBatches } from "./mutants/wrong-batches.ts";
import { wrongQueues } from "./mutants/wrong-queues.ts";

export const mutants: readonly Mutant[] = [
	...carelessStores,
	...forgetfulRepeats,
	...wrongBatches,
	...wrongQueues,
];

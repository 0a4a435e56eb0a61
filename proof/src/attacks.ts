/** All attacks, in the order in which they are told. */
import type { Attack } from "./attack.ts";

export const attacks: readonly Attack[] = [];

/** All attacks, in the order in which they are told. */
import type { Attack } from "./attack.ts";
import { clock } from "./clock/clock.ts";
import { kill } from "./kill/kill.ts";
import { soak } from "./soak/soak.ts";

export const attacks: readonly Attack[] = [kill, clock, soak];

/** All attacks, in the order in which they are told. */
import type { Attack } from "./attack.ts";
import { clock } from "./clock/clock.ts";
import { kill } from "./kill/kill.ts";
import { powerCut } from "./power-cut/power-cut.ts";
import { soak } from "./soak/soak.ts";

export const attacks: readonly Attack[] = [powerCut, kill, clock, soak];

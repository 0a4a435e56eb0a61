/** All attacks, in the order in which they are told. */
import type { Attack } from "./attack.ts";
import { clock } from "./clock/clock.ts";
import { crashImages } from "./crash-images/crash-images.ts";
import { diskFull } from "./disk-full/disk-full.ts";
import { fuzz } from "./fuzz/fuzz.ts";
import { ioErrors } from "./io-errors/io-errors.ts";
import { kill } from "./kill/kill.ts";
import { lostFiles } from "./lost-files/lost-files.ts";
import { powerCut } from "./power-cut/power-cut.ts";
import { simulation } from "./simulation/simulation.ts";
import { slowDisk } from "./slow-disk/slow-disk.ts";
import { soak } from "./soak/soak.ts";

export const attacks: readonly Attack[] = [
	powerCut,
	crashImages,
	ioErrors,
	lostFiles,
	diskFull,
	slowDisk,
	kill,
	clock,
	simulation,
	fuzz,
	soak,
];

/**
 * The ledger as a program, in a process that leaks memory and descriptors: the control of the attack `soak`. It begins
 * LEAK_AFTER_MS after its start, since what grows before that may do so by right.
 */
import { openSync } from "node:fs";
import { join } from "node:path";

const leakEveryMs = 50;
/** 8 MB and 20 descriptors a second, until the machine could suffer. */
const leakBytes = 400_000;
const leaksMax = 800;
const leaked: (Buffer | number)[][] = [];

setTimeout(() => {
	setInterval(() => {
		if (leaked.length < leaksMax) leaked.push([Buffer.alloc(leakBytes, 1), openSync("/dev/null", "r")]);
	}, leakEveryMs).unref();
}, Number(process.env.LEAK_AFTER_MS)).unref();
await import(join(import.meta.dir, "../../../ledger/src/main.ts"));

/** What a running stack holds, looked at again and again from outside: memory, descriptors, its log's length. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { descendants } from "../processes.ts";
import type { Stack } from "../stack.ts";
import type { Sample } from "./trend.ts";

/**
 * - memory: what a process has of its own, in MB. What it maps of files comes and goes with who else maps them.
 * - share: that, and its part of what it has in common with others: added up, it is what all of them take.
 */
type Quantity = "memory" | "share" | "descriptors";

const kinds: readonly Quantity[] = ["memory", "share", "descriptors"];

export class Samples {
	/** By the process's name and what is measured, and "log", in MB as well. */
	readonly series = new Map<string, Sample[]>();
	/** How often another process had the place of one. */
	replacements = 0;
	readonly #stack: Stack;
	/** Besides the stack. */
	readonly #others: ReadonlyMap<string, number>;
	readonly #places: ReadonlyMap<string, number>;

	/** Of a stack that serves, and of other processes by their names. */
	constructor(stack: Stack, others: ReadonlyMap<string, number>) {
		this.#stack = stack;
		this.#others = others;
		this.#places = placesOf(stack);
	}

	take(): void {
		const places = placesOf(this.#stack);
		for (const [name, pid] of this.#places) if (places.get(name) !== pid) this.replacements += 1;
		for (const [name, pid] of [...places, ...this.#others])
			for (const kind of kinds) this.#add(`${name} ${kind}`, measure(kind, pid));
		const wal = statSync(`${this.#stack.databaseFile}-wal`, { throwIfNoEntry: false });
		this.#add("log", (wal?.size ?? 0) / 1e6);
	}

	#add(name: string, value: number | undefined): void {
		if (value === undefined) return;
		const known = this.series.get(name);
		const sample = { atMs: performance.now(), value };
		if (known === undefined) this.series.set(name, [sample]);
		else known.push(sample);
	}
}

/** Who is what in a stack: each of them has one place. */
function placesOf(stack: Stack): Map<string, number> {
	const ledgers = stack.ledgerPids();
	const places = new Map([["supervisor", stack.process.pid]]);
	for (const [index, pid] of ledgers.entries()) places.set(`ledger ${index + 1}`, pid);
	const rest = descendants(stack.process.pid).filter((pid) => !ledgers.includes(pid));
	for (const [index, pid] of rest.entries()) places.set(index === 0 ? "nginx master" : "nginx worker", pid);
	return places;
}

/** Undefined when the process is gone. */
function measure(kind: Quantity, pid: number): number | undefined {
	try {
		if (kind === "descriptors") return readdirSync(`/proc/${pid}/fd`).length;
		const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
		const line = kind === "memory" ? /^Anonymous:\s+(\d+) kB/m : /^Pss:\s+(\d+) kB/m;
		return Number(line.exec(text)?.[1]) / 1000;
	} catch {
		return undefined;
	}
}

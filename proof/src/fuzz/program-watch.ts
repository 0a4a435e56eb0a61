/** Whether the attacked processes are those that were there at the start, what they said, and how much they hold. */
import { isAlive, residentMemory } from "../processes.ts";

export interface Watched {
	readonly name: string;
	pids(): readonly number[];
	/** The end of what they have said. */
	output(): string;
}

/** What none of them may say, whatever it is sent. */
const trouble =
	/"level":"(?:error|fatal)".*|\[(?:crit|alert|emerg)\].*|^.*\bpanic\b.*|^\s*at .*:\d+:\d+.*|^(?:\w*Error|error): .*|.*\b(?:ended|restarted|killed by)\b.*/m;
/** nginx counts these against a process: enough of them, and a stranger has taken it out of service. */
const upstreamTrouble = /\[error\].*upstream.*/g;

export class ProgramWatch {
	readonly #watched: readonly Watched[];
	readonly #first: ReadonlyMap<Watched, readonly number[]>;
	readonly #mbAtStart: number;
	/** nginx's complaints about the ledgers: what was said last pushes out what was said before. */
	readonly #upstream = new Set<string>();
	/** The first that each has said: later words push it out as well. */
	readonly #said = new Map<Watched, string>();
	#mbMax = 0;

	constructor(watched: readonly Watched[]) {
		this.#watched = watched;
		this.#first = new Map(watched.map((one) => [one, one.pids()]));
		this.#mbAtStart = this.#heldMb();
	}

	/** To be asked now and then. */
	look(): void {
		for (const pid of this.#pids()) this.#mbMax = Math.max(this.#mbMax, residentMemory(pid).megabytes);
		for (const watched of this.#watched) {
			const output = watched.output();
			for (const [line] of output.matchAll(upstreamTrouble)) this.#upstream.add(line);
			const [said] = this.#said.has(watched) ? [] : (trouble.exec(output) ?? []);
			if (said !== undefined) this.#said.set(watched, said);
		}
	}

	findings(residentMbMax: number): string[] {
		this.look();
		const found = this.#watched.flatMap((one) => this.#findingsOf(one));
		const upstream = [...this.#upstream];
		if (upstream.length > 0)
			found.push(`requests made nginx count ${upstream.length} failures, the first: ${upstream[0]}`);
		const maxMb = Math.round(this.#mbMax);
		return maxMb > residentMbMax ? [...found, `a process held ${maxMb} MB`] : found;
	}

	figures(): Record<string, number> {
		return {
			residentBeforeMb: Math.round(this.#mbAtStart),
			residentAfterMb: Math.round(this.#heldMb()),
			residentOfOneMaxMb: Math.round(this.#mbMax),
		};
	}

	#heldMb(): number {
		return this.#pids().reduce((sum, pid) => sum + residentMemory(pid).megabytes, 0);
	}

	#pids(): number[] {
		return [...this.#first.values()].flat();
	}

	#findingsOf(watched: Watched): string[] {
		const [first, last] = [this.#first.get(watched) ?? [], watched.pids().filter(isAlive)];
		const said = this.#said.get(watched);
		return [
			...(first.join() === last.join()
				? []
				: [
						`${watched.name}: the processes are ${last.join(", ") || "gone"}, at the start they were ${first.join(", ")}`,
					]),
			...(said === undefined ? [] : [`${watched.name} said: ${said.trim().slice(0, 400)}`]),
		];
	}
}

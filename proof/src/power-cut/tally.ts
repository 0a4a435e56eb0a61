/** What all cuts came to. */
import type { LoadCut } from "./load-cut.ts";
import type { StartCut } from "./start-cut.ts";

export class Tally {
	readonly broken: string[] = [];
	cuts = 0;
	acknowledged = 0;
	readonly #sums = new Map<string, number>();
	readonly #kinds = new Map<string, { cuts: number; hits: number }>();

	/** @returns whether it came at its moment. */
	addLoadCut(kind: string, cut: LoadCut): boolean {
		this.acknowledged += cut.acknowledged;
		this.#add("statementsShown", cut.statements);
		this.#add("answersReceivedAfterTheCut", cut.receivedAfterCut);
		this.#add("unansweredPostingsKept", cut.unknownKept);
		this.#add("unansweredPostingsGone", cut.unknownGone);
		if (cut.isResetKept !== undefined) this.#add(cut.isResetKept ? "resetsKept" : "resetsGone", 1);
		return this.#addCut(kind, cut.isHit, cut.broken);
	}

	addStartCut(kind: string, cut: StartCut): boolean {
		return this.#addCut(kind, cut.isHit, cut.broken);
	}

	/** What the last cut has left is of no use. */
	addUnusable(message: string): void {
		this.broken.push(`after cut ${this.cuts}: ${message}`);
	}

	/** How far it is. */
	get line(): string {
		return `${this.cuts} cuts, ${this.acknowledged} acknowledged entries, ${this.broken.length} findings`;
	}

	get figures(): Record<string, number> {
		const { cuts, acknowledged } = this;
		const figures: Record<string, number> = { cuts, acknowledgedEntries: acknowledged };
		Object.assign(figures, Object.fromEntries(this.#sums));
		for (const [kind, { hits }] of [...this.#kinds].sort()) figures[`${camelCase(kind)}Hits`] = hits;
		figures.misses = [...this.#kinds.values()].reduce((sum, kind) => sum + kind.cuts - kind.hits, 0);
		return figures;
	}

	/** What no cut came at is not proven. */
	addMissed(): void {
		for (const [kind, { hits }] of this.#kinds)
			if (hits === 0) this.broken.push(`no power cut came at the moment "${kind}"`);
	}

	#addCut(kind: string, isHit: boolean, broken: readonly string[]): boolean {
		this.cuts += 1;
		const counts = this.#kinds.get(kind) ?? { cuts: 0, hits: 0 };
		this.#kinds.set(kind, { cuts: counts.cuts + 1, hits: counts.hits + (isHit ? 1 : 0) });
		this.broken.push(...broken.map((sentence) => `cut ${this.cuts} (${kind}): ${sentence}`));
		return isHit;
	}

	#add(name: string, value: number): void {
		this.#sums.set(name, (this.#sums.get(name) ?? 0) + value);
	}
}

function camelCase(name: string): string {
	return name.replace(/[- ](\w)/g, (_, letter: string) => letter.toUpperCase());
}

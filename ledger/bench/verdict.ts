/** What the judge said of a contender's trials, and whether it ought to have: each comparison holds a control. */
import type { Verdict } from "./judge.ts";

export interface Verdicts {
	name: string;
	/** Whether there are books that can be in order; those of a constant can't. */
	keepsBooks: boolean;
	trials: { validity: Verdict; consistency: Verdict }[];
}

/** One word where the trials agree; otherwise each with how often. */
export function verdictCell(verdicts: string[]): string {
	const counts = new Map<string, number>();
	for (const verdict of verdicts) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
	if (counts.size === 1) return verdicts[0] ?? "";
	return [...counts].map(([verdict, count]) => `${verdict} ${count}/${verdicts.length}`).join(", ");
}

/** Sentences for what isn't in order: each verdict once, in the words of its first trial. */
export function remarks({ name, keepsBooks, trials }: Verdicts): string[] {
	const found = new Map<string, string>();
	const note = ({ verdict, reason }: Verdict, wanted: string) => {
		if (verdict !== wanted && !found.has(verdict)) found.set(verdict, `${name}, ${verdict}: ${reason}`);
	};
	for (const { validity, consistency } of trials) {
		note(validity, "valid");
		note(consistency, expected(keepsBooks));
	}
	return [...found.values()];
}

/** How often the judge said of the books what it has to. */
export function asExpected(contenders: Verdicts[]): { right: number; trials: number } {
	const said = contenders.flatMap(({ keepsBooks, trials }) =>
		trials.map(({ consistency }) => consistency.verdict === expected(keepsBooks)),
	);
	return { right: said.filter(Boolean).length, trials: said.length };
}

function expected(keepsBooks: boolean): string {
	return keepsBooks ? "consistent" : "inconsistent";
}

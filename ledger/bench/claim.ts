/** What the project claims of a figure: a bound, and what was reached. */

export interface Bound {
	what: string;
	bound: "at least" | "at most";
	target: number;
	/** Of the target and of what is reached; a ratio has none. */
	unit: "" | "ms" | "MB";
}

export interface Claim extends Bound {
	reached: number;
}

export function isMet({ bound, target, reached }: Claim): boolean {
	return bound === "at least" ? reached >= target : reached <= target;
}

/** The cells of a line: what, target, reached, and the verdict in a word. */
export function claimCells(claim: Claim): string[] {
	const { what, bound, target, reached, unit } = claim;
	const least = unit === "ms" ? 0 : unit === "MB" ? 1 : 2;
	// More digits where so few would make a missed target look met.
	const digits = Number(reached.toFixed(least)) === target ? least + 2 : least;
	const withUnit = (number: string) => `${number} ${unit}`.trimEnd();
	return [
		what,
		withUnit(`${bound === "at least" ? "≥" : "≤"} ${target}`),
		withUnit(reached.toFixed(digits)),
		isMet(claim) ? "reached" : "missed",
	];
}

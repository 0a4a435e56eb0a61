/** What a power cut has broken: the shared checker, and what it can't know of resets and recoveries. */
import type { Books } from "../books.ts";
import type { Observed, SeenPosting, SeenReset } from "../observed.ts";
import { findings } from "../verdict.ts";

export interface CutVerdict {
	readonly broken: readonly string[];
	/** Of a reset that was asked for: whether the disk has it. */
	readonly isResetKept: boolean | undefined;
}

/** After a cut under load, with one reset at most. What the disk tells is noted in `observed`. */
export function cutVerdict(before: Books, observed: Observed, after: Books): CutVerdict {
	const [reset] = observed.resets;
	const isResetKept = reset === undefined ? undefined : !isResetMissing(reset, before, observed, after);
	const broken: string[] = [];
	if (reset !== undefined && isResetKept === false) {
		if (reset.fate === "done") broken.push("a reset was acknowledged, and is undone");
		// What the disk doesn't have must never have shown either: the checker looks for that as if nobody had asked.
		reset.fate = "absent";
	} else if (reset !== undefined) {
		// It was over when somebody was told of an entry that outlived it; what was asked for later is not its business.
		reset.endedAtMs = Math.min(
			reset.endedAtMs,
			...survivors(observed, after).map(({ endedAtMs }) => endedAtMs),
		);
	}
	return { broken: [...broken, ...findings(before, observed, after)], isResetKept };
}

function survivors({ postings }: Observed, after: Books): SeenPosting[] {
	const there = new Set(after.entries.map(({ description }) => description));
	return postings.filter(({ fate, tag }) => fate === "posted" && there.has(tag));
}

/** Something is there that it would have taken away. */
function isResetMissing(
	{ invokedAtMs }: SeenReset,
	before: Books,
	{ postings }: Observed,
	after: Books,
): boolean {
	const earlier = new Set(before.entries.map(({ description }) => description));
	for (const { fate, endedAtMs, tag } of postings)
		if (fate === "posted" && endedAtMs < invokedAtMs) earlier.add(tag);
	return after.entries.some(({ description }) => earlier.has(description));
}

/** After a cut while the ledger recovered: nobody has posted anything, so the books are what they were. */
export function recoveryFindings(before: Books, after: Books): string[] {
	const found = after.problems.map((problem) => `integrity_check after a cut in recovery: ${problem}`);
	for (const part of ["accounts", "entries"] as const)
		if (!Bun.deepEquals(before[part], after[part]))
			found.push(`a cut in recovery has changed the ${part}: ${change(before[part], after[part])}`);
	return found;
}

function change(before: readonly unknown[], after: readonly unknown[]): string {
	const longest = Math.max(before.length, after.length);
	const at = Array.from({ length: longest }).findIndex((_, row) => !Bun.deepEquals(before[row], after[row]));
	return `${before.length} before it, ${after.length} after it; ${JSON.stringify(before[at])} is ${JSON.stringify(after[at])}`;
}

/** What a power cut has broken: the shared checker, and what it can't know of resets and recoveries. */
import type { Books } from "../books.ts";
import type { Observed, SeenPosting, SeenReset, SeenStatement } from "../observed.ts";
import { findings } from "../verdict.ts";

/** Entries in a statement. */
const shownMax = 10;

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
		// It was over when somebody was told of an entry that outlived it, or shown an account without what was there before;
		// what was asked for later is not its business.
		reset.endedAtMs = Math.min(
			reset.endedAtMs,
			...[...survivors(observed, after), ...witnesses(reset, before, observed)].map(
				({ endedAtMs }) => endedAtMs,
			),
		);
	}
	return { broken: [...broken, ...findings(before, observed, after)], isResetKept };
}

function survivors({ postings }: Observed, after: Books): SeenPosting[] {
	const there = new Set(after.entries.map(({ description }) => description));
	return postings.filter(({ fate, tag }) => fate === "posted" && there.has(tag));
}

/** Statements of an account that had entries, and shows none of them: fewer than a statement holds, all of them younger. */
function witnesses(reset: SeenReset, before: Books, observed: Observed): SeenStatement[] {
	const earlier = entriesBefore(reset, before, observed);
	const accounts = new Set(earlier.values());
	return observed.statements.filter(
		({ accountId, entries, invokedAtMs }) =>
			invokedAtMs > reset.invokedAtMs &&
			accounts.has(accountId) &&
			entries.length < shownMax &&
			entries.every(({ description }) => !earlier.has(description)),
	);
}

/** Something is there that it would have taken away. */
function isResetMissing(reset: SeenReset, before: Books, observed: Observed, after: Books): boolean {
	const earlier = entriesBefore(reset, before, observed);
	return after.entries.some(({ description }) => earlier.has(description));
}

/** The account of each entry that was certainly there when it was asked for. */
function entriesBefore(
	{ invokedAtMs }: SeenReset,
	before: Books,
	{ postings }: Observed,
): ReadonlyMap<string, number> {
	const posted = postings.filter(({ fate, endedAtMs }) => fate === "posted" && endedAtMs < invokedAtMs);
	return new Map([
		...before.entries.map(({ description, accountId }) => [description, accountId] as const),
		...posted.map(({ tag, accountId }) => [tag, accountId] as const),
	]);
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

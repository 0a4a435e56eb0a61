/**
 * The clients' history with descriptions of any kind: the checker knows an entry by its description, so each one that
 * is sent, however odd, is noted here once.
 */
import { Tags } from "../../../loadtest/src/tags.ts";
import { Observed, type SeenPosting } from "../observed.ts";
import type { Claim } from "./posting-rule.ts";

class ClaimedTags extends Tags {
	readonly #numbers = new Map<string, number>();

	learn(description: string, number: number): void {
		this.#numbers.set(description, number);
	}

	override numberOf(description: string): number | undefined {
		return this.#numbers.get(description);
	}
}

export class Claimed extends Observed {
	override readonly tags = new ClaimedTags();
	/** What requests that HTTP forbids or leaves open were told, by the description that they might have posted. */
	readonly told = new Map<string, string>();

	/** Under way from this moment. */
	invokeClaim({ accountId, change, description }: Claim): SeenPosting {
		const number = this.nextNumber();
		this.tags.learn(description, number);
		const posting: SeenPosting = {
			...{ number, tag: description, accountId, change, fate: "unknown", balance: 0, limit: 0 },
			invokedAtMs: performance.now(),
			endedAtMs: Number.POSITIVE_INFINITY,
		};
		this.postings.push(posting);
		return posting;
	}

	/** A finding about an entry, with what its request was told. */
	explained(sentence: string): string {
		const told = this.told.get(sentence.split(" ", 1)[0] ?? "");
		return told === undefined ? sentence : `${sentence}; it was told ${told}`;
	}

	/**
	 * What had no answer and is not in the books took no effect; the search for an order need not try it at every
	 * place. What is there stays unknown.
	 */
	settle(descriptions: ReadonlySet<string>): void {
		for (const posting of this.postings)
			if (posting.fate === "unknown" && !descriptions.has(posting.tag)) posting.fate = "absent";
	}
}

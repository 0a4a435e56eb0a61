/**
 * Ways to be wrong about a credit or debit. Each one can be seen by clients, at the latest when they look at
 * the statements after everything else; what can't be seen isn't counted.
 */
import { type Account, changeOf, type Entry, fits, post, postAnswer } from "./books.ts";
import { precedes, type Visit } from "./visits.ts";
import { type Answer, type Posting, posted, refused } from "./wire.ts";

export interface PostScene {
	readonly account: Account;
	/** The account with the next number. */
	readonly neighbour: Account;
	readonly posting: Posting;
	readonly visit: Visit;
	readonly visitOf: ReadonlyMap<Entry, Visit>;
	/** A random while, in which others are served. */
	pause(): Promise<void>;
	/** The fault has happened; with a condition only if that turns out to hold when it is asked for. */
	commit(isVisible?: () => boolean): void;
}

interface PostFault {
	/** Whether it can happen to this request. */
	isPossible(scene: PostScene): boolean;
	/** In place of the right post. */
	answer(scene: PostScene): Answer | Promise<Answer>;
}

const failed: Answer = { status: 500, body: '{"error":"internal"}' };
const page: Answer = { status: 200, body: "<!doctype html><title>Welcome</title><p>It works!" };

export const postFaults = {
	"lost-update": {
		isPossible: fitsNow,
		async answer({ account, posting, pause, commit }) {
			const { balance } = account;
			await pause();
			if (account.balance !== balance) commit();
			account.balance = balance;
			return postAnswer(account, posting);
		},
	},
	"double-apply": {
		isPossible: fitsTwice,
		async answer(scene) {
			const { account, posting, pause } = scene;
			const answer = postAnswer(account, posting);
			await pause();
			postAgain(scene);
			return answer;
		},
	},
	"unknown-applied-twice": {
		isPossible: fitsTwice,
		async answer(scene) {
			post(scene.account, scene.posting);
			await scene.pause();
			postAgain(scene);
			return failed;
		},
	},
	"wrong-balance-in-answer": {
		isPossible: fitsNow,
		answer({ account, posting, commit }) {
			commit();
			return posted(account.limit, post(account, posting).balance + 1);
		},
	},
	"wrong-limit": {
		isPossible: fitsNow,
		answer({ account, posting, commit }) {
			commit();
			return posted(account.limit + 1, post(account, posting).balance);
		},
	},
	"spurious-refusal": {
		isPossible: (scene) => scene.posting.kind === "debit" && fitsNow(scene),
		answer({ account, posting, visit, visitOf, commit }) {
			const { entries } = account;
			// It may have been right at any moment that the clients can't tell from this one.
			commit(() => lowest(entries, visit, visitOf) - posting.amount >= -account.limit);
			return refused;
		},
	},
	"credit-refused": {
		isPossible: ({ posting }) => posting.kind === "credit",
		answer({ commit }) {
			commit();
			return refused;
		},
	},
	"refused-but-applied": {
		isPossible: (scene) => scene.posting.kind === "debit" && fitsNow(scene),
		answer({ account, posting, commit }) {
			post(account, posting);
			commit();
			return refused;
		},
	},
	"limit-passed": {
		isPossible: (scene) => !fitsNow(scene),
		answer: postBeyondLimit,
	},
	"limit-passed-by-one-cent": {
		isPossible: ({ account, posting }) =>
			posting.kind === "debit" && account.balance - posting.amount === -account.limit - 1,
		answer: postBeyondLimit,
	},
	"acknowledged-then-lost": {
		isPossible: fitsNow,
		async answer({ account, posting, pause, commit }) {
			const entry = post(account, posting);
			await pause();
			const balance = account.balance - changeOf(posting);
			const index = account.entries.indexOf(entry);
			// A loss that takes the account beyond its limit would be found too easily; a reset may have come first.
			if (balance >= -account.limit && index >= 0) {
				account.balance = balance;
				account.entries.splice(index, 1);
				commit();
			}
			return posted(account.limit, entry.balance);
		},
	},
	"other-account": {
		isPossible: (scene) => fitsNow(scene) && fits(scene.neighbour, scene.posting),
		answer({ account, neighbour, posting, commit }) {
			post(neighbour, posting);
			commit();
			return posted(account.limit, account.balance + changeOf(posting));
		},
	},
	"status-200-with-html": {
		isPossible: fitsNow,
		answer({ account, posting, commit }) {
			post(account, posting);
			commit();
			return page;
		},
	},
} satisfies Record<string, PostFault>;

export type PostFaultName = keyof typeof postFaults;

/** The lawful kind of trouble: an answer that leaves the client in doubt. It was applied, never, or somewhat later. */
export async function answerUnknown(scene: PostScene, random: () => number): Promise<Answer> {
	const { account, posting, pause } = scene;
	const fate = Math.floor(random() * 3);
	if (fate === 1) postAnswer(account, posting);
	if (fate === 2) void pause().then(() => postAnswer(account, posting));
	return failed;
}

function fitsNow({ account, posting }: PostScene): boolean {
	return fits(account, posting);
}

function fitsTwice({ account, posting }: PostScene): boolean {
	return fits(account, { ...posting, amount: 2 * posting.amount });
}

function postAgain({ account, posting, commit }: PostScene): void {
	if (!fits(account, posting)) return;
	post(account, posting);
	commit();
}

function postBeyondLimit({ account, posting, commit }: PostScene): Answer {
	commit();
	return posted(account.limit, post(account, posting).balance);
}

/**
 * The lowest balance at the places among the entries that the request may have had for its clients: behind the last one
 * whose answer was in hand when it was sent, before the first one that was sent with its answer in hand.
 */
function lowest(entries: readonly Entry[], visit: Visit, visitOf: ReadonlyMap<Entry, Visit>): number {
	const visits = entries.map((entry) => visitOf.get(entry));
	const first = visits.findLastIndex((other) => other !== undefined && precedes(other, visit)) + 1;
	const behind = visits.findIndex((other) => other !== undefined && precedes(visit, other));
	const last = behind < 0 ? entries.length : behind;
	let low = first === 0 ? 0 : (entries[first - 1] as Entry).balance;
	for (const { balance } of entries.slice(first, last)) low = Math.min(low, balance);
	return low;
}

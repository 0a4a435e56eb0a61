/** A number of cases against some servers, by many connections at a time. */
import type { Books } from "../books.ts";
import { CaseSource } from "./case-source.ts";
import type { Claimed } from "./claimed.ts";
import { FindingsList } from "./findings-list.ts";
import { Judge } from "./judge.ts";
import type { Front } from "./oracle.ts";
import { type Place, Player } from "./player.ts";
import type { Address } from "./raw-connection.ts";
import { Tally } from "./tally.ts";

/** A server, and what its clients have seen. */
export interface Target {
	readonly front: Front;
	readonly addresses: readonly Address[];
	readonly before: Books;
	readonly observed: Claimed;
}

export interface RunOptions {
	readonly targets: readonly Target[];
	readonly count: number;
	readonly players: number;
	readonly seed: number;
	readonly answerMsMax: number;
	/** 0: nobody stops in the middle and stays. */
	readonly stallMsMax: number;
	readonly stop: AbortSignal;
	/** With how many findings it is enough. */
	readonly findingsMax: number;
	/** Now and then. */
	readonly look: (made: number) => void;
}

const lookEveryMs = 2000;

export interface FuzzRun {
	readonly findings: FindingsList;
	readonly tally: Tally;
	/** Cases. */
	readonly made: number;
	readonly answered: number;
}

/** @throws stop.reason */
export async function play(options: RunOptions): Promise<FuzzRun> {
	const { targets, players, count, seed, stop, look, findingsMax, stallMsMax } = options;
	const source = new CaseSource(
		seed,
		targets.map(({ front }) => front),
		stallMsMax > 0,
	);
	const found = new FindingsList();
	const tally = new Tally();
	const places = new Map(targets.map((target) => [target.front, placeOf(target)]));
	const looking = setInterval(() => look(source.made), lookEveryMs);
	const isEnough = () => found.count >= findingsMax;
	try {
		const all = Array.from({ length: players }, (_, index) => {
			const player = new Player({ ...options, source, count, places, findings: found, tally }, index);
			return player
				.play(isEnough)
				.catch((error: Error) => found.add("gone", `a server is gone: ${error.message}`));
		});
		await Promise.all(all);
	} finally {
		clearInterval(looking);
	}
	stop.throwIfAborted();
	return { findings: found, tally, made: source.made, answered: tally.answered };
}

function placeOf({ front, addresses, before, observed }: Target): Place {
	const limits = new Map(before.accounts.map(({ accountId, limit }) => [accountId, limit]));
	return { addresses, judge: new Judge(front, observed, limits) };
}

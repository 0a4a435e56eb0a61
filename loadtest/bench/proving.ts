/** How long it takes to prove a history: of one account, made up, and right. */
import { LinearizabilityChecker } from "../src/linearizability.ts";
import { makeUp, randomOf } from "../test/made-up-history.ts";

const operations = 100_000;
const rounds = 5;

/** Seconds for 100,000 operations of one account by 14 clients: the median of five histories. */
export function provingSeconds(): number {
	const seconds = Array.from({ length: rounds }, (_, round) => secondsOf(round + 1));
	return seconds.toSorted((a, b) => a - b)[rounds >> 1] as number;
}

function secondsOf(seed: number): number {
	const { account, observations } = makeUp({
		random: randomOf(seed),
		operations,
		clients: 14,
		limit: 100_000,
		balance: 0,
		amountMax: 10_000,
		unknownShare: 0,
		statementShare: 1 / 34,
	});
	const startedAtMs = performance.now();
	const checker = new LinearizabilityChecker(account);
	for (const observation of observations) checker.add(observation);
	checker.finish();
	const seconds = (performance.now() - startedAtMs) / 1000;
	if (checker.verdict !== "linearizable")
		throw new Error(`a right history is ${checker.verdict}: ${checker.reason}`);
	return seconds;
}

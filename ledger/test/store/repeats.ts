/** The contract of ledger/src/attempt.ts, for every store: what comes twice is applied once. */
import { afterEach, describe, expect, test } from "bun:test";
import { attemptMicrosMax } from "../../src/attempt.ts";
import type { Attempt, Outcome, Posting } from "../../src/ledger.ts";
import { property, type Random } from "../random.ts";
import type { Subject } from "./contract.ts";
import { accounts, closeStores, post, posted, statementOf } from "./place.ts";

const now = () => Date.now() * 1000;
const limitPassed = { type: "refused", reason: "limit" } as const;

let requests = 0;
/** A request of its own, as the balancer names it. */
function attempt(changes: Partial<Attempt> = {}): Attempt {
	requests += 1;
	return {
		requestId: requests.toString(16).padStart(32, "0"),
		startedAt: now(),
		isRepeat: false,
		...changes,
	};
}

function again(first: Attempt): Attempt {
	return { ...first, isRepeat: true };
}

function sent(posting: Posting, by: Attempt): Posting {
	return { ...posting, attempt: by };
}

function keyed(posting: Posting, idempotencyKey: string, by?: Attempt): Posting {
	return { ...posting, idempotencyKey, attempt: by };
}

export function repeatsContract({ name, place: newPlace }: Subject): void {
	const twoStores = () => {
		const place = newPlace(accounts);
		return [place.open(), place.open(), place] as const;
	};

	describe(`${name}: a request that the balancer repeats`, () => {
		afterEach(closeStores);

		test("is posted once, and answered by the other process as it was the first time", async () => {
			const [one, other] = twoStores();
			const first = attempt();
			expect(await one.commit([sent(post(1, 300), first), post(1, 5)])).toEqual([
				posted(300, 1000),
				posted(305, 1000),
			]);
			const repeated = sent(post(1, 300), again(first));
			expect(await other.commit([repeated, repeated])).toEqual([posted(300, 1000), posted(300, 1000)]);
			expect((await statementOf(other, 1)).balance).toBe(305);
		});

		test("is found by a process that starts while an account's dates are ahead of the clock", async () => {
			const [one, , place] = twoStores();
			await one.commit([sent(post(2, 5), attempt())]);
			await place.dateAhead(2, now() + 3_600_000_000);
			const first = attempt();
			expect(await one.commit([sent(post(1, 300), first)])).toEqual([posted(300, 1000)]);
			await one.commit([sent(post(2, 5), attempt())]);
			const started = place.open();
			expect(await started.commit([sent(post(1, 300), again(first))])).toEqual([posted(300, 1000)]);
			expect((await statementOf(started, 1)).balance).toBe(300);
		});

		test("without its attempt is posted twice: the control", async () => {
			const [one, other] = twoStores();
			await one.commit([post(1, 300)]);
			await other.commit([post(1, 300)]);
			expect((await statementOf(one, 1)).balance).toBe(600);
		});

		test("is posted once in one batch", async () => {
			const [one] = twoStores();
			const first = attempt();
			const twice = [sent(post(1, 300), first), sent(post(1, 300), again(first))];
			expect(await one.commit(twice)).toEqual([posted(300, 1000), posted(300, 1000)]);
			expect((await statementOf(one, 1)).entries).toHaveLength(1);
		});

		test("is posted by the repetition, if the first attempt never came to it", async () => {
			const [, other] = twoStores();
			expect(await other.commit([sent(post(1, 300), again(attempt()))])).toEqual([posted(300, 1000)]);
		});

		test("is posted once, when the first process wakes after the second one has answered", async () => {
			const [one, other] = twoStores();
			const first = attempt();
			expect(await other.commit([sent(post(1, -300), again(first))])).toEqual([posted(-300, 1000)]);
			expect(await one.commit([sent(post(1, -300), first)])).toEqual([posted(-300, 1000)]);
			expect((await statementOf(one, 1)).balance).toBe(-300);
		});

		test("stays refused, when the first process wakes after the second one has refused it", async () => {
			const [one, other] = twoStores();
			const asleep = attempt({ startedAt: now() - 4_000_000 });
			await one.commit([post(1, -900)]);
			expect(await other.commit([sent(post(1, -300), again(asleep))])).toEqual([limitPassed]);
			await other.commit([post(1, 900)]);
			expect(await one.commit([sent(post(1, -300), asleep)])).toEqual([limitPassed]);
			expect((await statementOf(one, 1)).balance).toBe(0);
		});

		test("may be posted, when only its first attempt was refused and nobody has heard of that", async () => {
			const [one, other] = twoStores();
			const first = attempt();
			expect(await one.commit([sent(post(1, -1001), first)])).toEqual([limitPassed]);
			await one.commit([post(1, 1)]);
			expect(await other.commit([sent(post(1, -1001), again(first))])).toEqual([posted(-1000, 1000)]);
		});

		test("is not applied once it is older than the balancer would wait, by whatever clock", async () => {
			const [one] = twoStores();
			for (const startedAt of [now() - attemptMicrosMax - 1_000_000, now() + attemptMicrosMax + 1_000_000]) {
				for (const isRepeat of [false, true]) {
					const old = attempt({ startedAt, isRepeat });
					expect(await one.commit([sent(post(1, 300), old)])).toEqual([{ type: "expired" }]);
				}
			}
			expect((await statementOf(one, 1)).entries).toEqual([]);
		});

		test("is found again after a restart, and behind a thousand entries of others", async () => {
			const place = newPlace(accounts);
			const first = attempt();
			await place.open().commit([sent(post(1, 300), first)]);
			const others = Array.from({ length: 1000 }, () => sent(post(3, 1), attempt()));
			await place.open().commit(others);
			expect(await place.open().commit([sent(post(1, 300), again(first))])).toEqual([posted(300, 1000)]);
		});

		test("whose batch was not taken is posted by the repetition", async () => {
			const [one, , place] = twoStores();
			const first = attempt();
			await place.breakOn("broken");
			await expect(one.commit([sent(post(1, 300), first), post(1, 1, "broken")])).rejects.toThrow();
			expect(await one.commit([sent(post(1, 300), again(first))])).toEqual([posted(300, 1000)]);
			expect((await statementOf(one, 1)).balance).toBe(300);
		});

		test("and whose id is another posting's is refused, not answered with that one's outcome", async () => {
			const [one] = twoStores();
			const first = attempt();
			await one.commit([sent(post(1, 300), first)]);
			for (const other of [post(1, 301), post(1, -300), post(2, 300), post(1, 300, "other")])
				expect(await one.commit([sent(other, again(first))])).toEqual([{ type: "key-reused" }]);
		});

		property("is applied exactly once, however attempts, processes and batches are mixed", async (random) => {
			const [one, other] = twoStores();
			const requests = Array.from({ length: 60 }, () => sent(post(3, random.between(1, 99)), attempt()));
			const attempts = requests.flatMap((first) => [
				first,
				...Array.from({ length: random.between(0, 2) }, () => sent(first, again(first.attempt as Attempt))),
			]);
			const answers = new Map<string, Set<string>>();
			for (const batch of batchesOf(random, shuffled(random, attempts))) {
				const outcomes = await random.pick([one, other]).commit(batch);
				for (const [index, { attempt }] of batch.entries()) {
					const seen = answers.get(attempt?.requestId ?? "") ?? new Set();
					answers.set(attempt?.requestId ?? "", seen.add(JSON.stringify(outcomes[index])));
				}
			}
			const sum = requests.reduce((total, { amount }) => total + amount, 0);
			expect((await statementOf(one, 3)).balance).toBe(sum);
			for (const seen of answers.values()) expect(seen.size).toBe(1);
		});
	});

	describe(`${name}: a reset`, () => {
		afterEach(closeStores);

		test("that is repeated, or that a sleeper carries out later, takes nothing that was posted since", async () => {
			const [one, other] = twoStores();
			const first = attempt({ startedAt: now() - 2_000_000 });
			expect(await one.commit([{ type: "reset", attempt: first }])).toEqual([{ type: "done" }]);
			await one.commit([post(1, 7)]);
			for (const late of [again(first), first])
				expect(await other.commit([{ type: "reset", attempt: late }])).toEqual([{ type: "done" }]);
			expect((await statementOf(other, 1)).balance).toBe(7);
			expect(await other.commit([{ type: "reset", attempt: attempt() }])).toEqual([{ type: "done" }]);
			expect((await statementOf(other, 1)).balance).toBe(0);
		});

		test("that is repeated after the clock was set back is neither carried out nor said to be", async () => {
			const [one, other, place] = twoStores();
			await one.commit([{ type: "reset" }]);
			await place.dateResetAhead(now() + 3_600_000_000);
			await one.commit([post(1, 7)]);
			const late = again(attempt());
			expect(await other.commit([{ type: "reset", attempt: late }])).toEqual([{ type: "expired" }]);
			expect((await statementOf(other, 1)).balance).toBe(7);
			expect(await other.commit([{ type: "reset", attempt: attempt() }])).toEqual([{ type: "done" }]);
			expect((await statementOf(other, 1)).balance).toBe(0);
		});

		test("that is older than a request may be, or seems to be, is neither carried out nor said to be", async () => {
			const [one, other] = twoStores();
			await one.commit([post(1, 7)]);
			for (const startedAt of [now() - attemptMicrosMax - 1_000_000, now() + attemptMicrosMax + 1_000_000]) {
				const late = attempt({ startedAt });
				for (const reset of [late, again(late)])
					expect(await other.commit([{ type: "reset", attempt: reset }])).toEqual([{ type: "expired" }]);
			}
			expect((await statementOf(other, 1)).balance).toBe(7);
		});

		test("is not followed by a sleeper's entry from before it", async () => {
			const [one, other] = twoStores();
			const asleep = attempt({ startedAt: now() - 3_000_000 });
			await one.commit([sent(post(1, 300), again(asleep))]);
			await one.commit([{ type: "reset" }]);
			for (const late of [asleep, again(asleep)])
				expect(await other.commit([sent(post(1, 300), late)])).toEqual([{ type: "expired" }]);
			expect((await statementOf(other, 1)).balance).toBe(0);
		});

		test("leaves the other process able to tell what was posted after it", async () => {
			const [one, other] = twoStores();
			await one.commit(Array.from({ length: 20 }, () => sent(post(3, 1), attempt())));
			await other.commit([sent(post(3, 1), attempt())]);
			await other.commit([{ type: "reset" }]);
			const first = attempt();
			await other.commit([sent(post(1, 5), first)]);
			expect(await one.commit([sent(post(1, 5), again(first))])).toEqual([posted(5, 1000)]);
			expect((await statementOf(one, 1)).balance).toBe(5);
		});
	});

	describe(`${name}: a client's idempotency key`, () => {
		afterEach(closeStores);

		test("gives the first answer again, posted or refused, whichever process is asked", async () => {
			const [one, other, place] = twoStores();
			expect(await one.commit([keyed(post(1, -900), "a"), keyed(post(1, -900), "b")])).toEqual([
				posted(-900, 1000),
				limitPassed,
			]);
			await one.commit([post(1, 900)]);
			for (const store of [one, other, place.open()]) {
				const outcomes: Outcome[] = [posted(-900, 1000), limitPassed];
				expect(await store.commit([keyed(post(1, -900), "a"), keyed(post(1, -900), "b")])).toEqual(outcomes);
			}
			expect((await statementOf(one, 1)).balance).toBe(0);
		});

		test("of another posting is refused, and changes nothing", async () => {
			const [one, other] = twoStores();
			await one.commit([keyed(post(1, 5), "a")]);
			for (const posting of [post(1, 6), post(1, -5), post(1, 5, "other")])
				expect(await other.commit([keyed(posting, "a")])).toEqual([{ type: "key-reused" }]);
			expect((await statementOf(one, 1)).balance).toBe(5);
		});

		test("is the account's own", async () => {
			const [one] = twoStores();
			expect(await one.commit([keyed(post(1, 5), "a"), keyed(post(2, 5), "a")])).toEqual([
				posted(5, 1000),
				posted(505, 0),
			]);
		});

		test("holds over the balancer's attempts, too, also when it looks like a request's id", async () => {
			const [one, other] = twoStores();
			const first = attempt();
			await one.commit([sent(post(1, 5), first)]);
			expect(await one.commit([keyed(post(1, 7), first.requestId, attempt())])).toEqual([posted(12, 1000)]);
			const late = attempt({ isRepeat: true });
			expect(await other.commit([keyed(post(1, 7), first.requestId, late)])).toEqual([posted(12, 1000)]);
			expect((await statementOf(one, 1)).balance).toBe(12);
		});

		test("is forgotten by a reset", async () => {
			const [one] = twoStores();
			await one.commit([keyed(post(1, 5), "a")]);
			await one.commit([{ type: "reset" }]);
			expect(await one.commit([keyed(post(1, 6), "a")])).toEqual([posted(6, 1000)]);
		});
	});
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
	return items
		.map((item) => [random.between(0, 1_000_000), item] as const)
		.sort(([a], [b]) => a - b)
		.map(([, item]) => item);
}

function* batchesOf<T>(random: Random, items: readonly T[]): Generator<T[]> {
	for (let at = 0; at < items.length; ) {
		const size = random.between(1, 9);
		yield items.slice(at, at + size);
		at += size;
	}
}

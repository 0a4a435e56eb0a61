/**
 * Group commit, over a store made of an array whose commits the test lets through one at a time: who
 * travels in which batch, who is answered in which order, and what everyone is told when a commit fails.
 */
import { describe, expect, test } from "bun:test";
import { GroupCommit, type GroupCommitBounds, Overloaded } from "../src/group-commit.ts";
import type { Command, Outcome } from "../src/ledger.ts";
import { Metrics } from "../src/metrics.ts";
import { NothingApplied, OutcomeUnknown, type Store } from "../src/store.ts";
import { property } from "./random.ts";
import { ArrayStore, newBooks } from "./store/array.ts";

/** A commit under way: it ends when the test says so. */
interface HeldCommit {
	readonly batch: readonly Command[];
	succeed(): Promise<void>;
	fail(reason: unknown): void;
}

/** A store whose commits wait for the test, and apply to an array store then. */
function heldStore(): { readonly store: Store; readonly commits: HeldCommit[] } {
	const books = new ArrayStore(newBooks([{ id: 1, limit: 1_000_000, balance: 0 }]));
	const commits: HeldCommit[] = [];
	return {
		commits,
		store: {
			commit(batch) {
				const { promise, resolve, reject } = Promise.withResolvers<Outcome[]>();
				commits.push({ batch, succeed: async () => resolve(await books.commit(batch)), fail: reject });
				return promise;
			},
			close: () => books.close(),
		},
	};
}

interface Subject {
	readonly groupCommit: GroupCommit;
	readonly metrics: Metrics;
	readonly failures: OutcomeUnknown[];
}

function over(store: Store, bounds: Partial<GroupCommitBounds> = {}): Subject {
	const failures: OutcomeUnknown[] = [];
	const metrics = new Metrics();
	const groupCommit = new GroupCommit(
		store,
		{ waitingMax: 10_000, batchMax: 10_000, ...bounds },
		metrics,
		(failure) => failures.push(failure),
	);
	return { groupCommit, metrics, failures };
}

/** A debit of one cent that can be told from the others. */
function debit(name: string): Command {
	return { type: "post", accountId: 1, kind: "debit", amount: 1, description: name };
}

function names(batch: readonly Command[] | undefined): string[] | undefined {
	return batch?.map((command) => (command.type === "post" ? command.description : command.type));
}

/** Lets everything happen that happens by itself; a batch may gather for a millisecond or two. */
async function settle(): Promise<void> {
	await Bun.sleep(10);
	for (let turn = 0; turn < 5; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** What a promise has come to by now. */
function watch(promise: Promise<Outcome>): { now: "waiting" | Outcome | Error } {
	const watched: { now: "waiting" | Outcome | Error } = { now: "waiting" };
	promise.then(
		(outcome) => {
			watched.now = outcome;
		},
		(error: Error) => {
			watched.now = error;
		},
	);
	return watched;
}

describe("a batch", () => {
	test("takes whatever was submitted in the same turn", async () => {
		const { store, commits } = heldStore();
		const { groupCommit } = over(store);
		for (const name of ["a", "b", "c"]) groupCommit.submit(debit(name));
		await settle();
		expect(commits.map(({ batch }) => names(batch))).toEqual([["a", "b", "c"]]);
	});

	test("takes all that arrived during the commit before it, and nothing else", async () => {
		const { store, commits } = heldStore();
		const { groupCommit } = over(store);
		groupCommit.submit(debit("a"));
		await settle();
		groupCommit.submit(debit("b"));
		await settle();
		groupCommit.submit(debit("c"));
		groupCommit.submit({ type: "statement", accountId: 1 });
		await settle();
		expect(commits).toHaveLength(1);
		expect(groupCommit.waiting).toBe(3);

		await commits[0]?.succeed();
		await settle();
		expect(groupCommit.waiting).toBe(0);
		groupCommit.submit(debit("d"));
		await settle();
		expect(commits.map(({ batch }) => names(batch))).toEqual([["a"], ["b", "c", "statement"]]);

		await commits[1]?.succeed();
		await settle();
		expect(names(commits[2]?.batch)).toEqual(["d"]);
	});

	test("of one doesn't wait for a crowd that doesn't come back", async () => {
		const { store, commits } = heldStore();
		const { groupCommit } = over(store);
		for (let index = 0; index < 100; index += 1) groupCommit.submit(debit("crowd"));
		await settle();
		await commits[0]?.succeed();
		for (let round = 1; round < 5; round += 1) {
			const lone = watch(groupCommit.submit(debit("lone")));
			await settle();
			expect(names(commits[round]?.batch)).toEqual(["lone"]);
			await commits[round]?.succeed();
			await settle();
			expect(lone.now).toMatchObject({ type: "posted" });
		}
	});

	test("is the only one under way", async () => {
		let underWay = 0;
		let underWayMax = 0;
		const { groupCommit } = over({
			async commit(batch) {
				underWay += 1;
				underWayMax = Math.max(underWayMax, underWay);
				await Bun.sleep(1);
				underWay -= 1;
				return batch.map(() => ({ type: "done" }) as const);
			},
			close: () => undefined,
		});
		const answers: Promise<Outcome>[] = [];
		for (let index = 0; index < 100; index += 1) {
			answers.push(groupCommit.submit({ type: "probe" }));
			if (index % 7 === 0) await settle();
		}
		await Promise.all(answers);
		expect(underWayMax).toBe(1);
	});

	test("is at most batchMax long; the rest travels in the next ones, in order", async () => {
		const { store, commits } = heldStore();
		const { groupCommit, metrics } = over(store, { batchMax: 2 });
		for (const name of ["a", "b", "c", "d", "e"]) groupCommit.submit(debit(name));
		for (let index = 0; index < 3; index += 1) {
			await settle();
			await commits[index]?.succeed();
		}
		await groupCommit.idle();
		expect(commits.map(({ batch }) => names(batch))).toEqual([["a", "b"], ["c", "d"], ["e"]]);
		expect(metrics.batchSize.snapshot().sum).toBe(5);
		expect(metrics.batchSize.snapshot().counts.slice(0, 2)).toEqual([1, 2]);
	});

	test("of one is one transaction per request", async () => {
		const { store, commits } = heldStore();
		const { groupCommit } = over(store, { batchMax: 1 });
		for (const name of ["a", "b"]) groupCommit.submit(debit(name));
		await settle();
		expect(commits).toHaveLength(1);
		await commits[0]?.succeed();
		await settle();
		expect(commits.map(({ batch }) => names(batch))).toEqual([["a"], ["b"]]);
	});
});

describe("an answer", () => {
	test("waits for the commit that holds it, and for no other", async () => {
		const { store, commits } = heldStore();
		const { groupCommit } = over(store);
		const first = watch(groupCommit.submit(debit("a")));
		await settle();
		const second = watch(groupCommit.submit(debit("b")));
		await settle();
		expect([first.now, second.now]).toEqual(["waiting", "waiting"]);
		await commits[0]?.succeed();
		await settle();
		expect(first.now).toEqual({ type: "posted", balance: -1, limit: 1_000_000 });
		expect(second.now).toBe("waiting");
		await commits[1]?.succeed();
		await settle();
		expect(second.now).toEqual({ type: "posted", balance: -2, limit: 1_000_000 });
	});

	test("is the command's own: refusals, unknown accounts and statements stay at their places", async () => {
		const { groupCommit } = over(new ArrayStore(newBooks([{ id: 1, limit: 1, balance: 0 }]), () => 5));
		const outcomes = await Promise.all(
			[
				debit("a"),
				debit("b"),
				{ type: "statement", accountId: 9 } as const,
				{ type: "statement", accountId: 1 } as const,
				{ type: "probe" } as const,
			].map((command) => groupCommit.submit(command)),
		);
		expect(outcomes).toEqual([
			{ type: "posted", balance: -1, limit: 1 },
			{ type: "refused", reason: "limit" },
			{ type: "unknown-account" },
			{
				type: "statement",
				balance: -1,
				limit: 1,
				issuedAt: 5,
				entries: [{ kind: "debit", amount: 1, description: "a", postedAt: 5 }],
			},
			{ type: "done" },
		]);
	});

	property("comes in the order of the submissions, thousands at a time, and none is lost", async (random) => {
		const count = 5000;
		const books = newBooks([{ id: 1, limit: count, balance: 0 }]);
		const inner = new ArrayStore(books);
		const sizes: number[] = [];
		const { groupCommit } = over(
			{
				async commit(batch) {
					sizes.push(batch.length);
					if (random.chance(0.5)) await Bun.sleep(random.below(2));
					return inner.commit(batch);
				},
				close: () => undefined,
			},
			{ batchMax: 400 },
		);
		const order: number[] = [];
		const balances: number[] = [];
		const answers: Promise<void>[] = [];
		for (let index = 0; index < count; index += 1) {
			answers.push(
				groupCommit.submit(debit(String(index))).then((outcome) => {
					order.push(index);
					if (outcome.type === "posted") balances.push(outcome.balance);
				}),
			);
			if (random.chance(0.005)) await Bun.sleep(random.below(3));
			else if (random.chance(0.01)) await Promise.resolve();
		}
		await Promise.all(answers);
		const ascending = Array.from({ length: count }, (_, index) => index);
		expect(order).toEqual(ascending);
		expect(balances).toEqual(ascending.map((index) => -1 - index));
		expect(books.entries.map(({ description }) => Number(description))).toEqual(ascending);
		expect(sizes.reduce((sum, size) => sum + size)).toBe(count);
		expect(Math.max(...sizes)).toBeGreaterThan(1);
		expect(Math.max(...sizes)).toBeLessThanOrEqual(400);
	});
});

describe("a batch of which nothing was applied", () => {
	test("is refused as a whole, alone, and the next one is committed", async () => {
		const { store, commits } = heldStore();
		const { groupCommit, failures } = over(store);
		const refused = ["a", "b"].map((name) => watch(groupCommit.submit(debit(name))));
		await settle();
		const waiting = watch(groupCommit.submit(debit("c")));
		const reason = new NothingApplied("the disk is full");
		commits[0]?.fail(reason);
		await settle();
		expect(refused.map(({ now }) => now)).toEqual([reason, reason]);
		expect(waiting.now).toBe("waiting");
		await commits[1]?.succeed();
		await settle();
		expect(names(commits[1]?.batch)).toEqual(["c"]);
		expect(waiting.now).toEqual({ type: "posted", balance: -1, limit: 1_000_000 });
		expect(failures).toEqual([]);

		const later = groupCommit.submit(debit("d"));
		await settle();
		await commits[2]?.succeed();
		expect(await later).toEqual({ type: "posted", balance: -2, limit: 1_000_000 });
	});

	test("leaves the group commit idle when nobody waits", async () => {
		const { store, commits } = heldStore();
		const { groupCommit } = over(store);
		const refused = watch(groupCommit.submit(debit("a")));
		await settle();
		commits[0]?.fail(new NothingApplied("busy"));
		await groupCommit.idle();
		expect(refused.now).toBeInstanceOf(NothingApplied);
	});
});

describe("a batch of unknown outcome", () => {
	test("is told so; who waits behind it was certainly not applied, and so is everyone later", async () => {
		const { store, commits } = heldStore();
		const { groupCommit, failures } = over(store);
		const doubtful = ["a", "b"].map((name) => watch(groupCommit.submit(debit(name))));
		await settle();
		const waiting = watch(groupCommit.submit(debit("c")));
		const reason = new OutcomeUnknown("fdatasync: EIO");
		commits[0]?.fail(reason);
		await settle();
		expect(doubtful.map(({ now }) => now)).toEqual([reason, reason]);
		expect(waiting.now).toBeInstanceOf(NothingApplied);
		expect(failures).toEqual([reason]);

		const later = watch(groupCommit.submit(debit("d")));
		await settle();
		expect(later.now).toBeInstanceOf(NothingApplied);
		expect((later.now as Error).message).toContain("fdatasync: EIO");
		expect(later.now).not.toBeInstanceOf(OutcomeUnknown);
		// The store is never asked again, and the failure is told once.
		expect(commits).toHaveLength(1);
		expect(failures).toHaveLength(1);
		await groupCommit.idle();
	});

	const strange: [string, unknown][] = [
		["an error of another kind", new TypeError("undefined is not a function")],
		["a text", "out of cheese"],
		["nothing", undefined],
		["null", null],
	];
	test.each(strange)("is also one whose store throws %s", async (_, thrown) => {
		const { store, commits } = heldStore();
		const { groupCommit, failures } = over(store);
		const answer = watch(groupCommit.submit(debit("a")));
		await settle();
		commits[0]?.fail(thrown);
		await settle();
		expect(answer.now).toBeInstanceOf(OutcomeUnknown);
		expect((answer.now as Error).cause).toBe(thrown);
		expect(failures).toEqual([answer.now as OutcomeUnknown]);
	});

	test("is also one whose store throws before it returns a promise", async () => {
		const { groupCommit, failures } = over({
			commit() {
				throw new RangeError("too long");
			},
			close: () => undefined,
		});
		const answer = watch(groupCommit.submit(debit("a")));
		await settle();
		expect(answer.now).toBeInstanceOf(OutcomeUnknown);
		expect(failures).toHaveLength(1);
	});

	const miscounted: [string, number][] = [
		["no outcome at all", 0],
		["one outcome too few", 2],
		["one outcome too many", 4],
	];
	test.each(miscounted)("is also one whose store returns %s", async (_, count) => {
		const { groupCommit, failures } = over({
			commit: async () => new Array<Outcome>(count).fill({ type: "posted", balance: 0, limit: 0 }),
			close: () => undefined,
		});
		const answers = ["a", "b", "c"].map((name) => watch(groupCommit.submit(debit(name))));
		await settle();
		// Nobody can say whose outcomes those are that came.
		for (const answer of answers) expect(answer.now).toBeInstanceOf(OutcomeUnknown);
		expect(failures).toHaveLength(1);
	});
});

describe("a request over the bound", () => {
	test("is refused at once as overloaded, and those that wait are not disturbed", async () => {
		const { store, commits } = heldStore();
		const { groupCommit, failures } = over(store, { waitingMax: 2 });
		const first = watch(groupCommit.submit(debit("a")));
		await settle();
		const waiting = ["b", "c"].map((name) => watch(groupCommit.submit(debit(name))));
		const refused = ["d", "e"].map((name) => watch(groupCommit.submit(debit(name))));
		await Promise.resolve();
		for (const { now } of refused) {
			expect(now).toBeInstanceOf(Overloaded);
			// So that whoever knows only the store's failures treats it rightly.
			expect(now).toBeInstanceOf(NothingApplied);
			expect((now as Error).message).toContain("2");
		}
		expect(groupCommit.waiting).toBe(2);

		await commits[0]?.succeed();
		await settle();
		await commits[1]?.succeed();
		await settle();
		expect(names(commits[1]?.batch)).toEqual(["b", "c"]);
		expect([first, ...waiting].map(({ now }) => (now as Outcome).type)).toEqual([
			"posted",
			"posted",
			"posted",
		]);
		expect(failures).toEqual([]);
	});

	test("is taken again once there is room", async () => {
		const { store, commits } = heldStore();
		const { groupCommit } = over(store, { waitingMax: 1 });
		groupCommit.submit(debit("a"));
		await settle();
		groupCommit.submit(debit("b"));
		await expect(groupCommit.submit(debit("c"))).rejects.toBeInstanceOf(Overloaded);
		await commits[0]?.succeed();
		await settle();
		const taken = watch(groupCommit.submit(debit("d")));
		await commits[1]?.succeed();
		await settle();
		await commits[2]?.succeed();
		await settle();
		expect(taken.now).toEqual({ type: "posted", balance: -3, limit: 1_000_000 });
	});
});

describe("idle", () => {
	test("resolves at once when nothing was ever submitted", async () => {
		const { groupCommit } = over(heldStore().store);
		await groupCommit.idle();
	});

	test("waits for the batch under way and for those that came behind it", async () => {
		const { store, commits } = heldStore();
		const { groupCommit } = over(store);
		let idle = false;
		const first = groupCommit.submit(debit("a"));
		groupCommit.idle().then(() => {
			idle = true;
		});
		await settle();
		const second = groupCommit.submit(debit("b"));
		await commits[0]?.succeed();
		await first;
		await settle();
		expect(idle).toBe(false);
		await commits[1]?.succeed();
		await second;
		await settle();
		expect(idle).toBe(true);
		expect(groupCommit.waiting).toBe(0);
	});

	test("can be had again and again", async () => {
		const { groupCommit } = over(new ArrayStore(newBooks([{ id: 1, limit: 10, balance: 0 }])));
		for (const name of ["a", "b", "c"]) {
			const answer = groupCommit.submit(debit(name));
			await groupCommit.idle();
			expect((await answer).type).toBe("posted");
		}
	});
});

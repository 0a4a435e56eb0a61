/**
 * What is asked: the mix, exact and even; operations as a pure function of seed and number; their tags; and
 * their bytes, against requests that are put together here in the plainest way.
 */
import { describe, expect, test } from "bun:test";
import { Requests } from "../src/requests.ts";
import { type MixPlan, Scenario, type WireEntry } from "../src/scenario.ts";
import { operationsMax, Tags } from "../src/tags.ts";
import { parseTarget } from "../src/target.ts";
import { below, randomOf } from "./made-up-history.ts";

const seed = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const target = parseTarget("http://127.0.0.1:8080/api");
const plan: MixPlan = {
	seed,
	mix: { debit: 22, credit: 11, statement: 1 },
	accountIds: [1, 2, 3, 4, 5],
	amountMin: 1,
	amountMax: 10_000,
};

function scenarioOf(changes: Partial<MixPlan> = {}): Scenario {
	return new Scenario({ ...plan, ...changes }, target);
}

function numbers(count: number, from = 0): number[] {
	return Array.from({ length: count }, (_, index) => from + index);
}

function countsOf<T>(values: readonly T[]): Map<T, number> {
	const counts = new Map<T, number>();
	for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
	return counts;
}

/** As a share of what evenly filled cells have. */
function chiSquare(counts: Iterable<number>, cells: number, total: number): number {
	const expected = total / cells;
	return [...counts].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

describe("the mix", () => {
	test("is 22 debits, 11 credits and a statement in any 34 that follow each other", () => {
		const scenario = scenarioOf();
		for (const from of [0, 1, 17, 33, 1000, 2_000_000_000]) {
			const kinds = countsOf(numbers(34, from).map((number) => scenario.operation(number).kind));
			expect(Object.fromEntries(kinds)).toEqual({ debit: 22, credit: 11, statement: 1 });
		}
	});

	test("is spread: no two credits follow each other, and never more than three debits", () => {
		const scenario = scenarioOf();
		const letters = numbers(34 * 3).map((number) => scenario.operation(number).kind.charAt(0));
		expect(letters.join("")).not.toMatch(/cc|ss|dddd/);
	});

	test.each([
		[{ debit: 1, credit: 1, statement: 0 }],
		[{ debit: 3, credit: 0, statement: 7 }],
		[{ debit: 0, credit: 0, statement: 1 }],
	])("holds its weights: %p", (mix) => {
		const scenario = scenarioOf({ mix });
		const total = mix.debit + mix.credit + mix.statement;
		const kinds = countsOf(numbers(10 * total, 5).map((number) => scenario.operation(number).kind));
		for (const [kind, weight] of Object.entries(mix)) expect(kinds.get(kind as never) ?? 0).toBe(10 * weight);
	});
});

describe(`an operation (SEED=${seed})`, () => {
	test("follows from seed and number alone, whatever was asked before", () => {
		const [forwards, backwards] = [scenarioOf(), scenarioOf()];
		const asked = numbers(500);
		const expected = asked.map((number) => forwards.operation(number));
		const found = asked.toReversed().map((number) => backwards.operation(number));
		expect(found.toReversed()).toEqual(expected);
	});

	test("is another one with another seed", () => {
		const [one, other] = [scenarioOf(), scenarioOf({ seed: seed ^ 1 })];
		const same = numbers(1000).filter(
			(number) => one.operation(number).amount === other.operation(number).amount,
		);
		expect(same.length).toBeLessThan(100);
	});

	test("is evenly drawn, in accounts and amounts and both together", () => {
		const scenario = scenarioOf();
		const entries = numbers(40_000)
			.map((number) => scenario.operation(number))
			.filter(({ kind }) => kind !== "statement");
		const cells = countsOf(
			entries.map(({ accountId, amount }) => `${accountId} ${Math.floor((amount - 1) / 1000)}`),
		);
		expect(cells.size).toBe(50);
		// 49 degrees of freedom: about 49 ± 10; beyond 130 once in a hundred million seeds.
		expect(chiSquare(cells.values(), 50, entries.length)).toBeLessThan(130);
		// Negative control: half of one account's are left out.
		const halved = entries.filter(({ accountId }, index) => accountId !== 1 || index % 2 === 0);
		const skewedCells = countsOf(
			halved.map(({ accountId, amount }) => `${accountId} ${Math.floor((amount - 1) / 1000)}`),
		);
		expect(chiSquare(skewedCells.values(), 50, halved.length)).toBeGreaterThan(130);
	});

	test("keeps to the range of amounts, and reaches both of its ends", () => {
		const scenario = scenarioOf({ amountMin: 7, amountMax: 9 });
		const amounts = countsOf(
			numbers(3000)
				.map((number) => scenario.operation(number))
				.filter(({ kind }) => kind !== "statement")
				.map(({ amount }) => amount),
		);
		expect([...amounts.keys()].sort()).toEqual([7, 8, 9]);
	});
});

describe("tags", () => {
	const tags = new Tags();

	test("are ten characters, unique, and give their number back", () => {
		const random = randomOf(seed);
		const some = new Set([0, 1, 35, 36, operationsMax - 1]);
		for (let count = 0; count < 5000; count += 1) some.add(below(random, operationsMax));
		const made = [...some].map((number) => tags.tag(number));
		expect(new Set(made).size).toBe(some.size);
		for (const [index, number] of [...some].entries()) {
			expect(made[index]).toMatch(/^[0-9a-zA-Z]{10}$/);
			expect(tags.numberOf(made[index] as string)).toBe(number);
		}
	});

	test("of other runs, and what isn't quite a tag, are not ours", () => {
		const others = Array.from({ length: 50 }, () => new Tags()).filter(
			({ prefix }) => prefix !== tags.prefix,
		);
		expect(others.length).toBeGreaterThan(45);
		const own = tags.tag(123);
		const lookalikes = [
			...others.map((other) => other.tag(123)),
			...["", tags.prefix, `${own} `, `${own}0`, own.slice(0, 9), ` ${own.slice(1)}`, own.toUpperCase()],
			...["/", ":", "A", "Z", "`", "{", "-", " ", "é", "\u0661", "\u0000"].map(
				(last) => own.slice(0, 9) + last,
			),
		].filter((text) => text !== own);
		for (const text of lookalikes) expect([text, tags.numberOf(text)]).toEqual([text, undefined]);
	});
});

describe("an entry in a statement", () => {
	const scenario = scenarioOf();
	const number = numbers(34).find((candidate) => scenario.operation(candidate).kind === "debit") as number;
	const { accountId, amount } = scenario.operation(number);
	const right: WireEntry = {
		valor: amount,
		tipo: "d",
		descricao: scenario.tags.tag(number),
		realizada_em: "2024-01-17T02:34:41Z",
	};
	const statementNumber = numbers(34).find(
		(candidate) => scenario.operation(candidate).kind === "statement",
	) as number;

	test("is its operation's when all is as it was sent", () => {
		expect(scenario.tokenOf(right, accountId, number + 1)).toBe(number);
	});

	test.each([
		["another kind", { tipo: "c" }, accountId, "was sent as d"],
		["another amount", { valor: amount + 1 }, accountId, "was sent as d"],
		["another account", {}, accountId + 1, "was sent to account"],
		["another run's tag", { descricao: new Tags().tag(number) }, accountId, "was not sent by this run"],
		[
			"the number of a statement",
			{ descricao: scenario.tags.tag(statementNumber) },
			accountId,
			"of a statement",
		],
		["a number to come", { descricao: scenario.tags.tag(99) }, accountId, "was never sent"],
	])("is nobody's with %s", (_, changes, shownBy, reason) => {
		expect(scenario.tokenOf({ ...right, ...changes }, shownBy, 50)).toContain(reason);
	});
});

/** A request in the plainest way, without templates. */
function plainRequest(scenario: Scenario, number: number): string {
	const { kind, accountId, amount } = scenario.operation(number);
	const path = `/api/clientes/${accountId}`;
	if (kind === "statement") return `GET ${path}/extrato HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n`;
	const descricao = scenario.tags.tag(number);
	const body = JSON.stringify({ valor: amount, tipo: kind === "debit" ? "d" : "c", descricao });
	return [
		`POST ${path}/transacoes HTTP/1.1`,
		"Host: 127.0.0.1:8080",
		"Content-Type: application/json",
		`Content-Length: ${body.length}`,
		"",
		body,
	].join("\r\n");
}

describe(`requests (SEED=${seed})`, () => {
	test.each([
		["the official amounts", {}],
		["amounts of every length", { amountMin: 1, amountMax: 2 ** 31 - 1 }],
		["the largest amount", { amountMin: 2 ** 31 - 1, amountMax: 2 ** 31 - 1 }],
		["accounts of every length", { accountIds: [1, 22, 333, 4444, 2 ** 31 - 1], amountMax: 99 }],
	])("are those that JSON.stringify makes: %s", (_, changes: Partial<MixPlan>) => {
		const random = randomOf(seed);
		const scenario = scenarioOf(changes);
		for (let count = 0; count < 5000; count += 1) {
			const number = count < 2500 ? count : below(random, operationsMax);
			expect(scenario.request(number).toString("latin1")).toBe(plainRequest(scenario, number));
		}
	});

	test("overwrite all of a template: from each length of amount to each other, and back", () => {
		const requests = new Requests(target, ["User-Agent: x"]);
		const tags = new Tags();
		const amounts = numbers(10).flatMap((length) => [
			10 ** length,
			Math.min(10 ** (length + 1) - 1, 2 ** 31 - 1),
		]);
		for (const first of amounts)
			for (const [index, amount] of [first, ...amounts].entries()) {
				const operation = { number: index * 7919, kind: "credit", accountId: 3, amount } as const;
				const expected = requests.entry(operation, tags.tag(operation.number)).toString();
				expect(requests.taggedEntry(operation, tags).toString()).toBe(expected);
			}
	});
});

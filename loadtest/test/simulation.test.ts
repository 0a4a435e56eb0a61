/**
 * The official simulation as data, and its validations against a right target: counts, times and fines to the
 * cent. The four minutes themselves are somebody else's.
 */
import { describe, expect, test } from "bun:test";
import { type Account, Checks } from "../src/checks.ts";
import { History } from "../src/history.ts";
import { Judge } from "../src/judge.ts";
import { Metrics } from "../src/metrics.ts";
import { readOptions } from "../src/options.ts";
import {
	OfficialLoad,
	officialLimits,
	SimulationSource,
	validationRequests,
	verdictUsd,
} from "../src/simulation-script.ts";
import { Script } from "../src/simulation-validations.ts";
import { parseTarget } from "../src/target.ts";
import { isAboutBalance, named, Validations } from "../src/validations.ts";
import { below, randomOf } from "./made-up-history.ts";
import { startPlain } from "./servers/plain.ts";

const seed = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const shapes = [
	...[0.001, 0.01, 0.05, 0.3, 1 / 3, 1, 1.1, 10].map((timeScale) => ({ timeScale, multiply: 1 })),
	...[2, 3, 7].map((multiply) => ({ timeScale: 1, multiply })),
	{ timeScale: 0.05, multiply: 3 },
];

function kindsOf(load: OfficialLoad): Record<string, number> {
	const counts: Record<string, number> = {};
	for (let k = 0; k < load.count; k += 1) counts[load.kind(k)] = (counts[load.kind(k)] ?? 0) + 1;
	return counts;
}

describe(`the load (SEED=${seed})`, () => {
	test("and the validations are 61,503 requests", () => {
		expect(new OfficialLoad(1, 1).count + validationRequests).toBe(61_503);
		expect(validationRequests).toBe(52 + 70 + 1);
	});

	test.each(shapes)(
		"has 39,660 debits, 19,860 credits and 1,860 statements: %p",
		({ timeScale, multiply }) => {
			const expected = { debit: 39_660 * multiply, credit: 19_860 * multiply, statement: 1_860 * multiply };
			expect(kindsOf(new OfficialLoad(timeScale, multiply))).toEqual(expected);
		},
	);

	test.each(shapes)("is due in order, within its time, and counted as due: %p", ({ timeScale, multiply }) => {
		const random = randomOf(seed);
		const load = new OfficialLoad(timeScale, multiply);
		let before = 0;
		let disorder = 0;
		for (let k = 0; k < load.count; k += 1) {
			const time = load.timeOf(k);
			if (!(time >= before)) disorder += 1;
			before = time;
		}
		expect(disorder).toBe(0);
		expect(before).toBeLessThanOrEqual(240_000 * timeScale * (1 + 1e-12));
		expect(load.timeOf(load.count)).toBe(Number.POSITIVE_INFINITY);
		expect(load.dueBefore(Number.POSITIVE_INFINITY)).toBe(load.count);
		expect(load.dueBefore(0)).toBe(0);
		for (let times = 0; times < 500; times += 1) {
			const k = below(random, load.count);
			const due = load.dueBefore(load.timeOf(k));
			expect(due).toBeLessThanOrEqual(k);
			expect(load.timeOf(due)).toBe(load.timeOf(k));
			if (due > 0) expect(load.timeOf(due - 1)).toBeLessThan(load.timeOf(k));
		}
	});

	test("begins after half a second, when the accounts' users have done", () => {
		expect(new OfficialLoad(1, 1).dueBefore(500)).toBe(0);
	});

	test("has half of each kind's rate in the middle of the ramp, and all of it after", () => {
		const load = new OfficialLoad(1, 1);
		expect(load.dueBefore(61_000) - load.dueBefore(60_000)).toBeWithin(168, 176);
		expect(load.dueBefore(201_000) - load.dueBefore(200_000)).toBeWithin(338, 343);
	});

	test("draws accounts and amounts evenly, tags its entries, and keeps its kinds", () => {
		const load = new OfficialLoad(1, 1);
		const source = new SimulationSource(load, seed, parseTarget("http://127.0.0.1"));
		const accounts = new Map<number, number>();
		for (let k = 0; k < 10_000; k += 1) {
			const { kind, accountId, amount } = source.operation(source.firstLoadNumber + k);
			expect(kind).toBe(load.kind(k));
			if (kind === "statement") expect(amount).toBe(0);
			else expect(amount).toBeWithin(1, 10_001);
			accounts.set(accountId, (accounts.get(accountId) ?? 0) + 1);
		}
		expect([...accounts.keys()].sort()).toEqual([1, 2, 3, 4, 5]);
		for (const count of accounts.values()) expect(count).toBeWithin(1700, 2300);
		const request = source.request(source.firstLoadNumber).toString();
		expect(request).toContain("\r\nUser-Agent: Agente do Caos - 2024/Q1\r\n");
	});
});

describe("the verdict", () => {
	test.each([
		[1, 0, 0, 0, 100_000],
		[0.98, 0, 0, 0, 100_000],
		[0.97, 0, 1_000, 0, 99_000],
		[0.9799, 0, 10, 0, 99_990],
		[0.979999, 0, 0.1, 0, 99_999.9],
		[0, 0, 98_000, 0, 2_000],
		[1, 1, 0, 803.01, 99_196.99],
		[1, 3, 0, 2_409.03, 97_590.97],
		[0.5, 100, 48_000, 80_301, -28_301],
	])("with %p in time and %p inconsistent balances", (share, balances, latency, consistency, usd) => {
		expect(verdictUsd(share, balances)).toEqual({
			...{ fineLatencyUsd: latency, fineConsistencyUsd: consistency, verdictUsd: usd },
		});
	});
});

describe("validations", () => {
	test("know every name that is given to them, count, and keep the first failure", () => {
		const validations = new Validations();
		for (const name of isAboutBalance) expect(validations.add(name, undefined)).toBe(true);
		expect(validations.add(named.danada, "status 500")).toBe(false);
		validations.add(named.danada, "status 502");
		validations.add(named.danada, undefined);
		const row = validations.rows().find(({ name }) => name === named.danada);
		expect(row).toEqual({ name: named.danada, passed: 1, failed: 2, firstFailure: "status 500" });
		expect(() => validations.add("something else", undefined)).toThrow("something else");
	});

	const expected = new Map([
		[named.together("debit"), 25],
		[named.totalAfter("debit"), 1],
		[named.together("credit"), 25],
		[named.totalAfter("credit"), 1],
		...[named.fresh, named.toma, named.devolve, named.order, named.danada].map((name) => [name, 5] as const),
		...[named.shown, named.agreed].map((name) => [name, 20] as const),
		[named.missing, 1],
	]);

	test("hold for a right target, each as often as the script asks, in 123 requests", async () => {
		const { rows, requests, violations, isLoadLast } = await play(0);
		expect(requests).toBe(validationRequests);
		expect(rows.filter(({ failed }) => failed > 0)).toEqual([]);
		for (const { name, passed } of rows) {
			const isLoads = [...Object.values(named.status), ...Object.values(named.limit)].includes(name as never);
			expect([name, passed]).toEqual([name, expected.get(name) ?? (isLoads ? 0 : 5)]);
		}
		expect(violations).toBe(0);
		expect(isLoadLast).toBe(true);
	});

	test("fail for a target that isn't fresh (negative control)", async () => {
		const { rows } = await play(1);
		const failed = rows.filter((row) => row.failed > 0).map(({ name }) => name);
		expect(failed).toContain(named.totalAfter("debit"));
		expect(failed).toContain(named.fresh);
	});
});

/** The validations against a right target, on which somebody has made so many credits before. */
async function play(creditsBefore: number) {
	const server = await startPlain();
	const history = new History(() => Number.POSITIVE_INFINITY);
	try {
		for (let times = 0; times < creditsBefore; times += 1)
			await fetch(`${server.url}/clientes/1/transacoes`, {
				method: "POST",
				body: '{"valor":1,"tipo":"c","descricao":"before"}',
			});
		const options = readOptions(["rinha", server.url, "--time-scale", "0.05"]);
		if (!("command" in options) || options.command !== "rinha") throw new Error("these are rinha's options");
		const source = new SimulationSource(new OfficialLoad(0.05, 1), 1, options.target);
		const accounts = Array.from(
			officialLimits,
			([accountId, limit]): Account => ({ accountId, limit, balance: 0, entries: [] }),
		);
		const judge = new Judge(source, new Checks(source, accounts), history, new Metrics(true));
		const script = new Script(options, source, judge, () => false);
		let requestsBeforeLoad = 0;
		await script.run(async () => {
			requestsBeforeLoad = script.requests;
		});
		return {
			rows: script.validations.rows(),
			requests: script.requests,
			violations: judge.violationsTotal,
			isLoadLast: requestsBeforeLoad === script.requests,
		};
	} finally {
		history.close();
		await server.stop();
	}
}

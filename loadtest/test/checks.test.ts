/** How single answers are judged: a table of answers with what each is called, and entries from before the run. */
import { describe, expect, test } from "bun:test";
import { type Account, Checks } from "../src/checks.ts";
import type { Kind, Operation, Outcome } from "../src/operation.ts";
import { Scenario, type WireEntry } from "../src/scenario.ts";
import { OfficialLoad, SimulationSource } from "../src/simulation-script.ts";
import { Tags } from "../src/tags.ts";
import { parseTarget } from "../src/target.ts";

const target = parseTarget("http://127.0.0.1");
const mix = { debit: 1, credit: 1, statement: 1 };
const scenario = new Scenario({ seed: 1, mix, accountIds: [1], amountMin: 1, amountMax: 1000 }, target);
const limit = 1000;
const realizada_em = "2024-01-17T02:34:41.217753Z";
const fresh: Account = { accountId: 1, limit, balance: 0, entries: [] };

function first(kind: Kind): Operation {
	return [0, 1, 2].map((number) => scenario.operation(number)).find((one) => one.kind === kind) as Operation;
}

function entryOf({ number, kind, amount }: Operation, changes: Partial<WireEntry> = {}): WireEntry {
	const tipo = kind === "debit" ? "d" : "c";
	return { valor: amount, tipo, descricao: scenario.tags.tag(number), realizada_em, ...changes };
}

function statementOf(total: unknown, ultimas_transacoes: unknown, saldo: object = {}): string {
	return JSON.stringify({
		saldo: { total, data_extrato: realizada_em, limite: limit, ...saldo },
		ultimas_transacoes,
	});
}

function check(checks: Checks, operation: Operation, status: number, body: string, sent = 3): Outcome {
	// The body stands somewhere in the bytes that came.
	const bodyBytes = Buffer.from(`head${body}tail`);
	return checks.check(operation, { status, bodyBytes, bodyStart: 4, bodyEnd: bodyBytes.length - 4 }, sent);
}

const [debit, credit] = [entryOf(first("debit")), entryOf(first("credit"))];
const well = '{"limite":1000,"saldo":-1000}';
const tooLow = '{"limite":1000,"saldo":-1001}';
const foreign = entryOf(first("debit"), { descricao: new Tags().tag(0) });
const lookalike = entryOf(first("debit"), { descricao: scenario.tags.tag(first("statement").number) });
const eleven = Array.from({ length: 11 }, () => debit);

/** Kind, status, body; outcome, violation, whether it counts as a success. */
type Row = readonly [Kind, number, string, Outcome, string | undefined, boolean];

const entries: readonly Row[] = [
	["debit", 200, well, "posted", undefined, true],
	["credit", 200, well, "posted", undefined, true],
	["debit", 422, "", "refused", undefined, true],
	["debit", 422, "anything", "refused", undefined, true],
	["credit", 422, "", "unknown", "wrong-status", false],
	["debit", 404, "", "unknown", "wrong-status", false],
	["debit", 201, well, "unknown", "wrong-status", false],
	["credit", 302, "", "unknown", "wrong-status", false],
	["credit", 400, "", "unknown", "wrong-status", false],
	...[408, 429, 500, 502, 503, 504, 599].map(
		(status) => ["debit", status, well, "unknown", undefined, false] as Row,
	),
	["debit", 200, tooLow, "posted", "limit-passed", false],
	["credit", 200, tooLow, "posted", "limit-passed", false],
	["debit", 200, '{"limite":999,"saldo":0}', "posted", "wrong-limit", false],
	["debit", 200, "", "unknown", "malformed-answer", false],
	["debit", 200, "{}", "unknown", "malformed-answer", false],
	["debit", 200, '{"limite":1000,"saldo":1.5}', "unknown", "malformed-answer", false],
	["debit", 200, '{"limite":1000,"saldo":"1"}', "unknown", "malformed-answer", false],
	["debit", 200, '{"limit":1000,"balance":0}', "unknown", "malformed-answer", false],
];

const statements: readonly Row[] = [
	["statement", 200, statementOf(0, []), "shown", undefined, true],
	["statement", 200, statementOf(-1000, [debit, credit]), "shown", undefined, true],
	["statement", 200, statementOf(0, eleven.slice(1)), "shown", undefined, true],
	["statement", 200, statementOf(-1001, []), "shown", "limit-passed", false],
	["statement", 200, statementOf(0, [], { limite: 1001 }), "shown", "wrong-limit", false],
	["statement", 200, statementOf(0, eleven), "nothing", "malformed-statement", false],
	["statement", 200, statementOf(0.5, []), "nothing", "malformed-statement", false],
	["statement", 200, statementOf("0", []), "nothing", "malformed-statement", false],
	["statement", 200, statementOf(0, {}), "nothing", "malformed-statement", false],
	["statement", 200, statementOf(0, undefined), "nothing", "malformed-statement", false],
	["statement", 200, statementOf(0, [], { limite: null }), "nothing", "malformed-statement", false],
	[
		"statement",
		200,
		statementOf(0, [], { data_extrato: "yesterday" }),
		"nothing",
		"malformed-statement",
		false,
	],
	[
		"statement",
		200,
		statementOf(0, [], { data_extrato: 1705458881 }),
		"nothing",
		"malformed-statement",
		false,
	],
	["statement", 200, '{"saldo":0,"ultimas_transacoes":[]}', "nothing", "malformed-statement", false],
	["statement", 200, "[]", "nothing", "malformed-statement", false],
	["statement", 200, "null", "nothing", "malformed-statement", false],
	["statement", 200, "<html>", "nothing", "malformed-statement", false],
	...[
		{ valor: 0 },
		{ valor: -1 },
		{ valor: 1.5 },
		{ tipo: "x" },
		{ tipo: "C" },
		{ descricao: null as never },
		{ realizada_em: "soon" },
		{ realizada_em: undefined as never },
	].map(
		(changes): Row => [
			"statement",
			200,
			statementOf(0, [credit, { ...debit, ...changes }]),
			"nothing",
			"malformed-statement",
			false,
		],
	),
	["statement", 200, statementOf(0, [debit, null]), "nothing", "malformed-statement", false],
	["statement", 200, statementOf(0, [foreign]), "nothing", "foreign-entry", false],
	["statement", 200, statementOf(0, [lookalike]), "nothing", "foreign-entry", false],
	[
		"statement",
		200,
		statementOf(0, [{ ...debit, valor: debit.valor + 1 }]),
		"nothing",
		"foreign-entry",
		false,
	],
	["statement", 200, statementOf(0, [{ ...debit, tipo: "c" }]), "nothing", "foreign-entry", false],
	[
		"statement",
		200,
		statementOf(0, [{ ...debit, descricao: scenario.tags.tag(3) }]),
		"nothing",
		"foreign-entry",
		false,
	],
	["statement", 404, "", "nothing", "wrong-status", false],
	["statement", 422, "", "nothing", "wrong-status", false],
	["statement", 503, "", "nothing", undefined, false],
	["statement", 429, "", "nothing", undefined, false],
];

describe("an answer", () => {
	test.each([...entries, ...statements])("to a %s with %p %s is %s, and violates %p", (...row) => {
		const [kind, status, body, outcome, violation, isSuccess] = row;
		const checks = new Checks(scenario, [fresh]);
		expect(check(checks, first(kind), status, body)).toBe(outcome);
		expect(checks.violation?.name).toBe(violation as string);
		expect(checks.isSuccess).toBe(isSuccess);
	});

	test("gives the history its balance, and its entries in their order", () => {
		const checks = new Checks(scenario, [fresh]);
		check(checks, first("debit"), 200, well);
		expect([checks.balance, checks.entries]).toEqual([-1000, []]);
		check(checks, first("statement"), 200, statementOf(5, [credit, debit]));
		expect([checks.balance, [...checks.entries]]).toEqual([
			5,
			[first("credit").number, first("debit").number],
		]);
	});

	test("leaves nothing behind for the next one", () => {
		const checks = new Checks(scenario, [fresh]);
		check(checks, first("statement"), 200, statementOf(-1001, [debit]));
		check(checks, first("debit"), 503, "");
		expect([checks.balance, [...checks.entries], checks.violation]).toEqual([0, [], undefined]);
	});

	test("is called by what was wrong with it first", () => {
		const checks = new Checks(scenario, [fresh]);
		check(checks, first("debit"), 200, '{"limite":5,"saldo":-2000}');
		expect(checks.violation?.name).toBe("wrong-limit");
	});
});

describe("entries from before the run", () => {
	const old: WireEntry = { valor: 5, tipo: "c", descricao: "old", realizada_em };
	const older: WireEntry = { ...old, descricao: "older" };
	const account: Account = { ...fresh, entries: [old, older, old] };

	test("have tokens below zero, the same for those that look the same", () => {
		const checks = new Checks(scenario, [account]);
		const tokens = checks.earlierTokens(account);
		expect(tokens.every((token) => token < 0)).toBe(true);
		expect(tokens[0]).toBe(tokens[2] as number);
		expect(tokens[1]).not.toBe(tokens[0] as number);
		check(checks, first("statement"), 200, statementOf(0, [debit, old, older, old]));
		expect([...checks.entries]).toEqual([first("debit").number, ...tokens]);
	});

	test.each([
		["at another time", { realizada_em: "2024-01-17T02:34:42Z" }],
		["of another amount", { valor: 6 }],
		["of the other kind", { tipo: "d" }],
	])("are not those %s", (_, changes) => {
		const checks = new Checks(scenario, [account]);
		check(checks, first("statement"), 200, statementOf(0, [{ ...old, ...changes }]));
		expect(checks.violation?.name).toBe("foreign-entry");
	});

	test("are another account's in another account", () => {
		const other: Account = { ...fresh, accountId: 2 };
		const checks = new Checks(scenario, [account, other]);
		check(checks, { number: 2, kind: "statement", accountId: 2, amount: 0 }, 200, statementOf(0, [old]));
		expect(checks.violation?.name).toBe("foreign-entry");
	});
});

describe("the simulation's own entries", () => {
	const source = new SimulationSource(new OfficialLoad(0.001, 1), 1, target);
	const left: WireEntry = { valor: 1, tipo: "c", descricao: "toma", realizada_em };
	const step = source.add({ kind: "credit", accountId: 1, description: "toma" });
	const statement: Operation = { number: 1, kind: "statement", accountId: 1, amount: 0 };

	test("can be told from the same ones of an earlier simulation", () => {
		const account: Account = { ...fresh, entries: [left] };
		const checks = new Checks(source, [account]);
		const own = { ...left, realizada_em: "2024-02-01T00:00:00Z" };
		check(checks, statement, 200, statementOf(2, [own, left]));
		expect([...checks.entries]).toEqual([source.token(step), ...checks.earlierTokens(account)]);
	});

	test.each([0, 96, 97, source.firstLoadNumber - 1])("have no tags: %p is nobody's", (number) => {
		const tag = source.request(firstTagged()).toString().slice(-12, -2).slice(0, 4);
		const descricao = tag + number.toString(36).padStart(6, "0");
		const checks = new Checks(source, [fresh]);
		check(checks, statement, 200, statementOf(1, [{ ...left, descricao }]), 1000);
		expect(checks.violation?.name).toBe("foreign-entry");
		expect(source.numberOf(descricao)).toBeUndefined();
	});

	function firstTagged(): number {
		let number = source.firstLoadNumber;
		while (source.operation(number).kind === "statement") number += 1;
		return number;
	}
});

/**
 * The sender against targets that answer when they are told to: every operation once and in order, the window,
 * lateness to the letter of its definition, and an end in every case.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { Scenario } from "../src/scenario.ts";
import { type Arrivals, Sender, type SendPlan } from "../src/sender.ts";
import { parseTarget, type Target } from "../src/target.ts";
import { Notebook, numberedSource, type RawRequest, type RawTarget, startRaw, until } from "./raw-target.ts";
import { lawfulModes, rudeModes, startHostile } from "./servers/hostile.ts";

const started: { stop(): void }[] = [];
afterEach(() => {
	for (const server of started.splice(0)) server.stop();
});

function raw(onRequest?: (request: RawRequest) => void, port?: number): RawTarget {
	const server = startRaw(onRequest, port);
	started.push(server);
	return server;
}

function numbers(count: number): number[] {
	return Array.from({ length: count }, (_, index) => index);
}

/** Due at these times. */
function arrivalsAt(...timesMs: readonly number[]): Arrivals {
	return {
		timeOf: (k) => timesMs[k] ?? Number.POSITIVE_INFINITY,
		dueBefore: (ms) => timesMs.filter((time) => time < ms).length,
	};
}

function senderOf(target: Target, changes: Partial<SendPlan>, notebook = new Notebook()) {
	const plan: SendPlan = {
		...{ target, source: numberedSource, firstNumber: 0, window: 4, isPerRequest: false, timeoutMs: 5000 },
		...{ arrivals: undefined, operationsMax: Number.POSITIVE_INFINITY, durationMs: Number.POSITIVE_INFINITY },
		...changes,
	};
	return { sender: new Sender(plan, notebook), notebook };
}

describe("the closed model", () => {
	test("sends each operation once and in order, on as many connections as the window, and no more", async () => {
		const server = raw((request) => setImmediate(() => request.answer()));
		const { sender, notebook } = senderOf(server.target, { operationsMax: 500, firstNumber: 70 });
		await sender.run();
		expect(notebook.sent.map(({ number }) => number)).toEqual(numbers(500).map((index) => index + 70));
		expect(notebook.sent.every(({ latenessMs }) => latenessMs === 0)).toBe(true);
		expect(notebook.byNumber().map(({ number }) => number)).toEqual(numbers(500).map((index) => index + 70));
		expect(
			notebook.ended.every(({ failure, dueAtMs, sentAtMs }) => failure === undefined && dueAtMs === sentAtMs),
		).toBe(true);
		expect([server.connections, server.inFlightMax]).toEqual([4, 4]);
	});

	test("makes a connection for each request, if it is asked to", async () => {
		const server = raw();
		const { sender, notebook } = senderOf(server.target, { operationsMax: 50, isPerRequest: true });
		await sender.run();
		expect([server.connections, notebook.ended.length]).toEqual([50, 50]);
		await until(() => server.openConnections === 0);
	});

	test("connects anew when the target closes after an answer", async () => {
		const server = raw((request) => request.answer("Connection: close\r\n"));
		const { sender, notebook } = senderOf(server.target, { operationsMax: 20, window: 2 });
		await sender.run();
		expect(notebook.ended.filter(({ failure }) => failure !== undefined)).toEqual([]);
		expect(server.connections).toBe(20);
	});

	test("sends nothing when nothing is asked", async () => {
		const server = raw();
		for (const arrivals of [undefined, arrivalsAt(0, 1), arrivalsAt()]) {
			const { sender, notebook } = senderOf(server.target, { operationsMax: 0, arrivals });
			await sender.run();
			expect(notebook.sent).toEqual([]);
		}
	});

	test("follows a window that grows and shrinks", async () => {
		const waiting: RawRequest[] = [];
		const server = raw((request) => waiting.push(request));
		const { sender, notebook } = senderOf(server.target, { operationsMax: 12, window: 1 });
		const end = sender.run();
		await until(() => waiting.length === 1);
		sender.setWindow(5);
		await until(() => waiting.length === 5);
		sender.setWindow(2);
		for (const request of waiting.splice(0)) request.answer();
		await until(() => waiting.length === 2);
		expect(sender.inFlight).toBe(2);
		while (notebook.ended.length < 12) {
			for (const request of waiting.splice(0)) request.answer();
			await until(() => waiting.length > 0 || notebook.ended.length === 12);
		}
		await end;
		expect(server.inFlightMax).toBe(5);
	});
});

describe("the open model", () => {
	test("sends each arrival, in order, never before it is due, due exactly as scheduled", async () => {
		const server = raw();
		const times = numbers(200)
			.map((k) => (k < 10 ? 0 : k / 2 + (k % 3)) + (k > 100 ? 7.25 : 0))
			.sort((a, b) => a - b);
		const { sender, notebook } = senderOf(server.target, { arrivals: arrivalsAt(...times), window: 50 });
		await sender.run();
		expect(notebook.sent.map(({ number }) => number)).toEqual(numbers(200));
		const ended = notebook.byNumber();
		const startMs = ended[0]?.dueAtMs ?? 0;
		for (const [k, { dueAtMs, sentAtMs, endedAtMs }] of ended.entries()) {
			expect(dueAtMs - startMs).toBeCloseTo(times[k] as number, 6);
			expect(sentAtMs).toBeGreaterThanOrEqual(dueAtMs);
			expect(endedAtMs).toBeGreaterThanOrEqual(sentAtMs);
		}
		expect(sender.dueCount(performance.now())).toBe(200);
	});

	test("never has more in flight than the window, whatever is due, and counts from when it was due", async () => {
		const server = raw((request) => setTimeout(() => request.answer(), 1));
		const times = numbers(60).map(() => 0);
		const { sender, notebook } = senderOf(server.target, { arrivals: arrivalsAt(...times), window: 3 });
		await sender.run();
		expect([server.inFlightMax, server.connections, notebook.ended.length]).toEqual([3, 3, 60]);
		const [first, ...rest] = notebook.byNumber();
		for (const { dueAtMs } of rest) expect(dueAtMs).toBeCloseTo(first?.dueAtMs as number, 6);
	});

	test("blames the generator for what it did itself: the time in which a free connection waited for it", async () => {
		const server = raw();
		const notebook = new Notebook();
		const times = [0, 1, 1];
		const { sender } = senderOf(server.target, { arrivals: arrivalsAt(...times), window: 10 }, notebook);
		notebook.onSending = (number) => {
			const untilMs = performance.now() + 30;
			while (number === 0 && performance.now() < untilMs);
		};
		await sender.run();
		const ended = notebook.byNumber();
		for (const k of [1, 2]) {
			const { dueAtMs, sentAtMs } = ended[k] as (typeof ended)[number];
			expect(notebook.sent[k]?.latenessMs).toBe(sentAtMs - dueAtMs);
			expect(sentAtMs - dueAtMs).toBeGreaterThan(25);
		}
	});

	test("blames the target for the time in which no connection was free", async () => {
		const server = raw((request) => setTimeout(() => request.answer(), 20));
		const { sender, notebook } = senderOf(server.target, { arrivals: arrivalsAt(0, 0, 0), window: 1 });
		await sender.run();
		const ended = notebook.byNumber();
		for (const k of [1, 2]) {
			const { sentAtMs, dueAtMs } = ended[k] as (typeof ended)[number];
			expect(sentAtMs - dueAtMs).toBeGreaterThan(15);
			expect(notebook.sent[k]?.latenessMs).toBe(sentAtMs - (ended[k - 1]?.endedAtMs as number));
		}
	});

	test("blames nobody for the time before a larger window", async () => {
		const server = raw(() => undefined);
		const plan = { arrivals: arrivalsAt(0, 0), window: 1, timeoutMs: 200 };
		const { sender, notebook } = senderOf(server.target, plan);
		const end = sender.run();
		await Bun.sleep(40);
		const setAtMs = performance.now();
		sender.setWindow(2);
		await end;
		const second = notebook.byNumber()[1];
		expect(notebook.sent[1]?.latenessMs).toBeLessThanOrEqual((second?.sentAtMs as number) - setAtMs);
		expect((second?.sentAtMs as number) - (second?.dueAtMs as number)).toBeGreaterThan(35);
	});

	test("uses the connection that has been free for longest, and a faster schedule is due at once", async () => {
		const waiting = new Map<number, RawRequest>();
		const server = raw((request) => waiting.set(request.number, request));
		const hours = 3_600_000;
		const arrivals = arrivalsAt(0, 0, 0, hours, hours, hours);
		const { sender, notebook } = senderOf(server.target, { arrivals, window: 3 });
		const end = sender.run();
		await until(() => waiting.size === 3);
		const freed: (number | undefined)[] = [];
		for (const number of [2, 0, 1]) {
			const answered = notebook.ended.length;
			freed.push(waiting.get(number)?.connection);
			waiting.get(number)?.answer();
			await until(() => notebook.ended.length > answered);
		}
		sender.multiplyRate(hours * 1000);
		await until(() => waiting.size === 6);
		expect([3, 4, 5].map((number) => waiting.get(number)?.connection)).toEqual(freed);
		for (const number of [3, 4, 5]) waiting.get(number)?.answer();
		await end;
		expect(server.connections).toBe(3);
	});

	test("stands still in a pause, and goes on where it was", async () => {
		const server = raw();
		const { sender, notebook } = senderOf(server.target, { arrivals: arrivalsAt(0, 30), durationMs: 10_000 });
		const end = sender.run();
		sender.pause(true);
		const elapsedMs = sender.elapsedMs(performance.now());
		await Bun.sleep(60);
		expect(sender.isPaused).toBe(true);
		expect(notebook.sent.length).toBe(1);
		expect(sender.elapsedMs(performance.now())).toBe(elapsedMs);
		expect(sender.dueCount(performance.now())).toBe(1);
		const resumedAtMs = performance.now();
		sender.pause(false);
		await end;
		const [, second] = notebook.byNumber();
		expect(second?.dueAtMs).toBeGreaterThan(resumedAtMs + 20);
		expect(sender.elapsedMs(performance.now())).toBeLessThan(performance.now() - resumedAtMs + 30);
	});

	test("counts what was due until it was stopped, not what would have been due while it waited for answers", async () => {
		const server = raw(() => undefined);
		const times = numbers(10_000);
		const { sender, notebook } = senderOf(server.target, {
			arrivals: arrivalsAt(...times),
			window: 1,
			timeoutMs: 100,
		});
		const end = sender.run();
		await Bun.sleep(20);
		sender.stop();
		const due = sender.dueCount(performance.now());
		expect(due).toBeGreaterThan(10);
		await end;
		expect(sender.dueCount(performance.now())).toBe(due);
		expect(notebook.ended.length).toBe(1);
	});

	test("asks for nothing after its duration, and counts what it couldn't send until then", async () => {
		const server = raw((request) => setTimeout(() => request.answer(), 80));
		const { sender, notebook } = senderOf(server.target, {
			arrivals: arrivalsAt(...numbers(1000)),
			window: 2,
			durationMs: 50,
		});
		await sender.run();
		expect(notebook.ended.length).toBe(2);
		expect(notebook.ended.every(({ failure }) => failure === undefined)).toBe(true);
		expect(sender.dueCount(performance.now())).toBeWithin(50, 52);
	});
});

describe("a run ends, with every request counted", () => {
	const models: [string, Partial<SendPlan>][] = [
		["closed", { operationsMax: 8 }],
		["open", { arrivals: arrivalsAt(0, 0, 0, 1, 2, 3, 3, 4), operationsMax: 8 }],
		["per request", { operationsMax: 8, isPerRequest: true }],
	];
	const mix = { debit: 2, credit: 1, statement: 1 };
	const cases = [...lawfulModes, ...rudeModes].flatMap((mode) =>
		models.map((model) => [mode, ...model] as const),
	);

	test.each(cases)("with a target that %s, %s", async (mode, _, plan) => {
		const server = startHostile(mode, { gapMs: 0 });
		started.push(server);
		const target = parseTarget(server.url);
		const source = new Scenario({ seed: 1, mix, accountIds: [1, 2], amountMin: 1, amountMax: 9 }, target);
		const { sender, notebook } = senderOf(target, { source, timeoutMs: 150, ...plan });
		await sender.run();
		const { length } = notebook.ended;
		expect(notebook.byNumber().map(({ number }) => number)).toEqual(numbers(8));
		expect(sender.inFlight).toBe(0);
		expect(sender.earliestInvocation()).toBe(Number.POSITIVE_INFINITY);
		await Bun.sleep(20);
		expect(notebook.ended.length).toBe(length);
	});

	test("with nobody there", async () => {
		const server = raw();
		server.stop();
		const { sender, notebook } = senderOf(server.target, { operationsMax: 30 });
		await sender.run();
		expect(notebook.byNumber().map(({ number }) => number)).toEqual(numbers(30));
		expect(notebook.ended.every(({ failure, isSent }) => failure === "connect" && !isSent)).toBe(true);
	});

	test("with nobody there, who isn't asked again without a pause", async () => {
		const server = raw();
		server.stop();
		const { sender, notebook } = senderOf(server.target, { durationMs: 200 });
		await sender.run();
		expect(notebook.ended.length).toBe(notebook.sent.length);
		// Twenty times by each of four; without a pause it is some six thousand times.
		expect(notebook.ended.length).toBeWithin(4, 400);
	});

	test.each([false, true])("stopped before it begins (open: %p)", async (isOpen) => {
		const server = raw();
		const { sender, notebook } = senderOf(server.target, isOpen ? { arrivals: arrivalsAt(0, 1) } : {});
		sender.stop();
		await sender.run();
		expect([notebook.sent.length, server.connections]).toEqual([0, 0]);
		expect(sender.elapsedMs(performance.now())).toBeLessThan(5000);
		expect(sender.dueCount(performance.now())).toBe(0);
	});

	test.each([false, true])("stopped while it connects (open: %p)", async (isOpen) => {
		const server = raw();
		const { sender, notebook } = senderOf(
			server.target,
			isOpen ? { arrivals: arrivalsAt(0, 0, 0, 1e6) } : {},
		);
		const end = sender.run();
		sender.stop();
		sender.stop();
		await end;
		expect(notebook.ended.length).toBe(isOpen ? 3 : 4);
		expect(notebook.ended.every(({ failure }) => failure === undefined)).toBe(true);
	});

	test("stopped in a pause", async () => {
		const server = raw();
		const { sender, notebook } = senderOf(server.target, { arrivals: arrivalsAt(0, 1e6) });
		const end = sender.run();
		await until(() => notebook.ended.length === 1);
		sender.pause(true);
		sender.stop();
		await end;
		expect(notebook.sent.length).toBe(1);
	});

	test("when its time is over and answers are still to come", async () => {
		const server = raw((request) => setTimeout(() => request.answer(), 60));
		const { sender, notebook } = senderOf(server.target, { durationMs: 20 });
		await sender.run();
		expect(notebook.byNumber().map(({ number, failure }) => [number, failure])).toEqual(
			numbers(4).map((number) => [number, undefined]),
		);
	});

	test("when it has been paused at its end and goes on", async () => {
		const server = raw();
		const { sender, notebook } = senderOf(server.target, { durationMs: 200 });
		const end = sender.run();
		sender.pause(true);
		await Bun.sleep(250);
		expect(sender.elapsedMs(performance.now())).toBeLessThan(200);
		sender.pause(false);
		await end;
		expect(notebook.sent.length).toBe(notebook.ended.length);
	});
});

describe("a request without an answer", () => {
	test("is a timeout, and its connection isn't used again", async () => {
		const server = raw((request) => {
			if (request.number >= 2) request.answer();
		});
		const { sender, notebook } = senderOf(server.target, { operationsMax: 4, window: 2, timeoutMs: 100 });
		await sender.run();
		const ended = notebook.byNumber();
		expect(ended.map(({ failure }) => failure)).toEqual(["timeout", "timeout", undefined, undefined]);
		expect(ended.every(({ isSent }) => isSent)).toBe(true);
		for (const { endedAtMs, sentAtMs } of ended.slice(0, 2))
			expect(endedAtMs - sentAtMs).toBeGreaterThanOrEqual(100);
		const used = new Map(server.requests.map(({ number, connection }) => [number, connection]));
		expect(new Set([used.get(0), used.get(1), used.get(2), used.get(3)]).size).toBe(4);
	});

	test("that was still connecting at its timeout is never seen by the target", async () => {
		const server = raw(() => undefined);
		const { sender, notebook } = senderOf(server.target, { operationsMax: 12, window: 12, timeoutMs: 2 });
		const end = sender.run();
		// Timeout and connection come in one turn of the event loop, in an order that isn't ours.
		const untilMs = performance.now() + 20;
		while (performance.now() < untilMs);
		await end;
		await Bun.sleep(20);
		const seen = new Set(server.requests.map(({ number }) => number));
		for (const { number, failure, isSent } of notebook.ended) {
			expect(failure).toBe("timeout");
			if (!isSent) expect(seen.has(number)).toBe(false);
		}
		expect(notebook.ended.length).toBe(12);
	});
});

test("a target that dies in the middle and comes back is found again", async () => {
	const server = raw();
	const notebook = new Notebook();
	const { sender } = senderOf(server.target, { window: 3 }, notebook);
	const answered = () => notebook.ended.filter(({ failure }) => failure === undefined).length;
	const end = sender.run();
	await until(() => answered() > 20);
	server.stop();
	await until(() => notebook.ended.filter(({ failure }) => failure === "connect").length > 5);
	const before = answered();
	const again = raw(undefined, server.port);
	await until(() => answered() > before + 20);
	sender.stop();
	await end;
	expect(again.connections).toBeLessThanOrEqual(3);
	expect(notebook.byNumber().map(({ number }) => number)).toEqual(numbers(notebook.sent.length));
	const kinds = new Set(notebook.ended.map(({ failure }) => failure));
	expect(kinds.isSubsetOf(new Set([undefined, "reset", "connect"]))).toBe(true);
});

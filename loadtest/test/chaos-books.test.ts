/**
 * Chaos and the books: a ledger that is killed under load and right all the same is not blamed, however much the
 * kills leave in doubt, and one that applies entries again when it comes back is.
 */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Result } from "../src/result.ts";
import { type Ended, resultOf, runJudge, startJudge } from "./running-judge.ts";
import { startBroken } from "./servers/broken.ts";
import { Supervised, untilStopped } from "./supervised.ts";

setDefaultTimeout(120_000);

const folder = mkdtempSync(join(tmpdir(), "crebito-chaos-books-"));
const started: Supervised[] = [];
afterAll(async () => {
	await Promise.all(started.map((victim) => victim.stop()));
	rmSync(folder, { recursive: true, force: true });
});

interface Ledger {
	readonly url: string;
	readonly databasePath: string;
	readonly process: Supervised;
}

const programs = {
	plain: fileURLToPath(import.meta.resolve("./servers/plain.ts")),
	replaying: fileURLToPath(import.meta.resolve("./servers/replaying.ts")),
};

async function startLedger(name: keyof typeof programs): Promise<Ledger> {
	const port = freePort();
	const databasePath = join(folder, `${started.length}.db`);
	const ledger = new Supervised({
		pidFile: join(folder, `${started.length}.pid`),
		command: [process.execPath, programs[name], "--port", String(port), "--db", databasePath],
		servesWhen: "listening on",
	});
	started.push(ledger);
	await ledger.serves();
	return { url: `http://127.0.0.1:${port}`, databasePath, process: ledger };
}

/** Below those that the system gives to whoever connects: it has to be free again after each kill. */
function freePort(): number {
	for (;;) {
		const port = 12_000 + Math.floor(Math.random() * 18_000);
		try {
			Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } }).stop(true);
			return port;
		} catch {
			// Somebody has it.
		}
	}
}

function killed({ url, databasePath, process }: Ledger): Promise<Ended> {
	return runJudge([
		...["load", url, "-c", "8", "-d", "2500ms", "--reset", "--db", databasePath, "-o", "json", "--quiet"],
		...["--chaos", "kill every 700ms", "--victim", process.pidFile],
	]);
}

/** Once at least; on a busy machine it may not be there yet when it is to be killed again. */
function isKilledAndBack(chaos: Result["chaos"]): boolean {
	const events = chaos?.events ?? [];
	const isAbsent = events.filter(({ error }) => error === "it wasn't there").length;
	const isBack = events.filter(({ backMs }) => backMs !== null).length;
	return isBack > 0 && isBack + isAbsent === events.length;
}

describe("a ledger that is killed again and again", () => {
	test("is not blamed if it keeps what it has acknowledged", async () => {
		const { consistency, chaos, errors } = resultOf(await killed(await startLedger("plain")));
		expect(isKilledAndBack(chaos)).toBe(true);
		expect(errors.some(({ kind }) => kind === "reset")).toBe(true);
		expect([consistency.verdict, consistency.violations]).toEqual(["consistent", []]);
		expect(consistency.audit.map(({ source, verdict }) => `${source} ${verdict}`)).toContain(
			"database passed",
		);
	});

	test("is caught if it applies entries again when it comes back", async () => {
		const ended = await killed(await startLedger("replaying"));
		const { consistency, chaos } = resultOf(ended);
		expect(isKilledAndBack(chaos)).toBe(true);
		expect([consistency.verdict, ended.code]).toEqual(["inconsistent", 4]);
		expect(consistency.violations.map(({ name }) => name)).toContain("applied-twice");
	});

	test("is not caught for its recovery if nobody kills it", async () => {
		const { url, databasePath } = await startLedger("replaying");
		const ended = await runJudge([
			...["load", url, "-c", "8", "-d", "1s", "--reset", "--db", databasePath, "-o", "json", "--quiet"],
		]);
		expect(resultOf(ended).consistency.verdict).toBe("consistent");
	});
});

test("thousands of requests in doubt don't make a right ledger inconsistent", async () => {
	const server = startBroken({ fault: "none", unknownShare: 0.4, delayMs: 1 });
	try {
		const { consistency } = resultOf(
			await runJudge(["load", server.url, "-n", "8000", "-c", "32", "-o", "json", "--quiet"]),
		);
		const inDoubt = consistency.accounts.reduce((sum, { unknownOutcomes }) => sum + unknownOutcomes, 0);
		expect(inDoubt).toBeGreaterThan(2000);
		expect([consistency.violations, consistency.verdict === "inconsistent"]).toEqual([[], false]);
	} finally {
		await server.stop();
	}
});

test("whoever interrupts a pause doesn't wait for it, nor do the requests that it holds up", async () => {
	const ledger = await startLedger("plain");
	const judge = await startJudge([
		...["load", ledger.url, "-c", "4", "-d", "1m", "--timeout", "25s", "--reset", "-o", "json", "--quiet"],
		...["--chaos", "pause 50s at 300ms", "--victim", ledger.process.pidFile],
	]);
	await untilStopped(ledger.process.pid);
	await Bun.sleep(300);
	judge.kill("SIGINT");
	const ended = await judge.ended;
	const { chaos, errors, consistency } = resultOf(ended);
	expect([ended.code, errors, consistency.verdict]).toEqual([130, [], "consistent"]);
	expect(chaos?.events[0]?.lastedMs).toBeLessThan(25_000);
});

/**
 * A request that comes twice is applied once, by real processes: two on one file, killed, stopped and restarted,
 * each request tried at the one and tried again at the other, as a balancer does it; or repeated by a client, under
 * a key of its own. Each way is also shown to apply requests twice when the ledger is told not to look.
 */
import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { verifyLedger } from "../src/store/sqlite-tools.ts";
import { databases } from "./databases.ts";
import { removeDurableFolders } from "./durable-folder.ts";
import { killLivingProcesses } from "./process.ts";
import { Random, seed } from "./random.ts";
import { dropConnections, type RawAnswer } from "./raw-http.ts";
import { endPostgres } from "./store/postgres-server.ts";
import { firstTry, headersOf, Pair, post, secondTry, type Try, told } from "./tries.ts";

// Most take a second; a crowded machine may take many.
setDefaultTimeout(60_000);

console.log(`SEED=${seed} repeats the random choices, though not the machine's timing`);

afterEach(async () => {
	dropConnections();
	await killLivingProcesses();
	removeDurableFolders();
});

afterAll(endPostgres);

const on = { BEHIND_BALANCER: "on" };
const off = { BEHIND_BALANCER: "off" };

/** A request that may be tried: each has an amount of its own, by which it is found in the books. */
interface Sent {
	readonly first: Try;
	readonly amount: number;
}

/** Undefined when it got no answer: the process is gone, or was before it was asked. */
function attempt(socket: string, { amount }: Sent, by: Try): Promise<RawAnswer | undefined> {
	return post(socket, amount, headersOf(by)).catch(() => undefined);
}

async function sortedChanges(pair: Pair): Promise<number[]> {
	return (await pair.changes()).toSorted((one, other) => one - other);
}

describe.each(databases.map((database) => [database.name, database] as const))("on %s,", (_, database) => {
	describe("a request tried at one process and again at the other", () => {
		async function triedTwice(environment: Record<string, string>) {
			const pair = await Pair.start(environment, database);
			const { sockets } = pair;
			const first = firstTry();
			const answers = [
				await post(sockets[0], 300, headersOf(first)),
				await post(sockets[0], 5),
				await post(sockets[1], 300, headersOf(secondTry(first))),
			];
			return { answers: answers.map(told), entries: await pair.changes() };
		}

		test("is one entry, and its answer the first one again", async () => {
			expect(await triedTwice(on)).toEqual({
				answers: [
					[200, 300],
					[200, 305],
					[200, 300],
				],
				entries: [300, 5],
			});
		});

		test("is two entries where the balancer's headers are not believed (control)", async () => {
			const { answers, entries } = await triedTwice(off);
			expect(answers.at(-1)).toEqual([200, 605]);
			expect(entries).toEqual([300, 5, 300]);
		});
	});

	describe("kill -9 of the process that was asked first, and the same requests to the other", () => {
		const requestsAtOnce = 8;

		interface Campaign {
			readonly pair: Pair;
			readonly random: Random;
			/** Of all requests so far, ascending. */
			readonly amounts: number[];
			/** Of those that were applied when the first process was killed, and not answered. */
			readonly doubtful: number[];
			/** Of those that were answered twice, and not alike. */
			readonly different: number[];
		}

		async function campaign(environment: Record<string, string>): Promise<Campaign> {
			const pair = await Pair.start(environment, database);
			return { pair, random: new Random(seed), amounts: [], doubtful: [], different: [] };
		}

		async function killAndRepeat({ pair, random, amounts, doubtful, different }: Campaign): Promise<void> {
			const victim = random.below(2);
			const [asked, other] = [pair.sockets[victim], pair.sockets[1 - victim]] as [string, string];
			const requests = Array.from({ length: requestsAtOnce }, () => {
				amounts.push(amounts.length + 1);
				return { first: firstTry(), amount: amounts.length };
			});
			const underWay = requests.map((request) => attempt(asked, request, request.first));
			if (random.chance(0.3)) await Promise.race(underWay);
			else for (let turns = random.between(1, 60); turns > 0; turns -= 1) await new Promise(setImmediate);
			await pair.ledger(victim).kill();
			const answers = await Promise.all(underWay);
			const posted = new Set(await pair.changes());
			for (const [index, request] of requests.entries()) {
				const first = answers[index];
				const again = await attempt(other, request, secondTry(request.first));
				expect(again?.status).toBe(200);
				if (first === undefined && posted.has(request.amount)) doubtful.push(request.amount);
				if (first !== undefined && first.body !== again?.body) different.push(request.amount);
			}
			await pair.start(victim);
		}

		test("at random moments, 50 times and more, is one entry each", async () => {
			const run = await campaign(on);
			const { pair, amounts, doubtful, different } = run;
			let rounds = 0;
			// What was applied and not answered is what it is about: so until there was some of it.
			for (; rounds < 50 || (doubtful.length < 10 && rounds < 200); rounds += 1) await killAndRepeat(run);
			expect(doubtful.length).toBeGreaterThanOrEqual(10);
			expect(different).toEqual([]);
			expect(await sortedChanges(pair)).toEqual(amounts);
			if (database.name === "SQLite")
				expect(verifyLedger(pair.databasePath)).toMatchObject({ entries: amounts.length, findings: [] });
			console.log(
				`kill -9: ${JSON.stringify({ rounds, requests: amounts.length, doubtful: doubtful.length })}`,
			);
		});

		test("is two entries for each such one where the balancer's headers are not believed (control)", async () => {
			const run = await campaign(off);
			const { pair, amounts, doubtful } = run;
			for (let rounds = 0; rounds < 200 && doubtful.length === 0; rounds += 1) await killAndRepeat(run);
			const posted = await sortedChanges(pair);
			expect([...new Set(posted)]).toEqual(amounts);
			const twice = posted.filter((amount, index) => posted[index + 1] === amount);
			expect(twice).toEqual(expect.arrayContaining(doubtful));
			expect(doubtful).not.toEqual([]);
		});
	});

	describe("a process that is stopped with a request in its socket, and wakes after the other has answered it", () => {
		/** How the two were answered, in that order, and what came to be posted. */
		async function sleeper(environment: Record<string, string>, first: Try, sleepMs: number) {
			const pair = await Pair.start({ ...environment, WATCHDOG_MS: "0" }, database);
			const [asleep, awake] = pair.sockets;
			pair.ledger(0).signal("SIGSTOP");
			const late = post(asleep, 300, headersOf(first));
			await Bun.sleep(sleepMs);
			const repeated = told(await post(awake, 300, headersOf(secondTry(first))));
			await post(awake, 5);
			pair.ledger(0).signal("SIGCONT");
			return { repeated, late: told(await late), entries: await pair.changes() };
		}

		test("answers as the other did, and posts nothing", async () => {
			expect(await sleeper(on, firstTry(), 100)).toEqual({
				repeated: [200, 300],
				late: [200, 300],
				entries: [300, 5],
			});
		});

		test("posts it again where the balancer's headers are not believed (control)", async () => {
			expect(await sleeper(off, firstTry(), 100)).toEqual({
				repeated: [200, 300],
				late: [200, 605],
				entries: [300, 5, 300],
			});
		});

		test("posts nothing either, when it has slept for so long that nobody may any more", async () => {
			expect(await sleeper(on, firstTry(9.5), 700)).toEqual({
				repeated: [503, "resultado-desconhecido"],
				late: [503, "indisponivel"],
				entries: [5],
			});
		});
	});

	describe("processes that are stopped and continued at random moments", () => {
		const patienceMs = 30;
		const clients = 4;

		/** As a balancer: to one, and when it takes too long, to the other too. All answers that came, in the end. */
		async function balanced(pair: Pair, random: Random, sent: Sent): Promise<(RawAnswer | undefined)[]> {
			const turn = random.below(2);
			const [one, other] = [pair.sockets[turn], pair.sockets[1 - turn]] as [string, string];
			const first = attempt(one, sent, sent.first);
			if (await Promise.race([first.then(() => true), Bun.sleep(patienceMs).then(() => false)]))
				return [await first];
			return Promise.all([first, attempt(other, sent, secondTry(sent.first))]);
		}

		async function disturbed(environment: Record<string, string>, seconds: number) {
			const random = new Random(seed);
			const pair = await Pair.start({ ...environment, WATCHDOG_MS: "0" }, database);
			const amounts: number[] = [];
			const [repeated, different]: [number[], number[]] = [[], []];
			const deadline = performance.now() + seconds * 1000;
			const client = async (): Promise<void> => {
				while (performance.now() < deadline) {
					amounts.push(amounts.length + 1);
					const amount = amounts.length;
					const answers = await balanced(pair, random, { first: firstTry(), amount });
					for (const answer of answers) expect(answer?.status).toBe(200);
					if (answers.length === 2) repeated.push(amount);
					if (answers.length === 2 && answers[0]?.body !== answers[1]?.body) different.push(amount);
				}
			};
			const running = Promise.all(Array.from({ length: clients }, client));
			while (performance.now() < deadline) {
				const ledger = random.pick(pair.ledgers);
				ledger.signal("SIGSTOP");
				await Bun.sleep(random.between(patienceMs, 4 * patienceMs));
				ledger.signal("SIGCONT");
				await Bun.sleep(random.between(0, patienceMs));
			}
			await running;
			return { pair, amounts, repeated, different };
		}

		test("post each request once, and both tries get one answer", async () => {
			const { pair, amounts, repeated, different } = await disturbed(on, 2);
			expect(different).toEqual([]);
			expect(repeated.length).toBeGreaterThan(10);
			expect(await sortedChanges(pair)).toEqual(amounts);
			console.log(`stopped: ${JSON.stringify({ requests: amounts.length, repeated: repeated.length })}`);
		});

		test("post some twice where the balancer's headers are not believed (control)", async () => {
			const { pair, amounts } = await disturbed(off, 1);
			expect((await sortedChanges(pair)).length).toBeGreaterThan(amounts.length);
		});
	});

	describe("a client's Idempotency-Key", () => {
		const key = (name: string) => ({ "Idempotency-Key": `"${name}"` });

		test.each([
			["behind a balancer", on, () => headersOf(firstTry())],
			["asked directly", off, () => ({})],
		])("gives the first answer again, over processes and restarts (%s)", async (_, environment, headers) => {
			const pair = await Pair.start(environment, database);
			const ask = async (index: number, change: number, name?: string) =>
				told(
					await post(pair.sockets[index] as string, change, {
						...headers(),
						...(name === undefined ? {} : key(name)),
					}),
				);
			expect(await ask(0, -100_000, "debit")).toEqual([200, -100_000]);
			expect(await ask(0, -1, "refused")).toEqual([422, "limite-excedido"]);
			expect(await ask(1, 500)).toEqual([200, -99_500]);
			const again = async (index: number) => {
				expect(await ask(index, -100_000, "debit")).toEqual([200, -100_000]);
				expect(await ask(index, -1, "refused")).toEqual([422, "limite-excedido"]);
				expect(await ask(index, -2, "refused")).toEqual([422, "chave-reutilizada"]);
				expect(await ask(index, 100_000, "debit")).toEqual([422, "chave-reutilizada"]);
			};
			for (const index of [0, 1]) await again(index);
			for (const index of [0, 1]) {
				await (index === 0 ? pair.ledger(index).kill() : pair.ledger(index).stop());
				await pair.start(index);
				await again(index);
			}
			expect(await pair.changes()).toEqual([-100_000, 500]);
			// Its key is what made it one request.
			expect(await ask(0, -1)).toEqual([200, -99_501]);
		});

		/** As if all that was answered until then had been so many hours ago. */
		async function age(pair: Pair, hours: number): Promise<void> {
			const micros = Math.round(hours * 3600 * 1_000_000);
			await pair.column(`UPDATE answers SET answered_at = answered_at - ${micros}`);
		}

		async function sendKeys(socket: string, names: readonly string[]): Promise<(number | string)[]> {
			const balances: (number | string)[] = [];
			for (const name of names) balances.push(told(await post(socket, 1, key(name)))[1]);
			return balances;
		}

		test.each([
			[23.9, "is kept", 60, 1],
			[24.1, "is forgotten as others come, so the table does not grow for ever", 20, 61],
		])("of %d hours ago %s", async (hours, _, kept, balance) => {
			const pair = await Pair.start({}, database);
			const { sockets } = pair;
			const old = Array.from({ length: 40 }, (_, index) => `old-${index}`);
			const recent = Array.from({ length: 20 }, (_, index) => `recent-${index}`);
			expect((await sendKeys(sockets[0], old)).at(-1)).toBe(40);
			await age(pair, hours);
			expect((await sendKeys(sockets[1], recent)).at(-1)).toBe(60);
			expect((await pair.column("SELECT count(*) FROM answers")).map(Number)).toEqual([kept]);
			expect(await sendKeys(sockets[0], ["old-0", "recent-0"])).toEqual([balance, 41]);
		});
	});
});

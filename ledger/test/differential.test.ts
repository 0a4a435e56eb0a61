/**
 * The same random commands to every store and to the models: none may answer otherwise than the rest.
 *
 * 20,000 commands by default; `DIFFERENTIAL_COMMANDS=1000000 npm test -- differential` for a long run.
 */
import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Attempt, Command, Outcome, Posting } from "../src/ledger.ts";
import type { Store } from "../src/store.ts";
import { removeDurableFolders } from "./durable-folder.ts";
import { property, Random } from "./random.ts";
import { ArrayPlace } from "./store/array.ts";
import { Model, randomBatch } from "./store/model.ts";
import { accounts, closeStores, withoutTimes } from "./store/place.ts";
import { PostgresPlace } from "./store/postgres.ts";
import { endPostgres } from "./store/postgres-server.ts";
import { SqlitePlace } from "./store/sqlite.ts";

afterEach(closeStores);
// The first test of PostgreSQL waits for its start.
setDefaultTimeout(60_000);
afterAll(removeDurableFolders);
afterAll(endPostgres);

const commandsMin = Number(process.env.DIFFERENTIAL_COMMANDS || 20_000);

type Series = (random: Random) => { batch(): Command[]; expected?(batch: readonly Command[]): unknown[] };

/** Anything that a client may ask, through one process after the other. */
const plain: Series = (random) => {
	const model = new Model();
	return { batch: () => randomBatch(random, true), expected: (batch) => model.commit(batch) };
};

/** A repetition is asked about while it is certainly younger than attemptMicrosMax. */
const repeatedMicrosMax = 5_000_000;

/** The same with attempts, repetitions and keys, which the models of numbers know nothing of. */
const repeated: Series = (random) => {
	let requests = 0;
	let sent: Posting[] = [];
	const attempt = (): Attempt => {
		requests += 1;
		const ages = [0, 0, 0, 3_000_000, 20_000_000];
		const startedAt = microsNow() - random.pick(ages);
		return { requestId: requests.toString(16).padStart(32, "0"), startedAt, isRepeat: random.chance(0.1) };
	};
	const named = (command: Command): Command => {
		if (command.type === "reset") return random.chance(0.5) ? { ...command, attempt: attempt() } : command;
		if (command.type !== "post") return command;
		const again = random.chance(0.2) && sent.length > 0 ? random.pick(sent) : undefined;
		if (again?.attempt !== undefined) return { ...again, attempt: { ...again.attempt, isRepeat: true } };
		return {
			...command,
			...(random.chance(0.7) && { attempt: attempt() }),
			...(random.chance(0.2) && { idempotencyKey: `key ${random.below(40)}` }),
		};
	};
	return {
		batch: () => {
			const youngest = microsNow() - repeatedMicrosMax;
			sent = sent.filter(({ attempt }) => attempt !== undefined && attempt.startedAt > youngest).slice(-50);
			const batch = randomBatch(random, true).map(named);
			sent.push(...batch.filter((command) => command.type === "post"));
			return batch;
		},
	};
};

/** Finer than the balancer's milliseconds, so that it is never before a reset that has happened. */
function microsNow(): number {
	return Number(Temporal.Now.instant().epochNanoseconds / 1000n);
}

interface Difference {
	readonly command: Command | undefined;
	readonly answers: unknown;
}

/** Runs the series through all stores, two processes of each in turn, until so many commands are through. */
async function difference(
	random: Random,
	series: Series,
	stores: Readonly<Record<string, readonly Store[]>>,
): Promise<{ readonly commands: number; readonly found: Difference | undefined }> {
	const { batch: next, expected } = series(random);
	let commands = 0;
	while (commands < commandsMin) {
		const batch = next();
		commands += batch.length;
		const turn = random.below(2);
		const answers: Record<string, readonly unknown[]> = {};
		for (const [name, processes] of Object.entries(stores)) {
			const outcomes = await (processes[turn] as Store).commit(batch);
			answers[name] = outcomes.map(withoutTimes);
		}
		if (expected !== undefined) answers.model = expected(batch);
		for (const [index, command] of batch.entries()) {
			const ofAll = Object.entries(answers).map(([name, outcomes]) => [name, outcomes[index]] as const);
			if (ofAll.some(([, outcome]) => !Bun.deepEquals(outcome, ofAll[0]?.[1], true)))
				return { commands, found: { command, answers: Object.fromEntries(ofAll) } };
		}
	}
	return { commands, found: undefined };
}

function allStores(): Record<string, readonly Store[]> {
	const places = {
		array: new ArrayPlace(accounts),
		sqlite: new SqlitePlace(accounts),
		postgres: new PostgresPlace(accounts),
	};
	return Object.fromEntries(
		Object.entries(places).map(([name, place]) => [name, [place.open(), place.open()]]),
	);
}

describe("SQLite, PostgreSQL and the models answer alike", () => {
	for (const [name, series] of Object.entries({
		"what anybody may ask": plain,
		"what is asked again": repeated,
	})) {
		property(
			name,
			async (random) => {
				const { commands, found } = await difference(random, series, allStores());
				expect(found).toBeUndefined();
				expect(commands).toBeGreaterThanOrEqual(commandsMin);
			},
			3_600_000,
		);
	}

	test("and one that differs in a cent, now and then, is found", async () => {
		const [store] = [new ArrayPlace(accounts).open()];
		const careless: Store = {
			commit: async (batch) =>
				(await store.commit(batch)).map(
					(outcome): Outcome =>
						outcome.type === "posted" && outcome.balance % 97 === 1
							? { ...outcome, balance: outcome.balance + 1 }
							: outcome,
				),
			close: () => undefined,
		};
		const { found } = await difference(new Random(1), plain, { careless: [careless, careless] });
		expect(found).toBeDefined();
	});
});

/**
 * Bun's own client gives every query its own rows. The store stands on that, and Bun 1.3 didn't keep it: under
 * pipelined queries and lost connections, one query's rows went to another. So every query here carries a number and
 * words that only its own answer can hold, while connections are killed and the server restarts.
 */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { SQL } from "bun";
import { property, Random, seed } from "../random.ts";
import { endPostgres, PostgresServer, sharedPostgres } from "./postgres-server.ts";

setDefaultTimeout(120_000);
afterAll(endPostgres);

type Row = Readonly<Record<string, unknown>>;
type Ask = (text: string, values: readonly unknown[]) => Promise<readonly Row[]>;

interface Question {
	readonly text: string;
	readonly values: readonly unknown[];
	/** The only right answer; or the only right refusal. */
	readonly answer: readonly Row[] | string;
}

interface Findings {
	answered: number;
	/** Queries whose connection was lost. */
	lost: number;
	/** Sentences; any of them is a broken client. */
	readonly wrong: string[];
}

const connections = 4;
const inFlight = 50;
const queriesPerRound = 1_000;
const rounds = 20;

/** Of every shape that a client decodes in its own way, each with a number that no other has. */
const shapes: readonly ((tag: number, random: Random) => Question)[] = [
	(tag, random) => {
		const words = wordsOf(tag, random, random.pick([0, 1, 40, 3_000, 70_000]));
		return {
			text: "SELECT $1::int AS tag, $2::text AS words",
			values: [tag, words],
			answer: [{ tag, words }],
		};
	},
	(tag, random) => {
		const count = random.between(0, 60);
		return {
			text: "SELECT $1::int AS tag, n FROM generate_series(1, $2::int) AS n",
			values: [tag, count],
			answer: Array.from({ length: count }, (_, index) => ({ tag, n: index + 1 })),
		};
	},
	(tag, random) => {
		const isOdd = random.chance(0.5);
		const real = tag + random.next();
		return {
			text: "SELECT $1::bigint AS big, $2::bool AS is_odd, $3::float8 AS real, NULL::text AS nothing",
			values: [String(2n ** 53n + BigInt(tag)), isOdd, real],
			// Bun gives an int8 as a string.
			answer: [{ big: String(2n ** 53n + BigInt(tag)), is_odd: isOdd, real, nothing: null }],
		};
	},
	(tag, random) => {
		const json = { tag, list: [random.below(9), null, { words: wordsOf(tag, random, 20) }] };
		return { text: "SELECT $1::text::jsonb AS json", values: [JSON.stringify(json)], answer: [{ json }] };
	},
	// Without arguments, and a statement that the server hasn't seen.
	(tag) => ({
		text: `SELECT ${tag} AS tag, 'of ${tag}' AS words`,
		values: [],
		answer: [{ tag, words: `of ${tag}` }],
	}),
	(tag) => ({ text: "INSERT INTO marks VALUES ($1::int)", values: [tag], answer: [] }),
	(tag) => ({ text: "INSERT INTO marks VALUES ($1::int) RETURNING tag", values: [tag], answer: [{ tag }] }),
	// One that takes longer than those behind it.
	(tag, random) => ({
		text: "SELECT $1::int AS late FROM pg_sleep($2::float8)",
		values: [tag, random.next() / 200],
		answer: [{ late: tag }],
	}),
	// Refused, and the refusal names it.
	(tag) => ({
		text: "SELECT $1::text::int AS refused",
		values: [`no. ${tag}`],
		answer: `invalid input syntax for type integer: "no. ${tag}"`,
	}),
];

property(
	`gives ${rounds * queriesPerRound} queries their own rows, whatever becomes of their connections`,
	async (random) => {
		const server = await PostgresServer.start();
		const url = await server.createDatabase();
		const sql = await open(url);
		const total: Findings = { answered: 0, lost: 0, wrong: [] };
		for (let round = 0; round < rounds; round += 1) {
			const findings: Findings = { answered: 0, lost: 0, wrong: [] };
			const { disturb, lostMax } = disturbances(server, random, round);
			await check(asker(sql), random, round * queriesPerRound, findings, disturb);
			await settle(sql);
			expect(findings.wrong).toEqual([]);
			expect(findings.lost).toBeLessThanOrEqual(lostMax);
			expect(findings.answered + findings.lost).toBe(queriesPerRound);
			total.answered += findings.answered;
			total.lost += findings.lost;
		}
		console.log(`the client: ${total.answered} queries answered, ${total.lost} lost with their connections`);
		expect(total.lost).toBeGreaterThan(0);
		expect(total.answered).toBeGreaterThan((rounds * queriesPerRound) / 2);
		await sql.close({ timeout: 0 });
		await server.stop();
	},
	120_000,
);

test("a client that gives two queries each other's rows, once, is found out", async () => {
	const sql = await open(await (await sharedPostgres()).createDatabase());
	const findings: Findings = { answered: 0, lost: 0, wrong: [] };
	await check(swapping(asker(sql), 500), new Random(seed), 0, findings);
	expect(findings.wrong).toHaveLength(2);
	expect(findings.lost).toBe(0);
	await sql.close({ timeout: 0 });
});

/** Every second round is left in peace, and then nothing may be lost; a killed connection loses what was under way. */
function disturbances(server: PostgresServer, random: Random, round: number) {
	if (round % 2 === 0) return { disturb: undefined, lostMax: 0 };
	if (round % 6 === 5) return { disturb: () => restart(server), lostMax: queriesPerRound };
	return { disturb: () => terminate(server, random), lostMax: connections * inFlight };
}

/** A round of queries, so many under way at once; `disturb` happens at some moment of it. */
async function check(
	ask: Ask,
	random: Random,
	firstTag: number,
	findings: Findings,
	disturb?: () => Promise<void>,
): Promise<void> {
	const disturbAt = firstTag + random.between(inFlight, queriesPerRound / 2);
	let tag = firstTag;
	let disturbing: Promise<void> | undefined;
	const lane = async () => {
		while (tag < firstTag + queriesPerRound) {
			const question = random.pick(shapes)(tag, random);
			if (tag === disturbAt) disturbing = disturb?.();
			tag += 1;
			if (!(await judge(ask, question, findings))) await Bun.sleep(20);
		}
	};
	await Promise.all(Array.from({ length: inFlight }, lane));
	await disturbing;
}

/** Whether it was answered: with what it asked for, else that is written down. */
async function judge(ask: Ask, { text, values, answer }: Question, findings: Findings): Promise<boolean> {
	let given: unknown;
	try {
		given = await ask(text, values);
	} catch (error) {
		if (isLoss(error)) {
			findings.lost += 1;
			return false;
		}
		given = error instanceof Error ? error.message : error;
	}
	findings.answered += 1;
	if (!Bun.deepEquals(given, answer, true))
		findings.wrong.push(`${text} with ${shown(values)}: ${shown(given)}, not ${shown(answer)}`);
	return true;
}

/** A connection that broke or couldn't be made; what PostgreSQL says of a statement is none. */
function isLoss(error: unknown): boolean {
	if (!(error instanceof SQL.PostgresError)) return (error as { code?: unknown }).code === "ECONNREFUSED";
	// Class 57P: ended by an administrator, shutting down, starting up.
	if (error.errno) return /^57P0[123]$/.test(String(error.errno));
	return /^ERR_POSTGRES_CONNECTION_(CLOSED|REFUSED|FAILED|TIMEOUT)$/.test(error.code);
}

async function open(url: string): Promise<SQL> {
	const sql = new SQL({ url, max: connections, connectionTimeout: 10 });
	await sql.unsafe("CREATE TABLE marks (tag int)").simple();
	return sql;
}

/** Plain rows: Bun's carry the command and the count too. */
function asker(sql: SQL): Ask {
	return async (text, values) => [...(await sql.unsafe(text, [...values]))].map((row: Row) => ({ ...row }));
}

/** Of the answers to `ask`, that number `at` and one that is under way with it change places. */
function swapping(ask: Ask, at: number): Ask {
	let asked = 0;
	let waiting: { rows: readonly Row[]; take(rows: readonly Row[]): void } | undefined;
	let isDone = false;
	return async (text, values) => {
		asked += 1;
		const rows = await ask(text, values);
		if (isDone || asked < at || rows.length === 0) return rows;
		if (waiting === undefined) {
			const { promise, resolve } = Promise.withResolvers<readonly Row[]>();
			waiting = { rows, take: resolve };
			return promise;
		}
		isDone = true;
		waiting.take(rows);
		return waiting.rows;
	};
}

/** One or all of the client's connections, and returns when they are gone. */
async function terminate(server: PostgresServer, random: Random): Promise<void> {
	const sql = new SQL({ url: server.url(), max: 1 });
	const limit = random.pick([1, connections]);
	await sql.unsafe(
		`SELECT pg_terminate_backend(pid, 5000) FROM (SELECT pid FROM pg_stat_activity
			WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT ${limit}) AS clients`,
	);
	await sql.close();
}

async function restart(server: PostgresServer): Promise<void> {
	await server.kill();
	await server.restart();
}

/** Until the client has noticed all that it has lost. */
async function settle(sql: SQL): Promise<void> {
	for (let answers = 0; answers < 3 * connections; ) {
		const asked = await Promise.allSettled(Array.from({ length: connections }, () => sql.unsafe("SELECT 1")));
		answers = asked.every(({ status }) => status === "fulfilled") ? answers + connections : 0;
		await Bun.sleep(10);
	}
}

function wordsOf(tag: number, random: Random, length: number): string {
	return `${tag}: ${random.pick(["a", "é", "𝄞", "'\\"])}`.padEnd(length, `${tag} `);
}

function shown(value: unknown): string {
	return (JSON.stringify(value) ?? String(value)).slice(0, 200);
}

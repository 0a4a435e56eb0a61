/**
 * Sends a case's bytes and judges what came of them: by the answers, and by what is in the books afterwards.
 */
import { Database } from "bun:sqlite";
import { type Place, RawClient } from "./raw-client.ts";
import type { Case, Times } from "./smuggling-cases.ts";

export type Target = "nginx" | "direct";

/** What was seen of one case. */
export interface Exchange {
	readonly statuses: readonly number[];
	readonly received: string;
	/** Whether neither an answer nor the connection's end came in time. */
	readonly hangs: boolean;
}

/** How often each description was posted. */
export type Postings = ReadonlyMap<string, number>;

/** nginx gives a client five seconds. */
const answerMsMax = 6500;
/** How long to listen for an answer too many. */
const quietMs = 300;
/** How long to see whether a ledger process answers a request that isn't whole. */
const patientMs = 1000;

const visibleOf = (index: number) => `v${index}`;
const hiddenOf = (index: number) => `h${index}`;

/** All at once, each on a connection of its own. */
export function exchangeAll(
	to: Place,
	target: Target,
	cases: readonly Case[],
	msMax = answerMsMax,
): Promise<Exchange[]> {
	return Promise.all(
		cases.map((item, index) => {
			const promised = { ...item, ...item[target] };
			// Nobody waits here for as long as a ledger process does.
			const isPatient = target === "direct" && promised.waits === true;
			return exchange(to, promised, index, isPatient ? patientMs : msMax);
		}),
	);
}

async function exchange(to: Place, item: Case, index: number, msMax: number): Promise<Exchange> {
	const client = await RawClient.open(to);
	client.send(item.bytes({ body: json(visibleOf(index)), hidden: request(json(hiddenOf(index))) }));
	if (item.halfCloses) client.endSending();
	const isEnough = () =>
		client.statuses.length >= Math.max(1, item.requests) && performance.now() - client.receivedAt > quietMs;
	await client.wait(msMax, isEnough);
	const { statuses, received, end } = client;
	client.drop();
	return { statuses, received, hangs: end === "silent" && statuses.length === 0 };
}

function json(description: string): string {
	return `{"valor":1,"tipo":"c","descricao":"${description}"}`;
}

function request(body: string): string {
	const fields = `Host: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
	return `POST /clientes/1/transacoes HTTP/1.1\r\n${fields}\r\n\r\n${body}`;
}

/** From the file of a ledger that has ended. */
export function readPostings(databasePath: string): Postings {
	using database = new Database(databasePath, { readonly: true });
	const rows = database.query("SELECT description, count(*) AS times FROM entries GROUP BY description");
	return new Map(
		(rows.all() as { description: string; times: number }[]).map((row) => [row.description, row.times]),
	);
}

/** Every broken promise, as a sentence with the case's name. */
export function violations(
	target: Target,
	cases: readonly Case[],
	exchanges: readonly Exchange[],
	postings: Postings,
): string[] {
	return cases.flatMap((item, index) => {
		const promised = { ...item, ...item[target] };
		const exchanged = exchanges[index] as Exchange;
		const visible = postings.get(visibleOf(index)) ?? 0;
		const hidden = postings.get(hiddenOf(index)) ?? 0;
		const broken = [
			...count("the visible posting", visible, promised.visible),
			...count("the hidden posting", hidden, promised.hidden),
			...judgeAnswers(target, promised, exchanged, visible + hidden),
		];
		return broken.map((words) => `${target}, ${item.name}: ${words} (${exchanged.statuses})`);
	});
}

function count(what: string, times: number, promised: Times): string[] {
	const isKept = promised === "never" ? times === 0 : promised === "once" ? times === 1 : times <= 1;
	return isKept ? [] : [`${what} was posted ${times} times instead of ${promised}`];
}

function judgeAnswers(
	target: Target,
	item: Case,
	{ statuses, received, hangs }: Exchange,
	posted: number,
): string[] {
	const broken: string[] = [];
	const confirmed = statuses.filter((status) => status === 200).length;
	// Bun's for a request line that it can't read.
	const allowed = target === "nginx" ? [] : [505];
	// A ledger process gives a client thirty seconds.
	if (hangs && !(target === "direct" && item.waits)) broken.push("neither an answer nor an end came");
	if (statuses.length > item.requests) broken.push(`more than ${item.requests} answers came`);
	if (statuses.some((status) => status >= 500 && !allowed.includes(status))) broken.push("a 5xx came");
	if (/\bat .*:\d+:\d+|\.ts\b|node_modules/.test(received)) broken.push("a stack trace came");
	if (confirmed > posted) broken.push(`${confirmed} postings were confirmed and ${posted} posted`);
	// Bun drops what it has not answered when a second request or an end comes: the outcome is unknown then.
	if (target === "nginx" && confirmed < posted)
		broken.push(`${confirmed} of ${posted} postings were confirmed`);
	return broken;
}

/**
 * Sends one case after another, and compares what comes with what may. Requests with one meaning only share a
 * connection; any other has one of its own, which has to end once the client has nothing more to say.
 */
import { type Answer, NoHttp } from "./answer-reader.ts";
import type { Case, CaseSource } from "./case-source.ts";
import { type FindingsList, shownBytes } from "./findings-list.ts";
import type { Asked, Judge } from "./judge.ts";
import type { Front } from "./oracle.ts";
import { type Address, RawConnection } from "./raw-connection.ts";
import type { Tally } from "./tally.ts";

/** Where a front is reached, and by whom its answers are judged. */
export interface Place {
	readonly addresses: readonly Address[];
	readonly judge: Judge;
}

export interface PlayerOptions {
	readonly source: CaseSource;
	readonly count: number;
	readonly places: ReadonlyMap<Front, Place>;
	readonly findings: FindingsList;
	readonly tally: Tally;
	/** Within which each request is answered, and a connection ended behind the client's own end. */
	readonly answerMsMax: number;
	/** Within which a client that has stopped in the middle is left alone. */
	readonly stallMsMax: number;
	readonly seed: number;
	readonly stop: AbortSignal;
}

/** After which a request that need not be answered isn't waited for. */
const quietMs = 60;
const dripMsMax = 4000;

export class Player {
	readonly #options: PlayerOptions;
	readonly #kept = new Map<Address, RawConnection>();
	#turn: number;

	constructor(options: PlayerOptions, index: number) {
		this.#options = options;
		this.#turn = index;
	}

	/** Until all cases are played, or too much is wrong. @throws {Error} nobody listens any more */
	async play(isEnough: () => boolean): Promise<void> {
		const { source, count, tally, stop } = this.#options;
		while (source.made < count && !isEnough() && !stop.aborted) {
			const next = source.next();
			tally.countCase(next.family);
			await this.#playCase(next);
		}
		this.#forgetAll();
	}

	async #playCase(next: Case): Promise<void> {
		const place = this.#options.places.get(next.front) as Place;
		const address = place.addresses[this.#turn++ % place.addresses.length] as Address;
		try {
			if (next.manner === "again") await this.#playAgain(next, place);
			else if (next.expected.isPlain && (next.manner === "kept" || next.manner === "pieces"))
				await this.#playPlain(next, place, address);
			else await this.#playAlone(next, place, address);
		} catch (error) {
			if (!(error instanceof NoHttp)) throw error;
			this.#find("noHttp", next, error.message);
		}
	}

	/** One meaning only: each is answered, in their order. */
	async #playPlain(next: Case, { judge }: Place, address: Address): Promise<void> {
		const { expected, bytes, front } = next;
		const connection = await this.#connection(address);
		const asked = expected.requests.map((request) => judge.ask(request));
		if (next.manner === "pieces") await sendInPieces(connection, bytes, 1 + (next.number % 5));
		else connection.send(bytes);
		let isClosing = false;
		for (const one of asked) {
			const answer: Answer | undefined = isClosing ? undefined : await this.#answer(connection, one);
			if (answer === undefined || isOfAnother(answer, one, front, asked.length)) {
				judge.unanswered(one);
				if (!isClosing && !mayLose(front, asked.length)) this.#findSilence(next, connection);
				isClosing = true;
				continue;
			}
			this.#judge(next, judge, one, answer);
			isClosing = answer.isClosing;
		}
		if (isClosing || expected.requests.some(({ mayClose }) => mayClose)) this.#forget(address);
	}

	/** The same connection, or another one: both times the same answer; then another posting with the key. */
	async #playAgain(next: Case, { judge, addresses }: Place): Promise<void> {
		const [request] = next.expected.requests;
		if (request === undefined) return;
		const asked = judge.ask(request);
		const told: (Answer | undefined)[] = [];
		const other = Buffer.from(next.bytes.toString("latin1").replace(/"valor":[0-9]/, '"valor":9'), "latin1");
		const isOther = !other.equals(next.bytes);
		for (const [index, bytes] of [next.bytes, next.bytes, ...(isOther ? [other] : [])].entries()) {
			const address = addresses[(next.number + index) % addresses.length] as Address;
			const connection = await this.#connection(address);
			connection.send(bytes);
			const answer = await this.#answer(connection, asked);
			if (answer === undefined) this.#findSilence(next, connection);
			if (answer === undefined || answer.isClosing) this.#forget(address);
			told.push(answer);
		}
		const [first, second, third] = told;
		if (first === undefined) return;
		this.#judge(next, judge, asked, first);
		if (second !== undefined && !(second.status === first.status && second.body.equals(first.body)))
			this.#find("again", next, `is ${second.status} ${second.body} the second time, not ${first.body}`);
		if (third !== undefined && third.status !== 422)
			this.#find("key reused", next, `is ${third.status} for another posting with its key`);
	}

	/** On a connection of its own, which ends. */
	async #playAlone(next: Case, { judge }: Place, address: Address): Promise<void> {
		const { expected, bytes, manner } = next;
		const connection = await RawConnection.open(address);
		const asked = expected.requests.map((request) => judge.ask(request));
		try {
			if (manner === "dripped" && !(await drip(connection, bytes))) return;
			if (manner !== "dripped") connection.send(bytes);
			if (manner === "dropped") {
				for (const _ of asked) this.#options.tally.countAnswer("none");
				return;
			}
			const answers = await this.#answersUntilQuiet(next, connection, asked);
			if (manner !== "stalled" && !connection.isClosed) connection.endSending();
			const { answerMsMax, stallMsMax } = this.#options;
			const endMsMax = manner === "stalled" ? stallMsMax : answerMsMax;
			if (!(await connection.closing(endMsMax)))
				this.#find("hang", next, `leaves its connection open for ${endMsMax} ms`);
			this.#judgeAll(next, judge, asked, answers, connection);
			// Meanwhile the others have been silent for too long, too.
			if (manner === "stalled") this.#forgetAll();
		} finally {
			connection.drop();
		}
	}

	/** Those that must be answered are waited for, unless the client says at once that it has no more to say. */
	async #answersUntilQuiet(
		next: Case,
		connection: RawConnection,
		asked: readonly Asked[],
	): Promise<Answer[]> {
		const answers: Answer[] = [];
		if (next.manner === "half-closed" || next.manner === "stalled") return answers;
		const { answerMsMax } = this.#options;
		for (const { expected } of asked) {
			const msMax = expected.demand === "answer" ? answerMsMax : quietMs;
			const answer = await connection.answer(expected.method === "HEAD", msMax);
			if (answer === undefined) break;
			answers.push(answer);
		}
		return answers;
	}

	#judgeAll(
		next: Case,
		judge: Judge,
		asked: readonly Asked[],
		early: readonly Answer[],
		connection: RawConnection,
	): void {
		const answers = [...early];
		for (const { expected } of asked.slice(answers.length)) {
			const answer = connection.takeAnswer(expected.method === "HEAD");
			if (answer === undefined) break;
			answers.push(answer);
		}
		for (const [index, one] of asked.entries()) {
			const answer = answers[index];
			if (answer !== undefined && !isOfAnother(answer, one, next.front, asked.length))
				this.#judge(next, judge, one, answer);
			else this.#noteLost(next, judge, one);
		}
		const last = asked.at(-1);
		if (last !== undefined && answers.length >= asked.length)
			this.#judgeSurplus(next, judge, last, connection);
	}

	#noteLost(next: Case, judge: Judge, asked: Asked): void {
		this.#options.tally.countAnswer("none");
		judge.unanswered(asked);
		if (asked.expected.demand === "answer" && next.front === "balancer")
			this.#find("lost", next, "is not answered, and its connection closed");
	}

	/** Bytes that can be read in more than one way may be more than one request to whom they were sent. */
	#judgeSurplus(next: Case, judge: Judge, last: Asked, connection: RawConnection): void {
		if (next.expected.isPlain || last.expected.method === "HEAD") return;
		for (;;) {
			const answer = connection.takeAnswer(false);
			if (answer === undefined) return;
			const isPosted = last.posting !== undefined && last.posting.fate !== "posted";
			if (isPosted || answer.status !== 200) this.#judge(next, judge, last, answer);
			else this.#find("surplus", next, `has an answer too many: ${answer.body}`);
		}
	}

	#judge(next: Case, judge: Judge, asked: Asked, answer: Answer): void {
		this.#options.tally.countAnswer(answer.status);
		const finding = judge.answered(asked, answer);
		if (finding !== undefined)
			this.#find(
				`${next.front} ${next.family} ${answer.status} ${finding.slice(0, 20)}`,
				next,
				`its answer ${finding}`,
			);
	}

	#answer(connection: RawConnection, { expected }: Asked): Promise<Answer | undefined> {
		return connection.answer(expected.method === "HEAD", this.#options.answerMsMax);
	}

	#findSilence(next: Case, connection: RawConnection): void {
		const { answerMsMax } = this.#options;
		const end = connection.isClosed ? "and its connection closed" : `for ${answerMsMax} ms`;
		this.#options.tally.countAnswer("none");
		this.#find(connection.isClosed ? "closed" : "hang", next, `is not answered, ${end}`);
	}

	#find(kind: string, { number, front, family, manner, bytes }: Case, what: string): void {
		const { findings, seed } = this.#options;
		findings.add(
			kind,
			`request ${number} of --seed ${seed} (${family}, ${manner}, to the ${front}) ${what}: ${shownBytes(bytes)}`,
		);
	}

	async #connection(address: Address): Promise<RawConnection> {
		const kept = this.#kept.get(address);
		if (kept !== undefined && !kept.isClosed && kept.rest.length === 0) return kept;
		kept?.drop();
		const connection = await RawConnection.open(address);
		this.#kept.set(address, connection);
		return connection;
	}

	#forgetAll(): void {
		for (const address of this.#kept.keys()) this.#forget(address);
	}

	#forget(address: Address): void {
		this.#kept.get(address)?.drop();
		this.#kept.delete(address);
	}
}

/** A process by itself may lose what it was asked without waiting (docs/decisions.md). */
function mayLose(front: Front, requests: number): boolean {
	return front === "process" && requests > 1;
}

/** A lost answer's place is taken by the bare refusal of what came behind its request. */
function isOfAnother(
	{ status, isClosing, body }: Answer,
	{ expected }: Asked,
	front: Front,
	requests: number,
): boolean {
	const isBare = body.length === 0 && isClosing && status >= 400;
	return mayLose(front, requests) && isBare && expected.demand === "answer";
}

async function sendInPieces(connection: RawConnection, bytes: Buffer, pieces: number): Promise<void> {
	const size = Math.ceil(bytes.length / pieces);
	for (let at = 0; at < bytes.length; at += size) {
		if (at > 0) await Bun.sleep(1);
		connection.send(bytes.subarray(at, at + size));
	}
}

/** @returns whether it was fast enough: the balancer takes a head that comes within 5 s (docs/architecture.md). */
async function drip(connection: RawConnection, bytes: Buffer): Promise<boolean> {
	const startedAt = performance.now();
	for (const byte of bytes) {
		if (connection.isClosed) break;
		connection.send(Buffer.of(byte));
		await Bun.sleep(10);
	}
	return performance.now() - startedAt < dripMsMax;
}

/**
 * A ledger in memory that is wrong in one way, once in a while: what the judge must find. With the fault "none"
 * it is right, and the judge must find nothing.
 *
 * Each request waits a random while before and after its one step in the books, so that requests overlap. The
 * seed settles what is drawn, but not for whom, since requests arrive in an order of their own.
 */
import { randomOf } from "../made-up-history.ts";
import { type Account, type Entry, openBooks, postAnswer, reset, statementOf } from "./books.ts";
import { answerUnknown, type PostFaultName, type PostScene, postFaults } from "./post-faults.ts";
import { type StatementFaultName, type StatementScene, statementFaults } from "./statement-faults.ts";
import { type Visit, Visits } from "./visits.ts";
import {
	type Answer,
	invalid,
	notFound,
	officialLimits,
	type Posting,
	readPosting,
	routeOf,
	type Statement,
	shown,
} from "./wire.ts";

export type Fault = "none" | PostFaultName | StatementFaultName;

export const faults: readonly Exclude<Fault, "none">[] = [
	...(Object.keys(postFaults) as PostFaultName[]),
	...(Object.keys(statementFaults) as StatementFaultName[]),
];

export interface BrokenOptions {
	readonly fault: Fault;
	readonly seed?: number;
	/** The share of the requests to which the fault could happen that it does happen to; see defaultRate(). */
	readonly rate?: number;
	/** Each of the waits is between 0 and this. */
	readonly delayMs?: number;
	/** Of accounts 1, 2, 3 …, in cents. */
	readonly limits?: readonly number[];
	/** The share of credits and debits that is answered 500, applied or not: no fault, but a doubt. */
	readonly unknownShare?: number;
}

export interface BrokenServer {
	readonly url: string;
	stop(): Promise<void>;
	/** How often the fault has happened so that clients can see it, at the latest in statements after the run. */
	faultsCommitted(): number;
}

/** Statements are rarer than the rest, and a debit that passes the limit by just a cent is rarest. */
export function defaultRate(fault: Fault): number {
	if (fault === "limit-passed-by-one-cent") return 1;
	return fault in statementFaults ? 1 / 20 : 1 / 200;
}

export function startBroken(options: BrokenOptions): BrokenServer {
	const ledger = new BrokenLedger(options);
	const server = Bun.serve({
		port: 0,
		hostname: "127.0.0.1",
		async fetch(request, connection) {
			const port = connection.requestIP(request)?.port ?? 0;
			const { status, body } = await ledger.serve(port, request);
			const type = body.startsWith("{") ? "application/json" : "text/html";
			return new Response(body, { status, headers: { "content-type": type } });
		},
	});
	return {
		url: `http://127.0.0.1:${server.port}`,
		stop: () => server.stop(true),
		faultsCommitted: () => ledger.faultsCommitted(),
	};
}

class BrokenLedger {
	readonly #fault: Fault;
	readonly #rate: number;
	readonly #delayMs: number;
	readonly #unknownShare: number;
	readonly #random: () => number;
	readonly #books: Map<number, Account>;
	readonly #visits = new Visits();
	readonly #visitOf = new Map<Entry, Visit>();
	/** Of each fault that happened: whether clients can see it. */
	readonly #committed: (() => boolean)[] = [];

	constructor({
		fault,
		seed = 1,
		rate,
		delayMs = 3,
		limits = officialLimits,
		unknownShare = 0,
	}: BrokenOptions) {
		this.#fault = fault;
		this.#rate = rate ?? defaultRate(fault);
		this.#delayMs = delayMs;
		this.#unknownShare = unknownShare;
		this.#random = randomOf(seed);
		this.#books = new Map(openBooks(limits));
	}

	faultsCommitted(): number {
		return this.#committed.filter((isVisible) => isVisible()).length;
	}

	async serve(port: number, request: Request): Promise<Answer> {
		const visit = this.#visits.arrive(port);
		const body = await request.text();
		await this.#pause();
		const answer = await this.#answer(visit, request.method, new URL(request.url).pathname, body);
		await this.#pause();
		this.#visits.answer(visit);
		return answer;
	}

	async #answer(visit: Visit, method: string, path: string, body: string): Promise<Answer> {
		const route = routeOf(method, path);
		if (route.name === "reset") return reset(this.#books);
		const account = route.name === "nothing" ? undefined : this.#books.get(route.accountId);
		if (route.name === "nothing" || account === undefined) return notFound;
		if (route.name === "statement") return shown(await this.#statement(account, visit));
		const posting = readPosting(body);
		return posting === undefined ? invalid : this.#post(route.accountId, posting, visit);
	}

	async #post(accountId: number, posting: Posting, visit: Visit): Promise<Answer> {
		const account = this.#books.get(accountId) as Account;
		const scene: PostScene = {
			account,
			neighbour: this.#books.get((accountId % this.#books.size) + 1) as Account,
			posting,
			visit,
			visitOf: this.#visitOf,
			pause: this.#pause,
			commit: this.#commit,
		};
		const fault = this.#fault in postFaults ? postFaults[this.#fault as PostFaultName] : undefined;
		if (fault?.isPossible(scene) && this.#isDue(this.#rate)) return fault.answer(scene);
		if (this.#isDue(this.#unknownShare)) return answerUnknown(scene, this.#random);
		const answer = postAnswer(account, posting);
		if (answer.status === 200) this.#visitOf.set(account.entries.at(-1) as Entry, visit);
		return answer;
	}

	async #statement(account: Account, visit: Visit): Promise<Statement> {
		const scene: StatementScene = {
			account,
			visit,
			visitOf: this.#visitOf,
			random: this.#random,
			pause: this.#pause,
			commit: this.#commit,
		};
		const fault =
			this.#fault in statementFaults ? statementFaults[this.#fault as StatementFaultName] : undefined;
		if (fault?.isPossible(scene) && this.#isDue(this.#rate)) return fault.statement(scene);
		return statementOf(account);
	}

	#isDue(share: number): boolean {
		return share > 0 && this.#random() < share;
	}

	readonly #pause = async (): Promise<void> => {
		if (this.#delayMs > 0) await Bun.sleep(this.#random() * this.#delayMs);
	};

	readonly #commit = (isVisible: () => boolean = () => true): void => {
		this.#committed.push(isVisible);
	};
}

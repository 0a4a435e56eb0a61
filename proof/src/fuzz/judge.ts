/** Compares the answer to one request with what was expected, and notes in the history what it says of the books. */
import { Posting } from "../../../loadtest/src/posting.ts";
import type { SeenPosting } from "../observed.ts";
import { answerFinding, problemName, statementOf } from "./answer-check.ts";
import type { Answer } from "./answer-reader.ts";
import type { Claimed } from "./claimed.ts";
import type { Expectation, Front } from "./oracle.ts";

/** One request under way. */
export interface Asked {
	readonly expected: Expectation;
	/** What it would post. */
	readonly posting: SeenPosting | undefined;
	readonly invokedAtMs: number;
}

const toldBytesMax = 120;

/** Nothing was applied, in the ledger's own words. */
const nothingApplied = ["sobrecarga", "indisponivel"];

export class Judge {
	readonly #front: Front;
	readonly #observed: Claimed;
	readonly #limits: ReadonlyMap<number, number>;
	readonly #posting = new Posting();

	/** Each account's limit. */
	constructor(front: Front, observed: Claimed, limits: ReadonlyMap<number, number>) {
		this.#front = front;
		this.#observed = observed;
		this.#limits = limits;
	}

	ask(expected: Expectation): Asked {
		const posting = expected.claim && this.#observed.invokeClaim(expected.claim);
		return { expected, posting, invokedAtMs: posting?.invokedAtMs ?? performance.now() };
	}

	/** What is wrong with the answer, as the end of a sentence. */
	answered(asked: Asked, answer: Answer): string | undefined {
		const { expected } = asked;
		const finding = answerFinding(answer, this.#front, expected);
		return this.#note(asked, answer) ?? finding ?? statusFinding(expected, answer);
	}

	/** The connection ended, or the time. */
	unanswered({ expected, posting }: Asked): void {
		if (posting !== undefined && expected.demand === "refusal") posting.fate = "absent";
	}

	#note(asked: Asked, answer: Answer): string | undefined {
		const { posting, expected } = asked;
		if (expected.statementOf !== undefined && answer.status === 200)
			return this.#noteStatement(asked, answer);
		if (posting === undefined) return undefined;
		if (expected.demand !== "answer") this.#remember(posting, answer);
		if (answer.status === 200) return this.#notePosted(posting, answer);
		// The refusal of what came behind it takes nothing back.
		if (posting.fate === "posted") return undefined;
		posting.fate = fateOf(expected, answer, this.#front);
		if (posting.fate !== "unknown") posting.endedAtMs = performance.now();
		return undefined;
	}

	#remember({ tag }: SeenPosting, { status, body }: Answer): void {
		const all = this.#observed.told;
		const earlier = all.get(tag);
		const told = `${status} ${body.toString("utf8", 0, toldBytesMax)}`;
		all.set(tag, earlier === undefined ? told : `${earlier}, then ${told}`);
	}

	#notePosted(posting: SeenPosting, { body }: Answer): string | undefined {
		const reader = this.#posting;
		if (!reader.read(body, 0, body.length)) return "is no answer to a posting";
		posting.endedAtMs = performance.now();
		posting.fate = "posted";
		posting.balance = reader.saldo;
		posting.limit = reader.limite;
		const limit = this.#limits.get(posting.accountId);
		return limit === posting.limit ? undefined : `tells the limit ${posting.limit}, it is ${limit}`;
	}

	#noteStatement({ expected, invokedAtMs }: Asked, answer: Answer): string | undefined {
		const statement = statementOf(answer);
		if (typeof statement === "string") return `is no statement: ${statement}`;
		const { balance, limit, entries } = statement;
		const accountId = expected.statementOf as number;
		this.#observed.statements.push({
			...{ number: this.#observed.nextNumber(), accountId, invokedAtMs, balance, limit },
			endedAtMs: performance.now(),
			entries: entries.map(({ descricao, valor, tipo }) => ({
				description: descricao,
				change: tipo === "c" ? valor : -valor,
			})),
		});
		return limit === this.#limits.get(accountId) ? undefined : `tells the limit ${limit}`;
	}
}

function fateOf(
	{ isLimitOnly, demand, isChunked }: Expectation,
	answer: Answer,
	front: Front,
): SeenPosting["fate"] {
	const { status } = answer;
	if (status === 503) return nothingApplied.includes(problemName(answer)) ? "absent" : "unknown";
	if (status >= 500 && status !== 501 && status !== 505) return "unknown";
	if (status === 422 && isLimitOnly) return "refused";
	// What comes behind a body is refused when the body was taken already.
	const mayBeOfTheRest = isChunked || answer.body.length === 0;
	return front === "process" && demand === "any" && mayBeOfTheRest ? "unknown" : "absent";
}

function statusFinding({ demand, statuses, method }: Expectation, answer: Answer): string | undefined {
	const { status } = answer;
	const isOverloaded = status === 503 && nothingApplied.includes(problemName(answer));
	if (isOverloaded || statuses.has(status)) return undefined;
	if (demand === "answer") return `is ${status}, not ${[...statuses].join(" or ")}`;
	if (status >= 500) return `is ${status}`;
	if (demand === "refusal" && status < 400) return `is ${status} to a ${method} that must be refused`;
	return undefined;
}

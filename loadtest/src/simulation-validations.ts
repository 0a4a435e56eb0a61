/** The validations of the official simulation, before and beside its load: who asks what, and what must come back. */
import { type Answer, Client, NoAnswer } from "./ask.ts";
import { readStatement, type Statement } from "./checks.ts";
import type { Judge } from "./judge.ts";
import type { RinhaOptions } from "./options.ts";
import { Posting } from "./posting.ts";
import type { WireEntry } from "./scenario.ts";
import {
	concurrentStatements,
	concurrentUsers,
	invalidBodies,
	missingAccountId,
	officialLimits,
	type SimulationSource,
	type Step,
} from "./simulation-script.ts";
import { named, Validations } from "./validations.ts";

export class Script {
	readonly validations = new Validations();
	/** Sent so far. */
	requests = 0;

	readonly #options: RinhaOptions;
	readonly #source: SimulationSource;
	readonly #judge: Judge;
	readonly #isInterrupted: () => boolean;
	/** When the requests under way were sent. */
	readonly #underWay = new Set<{ readonly sentAtMs: number }>();

	/** Once it is interrupted it asks nothing more, and ends as soon as the requests under way do. */
	constructor(options: RinhaOptions, source: SimulationSource, judge: Judge, isInterrupted: () => boolean) {
		this.#options = options;
		this.#isInterrupted = isInterrupted;
		this.#source = source;
		this.#judge = judge;
	}

	/** All of it, with the load where it belongs. */
	async run(load: () => Promise<void>): Promise<void> {
		for (const [kind, total] of [
			["debit", -concurrentUsers],
			["credit", 0],
		] as const) {
			await Promise.all(Array.from({ length: concurrentUsers }, () => this.#concurrentUser(kind)));
			await this.#expectTotal(kind, total);
		}
		const users = Array.from(officialLimits, ([accountId, limit]) => this.#accountUser(accountId, limit));
		await this.#userOfMissingAccount();
		// At its own pace the load's first request comes 0.7 s later; at another one it would run into the users.
		if (this.#options.timeScale < 1) await Promise.all(users);
		await load();
		await Promise.all(users);
	}

	/** Of all validations' requests in flight; Infinity when there is none. */
	earliestInvocation(): number {
		return Math.min(Number.POSITIVE_INFINITY, ...Array.from(this.#underWay, ({ sentAtMs }) => sentAtMs));
	}

	async #concurrentUser(kind: "debit" | "credit"): Promise<void> {
		await this.#asUser(async (user) => {
			const answer = await this.#operate(user, { kind, accountId: 1, description: "validacao" });
			this.validations.add(named.together(kind), statusFailure(answer, [200]));
		});
	}

	async #expectTotal(kind: "debit" | "credit", total: number): Promise<void> {
		await this.#asUser(async (user) => {
			const statement = shown(
				await this.#operate(user, { kind: "statement", accountId: 1, description: "" }),
			);
			const isRight = typeof statement !== "string" && statement.balance === total;
			const failure = typeof statement === "string" ? statement : `total ${statement.balance}, not ${total}`;
			this.validations.add(named.totalAfter(kind), isRight ? undefined : failure);
		});
	}

	async #userOfMissingAccount(): Promise<void> {
		await this.#asUser(async (user) => {
			const answer = await this.#ask(user, this.#source.statement(missingAccountId));
			this.validations.add(named.missing, statusFailure(answer, [404]));
		});
	}

	async #accountUser(accountId: number, limit: number): Promise<void> {
		await this.#asUser(async (user) => {
			await this.#expectFresh(user, accountId, limit);
			await this.#expectPosted(user, { kind: "credit", accountId, description: "toma" }, named.toma);
			await this.#expectPosted(user, { kind: "debit", accountId, description: "devolve" }, named.devolve);
			await this.#expectOrder(user, accountId);
			await this.#expectShownAtOnce(user, accountId);
			for (const body of invalidBodies) {
				const answer = await this.#ask(user, this.#source.invalid(accountId, body));
				this.validations.add(named.invalid(body), statusFailure(answer, [422, 400]));
			}
		});
	}

	async #expectFresh(user: Client, accountId: number, limit: number): Promise<void> {
		const statement = shown(await this.#operate(user, { kind: "statement", accountId, description: "" }));
		const isRight = typeof statement !== "string" && statement.limit === limit && statement.balance === 0;
		const failure =
			typeof statement === "string"
				? statement
				: `account ${accountId}: limite ${statement.limit}, total ${statement.balance}, not ${limit} and 0`;
		this.validations.add(named.fresh, isRight ? undefined : failure);
	}

	async #expectPosted(user: Client, step: Step, name: string): Promise<void> {
		const answer = await this.#operate(user, step);
		this.validations.add(name, statusFailure(answer, [200]) ?? balanceFailure(answer as Answer));
	}

	async #expectOrder(user: Client, accountId: number): Promise<void> {
		const statement = shown(await this.#operate(user, { kind: "statement", accountId, description: "" }));
		const looks =
			typeof statement === "string" ? statement : statement.entries.slice(0, 2).map(entryLook).join(", ");
		const isRight = looks === "devolve d 1, toma c 1";
		this.validations.add(named.order, isRight ? undefined : `account ${accountId}: ${looks}`);
	}

	async #expectShownAtOnce(user: Client, accountId: number): Promise<void> {
		const posted = await this.#operate(user, { kind: "credit", accountId, description: "danada" });
		this.validations.add(named.danada, statusFailure(posted, [200]));
		const own = typeof posted === "string" ? undefined : posting(posted);
		await Promise.all(
			Array.from({ length: concurrentStatements }, () =>
				this.#asUser(async (other) => {
					const statement = shown(
						await this.#operate(other, { kind: "statement", accountId, description: "" }),
					);
					const newest = typeof statement === "string" ? statement : entryLook(statement.entries[0]);
					this.validations.add(
						named.shown,
						newest === "danada c 1" ? undefined : `account ${accountId}: ${newest}`,
					);
					this.validations.add(named.agreed, disagreement(statement, own));
				}),
			),
		);
	}

	/** A user has a connection of its own. */
	async #asUser(act: (user: Client) => Promise<void>): Promise<void> {
		const user = new Client(this.#options.target, this.#options.timeoutMs);
		try {
			await act(user);
		} finally {
			user.close();
		}
	}

	/** An operation of the books: judged and written into the history. @returns a sentence if there is no answer. */
	async #operate(user: Client, step: Step): Promise<Answer | string> {
		const number = this.#source.add(step);
		const answer = await this.#ask(user, this.#source.request(number), (sentAtMs) => {
			if (step.kind !== "statement") this.#judge.recordUnknown(number, sentAtMs);
		});
		if (typeof answer !== "string")
			this.#judge.judge(this.#source.operation(number), answer, answer.sentAtMs, answer.endedAtMs);
		return answer;
	}

	async #ask(
		user: Client,
		request: Buffer,
		onUnknown?: (sentAtMs: number) => void,
	): Promise<Answer | string> {
		if (this.#isInterrupted()) return "it was interrupted";
		this.requests += 1;
		const underWay = { sentAtMs: performance.now() };
		this.#underWay.add(underWay);
		try {
			return await user.ask(request);
		} catch (error) {
			if (!(error instanceof NoAnswer)) throw error;
			if (error.isSent) onUnknown?.(error.sentAtMs);
			return error.message;
		} finally {
			// Whoever waits for the answer writes it into the history in the same turn of the event loop.
			queueMicrotask(() => setImmediate(() => this.#underWay.delete(underWay)));
		}
	}
}

function statusFailure(answer: Answer | string, expected: readonly number[]): string | undefined {
	if (typeof answer === "string") return answer;
	return expected.includes(answer.status) ? undefined : `status ${answer.status}`;
}

function shown(answer: Answer | string): Statement | string {
	if (typeof answer === "string") return answer;
	return answer.status === 200 ? readStatement(answer.body) : `status ${answer.status}`;
}

function posting({ bodyBytes, bodyStart, bodyEnd }: Answer): Posting | undefined {
	const own = new Posting();
	return own.read(bodyBytes, bodyStart, bodyEnd) ? own : undefined;
}

function balanceFailure(answer: Answer): string | undefined {
	const own = posting(answer);
	if (own === undefined) return "no saldo and limite in the body";
	return own.saldo < -own.limite ? `saldo ${own.saldo} is below the limit of ${own.limite}` : undefined;
}

function disagreement(statement: Statement | string, own: Posting | undefined): string | undefined {
	if (typeof statement === "string") return statement;
	if (own === undefined) return "the credit had no saldo and limite to compare with";
	return statement.balance === own.saldo && statement.limit === own.limite
		? undefined
		: `total ${statement.balance}, limite ${statement.limit}, the credit's answer said ${own.saldo}, ${own.limite}`;
}

function entryLook(entry: WireEntry | undefined): string {
	return entry === undefined ? "none" : `${entry.descricao} ${entry.tipo} ${entry.valor}`;
}

/**
 * What the ledgers had promised by each moment of a recorded run, and whether an image keeps it: what was acknowledged
 * is there with its balance, and so is what a statement showed; what was refused is not there, and some state of the
 * account explains the refusal; nothing is there that nobody had sent.
 *
 * A reset takes everything away at one instant between its request and its answer.
 */
import { readStatement } from "../../../loadtest/src/checks.ts";
import { Posting } from "../../../loadtest/src/posting.ts";
import { arithmeticFindings, type BookEntry, type Books } from "../books.ts";
import type { Exchange } from "./exchanges.ts";

interface Told {
	readonly receivedAt: number;
	readonly answeredAt: number;
}

/** Somebody was told that this entry is there. */
interface Claim extends Told {
	readonly tag: string;
	/** With it, if that was said. */
	readonly balance: number | undefined;
	readonly how: "acknowledged" | "shown in a statement" | "there before";
}

interface Sent extends Told {
	readonly tag: string;
	readonly accountId: number;
	readonly change: number;
	readonly fate: "posted" | "refused" | "absent" | "unknown";
}

/** Before all lines. */
const start = -1;
const findingsMax = 5;

export class Promises {
	/** In the order of the answers, as all of these. */
	readonly #claims: readonly Claim[];
	readonly #refusals: readonly Sent[];
	readonly #sent: ReadonlyMap<string, Sent>;
	readonly #resets: readonly Told[];
	readonly #firstAnswerAt: number;

	/**
	 * Of a run that began with these books.
	 * @throws when an answer is none that the ledger gives.
	 */
	constructor(before: Books, exchanges: readonly Exchange[]) {
		const sent = exchanges.filter(({ path }) => path.endsWith("/transacoes")).map(sentBy);
		this.#sent = new Map([...before.entries.map(sentBefore), ...sent].map((one) => [one.tag, one]));
		this.#resets = exchanges.filter(
			({ path, status }) => path === "/reset" && (status === 200 || status === 0),
		);
		this.#refusals = byAnswer(sent.filter(({ fate }) => fate === "refused"));
		const posted = exchanges.filter(({ path, status }) => path.endsWith("/transacoes") && status === 200);
		const shown = exchanges.filter(({ path, status }) => path.endsWith("/extrato") && status === 200);
		this.#claims = byAnswer([
			...before.entries.map(claimBefore),
			...posted.map(acknowledgement),
			...this.#firstOf(byAnswer(shown.flatMap(showing))),
		]);
		this.#firstAnswerAt = Math.min(
			before.accounts.length > 0 ? start : Number.POSITIVE_INFINITY,
			...[...posted, ...shown].map(({ answeredAt }) => answeredAt),
		);
	}

	get acknowledged(): ReadonlyMap<string, number> {
		return new Map(
			this.#claims.filter(({ how }) => how === "acknowledged").map(({ tag, balance }) => [tag, balance ?? 0]),
		);
	}

	/** Whether nothing had been told to anybody before the moment. */
	isBlank(moment: number): boolean {
		return this.#firstAnswerAt >= moment;
	}

	/** What is wrong with the books of an image of the moment just before a line: a few sentences. */
	findings(books: Books, moment: number): string[] {
		const entries = new Map(books.entries.map((entry) => [entry.description, entry]));
		const found = arithmeticFindings(books);
		if (entries.size < books.entries.length) found.push("an entry is there twice");
		for (const entry of books.entries) addTo(found, this.#entryFinding(entry, moment));
		for (const claim of this.#claims) {
			if (claim.answeredAt >= moment || found.length >= findingsMax) break;
			addTo(found, this.#claimFinding(claim, entries.get(claim.tag), moment));
		}
		addTo(found, this.#refusalFinding(books, moment));
		return found.slice(0, findingsMax);
	}

	#entryFinding({ description, accountId, change }: BookEntry, moment: number): string | undefined {
		const sent = this.#sent.get(description);
		if (sent === undefined || sent.receivedAt >= moment) return `${description} is there, and was never sent`;
		if (sent.accountId !== accountId || sent.change !== change)
			return `${description} is there as ${change} of account ${accountId}`;
		if (sent.fate === "refused" || sent.fate === "absent")
			return `${description} was ${sent.fate}, and is there`;
		return undefined;
	}

	#claimFinding(claim: Claim, entry: BookEntry | undefined, moment: number): string | undefined {
		const { tag, balance, how } = claim;
		if (entry === undefined) {
			if (this.#mayBeReset(claim, moment)) return undefined;
			return `${tag} was ${how}, and is lost`;
		}
		if (this.#isReset(claim, moment)) return `${tag} is there in spite of a reset`;
		if (balance !== undefined && entry.balance !== balance)
			return `${tag} made the balance ${entry.balance}, ${balance} was answered`;
		return undefined;
	}

	/** The account has to have been so low that the debit did not fit. */
	#refusalFinding({ accounts, entries }: Books, moment: number): string | undefined {
		const lowest = new Map(accounts.map(({ accountId, initialBalance }) => [accountId, initialBalance]));
		for (const { accountId, balance } of entries)
			lowest.set(accountId, Math.min(balance, lowest.get(accountId) ?? 0));
		const limits = new Map(accounts.map(({ accountId, limit }) => [accountId, limit]));
		for (const refusal of this.#refusals) {
			if (refusal.answeredAt >= moment) return undefined;
			const { tag, accountId, change } = refusal;
			const isExplained = (lowest.get(accountId) ?? 0) + change < -(limits.get(accountId) ?? 0);
			if (!isExplained && !this.#mayBeReset(refusal, moment))
				return `${tag} (${change}) was refused, and account ${accountId} was never so low`;
		}
		return undefined;
	}

	/** Of what shows the same between the same resets, the first that did. */
	#firstOf(claims: readonly Claim[]): Claim[] {
		const first = new Map<string, Claim>();
		for (const claim of claims) {
			const earlier = this.#resets.filter(({ answeredAt }) => answeredAt < claim.receivedAt).length;
			const key = `${earlier} ${claim.tag} ${claim.balance}`;
			if (!first.has(key)) first.set(key, claim);
		}
		return [...first.values()];
	}

	#mayBeReset({ receivedAt }: Told, moment: number): boolean {
		return this.#resets.some((reset) => reset.receivedAt < moment && reset.answeredAt > receivedAt);
	}

	#isReset({ answeredAt }: Told, moment: number): boolean {
		return this.#resets.some((reset) => reset.answeredAt < moment && reset.receivedAt > answeredAt);
	}
}

function sentBefore({ description, accountId, change }: BookEntry): Sent {
	return { tag: description, accountId, change, fate: "posted", receivedAt: start, answeredAt: start };
}

function claimBefore({ description, balance }: BookEntry): Claim {
	return { tag: description, balance, how: "there before", receivedAt: start, answeredAt: start };
}

function addTo(found: string[], finding: string | undefined): void {
	if (finding !== undefined && found.length < findingsMax) found.push(finding);
}

function byAnswer<T extends Told>(told: readonly T[]): T[] {
	return told.toSorted((one, other) => one.answeredAt - other.answeredAt);
}

function accountOf(path: string): number {
	return Number(path.split("/")[2]);
}

function sentBy(exchange: Exchange): Sent {
	const { path, body, status, answer, receivedAt, answeredAt } = exchange;
	const { valor, tipo, descricao } = JSON.parse(body) as { valor: number; tipo: string; descricao: string };
	return {
		...{ tag: descricao, accountId: accountOf(path), change: tipo === "c" ? valor : -valor },
		...{ fate: fateOf(status, answer), receivedAt, answeredAt },
	};
}

function fateOf(status: number, answer: string): Sent["fate"] {
	if (status === 200) return "posted";
	if (status === 422) return "refused";
	return status === 503 && /"urn:crebito:problema:(sobrecarga|indisponivel)"/.test(answer)
		? "absent"
		: "unknown";
}

function acknowledgement(exchange: Exchange): Claim {
	const { answer, receivedAt, answeredAt } = exchange;
	const posting = new Posting();
	const bytes = Buffer.from(answer);
	if (!posting.read(bytes, 0, bytes.length)) throw new Error(`a posting was answered ${answer}`);
	return { tag: sentBy(exchange).tag, balance: posting.saldo, how: "acknowledged", receivedAt, answeredAt };
}

function showing({ answer, receivedAt, answeredAt }: Exchange): Claim[] {
	const statement = readStatement(answer);
	if (typeof statement === "string") throw new Error(`a statement was answered ${answer}: ${statement}`);
	return statement.entries.map(({ descricao }, index) => ({
		tag: descricao,
		balance: index === 0 ? statement.balance : undefined,
		how: "shown in a statement" as const,
		...{ receivedAt, answeredAt },
	}));
}

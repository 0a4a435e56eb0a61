/** What a history's dates must be like: an entry is never dated before its predecessor, a statement never before it. */
import type { Books } from "../books.ts";

/** Of one kind: a thousand are one finding. */
const findingsMax = 10;
/** The wire's: UTC to the microsecond, so that text compares as time does. */
const datePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

interface WireStatement {
	readonly saldo: { readonly data_extrato: string };
	readonly ultimas_transacoes: readonly { readonly realizada_em: string }[];
}

export function bookDateFindings({ entries }: Books): string[] {
	return entries
		.filter((entry, index) => {
			const earlier = entries[index - 1];
			return earlier?.accountId === entry.accountId && entry.postedAt < earlier.postedAt;
		})
		.map(
			({ accountId, sequence, description }) =>
				`${description}, entry ${sequence} of account ${accountId}, is dated before its predecessor`,
		)
		.slice(0, findingsMax);
}

/** Asks for statements, one after the other, and looks at their dates. */
export class DateWatch {
	readonly #findings = new Set<string>();
	/** Date of the newest entry that was shown, by account. */
	readonly #newest = new Map<number, string>();
	/** Statements that were looked at. */
	count = 0;

	get findings(): string[] {
		return [...this.#findings].slice(0, findingsMax);
	}

	async look(socket: string, accountId: number): Promise<void> {
		const answer = await askStatement(socket, accountId);
		if (answer !== undefined) this.see(accountId, answer);
	}

	see(accountId: number, { saldo, ultimas_transacoes: entries }: WireStatement): void {
		this.count += 1;
		const dates = [saldo.data_extrato, ...entries.map(({ realizada_em: date }) => date)];
		if (!dates.every((date) => datePattern.test(date))) this.#find(accountId, "has a date of another form");
		if (dates.some((date, index) => date > (dates[index - 1] ?? date)))
			this.#find(accountId, "shows an entry that is younger than what stands above it");
		const newest = dates[1] ?? "";
		if (newest < (this.#newest.get(accountId) ?? ""))
			this.#find(accountId, "shows a newest entry that is older than the one shown before");
		this.#newest.set(accountId, newest);
	}

	#find(accountId: number, sentence: string): void {
		this.#findings.add(`a statement of account ${accountId} ${sentence}`);
	}
}

/** Undefined when it is not served: whoever ended is told of elsewhere. */
export async function askStatement(socket: string, accountId: number): Promise<WireStatement | undefined> {
	const answer = await fetch(`http://ledger/clientes/${accountId}/extrato`, { unix: socket }).catch(
		() => undefined,
	);
	return answer?.status === 200 ? ((await answer.json()) as WireStatement) : undefined;
}

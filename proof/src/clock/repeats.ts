/**
 * A request that comes twice while clocks are set: what nginx does after a process has died or hung, played by hand, so
 * that clocks can be set and processes started anew just between the two tries.
 *
 *     all clocks   ─┐ ahead ┌──── back ─────────────────────────────────────
 *     try 1         entry of another account   process 1, posted
 *                                                        [set again?] [process 2 starts anew?]
 *     try 2                                                              process 2: the same answer, or 503
 */
import type { Observed, SeenPosting } from "../observed.ts";
import type { Random } from "../random.ts";
import type { ClockedService } from "./clocked-service.ts";

/** What happens between the two tries, and before them. */
export interface RepeatPlan {
	/** All clocks were so far ahead once, while another account was posted to. */
	readonly onceAheadSeconds: number;
	/** All clocks are set so far between the tries. */
	readonly jumpSeconds: number;
	readonly isRestarted: boolean;
}

const jumps = [0, 0, 1, -1, 11, -11, 3600, -3600] as const;
const onceAhead = [0, 11, 3600, 86_400] as const;
const all = [0, 1, 2] as const;
const accountIds = [1, 2, 3, 4, 5] as const;
const amountMax = 1000;

export function drawRepeat(random: Random): RepeatPlan {
	return {
		onceAheadSeconds: random.pick(onceAhead),
		jumpSeconds: random.pick(jumps),
		isRestarted: random.chance(0.6),
	};
}

/** @returns a sentence when the two answers contradict each other. */
export async function playRepeat(
	service: ClockedService,
	observed: Observed,
	random: Random,
	{ onceAheadSeconds, jumpSeconds, isRestarted }: RepeatPlan,
): Promise<string | undefined> {
	const [accountId, otherId] = twoAccounts(random);
	const [first, second] = random.pick([
		[0, 1],
		[1, 0],
	] as const);
	const post = (index: 0 | 1, postedId: number) =>
		new Request(service, observed, postedId, random).send(index, 1);
	service.setClocks(all, onceAheadSeconds);
	await post(first, otherId);
	service.setClocks(all, 0);
	const request = new Request(service, observed, accountId, random);
	await request.send(first, 1);
	await post(first, otherId);
	service.setClocks(all, jumpSeconds);
	if (isRestarted) await service.restart(second);
	await request.send(second, 2);
	service.setClocks(all, 0);
	return request.contradiction;
}

/** A request of its own, by the first process. */
export async function postOnce(
	service: ClockedService,
	observed: Observed,
	accountId: number,
	random: Random,
): Promise<void> {
	await new Request(service, observed, accountId, random).send(0, 1);
}

/** One request as a balancer sends it: its name and its beginning are the same at each try. */
class Request {
	contradiction: string | undefined;
	readonly #service: ClockedService;
	readonly #posting: SeenPosting;
	readonly #id = crypto.randomUUID().replaceAll("-", "");
	readonly #startSeconds: string;

	/** Credits only: what is refused is nothing that could be there twice. */
	constructor(service: ClockedService, observed: Observed, accountId: number, random: Random) {
		this.#service = service;
		this.#posting = observed.invokePosting(accountId, random.between(1, amountMax));
		// nginx' clock is the one that requests are dated by.
		this.#startSeconds = (Date.now() / 1000 + service.clocks[2].aheadSeconds).toFixed(3);
	}

	async send(index: 0 | 1, attempt: number): Promise<void> {
		const { accountId, change, tag } = this.#posting;
		const answer = await fetch(`http://ledger/clientes/${accountId}/transacoes`, {
			unix: this.#service.pair.sockets[index],
			method: "POST",
			headers: {
				...{ "Content-Type": "application/json", "X-Request-Id": this.#id },
				...{ "X-Request-Start": this.#startSeconds, "X-Request-Try": String(attempt) },
			},
			body: JSON.stringify({ valor: change, tipo: "c", descricao: tag }),
		});
		const body = await answer.text();
		if (answer.status === 200) this.#note(JSON.parse(body) as { saldo: number; limite: number });
		else if (answer.status !== 503) this.contradiction = `${tag} was answered ${answer.status}`;
	}

	#note({ saldo, limite }: { saldo: number; limite: number }): void {
		const posting = this.#posting;
		if (posting.fate === "posted" && posting.balance !== saldo)
			this.contradiction = `${posting.tag} was answered with a balance of ${posting.balance}, and then of ${saldo}`;
		if (posting.fate === "posted") return;
		Object.assign(posting, { fate: "posted", balance: saldo, limit: limite, endedAtMs: performance.now() });
	}
}

function twoAccounts(random: Random): [number, number] {
	const accountId = random.pick(accountIds);
	return [accountId, random.pick(accountIds.filter((id) => id !== accountId))];
}

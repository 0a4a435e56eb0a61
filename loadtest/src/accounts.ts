/** The target's accounts: set back before a run if asked to, looked at before and after it. */
import { type Answer, ask, NoAnswer } from "./ask.ts";
import { type Account, readStatement } from "./checks.ts";
import { Requests } from "./requests.ts";
import type { Target } from "./target.ts";

/** The target can't be tested; the message is for people. */
export class Unusable extends Error {}

/** Accounts that are asked for at the same time. */
const askedAtOnce = 8;

/** @throws {Unusable} the target has no working reset. */
export async function resetAccounts(target: Target, timeoutMs: number): Promise<void> {
	const { status } = await asking(target, new Requests(target, []).post("/reset", ""), timeoutMs);
	if (status < 200 || status > 299)
		throw new Unusable(`POST /reset was answered ${status}: the target can't be reset, leave --reset away`);
}

/** @throws {Unusable} one of them has no statement that can be read. */
export async function lookAtAccounts(
	target: Target,
	accountIds: readonly number[],
	timeoutMs: number,
): Promise<Account[]> {
	const accounts: Account[] = [];
	for (let from = 0; from < accountIds.length; from += askedAtOnce)
		accounts.push(
			...(await Promise.all(
				accountIds.slice(from, from + askedAtOnce).map((id) => lookAtAccount(target, id, timeoutMs)),
			)),
		);
	return accounts;
}

async function lookAtAccount(target: Target, accountId: number, timeoutMs: number): Promise<Account> {
	const { status, body } = await asking(target, new Requests(target, []).statement(accountId), timeoutMs);
	const statement = status === 200 ? readStatement(body) : `it was answered ${status}`;
	if (typeof statement === "string")
		throw new Unusable(`account ${accountId} has no statement that can be read: ${statement}`);
	return { accountId, ...statement };
}

async function asking(target: Target, request: Buffer, timeoutMs: number): Promise<Answer> {
	try {
		return await ask(target, request, timeoutMs);
	} catch (error) {
		if (error instanceof NoAnswer) throw new Unusable(`${target.text} can't be tested: ${error.message}`);
		throw error;
	}
}

/**
 * The accounts that a new ledger starts with: the five of the Rinha, or those of SEED_FILE.
 */
import { readFileSync } from "node:fs";
import fiveAccounts from "../seed.json";
import type { Account } from "./ledger.ts";
import { StoreUnusable } from "./store.ts";

type Seed = readonly Pick<Account, "id" | "limit" | "balance">[];

/**
 * From a JSON file: [{"id": 1, "limit": 100000, "balance": 0}, …]; the balance may be left out. Undefined: the five.
 * @throws {StoreUnusable} the message names the file and the account.
 */
export function readSeed(seedPath: string | undefined): Seed {
	if (seedPath === undefined) return fiveAccounts;
	let json: unknown;
	try {
		json = JSON.parse(readFileSync(seedPath, "utf8"));
	} catch (error) {
		throw new StoreUnusable(`SEED_FILE ${seedPath}: ${error instanceof Error ? error.message : error}`);
	}
	if (!Array.isArray(json) || json.length === 0)
		throw new StoreUnusable(`SEED_FILE ${seedPath} holds no list of accounts`);
	const seen = new Set<number>();
	return json.map((account, index) => {
		const { id, limit, balance = 0 } = Object(account) as Record<string, unknown>;
		const whole = (value: unknown, min: number, max: number): value is number =>
			Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
		if (
			!whole(id, 1, 9_999_999_999) ||
			!whole(limit, 0, Number.MAX_SAFE_INTEGER) ||
			!whole(balance, -limit, Number.MAX_SAFE_INTEGER) ||
			seen.has(id)
		) {
			throw new StoreUnusable(
				`SEED_FILE ${seedPath}: account ${index + 1} takes {"id": 1…9999999999, once, "limit": 0…2^53−1, "balance": −limit…2^53−1}`,
			);
		}
		seen.add(id);
		return { id, limit, balance };
	});
}

/** Images that the real ledger opens: it has to start, to show what SQLite finds in them, and to go on from there. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Client } from "../../../loadtest/src/ask.ts";
import { readStatement } from "../../../loadtest/src/checks.ts";
import { Requests } from "../../../loadtest/src/requests.ts";
import { parseTarget } from "../../../loadtest/src/target.ts";
import type { BookAccount, Books } from "../books.ts";
import { LedgerPair } from "../ledger-pair.ts";
import type { Image } from "./image.ts";
import { ImageFolder } from "./image-folder.ts";

const shownMax = 10;
const timeoutMs = 20_000;
/** Of an image that is no ledger yet, a ledger makes the five of the Rinha. */
const freshAccounts = [1, 2, 3, 4, 5].map((accountId) => ({ accountId, balance: 0 }));

/** @returns what is wrong. */
export async function serveImage(folder: string, image: Image, books: Books): Promise<string[]> {
	const home = join(folder, "served");
	const { databaseFile } = layIn(home, image);
	try {
		await using pair = new LedgerPair({ folder: home, databaseFile });
		try {
			await pair.startOne(0);
		} catch (error) {
			return [`the ledger does not start: ${(error as Error).message}`];
		}
		return await askAll(pair.targets[0], books);
	} finally {
		rmSync(home, { recursive: true });
	}
}

function layIn(home: string, image: Image): ImageFolder {
	const folder = new ImageFolder(home);
	folder.lay(image);
	return folder;
}

async function askAll(targetText: string, books: Books): Promise<string[]> {
	const target = parseTarget(targetText);
	const requests = new Requests(target, []);
	const client = new Client(target, timeoutMs);
	const found: string[] = [];
	try {
		for (const account of books.accounts.length > 0 ? books.accounts : freshAccounts) {
			const { body } = await client.ask(requests.statement(account.accountId));
			found.push(...statementFindings(body, account, books));
		}
		const [account = freshAccounts[0] as (typeof freshAccounts)[0]] = books.accounts;
		found.push(...(await postOne(client, requests, account)));
	} finally {
		client.close();
	}
	return found;
}

function statementFindings(
	body: string,
	{ accountId, balance }: Pick<BookAccount, "accountId" | "balance">,
	{ entries }: Books,
): string[] {
	const statement = readStatement(body);
	if (typeof statement === "string") return [`the ledger's statement of account ${accountId}: ${statement}`];
	const expected = entries
		.filter((entry) => entry.accountId === accountId)
		.slice(-shownMax)
		.toReversed()
		.map(({ description, change }) => `${description} ${change}`);
	const shown = statement.entries.map(
		({ descricao, tipo, valor }) => `${descricao} ${tipo === "c" ? valor : -valor}`,
	);
	if (statement.balance === balance && Bun.deepEquals(shown, expected)) return [];
	return [
		`the ledger shows account ${accountId} with ${statement.balance} and ${shown.join(", ")}, its file has ${balance} and ${expected.join(", ")}`,
	];
}

async function postOne(
	client: Client,
	requests: Requests,
	{ accountId, balance }: Pick<BookAccount, "accountId" | "balance">,
): Promise<string[]> {
	const credit = { number: 0, kind: "credit", accountId, amount: 1 } as const;
	const { status, body } = await client.ask(requests.entry(credit, "afterwards"));
	const { saldo } = JSON.parse(body) as { saldo?: number };
	return status === 200 && saldo === balance + 1
		? []
		: [`the ledger answered a credit of 1 with ${status} and the balance ${saldo}, it was ${balance}`];
}

/**
 * The ledger's small tools, on the same Bun as the ledger, because another build of SQLite must not touch
 * the file while it serves:
 *
 *     npm run ledger -- verify                   are the books right?
 *     npm run ledger -- backup FILE              a consistent copy, while the ledger serves
 *     npm run ledger -- restore FILE             puts a copy in the ledger's place, while nobody serves it
 *     npm run ledger -- migrate --from URL --to URL   the books in another database, while nobody serves either
 *
 * Exit codes: 0 all is well, 1 it could not be done, 2 the books are wrong.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { databasePath, isPostgresUrl, SettingsError } from "./settings.ts";
import { openPostgresCopy } from "./store/postgres-copy.ts";
import { openPostgresBooks, openPostgresReading } from "./store/postgres-transfer.ts";
import { backupLedger, restoreLedger, verifyLedger } from "./store/sqlite-tools.ts";
import { openSqliteBooks, openSqliteCopy } from "./store/sqlite-transfer.ts";
import { StoreUnusable, type Verdict } from "./store.ts";
import { type Books, type Copy, transfer } from "./transfer.ts";
import { TransferProgress } from "./transfer-progress.ts";

const usage = `usage: npm run ledger -- verify | backup FILE | restore FILE | migrate --from URL --to URL
The ledger is the one that DATABASE_URL names; without it, DATA_DIR/ledger.db, ./data/ledger.db by default.`;

/** As npm start finds it, or as a process does. */
function ledgerPath({ DATABASE_URL: url, DATA_DIR: folder }: NodeJS.ProcessEnv): string {
	return url || !folder ? databasePath(url) : resolve(folder, "ledger.db");
}

async function run(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
	const [command = "", given, ...rest] = args;
	if (command === "migrate") return migrate(args.slice(1));
	if (isPostgresUrl(environment.DATABASE_URL)) return ofPostgres(args, environment.DATABASE_URL);
	const path = ledgerPath(environment);
	// npm runs this in the project's folder, whichever the person is in.
	const file = given && resolve(process.env.INIT_CWD ?? ".", given);
	if (command === "verify" && file === undefined) return report(path, verifyLedger(path));
	if (file === undefined || rest.length > 0) return fail(usage);
	if (command === "backup") {
		const verdict = backupLedger(path, file);
		return verdict.findings.length > 0 ? report(path, verdict) : report(file, verdict);
	}
	if (command === "restore") return report(path, restoreLedger(path, file));
	return fail(usage);
}

async function ofPostgres([command, ...rest]: readonly string[], url: string): Promise<number> {
	if (command === "backup" || command === "restore")
		return fail(`${command} is for SQLite; PostgreSQL has pg_dump and pg_restore`);
	if (command !== "verify" || rest.length > 0) return fail(usage);
	const books = await openPostgresReading(url);
	try {
		return report(books.name, await books.verify());
	} finally {
		await books.close();
	}
}

async function migrate(args: readonly string[]): Promise<number> {
	const { from, to } = migrateOptions(args);
	if (from === undefined || to === undefined || from === to) return fail(usage);
	await using sides = new AsyncDisposableStack();
	const source: Books = isPostgresUrl(from)
		? await openPostgresBooks(from)
		: openSqliteBooks(databasePath(from));
	sides.defer(() => source.close());
	const copy: Copy = isPostgresUrl(to) ? await openPostgresCopy(to) : openSqliteCopy(databasePath(to));
	sides.defer(() => copy.close());
	const progress = new TransferProgress(process.stderr);
	const { accounts, entries, answers, findings } = await transfer(source, copy, (done, total) =>
		progress.show(done, total),
	).catch((error: unknown) => {
		progress.end();
		if (error instanceof StoreUnusable) throw error;
		const reason = error instanceof Error ? error.message : error;
		throw new StoreUnusable(`the copy was broken off (${reason}): the same command goes on with it`);
	});
	progress.end();
	if (findings.length > 0) return report(copy.name, { accounts, entries, findings });
	process.stdout.write(
		`${copy.name}: ${accounts} accounts, ${entries} entries, ${answers} keys, the copy is right\n`,
	);
	return 0;
}

function migrateOptions(args: readonly string[]): { readonly from?: string; readonly to?: string } {
	try {
		const options = { from: { type: "string" }, to: { type: "string" } } as const;
		return parseArgs({ args: [...args], options }).values;
	} catch {
		return {};
	}
}

function report(path: string, { accounts, entries, findings }: Verdict): number {
	if (findings.length === 0) {
		process.stdout.write(`${path}: ${accounts} accounts, ${entries} entries, the books are right\n`);
		return 0;
	}
	process.stderr.write(
		`${path}: the books are wrong\n${findings.map((finding) => `  ${finding}\n`).join("")}`,
	);
	return 2;
}

function fail(message: string): number {
	process.stderr.write(`${message}\n`);
	return 1;
}

// At once: a connection that is about to close must not keep the process.
try {
	process.exit(await run(process.argv.slice(2), process.env));
} catch (error) {
	if (!(error instanceof StoreUnusable || error instanceof SettingsError)) throw error;
	process.exit(fail(error.message));
}

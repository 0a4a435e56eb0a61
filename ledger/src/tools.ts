/**
 * The ledger's small tools, on the same Bun as the ledger, because another build of SQLite must not touch
 * the file while it serves:
 *
 *     npm run ledger -- verify          are the books right?
 *     npm run ledger -- backup FILE     a consistent copy, while the ledger serves
 *     npm run ledger -- restore FILE    puts a copy in the ledger's place, while nobody serves it
 *
 * Exit codes: 0 all is well, 1 it could not be done, 2 the books are wrong.
 */
import { resolve } from "node:path";
import { databasePath, SettingsError } from "./settings.ts";
import type { Verdict } from "./store/sqlite-check.ts";
import { LedgerFileError } from "./store/sqlite-file.ts";
import { backupLedger, restoreLedger, verifyLedger } from "./store/sqlite-tools.ts";

const usage = `usage: npm run ledger -- verify | backup FILE | restore FILE
The ledger is the one that DATABASE_URL names; without it, DATA_DIR/ledger.db, ./data/ledger.db by default.`;

/** As npm start finds it, or as a process does. */
function ledgerPath({ DATABASE_URL: url, DATA_DIR: folder }: NodeJS.ProcessEnv): string {
	return url || !folder ? databasePath(url) : resolve(folder, "ledger.db");
}

function run([command = "", given, ...rest]: readonly string[], path: string): number {
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

try {
	process.exitCode = run(process.argv.slice(2), ledgerPath(process.env));
} catch (error) {
	if (!(error instanceof LedgerFileError || error instanceof SettingsError)) throw error;
	process.exitCode = fail(error.message);
}

/**
 * One ledger process: reads the environment once, wires the pieces, and shuts down in order.
 *
 * Exit codes: 0 after a drain, 1 when it can't start, 70 when the store failed and only a restart can tell
 * what is on the disk.
 */
import { writeSync } from "node:fs";
import { GroupCommit } from "./group-commit.ts";
import { Log, logSummaries } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { LedgerServer } from "./server.ts";
import { readSettings, type Settings, SettingsError } from "./settings.ts";
import { PostgresStore } from "./store/postgres.ts";
import { addressText, parsePostgresUrl } from "./store/postgres-address.ts";
import { SqliteStore } from "./store/sqlite.ts";
import { type Store, StoreUnusable } from "./store.ts";
import { endSuddenly } from "./sudden-end.ts";
import { Watchdog } from "./watchdog.ts";

const exitNotStarted = 1;
const exitStoreFailed = 70;
/** How long a drain may take; a balancer's kept connections are closed after it. */
const drainMsMax = 5000;
/** How long a database server that isn't there yet is waited for at the start. */
const reachMsMax = 30_000;
/** Time for the answers "unknown" to leave, once the store has failed. */
const lastWordsMs = 200;

async function run(settings: Settings): Promise<void> {
	const log = new Log(settings.logLevel);
	const metrics = new Metrics();
	let watchdog: Watchdog | undefined;
	let hasFailed = false;
	const { store, ...opened } = await openStore(settings, metrics, (work) =>
		watchdog === undefined ? work() : watchdog.patiently(work),
	);
	const groupCommit = new GroupCommit(store, settings, metrics, (failure) => {
		log.write("fatal", "the store failed: this process ends, and a restart will tell what is on the disk", {
			error: failure,
		});
		hasFailed = true;
		setTimeout(() => endSuddenly(exitStoreFailed), lastWordsMs);
	});
	metrics.waiting = () => groupCommit.waiting;
	const server = new LedgerServer({
		listen: settings.listen,
		reset: settings.reset,
		behindBalancer: settings.behindBalancer,
		groupCommit,
		metrics,
		log,
	});
	// From here on only: the first look at a long history may take its time.
	watchdog = startWatchdog(settings.watchdogMs, log);
	logSummaries(log, metrics);
	if (settings.durability === "os")
		log.write("warn", "DURABILITY=os: an acknowledged entry survives kill -9, but not a power cut");
	log.write("info", "listening", {
		address: server.address,
		bun: Bun.version,
		durability: settings.durability,
		...opened,
	});

	let ending = false;
	const end = async (signal: string): Promise<void> => {
		if (ending || hasFailed) return;
		ending = true;
		log.write("info", "draining", { signal });
		await server.drain(drainMsMax);
		await groupCommit.idle();
		if (hasFailed) return;
		store.close();
		log.write("info", "ended");
		process.exit(0);
	};
	process.on("SIGTERM", end);
	process.on("SIGINT", end);
}

/** The store that DATABASE_URL names, and what the log tells of it. */
async function openStore(
	{ database, seedPath, durability, walBytesMax }: Settings,
	metrics: Metrics,
	patiently: <T>(work: () => T) => T,
): Promise<{ readonly store: Store; readonly database: string } & Readonly<Record<string, unknown>>> {
	if (database.technology === "sqlite") {
		const { path } = database;
		const store = new SqliteStore({ path, seedPath, durability, walBytesMax, metrics, patiently });
		return { ...store.settings, store, database: path };
	}
	const address = parsePostgresUrl(database.url);
	const store = new PostgresStore({ address, seedPath, durability, metrics });
	return { ...(await store.ready(reachMsMax)), store, database: addressText(address) };
}

function startWatchdog(ms: number, log: Log): Watchdog | undefined {
	if (ms === 0) return undefined;
	try {
		return Watchdog.start(ms);
	} catch (error) {
		log.write("warn", "no watchdog: a process that hangs while it holds the lock holds up the other one", {
			error: error instanceof Error ? error.message : String(error),
		});
		return undefined;
	}
}

try {
	await run(readSettings(process.env));
} catch (error) {
	const expected = error instanceof SettingsError || error instanceof StoreUnusable;
	const message = error instanceof Error ? error.message : String(error);
	writeSync(process.stderr.fd, `ledger: ${expected ? message : `can't start: ${message}`}\n`);
	// What failed may have been a sync.
	endSuddenly(exitNotStarted);
}

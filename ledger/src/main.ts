/**
 * One ledger process: reads the environment once, wires the pieces, and shuts down in order.
 *
 * Exit codes: 0 after a drain, 1 when it can't start, 70 when the store failed and only a restart can tell
 * what is on the disk.
 */
import { GroupCommit } from "./group-commit.ts";
import { Log, logSummaries } from "./log.ts";
import { Metrics } from "./metrics.ts";
import { LedgerServer } from "./server.ts";
import { readSettings, type Settings, SettingsError } from "./settings.ts";
import { SqliteStore } from "./store/sqlite.ts";
import { LedgerFileError } from "./store/sqlite-file.ts";
import { Watchdog } from "./watchdog.ts";

/** How long a drain may take; a balancer's kept connections are closed after it. */
const drainMsMax = 5000;
/** Time for the answers "unknown" to leave, once the store has failed. */
const lastWordsMs = 200;
const exitStoreFailed = 70;

function run(settings: Settings): void {
	const log = new Log(settings.logLevel);
	const metrics = new Metrics();
	let watchdog: Watchdog | undefined;
	const store = new SqliteStore({
		path: settings.databasePath,
		seedPath: settings.seedPath,
		durability: settings.durability,
		walBytesMax: settings.walBytesMax,
		metrics,
		patiently: (work) => (watchdog === undefined ? work() : watchdog.patiently(work)),
	});
	const groupCommit = new GroupCommit(store, settings, metrics, (failure) => {
		log.write("fatal", "the store failed: this process ends, and a restart will tell what is on the disk", {
			error: failure,
		});
		setTimeout(() => process.exit(exitStoreFailed), lastWordsMs);
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
		database: settings.databasePath,
		...store.settings,
	});

	let ending = false;
	const end = async (signal: string): Promise<void> => {
		if (ending) return;
		ending = true;
		log.write("info", "draining", { signal });
		await server.drain(drainMsMax);
		await groupCommit.idle();
		store.close();
		log.write("info", "ended");
		process.exit(0);
	};
	process.on("SIGTERM", end);
	process.on("SIGINT", end);
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
	run(readSettings(process.env));
} catch (error) {
	const expected = error instanceof SettingsError || error instanceof LedgerFileError;
	const message = error instanceof Error ? error.message : String(error);
	process.stderr.write(`ledger: ${expected ? message : `can't start: ${message}`}\n`);
	process.exit(1);
}

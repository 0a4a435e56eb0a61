/**
 * Makes every npm script one command on a fresh clone: installs the packages when they are missing or are not
 * the ones package-lock.json names, and sees to it that the pinned Bun runs.
 *
 * This is the only part that Node runs, because Bun is one of the packages. When all is there it costs three
 * small reads: a stamp in node_modules remembers the lock file and the Bun that were checked last.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const stampPath = join(root, "node_modules", ".crebito-setup.json");
const bunPath = join(root, "node_modules", ".bin", "bun");

/**
 * Two npm commands on a fresh clone take turns. The lock is an empty folder, which git doesn't list, and its
 * holder touches it while it works. Whoever waits gives up on a holder only after having watched the folder
 * stay untouched, so neither clocks nor process ids of another machine or container matter.
 */
const lockPath = join(root, ".setup-lock");
const touchEveryMs = 250;
const untouchedTurnsMax = 20;

/** Something the reader of the terminal has to do; the message is one line. */
class SetupError extends Error {}

try {
	const nodeMajor = Number(process.versions.node.split(".")[0]);
	if (nodeMajor < 20) throw new SetupError(`Node 20 or later is needed, this is ${process.versions.node}`);
	if (!isStamped()) await inTurn(setUp);
} catch (error) {
	if (!(error instanceof SetupError)) throw error;
	say(error.message);
	process.exit(1);
}

async function setUp() {
	if (isStamped()) return;
	if (!isInstalled()) {
		say("installing packages (npm ci)…");
		await npmCi();
	}
	await seeThatBunRuns();
	writeFileSync(stampPath, JSON.stringify(stamp()));
}

/** What was true when the stamp was written; anything else means looking again. */
function stamp() {
	const bun = statSync(bunPath, { throwIfNoEntry: false });
	return {
		lock: createHash("sha256")
			.update(readFileSync(join(root, "package-lock.json")))
			.digest("hex"),
		bun: bun && [pinnedBun(), bun.size, bun.mtimeMs],
	};
}

function isStamped() {
	return readOrNothing(stampPath) === JSON.stringify(stamp());
}

function pinnedBun() {
	return JSON.parse(readFileSync(join(root, "package.json"), "utf8")).devDependencies.bun;
}

/**
 * Whether node_modules holds what package-lock.json names. npm writes its own list there as the last step of
 * an installation; optional packages are those of other platforms and may be missing.
 */
function isInstalled() {
	const list = readOrNothing(join(root, "node_modules", ".package-lock.json"));
	if (list === undefined) return false;
	const installed = JSON.parse(list).packages;
	const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
	const isRequired = (path) => path !== "" && !wanted[path].optional;
	return (
		Object.keys(wanted).every((path) => path in installed || !isRequired(path)) &&
		Object.keys(installed).every((path) => installed[path].version === wanted[path]?.version)
	);
}

async function npmCi() {
	// Bun is a development dependency and its executable an optional one; NODE_ENV or omit may leave out either.
	const options = ["--include=dev", "--include=optional", "--no-audit", "--no-fund", "--loglevel=error"];
	const code = await run(...npm(), "ci", ...options);
	if (code !== 0) throw new SetupError("npm ci failed (its message is above)");
}

/** The npm that runs this script, if one does: another one in PATH may be of another version. */
function npm() {
	const path = process.env.npm_execpath;
	return path && /^npm-cli\.[cm]?js$/.test(basename(path)) ? [process.execPath, path] : ["npm"];
}

/** npm skips Bun's install script where ignore-scripts or an allow list says so; it is then run here. */
async function seeThatBunRuns() {
	const pinned = pinnedBun();
	if (bunVersion() === pinned) return;
	const script = join(root, "node_modules", "bun", "install.js");
	if (statSync(script, { throwIfNoEntry: false })) {
		say(`setting up Bun ${pinned} (node node_modules/bun/install.js)…`);
		await run(process.execPath, script);
	}
	const found = bunVersion();
	if (found === pinned) return;
	const what = found === undefined ? "does not run" : `is Bun ${found}`;
	throw new SetupError(
		`node_modules/.bin/bun ${what}, Bun ${pinned} is needed: delete node_modules and try again with network`,
	);
}

function bunVersion() {
	const { status, stdout } = spawnSync(bunPath, ["--version"], { encoding: "utf8", cwd: root });
	return status === 0 ? stdout.trim() : undefined;
}

/** Runs a command to its end, its output on stderr: stdout belongs to the npm script that follows. */
function run(command, ...args) {
	const child = spawn(command, args, { cwd: root, env: innerEnvironment(), stdio: ["ignore", 2, 2] });
	const passOn = (signal) => child.kill(signal);
	const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
	for (const signal of signals) process.on(signal, passOn);
	return new Promise((resolve) => {
		child.on("error", (error) => {
			say(`${basename(command)}: ${error.message}`);
			resolve(1);
		});
		child.on("exit", (code, signal) => {
			for (const name of signals) process.off(name, passOn);
			if (signal) say(`stopped by ${signal}`);
			resolve(code ?? 1);
		});
	});
}

/**
 * npm hands its own options to the scripts it runs, and an inner npm obeys them. What was meant for the outer
 * command only (a workspace, a folder, a dry run) is kept from it; a registry or a proxy is passed on.
 */
function innerEnvironment() {
	const environment = { ...process.env };
	const outerOnly = [
		"workspace",
		"workspaces",
		"include_workspace_root",
		"global",
		"location",
		"local_prefix",
	];
	for (const name of [...outerOnly, "dry_run", "package_lock", "package_lock_only"]) {
		delete environment[`npm_config_${name}`];
	}
	return environment;
}

async function inTurn(work) {
	await lock();
	const touching = setInterval(touchLock, touchEveryMs);
	try {
		await work();
	} finally {
		clearInterval(touching);
		unlock();
	}
}

async function lock() {
	let seen = 0;
	for (let untouchedTurns = 0; !tryToLock(); untouchedTurns++) {
		if (seen === 0) say("another npm command is installing the packages here, waiting…");
		const touched = statSync(lockPath, { throwIfNoEntry: false })?.mtimeMs ?? 0;
		if (touched !== seen) untouchedTurns = 0;
		seen = touched;
		if (untouchedTurns >= untouchedTurnsMax) unlock();
		await new Promise((resolve) => setTimeout(resolve, touchEveryMs));
	}
}

function tryToLock() {
	try {
		mkdirSync(lockPath);
		return true;
	} catch (error) {
		if (error.code === "EEXIST") return false;
		throw new SetupError(`${lockPath} can't be made (${error.code}): is this folder yours?`);
	}
}

/** Whoever was suspended for long finds its lock given to another, or gone. */
function touchLock() {
	const now = new Date();
	try {
		utimesSync(lockPath, now, now);
	} catch (error) {
		if (error.code !== "ENOENT") throw error;
	}
}

function unlock() {
	try {
		rmdirSync(lockPath);
	} catch (error) {
		if (error.code !== "ENOENT") throw error;
	}
}

function readOrNothing(path) {
	try {
		return readFileSync(path, "utf8");
	} catch (error) {
		if (error.code === "ENOENT") return undefined;
		throw error;
	}
}

function say(line) {
	process.stderr.write(`crebito: ${line}\n`);
}

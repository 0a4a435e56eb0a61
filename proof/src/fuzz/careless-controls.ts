/** The same requests to a server that has one fault, which has to be found, and to one that has none. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Control, Trial } from "../attack.ts";
import type { BookAccount, Books } from "../books.ts";
import { RunningProgram } from "../program.ts";
import { findings } from "../verdict.ts";
import { Claimed } from "./claimed.ts";
import { play } from "./fuzz-run.ts";
import { ProgramWatch } from "./program-watch.ts";

export const faults = {
	"500-to-broken-json": "a server that answers 500 to a body that is no JSON",
	"takes-a-float-amount": "a server that takes 1.5 for an amount",
	"takes-a-string-amount": 'a server that takes "1" for an amount',
	"trims-descriptions": "a server that trims descriptions",
	"hangs-on-cut-json": "a server that waits for the rest of a body that is cut off",
	"keeps-cut-connections": "a server that waits for the rest of a request whose client has ended",
	"path-by-parseInt": "a server that reads 1x as account 1",
	"leaks-a-stack": "a server that tells its stack trace",
	"dies-at-bad-utf8": "a server that dies of a byte that is no UTF-8",
	"posts-what-it-refuses": "a server that refuses, and posts all the same",
} as const;
export type Fault = keyof typeof faults;

const serverPath = join(import.meta.dir, "careless-server.ts");
const startMsMax = 30_000;
const players = 32;
const answerMsMax = 3000;
/** One finding is proof enough; a few more tell what else it brings about. */
const findingsMax = 3;
const detailMax = 200;
const seedFile = join(import.meta.dir, "../../../ledger/seed.json");

/** Two at a time: some of the faults are found by waiting. */
export async function playControls(trial: Trial, count: number): Promise<Control[]> {
	const left = Object.keys(faults) as Fault[];
	const controls = new Map<Fault, Control>();
	const playSome = async () => {
		for (let fault = left.shift(); fault !== undefined; fault = left.shift()) {
			const [first] = await playCareless(trial, count, fault);
			const detail = first?.slice(0, detailMax) ?? "not found";
			controls.set(fault, { about: faults[fault], isCaught: first !== undefined, detail });
		}
	};
	const both = [playSome(), playSome()];
	// When one fails, the other's server is ended all the same.
	await Promise.allSettled(both);
	await Promise.all(both);
	const [found] = await playCareless(trial, count, undefined);
	return [
		...(Object.keys(faults) as Fault[]).map((fault) => controls.get(fault) as Control),
		{
			about: "the same server without a fault, which has to pass",
			isCaught: found === undefined,
			detail: found?.slice(0, detailMax) ?? "passed",
		},
	];
}

/** What is found about a server with this fault, or with none. */
export async function playCareless(
	{ folder, seed, stop }: Pick<Trial, "folder" | "seed" | "stop">,
	count: number,
	fault: Fault | undefined,
): Promise<readonly string[]> {
	const socket = join(folder, `${fault ?? "none"}.sock`);
	const child = new RunningProgram(
		[process.execPath, "--smol", serverPath, socket, ...(fault === undefined ? [] : [fault])],
		{},
	);
	try {
		await child.says("listening", startMsMax);
		const target = {
			front: "process",
			addresses: [{ unix: socket }],
			before: seededBooks(),
			observed: new Claimed(),
		} as const;
		const pids = () => (child.hasEnded ? [] : [child.pid]);
		const watch = new ProgramWatch([{ name: "the server", pids, output: () => child.output }]);
		const run = await play({
			...{ targets: [target], count, players, seed, answerMsMax, stop, findingsMax },
			...{ stallMsMax: 0, look: () => undefined },
		});
		const said = watch.findings(Number.POSITIVE_INFINITY);
		child.signal("SIGTERM");
		await child.ended;
		const found = [...said, ...run.findings.sentences];
		return found.length > 0 ? found : bookFindings(target, `${socket}.json`);
	} finally {
		await child.kill();
	}
}

function bookFindings({ before, observed }: { before: Books; observed: Claimed }, file: string): string[] {
	const after = JSON.parse(readFileSync(file, "utf8")) as Books;
	observed.settle(new Set(after.entries.map(({ description }) => description)));
	return findings(before, observed, after);
}

function seededBooks(): Books {
	const seed = JSON.parse(readFileSync(seedFile, "utf8")) as { id: number; limit: number; balance: number }[];
	const accounts = seed.map(
		({ id, limit, balance }): BookAccount => ({
			...{ accountId: id, limit, balance, initialBalance: balance, sequence: 0 },
		}),
	);
	return { accounts, entries: [], problems: [] };
}

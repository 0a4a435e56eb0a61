/**
 * What two thousand slow clients cost a good one: the rate of the judge through nginx, without and with them, in turn.
 *
 *     npm run bench:slow-clients -- [--sockets 2000] [--rounds 3] [--seconds 10]
 *
 * The stack is a fresh one, durable. The slow clients are a process of their own: a quarter each is idle, drips a header,
 * drips a body, and asks without reading. Whoever is closed comes back at once. The last line is the result as JSON.
 */

import { readFileSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median } from "../../ledger/bench/comparison.ts";
import { durableFolder, removeDurableFolders } from "../../ledger/test/durable-folder.ts";
import { RunningStack } from "../test/running-stack.ts";
import { SlowCrowd } from "../test/slow-clients.ts";

const repository = join(import.meta.dir, "../..");
const connections = 14;
/** Who drips sends a byte so often: just often enough for nginx's five seconds. */
const dripSeconds = 4;
/** What the crowd takes of the processors is not nginx's doing, so it yields to everybody: it would be elsewhere. */
const crowdNice = 10;
const gatherMsMax = 20_000;

interface Plan {
	readonly sockets: number;
	readonly rounds: number;
	readonly seconds: number;
}

/** What the crowd says of itself, a line each second. */
interface Standing {
	readonly open: number;
	readonly closed: number;
	readonly refused: number;
	readonly statuses: Readonly<Record<string, number>>;
	/** Of a processor, which it takes from everybody: what it costs to be slow, not to be slowed down. */
	readonly processorShare: number;
}

interface Turn {
	readonly requestsPerSecond: number;
	readonly p99Ms: number;
	readonly failed: number;
	/** Of nginx's worker, at its end. */
	readonly nginxMb: number;
	/** Processor time of nginx's worker for each good request, the slow ones' share included; no noise moves it. */
	readonly nginxMicros: number;
	readonly crowd: Standing | null;
}

/** The crowd's process: ends with its standard input. */
async function runCrowd(port: number, size: number): Promise<void> {
	setPriority(crowdNice);
	using crowd = new SlowCrowd(port, size, dripSeconds);
	const say = () => {
		const { open, closed, refused, statuses } = crowd;
		const { user, system } = process.cpuUsage();
		const processorShare = (user + system) / 1000 / performance.now();
		const standing: Standing = { open, closed, refused, statuses, processorShare };
		process.stdout.write(`${JSON.stringify(standing)}\n`);
	};
	const timer = setInterval(say, 1000);
	for await (const _ of Bun.stdin.stream()) {
		// Nothing is said to it.
	}
	clearInterval(timer);
	say();
}

class Crowd implements AsyncDisposable {
	standing: Standing = { open: 0, closed: 0, refused: 0, statuses: {}, processorShare: 0 };
	readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
	readonly #reading: Promise<void>;

	constructor(port: number, size: number) {
		this.#process = Bun.spawn(
			[process.execPath, "--no-orphans", import.meta.path, "--crowd", `${port},${size}`],
			{
				stdio: ["pipe", "pipe", "inherit"],
			},
		);
		this.#reading = this.#read();
	}

	async gathered(size: number): Promise<void> {
		const deadline = performance.now() + gatherMsMax;
		while (this.standing.open < size * 0.95) {
			if (performance.now() > deadline) throw new Error(`only ${this.standing.open} of ${size} came`);
			await Bun.sleep(200);
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#process.stdin.end();
		await this.#process.exited;
		await this.#reading;
	}

	async #read(): Promise<void> {
		const decoder = new TextDecoder();
		let rest = "";
		for await (const bytes of this.#process.stdout) {
			const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
			rest = lines.pop() ?? "";
			const last = lines.pop();
			if (last !== undefined) this.standing = JSON.parse(last) as Standing;
		}
	}
}

async function turn(stack: RunningStack, { sockets, seconds }: Plan, isCrowded: boolean): Promise<Turn> {
	if (!isCrowded) return { ...(await judgeWatched(stack, seconds)), crowd: null };
	await using crowd = new Crowd(stack.port, sockets);
	await crowd.gathered(sockets);
	const judged = await judgeWatched(stack, seconds);
	return { ...judged, crowd: crowd.standing };
}

async function judgeWatched(stack: RunningStack, seconds: number): Promise<Omit<Turn, "crowd">> {
	const before = workerUse(stack);
	const { requests, ...judged } = await judge(stack, seconds);
	const { micros, mb } = workerUse(stack);
	return { ...judged, nginxMb: mb, nginxMicros: (micros - before.micros) / requests };
}

/** The good client: closed loop, flat out, its books checked. */
async function judge(
	{ url }: RunningStack,
	seconds: number,
): Promise<Pick<Turn, "requestsPerSecond" | "p99Ms" | "failed"> & { requests: number }> {
	const program = join(repository, "loadtest/src/main.ts");
	const options = ["-c", String(connections), "-d", `${seconds}s`, "-o", "json", "--quiet"];
	const child = Bun.spawn([process.execPath, program, "load", url, ...options], {
		stdio: ["ignore", "pipe", "pipe"],
	});
	const text = await new Response(child.stdout).text();
	if ((await child.exited) !== 0)
		throw new Error(`the judge: ${await new Response(child.stderr).text()}${text}`);
	const { summary, repeats } = JSON.parse(text) as {
		summary: { requests: number; rate: number; failed: number };
		repeats: readonly { p99: number }[];
	};
	const { requests, rate: requestsPerSecond, failed } = summary;
	return { requests, requestsPerSecond, p99Ms: repeats[0]?.p99 ?? Number.NaN, failed };
}

/** Memory and processor time of nginx's worker; Linux counts the latter in hundredths of a second. */
function workerUse({ nginxPid }: RunningStack): { mb: number; micros: number } {
	const children = readFileSync(`/proc/${nginxPid}/task/${nginxPid}/children`, "utf8");
	const folder = `/proc/${children.trim().split(" ")[0]}`;
	const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(join(folder, "status"), "utf8"))?.[1];
	// Behind the name, which may hold anything: utime and stime are the twelfth and the thirteenth.
	const fields = readFileSync(join(folder, "stat"), "utf8").split(") ").pop()?.split(" ") ?? [];
	return { mb: Number(resident) / 1024, micros: (Number(fields[11]) + Number(fields[12])) * 10_000 };
}

/** Without, with, without, with, …, without: so each turn with them stands between two without. */
async function measure(plan: Plan): Promise<void> {
	const turns: Turn[] = [];
	const environment = { BALANCER: "nginx", DATA_DIR: durableFolder() };
	const ledgerPath = join(repository, "ledger/src/main.ts");
	await using stack = await RunningStack.serving({ environment, ledgerPath });
	await judge(stack, 3);
	for (let index = 0; index <= 2 * plan.rounds; index += 1) {
		const isCrowded = index % 2 === 1;
		const taken = await turn(stack, plan, isCrowded);
		turns.push(taken);
		say(isCrowded ? `with ${taken.crowd?.open} slow clients` : "without", taken);
	}
	report(plan, turns, stack.errors);
}

function say(what: string, { requestsPerSecond, p99Ms, nginxMb, nginxMicros, failed }: Turn): void {
	const figures = `${Math.round(requestsPerSecond)} requests/s, p99 ${p99Ms.toFixed(1)} ms, ${failed} failed`;
	const nginx = `nginx ${nginxMicros.toFixed(1)} µs/request, ${nginxMb.toFixed(1)} MB`;
	process.stderr.write(`${what}: ${figures}; ${nginx}\n`);
}

function report(plan: Plan, turns: readonly Turn[], errors: string): void {
	const rates = turns.map(({ requestsPerSecond }) => requestsPerSecond);
	// Each turn with them against the two around it: the machine may become slower or faster meanwhile.
	const shares = rates.flatMap((rate, index) => {
		const around = ((rates[index - 1] ?? Number.NaN) + (rates[index + 1] ?? Number.NaN)) / 2;
		return index % 2 === 1 ? [rate / around] : [];
	});
	const without = turns.filter(({ crowd }) => crowd === null);
	const beside = turns.filter(({ crowd }) => crowd !== null);
	const middle = (some: readonly Turn[], figure: "requestsPerSecond" | "nginxMicros") =>
		median(some.map((turn) => turn[figure]));
	const pair = (figure: "requestsPerSecond" | "nginxMicros") =>
		`${Math.round(middle(beside, figure))} and ${Math.round(middle(without, figure))}`;
	process.stderr.write(
		`beside ${plan.sockets} slow clients, a good one keeps ${(median(shares) * 100).toFixed(1)} % of its rate ` +
			`(median of ${plan.rounds}): with and without them ${pair("requestsPerSecond")} requests/s, ` +
			`${pair("nginxMicros")} µs of nginx's each\n`,
	);
	const nginxErrors = errors.split("\n").filter((line) => /\[(error|crit|alert|emerg)\]/.test(line)).length;
	process.stdout.write(`${JSON.stringify({ ...plan, share: median(shares), shares, nginxErrors, turns })}\n`);
}

const whole = (text: string, name: string, max: number): number => {
	if (/^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= max) return Number(text);
	process.stderr.write(`slow-clients: --${name} takes a whole number from 1 to ${max}, not "${text}"\n`);
	process.exit(2);
};

const { values } = parseArgs({
	options: {
		sockets: { type: "string", default: "2000" },
		rounds: { type: "string", default: "3" },
		seconds: { type: "string", default: "10" },
		crowd: { type: "string" },
	},
});
if (values.crowd !== undefined) {
	const [port = 0, size = 0] = values.crowd.split(",").map(Number);
	await runCrowd(port, size);
	process.exit(0);
}
try {
	await measure({
		sockets: whole(values.sockets, "sockets", 4000),
		rounds: whole(values.rounds, "rounds", 100),
		seconds: whole(values.seconds, "seconds", 600),
	});
} finally {
	removeDurableFolders();
}

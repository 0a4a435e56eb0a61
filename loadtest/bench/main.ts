/**
 * The judge measured: `npm run bench:judge`.
 *
 *     requests per CPU-second, against wrk with a script that sends the same   A B A B, medians of the ratios
 *     lateness at 2,000/s, memory, and how long 100,000 operations take to be proven
 *
 * The target is one ledger process that doesn't wait for the disk, without nginx: fast enough that the
 * generator's own cost is what is seen. Both generators run in one thread.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Result } from "../src/result.ts";
import { provingSeconds } from "./proving.ts";

const root = join(import.meta.dir, "../..");
const begin = "<!-- loadtest-bench:begin -->";
const end = "<!-- loadtest-bench:end -->";

const help = `Measures the judge itself, against wrk where wrk does the same.

    bun loadtest/bench/main.ts [--rounds 3] [--seconds 8] [--memory-seconds 30] [--write]

  --rounds N           how often each generator runs, in turns (3)
  --seconds N          of each run (8)
  --memory-seconds N   of the run at full rate whose memory is looked at (30; the figure is about 600)
  --write              write the section of docs/benchmarks.md
Needs the Debian package wrk.
`;

interface Pair {
	readonly judge: number;
	readonly wrk: number;
}

interface Figures {
	readonly connections: number;
	/** Requests per CPU-second of the generator. */
	readonly perCpuSecond: readonly Pair[];
	readonly rates: readonly Pair[];
}

async function main(): Promise<void> {
	const { values } = parseArgs({
		options: {
			rounds: { type: "string", default: "3" },
			seconds: { type: "string", default: "8" },
			"memory-seconds": { type: "string", default: "30" },
			write: { type: "boolean", default: false },
			help: { type: "boolean", default: false },
		},
	});
	if (values.help) return void process.stdout.write(help);
	if (Bun.which("wrk") === null) throw new Error("wrk is missing: apt-get install wrk");
	const [rounds, seconds, memorySeconds] = [values.rounds, values.seconds, values["memory-seconds"]].map(
		(text) => {
			if (!/^[1-9]\d{0,4}$/.test(text)) throw new Error(`${text} is not a whole number above 0`);
			return Number(text);
		},
	) as [number, number, number];
	await using target = await Target.start();
	const figures: Figures[] = [];
	for (const connections of [14, 64])
		figures.push(await compareWithWrk(target.url, connections, rounds, seconds));
	const open = await runJudge(target.url, ["-r", "2000", "-c", "64", "-d", `${seconds}s`, "-w", "1s"]);
	const long = await runJudge(target.url, ["-c", "64", "-d", `${memorySeconds}s`]);
	const proving = provingSeconds();
	const text = section({ figures, open, long, proving, memorySeconds, rounds, seconds });
	console.log(text);
	if (values.write) writeSection(text);
}

/** One ledger process on a free port, with its file in a temporary folder. */
class Target implements AsyncDisposable {
	readonly url: string;
	readonly #process: Bun.Subprocess;
	readonly #folder: string;

	private constructor(url: string, child: Bun.Subprocess, folder: string) {
		this.url = url;
		this.#process = child;
		this.#folder = folder;
	}

	static async start(): Promise<Target> {
		const folder = mkdtempSync(join(tmpdir(), "crebito-judge-bench-"));
		const child = Bun.spawn([process.execPath, "--smol", join(root, "ledger/src/main.ts")], {
			env: {
				PATH: process.env.PATH ?? "",
				DATABASE_URL: `sqlite://${join(folder, "ledger.db")}`,
				DURABILITY: "os",
				API_HOST: "127.0.0.1",
				API_PORT: "0",
			},
			stdin: "ignore",
			stdout: "pipe",
			stderr: "inherit",
		});
		let heard = "";
		for await (const chunk of child.stdout) {
			heard += Buffer.from(chunk).toString();
			const port = /"port":(\d+)/.exec(heard)?.[1] ?? /127\.0\.0\.1:(\d+)/.exec(heard)?.[1];
			if (port !== undefined) return new Target(`http://127.0.0.1:${port}`, child, folder);
		}
		throw new Error(`the ledger didn't start: ${heard}`);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#process.kill("SIGTERM");
		await this.#process.exited;
		rmSync(this.#folder, { recursive: true, force: true });
	}
}

async function compareWithWrk(
	url: string,
	connections: number,
	rounds: number,
	seconds: number,
): Promise<Figures> {
	const perCpuSecond: Pair[] = [];
	const rates: Pair[] = [];
	for (let round = 0; round < rounds; round += 1) {
		const { summary } = await runJudge(url, ["-c", `${connections}`, "-d", `${seconds}s`, "-w", "3s"]);
		const wrk = await runWrk(url, connections, seconds);
		perCpuSecond.push({
			judge: summary.rate / summary.generatorCpuShare,
			wrk: wrk.requests / wrk.cpuSeconds,
		});
		rates.push({ judge: summary.rate, wrk: wrk.requests / wrk.seconds });
	}
	return { connections, perCpuSecond, rates };
}

async function runJudge(url: string, args: readonly string[]): Promise<Result> {
	const child = Bun.spawn(
		[
			process.execPath,
			join(root, "loadtest/src/main.ts"),
			"load",
			url,
			"--reset",
			"-o",
			"json",
			"--quiet",
			...args,
		],
		{ stdin: "ignore", stdout: "pipe", stderr: "inherit" },
	);
	const result = JSON.parse(await new Response(child.stdout).text()) as Result;
	await child.exited;
	const { validity, consistency } = result;
	process.stderr.write(
		`judge ${args.join(" ")}: ${Math.round(result.summary.rate)}/s, ${validity.verdict}, ${consistency.verdict}\n`,
	);
	if (consistency.verdict !== "consistent") throw new Error(consistency.reason);
	return result;
}

interface WrkRun {
	readonly requests: number;
	readonly seconds: number;
	readonly cpuSeconds: number;
}

async function runWrk(url: string, connections: number, seconds: number): Promise<WrkRun> {
	const command = [
		"wrk",
		"-t1",
		`-c${connections}`,
		`-d${seconds}s`,
		"-s",
		join(import.meta.dir, "mix.lua"),
		url,
	];
	const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
	const output = await new Response(child.stdout).text();
	await child.exited;
	const { requests, durationUs, unexpected } = JSON.parse(output.trim().split("\n").at(-1) ?? "");
	if (unexpected > 0) throw new Error(`wrk got ${unexpected} answers that are neither 200 nor 422`);
	const cpuSeconds = Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1e6;
	process.stderr.write(`wrk -c${connections}: ${Math.round((requests * 1e6) / durationUs)}/s\n`);
	return { requests, seconds: durationUs / 1e6, cpuSeconds };
}

interface Measured {
	readonly figures: readonly Figures[];
	readonly open: Result;
	readonly long: Result;
	readonly proving: number;
	readonly memorySeconds: number;
	readonly rounds: number;
	readonly seconds: number;
}

function section({ figures, open, long, proving, memorySeconds, rounds, seconds }: Measured): string {
	const lateness =
		open.latency.lateness?.percentiles.find(({ percentile }) => percentile === 99)?.ms ?? Number.NaN;
	const rows = [
		...figures.map(({ connections, perCpuSecond }) => {
			const ratio = median(perCpuSecond.map(({ judge, wrk }) => judge / wrk));
			return claim(
				`requests per CPU-second, judge ÷ wrk with Lua, ${connections} connections`,
				"≥ 1",
				ratio.toFixed(2),
				ratio >= 1,
			);
		}),
		claim("p99 lateness at 2,000/s", "< 1 ms", `${lateness.toFixed(3)} ms`, lateness < 1),
		claim(
			`peak memory after ${memorySeconds} s and ${long.summary.requests.toLocaleString("en-US")} requests`,
			"< 120 MB",
			`${long.summary.generatorMemoryMb.toFixed(0)} MB`,
			long.summary.generatorMemoryMb < 120,
		),
		claim("100,000 operations of one account proven", "< 1 s", `${proving.toFixed(2)} s`, proving < 1),
	];
	const costs = figures.flatMap(({ connections, perCpuSecond, rates }) =>
		(["judge", "wrk"] as const).map((who) => {
			const perSecond = median(perCpuSecond.map((pair) => pair[who]));
			const rate = median(rates.map((pair) => pair[who]));
			return `| ${who}, ${connections} connections | ${(1e6 / perSecond).toFixed(1)} | ${Math.round(rate).toLocaleString("en-US")} |`;
		}),
	);
	return [
		["| what | target | reached | |", "| --- | --: | --: | --- |", ...rows].join("\n"),
		["| generator | µs of its CPU a request | requests/s |", "| --- | --: | --: |", ...costs].join("\n"),
		`The judge reads and checks every answer, wrk's script looks at the status. The target is one ledger process with
\`DURABILITY=os\`, without nginx; each generator runs in one thread, in turns, ${rounds} × ${seconds} s, medians, the judge after 3 s in which its runtime compiles it. Proving the history
afterwards is not counted in the CPU, its memory is.`,
		`- \`bun loadtest/bench/main.ts ${process.argv.slice(2).join(" ")}\`
- ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC at commit ${commit()}
- load average of the minute before: ${(loadavg()[0] ?? 0).toFixed(2)}
- ${cpus()[0]?.model.trim()}, ${cpus().length} processors; Linux ${release()}; Bun ${Bun.version}`,
	].join("\n\n");
}

function claim(what: string, target: string, reached: string, isMet: boolean): string {
	return `| ${what} | ${target} | ${reached} | ${isMet ? "reached" : "**missed**"} |`;
}

function median(values: readonly number[]): number {
	const sorted = values.toSorted((a, b) => a - b);
	return ((sorted[(sorted.length - 1) >> 1] ?? Number.NaN) + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2;
}

function commit(): string {
	const git = (...args: string[]) =>
		Bun.spawnSync(["git", "-C", root, ...args])
			.stdout.toString()
			.trim();
	const changes = git("status", "--porcelain", "--", ":/", ":(top,exclude)docs/benchmarks*");
	return `${git("rev-parse", "--short", "HEAD")}${changes ? "+changes" : ""}`;
}

/** Replaces the section in docs/benchmarks.md, or appends it. */
function writeSection(text: string): void {
	const file = join(root, "docs/benchmarks.md");
	const page = readFileSync(file, "utf8");
	const [from, to] = [page.indexOf(begin), page.indexOf(end)];
	const whole = `${begin}\n${text}\n${end}`;
	writeFileSync(
		file,
		from < 0
			? `${page.trimEnd()}\n\n## The load tester itself\n\n${whole}\n`
			: page.slice(0, from) + whole + page.slice(to + end.length),
	);
}

await main().catch((error: unknown) => {
	process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
	process.exit(1);
});

/**
 * The matrix: ledgers that are wrong in one way, now and then, each found in 20 of 20 seeded runs; and a right one
 * under the same random delays, in which nothing is found in 200.
 *
 * The judge runs as it does from the command line, over HTTP, only in this process.
 */
import { describe, expect, test } from "bun:test";
import { runLoadTest } from "../src/load-test.ts";
import { type LoadOptions, readOptions } from "../src/options.ts";
import { Progress } from "../src/progress.ts";
import type { Result } from "../src/result.ts";
import { type BrokenOptions, type Fault, faults, startBroken } from "./servers/broken.ts";

const firstSeed = Number(process.env.SEED ?? 1 + Math.floor(Math.random() * 1e6));
const runsEach = 20;
const rightRuns = 200;
/** A fault may find no place in a run: it then says nothing about the judge, and the next seed is tried. */
const triesMax = 60;
const timeoutMs = 120_000;

/** Small limits and amounts, so that a balance comes to within a cent of its limit at all. */
const nearTheLimit: ReadonlySet<Fault> = new Set(["limit-passed", "limit-passed-by-one-cent"]);
const smallLimits = [20, 30, 40, 50, 60];
/** Of those the debits that do pass it. */
const nearTheLimitRate = 1 / 20;

interface Judged {
	readonly result: Result;
	readonly committed: number;
}

async function judged(broken: BrokenOptions, seed: number): Promise<Judged> {
	const isSmall = nearTheLimit.has(broken.fault);
	const small = {
		limits: smallLimits,
		...(broken.fault === "limit-passed" ? { rate: nearTheLimitRate } : {}),
	};
	const server = startBroken({ ...broken, seed, ...(isSmall ? small : {}) });
	try {
		const amount = isSmall ? ["--amount", "1-5"] : [];
		// More statements than usual: they are what most of these faults show in.
		const args = [
			"load",
			server.url,
			"-n",
			"500",
			"-c",
			"12",
			"--mix",
			"20:10:6",
			"--seed",
			`${seed}`,
			...amount,
		];
		const options = readOptions(args) as LoadOptions;
		const result = await runLoadTest(options, args.join(" "), new Progress(), []);
		return { result, committed: server.faultsCommitted() };
	} finally {
		await server.stop();
	}
}

describe(`a broken ledger is found in ${runsEach} of ${runsEach} runs (SEED=${firstSeed})`, () => {
	test.each([...faults])(
		"%s",
		async (fault) => {
			const missed: number[] = [];
			let runs = 0;
			for (let seed = firstSeed; runs < runsEach && seed < firstSeed + triesMax; seed += 1) {
				const { result, committed } = await judged({ fault, delayMs: 1 }, seed);
				if (committed === 0) continue;
				runs += 1;
				if (result.consistency.verdict !== "inconsistent") missed.push(seed);
			}
			expect({ fault, runs, missed }).toEqual({ fault, runs: runsEach, missed: [] });
		},
		timeoutMs,
	);
});

test(
	`a right ledger under random delays is found right in ${rightRuns} of ${rightRuns} runs (SEED=${firstSeed})`,
	async () => {
		const accused: string[] = [];
		for (let seed = firstSeed; seed < firstSeed + rightRuns; seed += 1) {
			const { consistency } = (await judged({ fault: "none", delayMs: 1 + (seed % 3) }, seed)).result;
			if (consistency.verdict !== "consistent") accused.push(`seed ${seed}: ${consistency.reason}`);
		}
		expect(accused).toEqual([]);
	},
	timeoutMs,
);

test(
	`a right ledger that leaves one in fifty requests unanswered is never called inconsistent (SEED=${firstSeed})`,
	async () => {
		const accused: string[] = [];
		for (let seed = firstSeed; seed < firstSeed + runsEach; seed += 1) {
			const { consistency } = (await judged({ fault: "none", delayMs: 1, unknownShare: 0.02 }, seed)).result;
			if (consistency.verdict === "inconsistent") accused.push(`seed ${seed}: ${consistency.reason}`);
		}
		expect(accused).toEqual([]);
	},
	timeoutMs,
);

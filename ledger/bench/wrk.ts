/** wrk as a function: a load goes in, what it measured comes out. */
import { join } from "node:path";

export interface Load {
	port: number;
	connections: number;
	threads: number;
	seconds: number;
	/** The accounts are 1 to this number, all equally likely. */
	accounts: number;
	seed: number;
	mix: "mixed" | "statements";
}

/** Latencies are wrk's, in microseconds. */
export interface Measured {
	requests: number;
	requestsPerSecond: number;
	p50Us: number;
	p90Us: number;
	p99Us: number;
	p999Us: number;
	maxUs: number;
	/** Answers of 422: the limit of an account held, which is a good answer. */
	refused: number;
}

/** The last line of mix.lua's done(). */
interface Summary extends Omit<Measured, "requestsPerSecond"> {
	durationUs: number;
	unexpected: number;
	unexpectedStatus: number;
	connect: number;
	read: number;
	write: number;
	timeout: number;
}

const script = join(import.meta.dir, "mix.lua");

/** Throws when a single answer was neither 200 nor 422, or a connection failed: such a run measured nothing. */
export async function applyLoad(load: Load, stop: AbortSignal): Promise<Measured> {
	stop.throwIfAborted();
	const { connections, seconds, accounts, seed, mix } = load;
	const threads = Math.min(load.threads, connections);
	const wrk = Bun.spawn(
		[
			...["wrk", "--threads", threads, "--connections", connections, "--duration", `${seconds}s`],
			...["--timeout", "10s", "--latency", "--script", script, `http://127.0.0.1:${load.port}`],
			...["--", accounts, seed, mix],
		].map(String),
		{ stdin: "ignore", stdout: "pipe", stderr: "pipe", signal: stop, detached: true },
	);
	const [output, complaint] = await Promise.all([wrk.stdout.text(), wrk.stderr.text(), wrk.exited]);
	stop.throwIfAborted();
	const line = output.split("\n").find((text) => text.startsWith("{"));
	if (!line) throw new Error(`wrk measured nothing:\n${output}${complaint}`);
	return judge(JSON.parse(line) as Summary);
}

function judge(summary: Summary): Measured {
	const { durationUs, unexpected, unexpectedStatus, connect, read, write, timeout, ...measured } = summary;
	if (unexpected > 0)
		throw new Error(`${unexpected} answers were neither 200 nor 422 (one of them: ${unexpectedStatus})`);
	if (connect + read + write + timeout > 0)
		throw new Error(`connections failed: ${JSON.stringify({ connect, read, write, timeout })}`);
	if (measured.requests === 0) throw new Error("not one request was answered");
	return { ...measured, requestsPerSecond: measured.requests / (durationUs / 1e6) };
}

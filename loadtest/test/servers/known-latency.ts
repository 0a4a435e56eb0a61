/**
 * A right ledger that answers each request a known time after its arrival, with or without one stall: what
 * the judge's clock is checked against, by the numbers of `expected-latency.ts`.
 *
 *     bun loadtest/test/servers/known-latency.ts --port 0 --latency-ms 20 --stall-at-ms 3000 --stall-ms 1000
 *
 * A process of its own, since the generator must not share its thread. It sleeps until shortly before an
 * answer is due, and looks at the clock in every turn of the event loop for the rest. The answers that a stall
 * held up leave one after another, in the order of arrival, some ten microseconds each.
 */
import { parseArgs } from "node:util";
import { answerOf, openBooks } from "./books.ts";
import { answeredAtMs, type KnownLatency } from "./expected-latency.ts";
import { type Answer, officialLimits } from "./wire.ts";

/** A timer may be late by as much. */
const timerMsMax = 2;

export interface KnownLatencyServer {
	readonly url: string;
	stop(): Promise<void>;
}

/** Starts it as a process, which also ends when this one does. Without a stall unless one is given. */
export async function startKnownLatency(known: Partial<KnownLatency> = {}): Promise<KnownLatencyServer> {
	const options = [
		["--latency-ms", known.latencyMs],
		["--stall-at-ms", known.stallAtMs],
		["--stall-ms", known.stallMs],
	].flatMap(([name, value]) => (value === undefined ? [] : [`${name}`, `${value}`]));
	const child = Bun.spawn([process.execPath, import.meta.path, ...options, "--with-parent"], {
		stdin: "pipe",
		stdout: "pipe",
		stderr: "inherit",
	});
	const url = await addressPrinted(child.stdout);
	return {
		url,
		async stop() {
			child.kill();
			await child.exited;
		},
	};
}

async function addressPrinted(output: ReadableStream<Uint8Array>): Promise<string> {
	let text = "";
	for await (const piece of output) {
		text += new TextDecoder().decode(piece);
		const address = /listening on (\S+)\n/.exec(text)?.[1];
		if (address !== undefined) return address;
	}
	throw new Error("the server of known latency ended before it listened");
}

interface Waiting {
	readonly dueAtMs: number;
	leave(): void;
}

/** Answers in the order in which they are due, which is that of arrival. */
class Departures {
	#waiting: Waiting[] = [];
	#isAwake = false;

	add(waiting: Waiting): void {
		this.#waiting.push(waiting);
		if (!this.#isAwake) {
			this.#isAwake = true;
			this.#turn();
		}
	}

	readonly #turn = (): void => {
		const now = performance.now();
		const due = this.#waiting.findIndex(({ dueAtMs }) => dueAtMs > now);
		for (const { leave } of this.#waiting.splice(0, due < 0 ? this.#waiting.length : due)) leave();
		const next = this.#waiting[0];
		if (next === undefined) this.#isAwake = false;
		else if (next.dueAtMs - now > timerMsMax) setTimeout(this.#turn, next.dueAtMs - now - timerMsMax);
		else setImmediate(this.#turn);
	};
}

function serve(port: number, known: KnownLatency): void {
	const books = openBooks(officialLimits);
	const departures = new Departures();
	/** When the first credit or debit arrived. */
	let startedAtMs: number | undefined;

	const server = Bun.serve({
		port,
		hostname: "127.0.0.1",
		async fetch(request) {
			const arrivedAtMs = performance.now();
			if (request.method === "POST" && !request.url.endsWith("/reset")) startedAtMs ??= arrivedAtMs;
			const elapsedMs = arrivedAtMs - (startedAtMs ?? arrivedAtMs);
			// Before the first of them, nothing stalls: that is 0 ms into the run for ever.
			const dueAtMs = arrivedAtMs - elapsedMs + answeredAtMs(elapsedMs, known);
			const body = await request.text();
			return new Promise<Response>((resolve) => {
				const leave = () => resolve(responseOf(answer));
				const answer = answerOf(books, request.method, new URL(request.url).pathname, body);
				departures.add({ dueAtMs, leave });
			});
		},
	});
	console.log(`listening on http://127.0.0.1:${server.port}`);
}

function responseOf({ status, body }: Answer): Response {
	return new Response(body, { status, headers: { "content-type": "application/json" } });
}

async function endWithParent(): Promise<void> {
	for await (const _ of Bun.stdin.stream());
	process.exit();
}

if (import.meta.main) {
	const { values } = parseArgs({
		options: {
			port: { type: "string", default: "0" },
			"latency-ms": { type: "string", default: "20" },
			"stall-at-ms": { type: "string", default: "Infinity" },
			"stall-ms": { type: "string", default: "0" },
			"with-parent": { type: "boolean", default: false },
		},
	});
	serve(Number(values.port), {
		latencyMs: Number(values["latency-ms"]),
		stallAtMs: Number(values["stall-at-ms"]),
		stallMs: Number(values["stall-ms"]),
	});
	if (values["with-parent"]) void endWithParent();
}

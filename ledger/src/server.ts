/**
 * The routes: bytes in, status out. No rules.
 */
import { parseAttempt, parseIdempotencyKey } from "./attempt.ts";
import { type GroupCommit, Overloaded } from "./group-commit.ts";
import type { Attempt, Command, Outcome } from "./ledger.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { type Settings, SettingsError } from "./settings.ts";
import { NothingApplied } from "./store.ts";
import { UnixSocket } from "./unix-socket.ts";
import {
	bodyBytesMax,
	encodeHealth,
	encodePosted,
	encodeProblem,
	encodeStatement,
	isJson,
	type Problem,
	parseAccountId,
	parsePosting,
	paths,
	problems,
} from "./wire.ts";

/**
 * Bytes that Bun takes in before it refuses with a bare 413 of its own. A body between bodyBytesMax and this
 * gets a problem detail.
 */
const bodyBytesHardMax = 16 * 1024;

/** Seconds that a connection may be silent; longer than the balancer keeps it, or a POST meets its closing. */
const idleTimeoutSeconds = 30;

/** How long a drain lets requests come that were on their way; a balancer's are there within a millisecond. */
const drainGraceMs = 100;
const drainPollMs = 5;

/** How long a health check waits for its own trip to the disk. */
const healthWaitMsMax = 2000;

/** The router's request: Bun has matched the path and holds its variables. */
type Routed = Bun.BunRequest<string>;

type UnixOptions = Bun.Serve.Options<undefined, string> & { unix: string };

export interface ServerOptions {
	readonly listen: Settings["listen"];
	readonly reset: boolean;
	/** Whether the headers of a balancer are believed, because nobody else can send any. */
	readonly behindBalancer: boolean;
	readonly groupCommit: GroupCommit;
	readonly metrics: Metrics;
	readonly log: Log;
}

export class LedgerServer {
	readonly #options: ServerOptions;
	readonly #server: Bun.Server<undefined>;
	#socket: UnixSocket | undefined;
	#draining = false;
	#probing: Promise<string | undefined> | undefined;

	constructor(options: ServerOptions) {
		this.#options = options;
		this.#server = this.#listen();
	}

	/** Where it listens, as a URL or a socket's path. */
	get address(): string {
		const { listen } = this.#options;
		return "socket" in listen ? listen.socket : `http://${listen.host}:${this.#server.port}`;
	}

	/**
	 * Answers what has come in and what still comes on the connections there are, telling each to close; then
	 * closes. Resolves when no request is left, or `msMax` have passed.
	 */
	async drain(msMax: number): Promise<void> {
		const deadline = performance.now() + msMax;
		this.#draining = true;
		// Without its name nobody finds the socket, and a balancer goes to the other process at once.
		this.#socket?.remove();
		// A connection that is closed while its next request is on the way would lose it: let those come, too.
		await Bun.sleep(drainGraceMs);
		while (this.#server.pendingRequests > 0 && performance.now() < deadline) await Bun.sleep(drainPollMs);
		await this.#server.stop(true);
	}

	#listen(): Bun.Server<undefined> {
		const { listen } = this.#options;
		try {
			return this.#serve();
		} catch (error) {
			const name =
				"socket" in listen
					? `API_SOCKET ${listen.socket}`
					: `API_HOST ${listen.host}, API_PORT ${listen.port}`;
			throw new SettingsError(
				`${name} can't be listened on: ${error instanceof Error ? error.message : error}`,
			);
		}
	}

	#serve(): Bun.Server<undefined> {
		const { listen, reset, log } = this.#options;
		const routes: Bun.Serve.Routes<undefined, string> = {
			[paths.entries]: this.#route("entries", "POST", (request: Routed) => this.#postEntry(request)),
			[paths.statement]: this.#route("statement", "GET", (request: Routed) => this.#readStatement(request)),
			"/health": this.#route("health", "GET", () => this.#health()),
			"/metrics": this.#route("metrics", "GET", async () => this.#exposeMetrics()),
		};
		if (reset) routes["/reset"] = this.#route("reset", "POST", (request: Routed) => this.#reset(request));
		const options = {
			routes,
			fetch: this.#route("other", undefined, async () => this.#refuse(problems.noSuchRoute)),
			error: (error: Error) => {
				log.write("error", "an answer could not be made", { error });
				return this.#refuse(problems.outcomeUnknown);
			},
			maxRequestBodySize: bodyBytesHardMax,
			idleTimeout: idleTimeoutSeconds,
			development: false,
		};
		if ("socket" in listen) {
			// Bun takes idleTimeout for Unix sockets too; only its types don't know.
			this.#socket = new UnixSocket(listen.socket);
			return this.#socket.listen((unix) => Bun.serve({ ...options, unix } as unknown as UnixOptions));
		}
		const { host: hostname, port, reusePort } = listen;
		return Bun.serve({ ...options, hostname, port, reusePort });
	}

	/** Counts and logs what a handler answers. */
	#route<R extends Request>(
		route: string,
		method: "GET" | "POST" | undefined,
		handle: (request: R) => Promise<Response>,
	): (request: R) => Promise<Response> {
		const { metrics, log } = this.#options;
		const logsRequests = log.isEnabled("debug");
		return async (request) => {
			const startedAt = performance.now();
			const response = isAllowed(request.method, method) ? await handle(request) : this.#refuseMethod(method);
			const latencyMs = performance.now() - startedAt;
			metrics.countRequest(route, response.status, latencyMs / 1000);
			if (logsRequests) {
				const requestId = request.headers.get("x-request-id") ?? crypto.randomUUID();
				log.write("debug", "request", { requestId, route, status: response.status, latencyMs });
			}
			return response;
		};
	}

	async #postEntry(request: Routed): Promise<Response> {
		const accountId = parseAccountId(request.params.id ?? "");
		if (accountId === undefined) return this.#refuse(problems.noSuchAccount);
		if (!isJson(request.headers.get("content-type"))) return this.#refuse(problems.mediaType);
		let body: Uint8Array;
		try {
			body = await request.bytes();
		} catch {
			return this.#refuse(problems.bodyIncomplete);
		}
		if (body.length > bodyBytesMax) return this.#refuse(problems.bodyTooLarge);
		const posting = parsePosting(accountId, body);
		if ("status" in posting) return this.#refuse(posting);
		const header = request.headers.get("idempotency-key");
		const idempotencyKey = header === null ? undefined : parseIdempotencyKey(header);
		if (idempotencyKey === "malformed") return this.#refuse(problems.keyMalformed);
		const attempt = this.#attemptOf(request);
		return this.#answer({ ...posting, attempt, idempotencyKey: idempotencyKey?.key }, request, attempt);
	}

	async #readStatement(request: Routed): Promise<Response> {
		const accountId = parseAccountId(request.params.id ?? "");
		if (accountId === undefined) return this.#refuse(problems.noSuchAccount);
		return this.#answer({ type: "statement", accountId }, request);
	}

	async #reset(request: Routed): Promise<Response> {
		const attempt = this.#attemptOf(request);
		return this.#answer({ type: "reset", attempt }, request, attempt);
	}

	#attemptOf({ headers }: Request): Attempt | undefined {
		return this.#options.behindBalancer ? parseAttempt(headers) : undefined;
	}

	#exposeMetrics(): Response {
		return this.#respond(200, this.#options.metrics.text(), "text/plain; version=0.0.4");
	}

	async #answer(command: Command, request: Request, attempt?: Attempt): Promise<Response> {
		let outcome: Outcome;
		try {
			outcome = await this.#options.groupCommit.submit(command);
		} catch (error) {
			return this.#refuseFailure(error, request, attempt);
		}
		switch (outcome.type) {
			case "posted":
				return this.#respond(200, encodePosted(outcome));
			case "statement":
				return this.#respond(200, encodeStatement(outcome));
			case "refused":
				return this.#refuse(problems[outcome.reason]);
			case "unknown-account":
				return this.#refuse(problems.noSuchAccount);
			case "key-reused":
				return this.#refuse(problems.keyReused);
			case "expired":
				return this.#refuseFailure(
					new NothingApplied("the request is too old to be applied"),
					request,
					attempt,
				);
			case "done":
				return this.#respond(200, "{}");
		}
	}

	async #health(): Promise<Response> {
		const now = Date.now() * 1000;
		if (this.#draining)
			return this.#respond(503, encodeHealth("draining", now, "the process is about to end"));
		const late = Bun.sleep(healthWaitMsMax).then(() => `no commit within ${healthWaitMsMax} ms`);
		const trouble = await Promise.race([this.#probe(), late]);
		if (trouble === undefined) return this.#respond(200, encodeHealth("healthy", now));
		return this.#respond(503, encodeHealth("unable to commit", now, trouble));
	}

	/** What keeps the store from committing, if anything. However many ask, one probe is on its way. */
	#probe(): Promise<string | undefined> {
		this.#probing ??= this.#options.groupCommit
			.submit({ type: "probe" })
			.then(
				() => undefined,
				(error: Error) => error.message,
			)
			.finally(() => {
				this.#probing = undefined;
			});
		return this.#probing;
	}

	#refuseMethod(method: "GET" | "POST" | undefined): Response {
		return this.#refuse(problems.methodNotAllowed, undefined, {
			allow: method === "GET" ? "GET, HEAD" : "POST",
		});
	}

	#refuseFailure(error: unknown, request: Request, attempt: Attempt | undefined): Response {
		const instance = encodeURIComponent(request.headers.get("x-request-id") ?? crypto.randomUUID());
		const detail = error instanceof Error ? error.message : String(error);
		if (error instanceof NothingApplied) {
			this.#options.log.write("debug", "nothing applied", { requestId: instance, detail });
			return this.#refuse(problemOf(error, attempt), { detail, instance }, { "retry-after": "1" });
		}
		this.#options.log.write("error", "outcome unknown", { requestId: instance, error });
		return this.#refuse(problems.outcomeUnknown, { detail, instance });
	}

	#refuse(
		problem: Problem,
		more?: { detail?: string; instance?: string },
		headers?: Readonly<Record<string, string>>,
	): Response {
		return this.#respond(problem.status, encodeProblem(problem, more), "application/problem+json", headers);
	}

	#respond(
		status: number,
		body: string,
		contentType = "application/json",
		headers?: Readonly<Record<string, string>>,
	): Response {
		if (headers === undefined && !this.#draining)
			return new Response(body, { status, headers: { "content-type": contentType } });
		const closing = this.#draining ? { connection: "close" } : {};
		return new Response(body, { status, headers: { "content-type": contentType, ...headers, ...closing } });
	}
}

/** Nothing was applied by this process, which says nothing of the one that was asked before. */
function problemOf(error: NothingApplied, attempt: Attempt | undefined): Problem {
	if (attempt?.isRepeat) return problems.repeatUnanswered;
	return error instanceof Overloaded ? problems.overloaded : problems.nothingApplied;
}

/** Bun strips the body of what answers a HEAD. */
function isAllowed(asked: string, method: "GET" | "POST" | undefined): boolean {
	return asked === method || method === undefined || (asked === "HEAD" && method === "GET");
}

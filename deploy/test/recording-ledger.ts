/**
 * A stand-in for a ledger process behind nginx: writes down what it is sent, try by try, and dies or hangs where
 * the path asks for it. `/die` does so at every try, `/die-once` at the first one only.
 */
import { appendFileSync, chmodSync, renameSync } from "node:fs";
import { join } from "node:path";

/** One request as a process got it. */
export interface Arrival {
	readonly pid: number;
	/** Milliseconds since 1970. */
	readonly at: number;
	readonly method: string;
	readonly path: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
	readonly behindBalancer: string | undefined;
}

/** Longer than nginx waits for an answer. */
const hangMs = 20_000;
/** So that a start that is taken anew for the second try is another one. */
const beforeDeathMs = 50;

async function answer(request: Request, arrivalsPath: string): Promise<Response> {
	const { pid, env } = process;
	const path = new URL(request.url).pathname;
	if (path === "/health") return Response.json({ pid });
	const headers = Object.fromEntries(request.headers);
	const arrival: Arrival = {
		...{ pid, at: Date.now(), method: request.method, path, headers },
		...{ body: await request.text(), behindBalancer: env.BEHIND_BALANCER },
	};
	appendFileSync(arrivalsPath, `${JSON.stringify(arrival)}\n`);
	const isAsked = !path.endsWith("-once") || headers["x-request-try"] === "1";
	if (isAsked && path.startsWith("/hang")) await Bun.sleep(hangMs);
	if (isAsked && path.startsWith("/die")) {
		await Bun.sleep(beforeDeathMs);
		process.exit(9);
	}
	return Response.json({ pid });
}

if (import.meta.main) {
	const { API_SOCKET = "", DATA_DIR = "" } = process.env;
	const fresh = `${API_SOCKET}.fresh`;
	Bun.serve({ unix: fresh, fetch: (request) => answer(request, join(DATA_DIR, "arrivals")) });
	chmodSync(fresh, 0o666);
	renameSync(fresh, API_SOCKET);
	process.on("SIGTERM", () => process.exit(0));
}

/**
 * `npm run health -- URL…`: whether the balancer and each ledger process behind it are healthy, as one line each and
 * an exit code: 0 all are, 1 something isn't, 2 it was asked wrongly.
 *
 * What answers may be anything: nothing of it is believed but a status, and a reason of one short line.
 */
import { type IncomingMessage, request } from "node:http";

interface Place {
	/** As it was given. */
	readonly name: string;
	readonly at: { readonly host: string; readonly port: number } | { readonly socketPath: string };
}

interface Asked {
	readonly name: string;
	readonly state: "healthy" | "draining" | "unable to commit" | "no answer";
	/** Null when there is nothing to add. */
	readonly reason: string | null;
	readonly milliseconds: number;
}

interface Report {
	readonly asked: readonly Asked[];
	/** Places whose processes have no path of their own. */
	readonly undivided: readonly string[];
}

interface Answer {
	readonly status: number;
	readonly contentType: string;
	readonly body: string;
}

const defaultUrl = "http://127.0.0.1:9999";
const answerMsMax = 3000;
/** A ledger's is a tenth of it. */
const bodyBytesMax = 4096;
const reasonLengthMax = 200;
const processCount = 2;
const exitCodes = { healthy: 0, unhealthy: 1, usage: 2 } as const;

const help = `npm run health -- [--json] [URL…]

Asks each URL for its health, and behind nginx each of the ledger's two processes. A URL is http://HOST[:PORT] or
unix:/path/to/a.sock; without one it is ${defaultUrl}, where \`npm start\` serves.

  --json   the same for programs
  --help   this

Ends with 0 when all are healthy, with 1 when something isn't, with 2 when it can't be asked like this.
`;

class UsageError extends Error {}

/** @throws {UsageError} */
function parsePlace(name: string): Place {
	const wrong = new UsageError(
		`a URL is http://HOST[:PORT] or unix:/path/to/a.sock, not ${JSON.stringify(name)}`,
	);
	if (name.startsWith("unix:")) {
		const socketPath = name.slice("unix:".length).replace(/^\/\/(?=\/)/, "");
		if (!socketPath.startsWith("/") || socketPath.includes("\0")) throw wrong;
		return { name, at: { socketPath } };
	}
	const url = URL.canParse(name) ? new URL(name) : undefined;
	const isPlain = url?.protocol === "http:" && url.href === `http://${url.host}/`;
	if (url === undefined || !isPlain) throw wrong;
	return { name, at: { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(url.port || 80) } };
}

/** The balancer, or the only process there is; and each process, where there is a path to it. */
async function askPlace(place: Place): Promise<Report> {
	const { name } = place;
	if ("socketPath" in place.at) return { asked: [await ask(place, "/health", name)], undivided: [] };
	const [whole, ...parts] = await Promise.all([
		ask(place, "/health", name),
		...Array.from({ length: processCount }, (_, i) =>
			ask(place, `/health/${i + 1}`, `${name} process ${i + 1}`),
		),
	]);
	if (parts.every(({ status }) => status === undefined)) return { asked: [whole], undivided: [] };
	if (parts.every(({ status }) => status === 404)) return { asked: [whole], undivided: [name] };
	return { asked: [whole, ...parts], undivided: [] };
}

async function ask(place: Place, path: string, name: string): Promise<Asked & { status?: number }> {
	const startedAt = performance.now();
	try {
		const answer = await get(place, path);
		const milliseconds = performance.now() - startedAt;
		return { name, ...stateOf(answer), milliseconds, status: answer.status };
	} catch (error) {
		const milliseconds = performance.now() - startedAt;
		return { name, state: "no answer", reason: oneLine(causeOf(error as Error)), milliseconds };
	}
}

function causeOf({ code, message }: NodeJS.ErrnoException): string {
	if (code === "ECONNREFUSED") return "nothing listens there (ECONNREFUSED)";
	if (code === "ENOENT") return "there is no such socket (ENOENT)";
	return code ?? message;
}

/** What a ledger says of itself, or what else it was that came. */
function stateOf({ status, contentType, body }: Answer): Pick<Asked, "state" | "reason"> {
	const said = parseObject(body);
	if (status === 200 && said?.status === "healthy") return { state: "healthy", reason: null };
	if (status === 503 && (said?.status === "draining" || said?.status === "unable to commit"))
		return { state: said.status, reason: typeof said.reason === "string" ? oneLine(said.reason) : null };
	const title = typeof said?.title === "string" ? `: ${said.title}` : "";
	if (status === 502 || status === 504)
		return { state: "no answer", reason: oneLine(`the balancer gets none (${status})${title}`) };
	if (status >= 300 && status < 400)
		return { state: "no answer", reason: `a redirect (${status}), which is not followed` };
	if (said === undefined) {
		const type = contentType === "" ? "something" : contentType;
		return { state: "no answer", reason: oneLine(`status ${status} with ${type}, which is no ledger's`) };
	}
	return { state: "no answer", reason: oneLine(`status ${status}, which is no ledger's${title}`) };
}

function parseObject(text: string): Record<string, unknown> | undefined {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
	} catch {
		return undefined;
	}
}

/** (fetch would ask the proxy that the environment names, and follow where it is sent.) */
function get({ at }: Place, path: string): Promise<Answer> {
	return new Promise((resolve, reject) => {
		const asked = request({ ...at, path, agent: false, headers: { connection: "close" } }, (answer) =>
			readBody(answer).then((body) => {
				resolve({
					status: answer.statusCode ?? 0,
					contentType: answer.headers["content-type"] ?? "",
					body,
				});
				asked.destroy();
			}, reject),
		);
		// A timer, and not the socket's timeout: one byte a second would put that off for ever.
		const timer = setTimeout(() => asked.destroy(new Error(`none within ${answerMsMax} ms`)), answerMsMax);
		asked.on("error", reject);
		asked.on("close", () => {
			clearTimeout(timer);
			reject(new Error("the connection was closed"));
		});
		asked.end();
	});
}

/** At most its beginning. */
async function readBody(answer: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	for await (const chunk of answer as AsyncIterable<Buffer>) {
		chunks.push(chunk);
		bytes += chunk.length;
		if (bytes > bodyBytesMax) break;
	}
	return Buffer.concat(chunks).subarray(0, bodyBytesMax).toString();
}

/** What somebody else wrote does nothing to a terminal: no control characters, and no direction marks. */
function oneLine(text: string): string {
	const line = text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ").trim();
	return line.length > reasonLengthMax ? `${line.slice(0, reasonLengthMax)}…` : line;
}

function text({ asked, undivided }: Report): string {
	const nameWidth = Math.max(...asked.map(({ name }) => name.length));
	const lines = asked.map(({ name, state, reason, milliseconds }) => {
		const time = `${Math.round(milliseconds)} ms`.padStart(7);
		return `${name.padEnd(nameWidth)}  ${time}  ${reason === null ? state : `${state}: ${reason}`}`;
	});
	const notes = undivided.map(
		(name) => `${name}: its processes can't be told apart, only nginx can ask each`,
	);
	return [...lines, ...notes, ""].join("\n");
}

async function main(args: readonly string[]): Promise<number> {
	if (args.includes("--help")) {
		process.stdout.write(help);
		return exitCodes.healthy;
	}
	const unknown = args.find((arg) => arg.startsWith("-") && arg !== "--json");
	if (unknown !== undefined) throw new UsageError(`there is --json and --help, but no ${unknown}`);
	const names = args.filter((arg) => arg !== "--json");
	const places = (names.length > 0 ? names : [defaultUrl]).map(parsePlace);
	const reports = await Promise.all(places.map(askPlace));
	const report: Report = {
		asked: reports.flatMap(({ asked }) => asked),
		undivided: reports.flatMap(({ undivided }) => undivided),
	};
	const healthy = report.asked.every(({ state }) => state === "healthy");
	const asked = report.asked.map(({ name, state, reason, milliseconds }) => ({
		...{ name, state, reason },
		milliseconds: Math.round(1000 * milliseconds) / 1000,
	}));
	process.stdout.write(
		args.includes("--json") ? `${JSON.stringify({ healthy, asked }, null, "\t")}\n` : text(report),
	);
	return healthy ? exitCodes.healthy : exitCodes.unhealthy;
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
	if (!(error instanceof UsageError)) throw error;
	process.stderr.write(`health: ${error.message}\n`);
	return exitCodes.usage;
});

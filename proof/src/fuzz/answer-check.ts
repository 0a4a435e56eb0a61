/** What every answer promises, whatever was asked: its form by its status, and nothing of the server's inside. */
import { readStatement } from "../../../loadtest/src/checks.ts";
import type { Answer } from "./answer-reader.ts";
import type { Expectation, Front } from "./oracle.ts";

/** What a stack trace or the database's own words look like. */
const innerText =
	/\bat [^"]{1,200}:[0-9]+:[0-9]+|\.(?:ts|js|mjs):[0-9]+|node_modules|\bSQLITE_|SQLite|\b(?:Type|Syntax|Range|Reference)Error\b|"stack"|\bundefined is not\b/;

/** Statuses that Bun answers by itself, with nothing but a closing connection (docs/decisions.md). */
const bareStatuses = [400, 413, 431, 505];
/** Those of them to heads that nginx takes and Bun doesn't: control characters in a value, some 200 fields. */
const bareStatusesBehindBalancer = [400, 431];

/** Bun's own answer to what never reached the ledger. */
function isBare({ status, body, isClosing }: Answer, front: Front): boolean {
	if (body.length > 0) return false;
	return front === "process"
		? isClosing && bareStatuses.includes(status)
		: bareStatusesBehindBalancer.includes(status);
}

/** The first thing that is wrong with it, as the end of a sentence. */
export function answerFinding(
	answer: Answer,
	front: Front,
	{ method, demand, statuses }: Expectation,
): string | undefined {
	const { status, headers, body } = answer;
	const text = body.toString("utf8");
	if (innerText.test(text)) return `tells its inner workings: ${text.slice(0, 200)}`;
	if (method === "HEAD") return undefined;
	const type = headers.get("content-type") ?? "";
	if (status < 400) {
		if (type === "application/json")
			return jsonOf(text) === undefined ? "is said to be JSON, and is not" : undefined;
		return type.startsWith("text/plain; version=") ? undefined : `has the type ${JSON.stringify(type)}`;
	}
	// Only where the head is what is wrong.
	if ((demand !== "answer" || statuses.has(431)) && isBare(answer, front)) return undefined;
	return problemFinding(answer, type, text);
}

function problemFinding({ status, headers }: Answer, type: string, text: string): string | undefined {
	if (type !== "application/problem+json")
		return `is no problem detail but ${JSON.stringify(type)}: ${JSON.stringify(text.slice(0, 100))}`;
	const problem = jsonOf(text) as { type?: unknown; title?: unknown; status?: unknown } | undefined;
	if (typeof problem?.type !== "string" || typeof problem.title !== "string")
		return "is a problem detail without a type or a title";
	if (problem.status !== status) return `is a problem detail of ${problem.status}`;
	if (status === 405 && !headers.has("allow")) return "doesn't say which methods are allowed";
	return undefined;
}

function jsonOf(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

/** The name behind a problem's type; empty when it is none. */
export function problemName({ body }: Answer): string {
	const problem = jsonOf(body.toString("utf8")) as { type?: unknown } | undefined;
	return typeof problem?.type === "string" ? problem.type.replace(/^.*:/, "") : "";
}

/** The statement in an answer, or what is wrong with it. */
export function statementOf({ body }: Answer): ReturnType<typeof readStatement> {
	return readStatement(body.toString("utf8"));
}

/** A history without an order, as a violation: the operation that nothing explains, and the window around it. */
import { type Judge, quotedRequest } from "./judge.ts";
import type { LinearizabilityChecker } from "./linearizability.ts";
import type { Observation } from "./operation.ts";
import type { Violation, WindowRow } from "./result.ts";
import type { OperationSource } from "./scenario.ts";

/** Of a checker that has found the account not linearizable. */
export function explanationOf(
	checker: LinearizabilityChecker,
	accountId: number,
	judge: Judge,
	source: OperationSource,
): Violation {
	const { unexplained } = checker;
	const at = (ms: number) => ms - judge.startedAtMs;
	const window = checker.window.map(
		(observation): WindowRow => ({
			number: observation.number,
			sentAtMs: at(observation.invokedAtMs),
			receivedAtMs: finite(at(observation.endedAtMs)),
			text: observationText(observation, source),
			unexplained: observation === unexplained,
		}),
	);
	return {
		name: "not-linearizable",
		message: checker.reason ?? "no order of the operations explains the answers",
		accountId,
		sentAtMs: unexplained === undefined ? null : at(unexplained.invokedAtMs),
		receivedAtMs: unexplained === undefined ? null : finite(at(unexplained.endedAtMs)),
		request: requestOf(unexplained, judge, source),
		response: unexplained === undefined ? null : responseOf(unexplained),
		window,
	};
}

/** A final statement is no operation of the source's. */
function requestOf(
	unexplained: Observation | undefined,
	judge: Judge,
	source: OperationSource,
): string | null {
	const isOurs = unexplained !== undefined && unexplained.number < judge.sentCount;
	return isOurs ? quotedRequest(source.request(unexplained.number)) : null;
}

/** What the history keeps of an answer, which is what was looked at. */
function responseOf({ outcome, balance }: Observation): string {
	return outcome === "refused" ? "422" : `200, balance ${balance}`;
}

function finite(ms: number): number | null {
	return Number.isFinite(ms) ? ms : null;
}

function observationText(
	{ outcome, change, balance, entries }: Observation,
	source: OperationSource,
): string {
	const asked = `${change > 0 ? "credit" : "debit"} of ${Math.abs(change)}`;
	if (outcome === "posted") return `${asked}: balance ${balance}`;
	if (outcome === "refused") return `${asked}: refused`;
	if (outcome === "unknown") return `${asked}: no answer`;
	const newest = entries.slice(0, 3).map((token) => changeText(token, source));
	const more = entries.length > 3 ? ", …" : "";
	return `statement: balance ${balance}, newest ${newest.length === 0 ? "none" : newest.join(", ") + more}`;
}

function changeText(token: number, source: OperationSource): string {
	if (token < 0) return "an earlier one";
	const { kind, amount } = source.operation(token);
	return kind === "credit" ? `+${amount}` : `-${amount}`;
}

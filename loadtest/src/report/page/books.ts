/** The page on the books: each account's verdict, the audit, and the violations as they were seen. */
import type { Consistency, Violation } from "../../result.ts";
import { countText, momentText, plural } from "../units.ts";
import { type Markup, markup, nothing, row, table } from "./markup.ts";
import { timeline } from "./timeline.ts";
import { tag } from "./verdicts.ts";

export function books(consistency: Consistency): Markup {
	const { verdict, reason, accounts, audit } = consistency;
	const accountRows = accounts.map((account) =>
		row(`Account ${account.accountId}`, [
			tag(account.verdict),
			countText(account.operations),
			countText(account.unknownOutcomes),
			account.reason ?? "",
		]),
	);
	const auditRows = audit.map((found) => row(found.source, [tag(found.verdict), found.reason]));
	return markup`<section aria-labelledby="books"><h2 id="books">Consistency of the books</h2>
<p class="lead">${tag(verdict)} ${reason}.</p>
<div class="card panel words">${table("One order explains all answers, account by account", ["", "Verdict", "Operations", "Without an answer", "Reason"], accountRows)}</div>
${audit.length === 0 ? nothing : markup`<div class="card panel words">${table("Asked after the run", ["", "Verdict", "Reason"], auditRows)}</div>`}
${violations(consistency)}</section>
`;
}

function violations({ violations: found, violationsTotal }: Consistency): Markup {
	if (violationsTotal === 0) return nothing;
	const firstDrawn = found.findIndex(({ window }) => window.length > 0);
	const shown = found.map((violation, index) => violationOf(violation, index === 0 || index === firstDrawn));
	const among = found.length < violationsTotal ? `, the first ${found.length} of them here` : "";
	return markup`<h3>${plural(violationsTotal, "violation")}${among}</h3>
${shown}`;
}

function violationOf(violation: Violation, isOpen: boolean): Markup {
	const { name, message, accountId, request, response, window } = violation;
	const part = (label: string, text: string | null) =>
		text === null
			? nothing
			: markup`<dt>${label}</dt><dd><pre>${text}</pre></dd>
`;
	return markup`<details class="card violation"${isOpen ? markup` open` : nothing}>
<summary><b>${name}</b> ${message}</summary>
<dl><dt>When</dt><dd>${whenText(violation)}${accountId === null ? "" : `, on account ${accountId}`}</dd>
${part("Request", request)}${part("Response", response)}</dl>
${window.length === 0 ? nothing : timeline(window)}${window.length === 0 ? nothing : windowTable(violation)}</details>
`;
}

function whenText({ sentAtMs, receivedAtMs }: Violation): string {
	if (sentAtMs === null) return "found after the run";
	return `sent at ${momentText(sentAtMs)}, ${receivedAtMs === null ? "no answer" : `answered at ${momentText(receivedAtMs)}`}`;
}

function windowTable({ window }: Violation): Markup {
	const rows = window.map(({ number, sentAtMs, receivedAtMs, text, unexplained }) =>
		row(`#${number}`, [
			momentText(sentAtMs),
			receivedAtMs === null ? "no answer" : momentText(receivedAtMs),
			unexplained ? markup`<b>${text}: unexplained</b>` : text,
		]),
	);
	return markup`<div class="words">${table("The same as a list", ["Number", "Sent", "Answered", "Operation"], rows)}</div>`;
}

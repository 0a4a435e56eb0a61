/**
 * One page with charts that needs nothing but itself: no network, no file beside it. Its scripts and styles
 * are inside, and its policy lets the browser run these and load nothing; what the target wrote is text.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Result } from "../result.ts";
import { books } from "./page/books.ts";
import { charts, listedSeconds } from "./page/charts.ts";
import { histogram } from "./page/histogram.ts";
import { type Markup, markup, nothing, trusted } from "./page/markup.ts";
import {
	chaos,
	comparison,
	conditions,
	dateText,
	errors,
	operations,
	percentiles,
	repeats,
	simulation,
	statuses,
	thresholds,
	totals,
} from "./page/tables.ts";
import { banners, tiles } from "./page/verdicts.ts";
import { countText, plural } from "./units.ts";

/** A later one overrides an earlier one. */
const styleSheets = [
	...["uplot/dist/uPlot.min.css", "./page/page.css", "./page/verdicts.css"],
	...["./page/tables.css", "./page/graphics.css", "./page/media.css"],
];

export function htmlReport(result: Result): string {
	const style = styleSheets.map(read).join("\n");
	const script = `${read("uplot/dist/uPlot.iife.min.js")}\n${read("./page/page.js")}`;
	const policy = [
		"default-src 'none'",
		`script-src ${hash(script)}`,
		`style-src ${hash(style)}`,
		"base-uri 'none'",
		"form-action 'none'",
	].join("; ");
	return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>crebito load test: ${result.target}, ${dateText(result.startedAt)}</title>
<style>${trusted(style)}</style>
</head>
<body>
${header(result)}<main>
${overview(result)}${simulation(result.simulation)}${overTime(result)}${chaos(result)}${latencies(result)}${counts(result)}${books(result.consistency)}${judgements(result)}${circumstances(result)}</main>
<footer><p>${result.program.name} ${result.program.version}, seed ${result.seed}</p></footer>
<script>${trusted(script)}</script>
</body>
</html>
`.text;
}

function header({ target, startedAt, shape }: Result): Markup {
	const kind = shape.model === "simulation" ? "The official simulation" : `Load test, ${shape.model} model`;
	return markup`<header>
<p class="kicker">crebito · ${kind}</p>
<h1>${target}</h1>
<p class="sub"><time datetime="${startedAt}">${dateText(startedAt)}</time>${shape.schedule === null ? "" : ` · ${shape.schedule}`} · ${plural(shape.concurrency, "connection")} at most</p>
</header>
`;
}

function overview(result: Result): Markup {
	return markup`<section aria-labelledby="overview"><h2 id="overview" class="hidden">Verdicts and numbers</h2>
${banners(result)}${tiles(result)}</section>
`;
}

function overTime(result: Result): Markup {
	return markup`<section aria-labelledby="time"><h2 id="time">Over time</h2>
${charts(result)}${listedSeconds(result)}</section>
`;
}

function latencies(result: Result): Markup {
	const { latency, summary, shape, validity } = result;
	const { response } = latency;
	const without = summary.requests - response.count;
	if (response.count === 0)
		return markup`<section aria-labelledby="latencies"><h2 id="latencies">Latencies</h2>
<p class="empty">No answers: nothing has a latency.</p></section>
`;
	const isClosed = shape.model === "closed";
	return markup`<section aria-labelledby="latencies"><h2 id="latencies">Latencies</h2>
${validity.verdict === "target failing" ? markup`<p class="lead"><b class="bad">The target was failing: these are the latencies of whatever is broken.</b></p>` : nothing}
${without > 0 ? markup`<p class="lead">${countText(without)} requests had no answer, and aren't in these numbers.</p>` : nothing}
<div class="distribution"><div class="card panel"><h3>${isClosed ? "Latency" : "Response time"}, on a logarithmic scale</h3>${histogram(response)}</div>
<div class="card panel">${percentiles(latency, isClosed)}</div></div>
${isClosed ? nothing : markup`<p class="note">Response time counts from when a request was due, service time from when it was sent; lateness is the generator's own, a free connection given.</p>`}</section>
`;
}

function counts(result: Result): Markup {
	const sections = result.operations.length === 0 ? nothing : operations(result);
	return markup`<section aria-labelledby="counts"><h2 id="counts">Requests and answers</h2>
<div class="card panel">${sections}</div>
<div class="card panel"><div class="columns">${totals(result)}<div>${statuses(result)}</div></div></div>
${result.errors.length === 0 ? nothing : markup`<div class="card panel">${errors(result)}</div>`}</section>
`;
}

function judgements(result: Result): Markup {
	const all = [thresholds(result), repeats(result)].filter(({ text }) => text !== "");
	const panels = all.map(
		(found) => markup`<div class="card panel">${found}</div>
`,
	);
	const section =
		panels.length === 0
			? nothing
			: markup`<section aria-labelledby="judgements"><h2 id="judgements">Thresholds and repetitions</h2>
${panels}</section>
`;
	return markup`${comparison(result.comparison)}${section}`;
}

function circumstances(result: Result): Markup {
	return markup`<section aria-labelledby="conditions"><h2 id="conditions">Conditions</h2>
<div class="card panel">${conditions(result)}</div></section>
`;
}

function read(name: string): string {
	return readFileSync(fileURLToPath(import.meta.resolve(name)), "utf8");
}

function hash(text: string): string {
	return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

/** The page's first screen: what was proved, in a word each, and the numbers that people came for. */
import type { Result } from "../../result.ts";
import { countText, latencyText, plural, rateText, shareText, usdText } from "../units.ts";
import { type Markup, markup } from "./markup.ts";

export type Tone = "good" | "warning" | "bad" | "plain";

/** Never by colour alone. */
const signs: Readonly<Record<Tone, string>> = { good: "✓", warning: "!", bad: "✕", plain: "=" };

const tones: Readonly<Record<string, Tone>> = {
	...{ valid: "good", consistent: "good", linearizable: "good", passed: "good", improved: "good" },
	...{ "target saturated": "warning", unknown: "warning", "not possible": "warning" },
	...{ "generator late": "bad", "target failing": "bad", inconsistent: "bad", "not linearizable": "bad" },
	...{ failed: "bad", regressed: "bad", unchanged: "plain" },
};

export function tag(verdict: string, tone: Tone = tones[verdict] ?? "plain"): Markup {
	return markup`<span class="tag ${tone}"><span aria-hidden="true">${signs[tone]}</span> ${verdict}</span>`;
}

interface Banner {
	readonly question: string;
	readonly verdict: string;
	readonly tone: Tone;
	readonly reason: string;
}

export function banners(result: Result): Markup {
	const { validity, consistency } = result;
	const found: Banner[] = [
		...simulationBanner(result),
		{ question: "The books", verdict: consistency.verdict, ...judged(consistency) },
		{ question: "The measurement", verdict: validity.verdict, ...judged(validity) },
		...thresholdBanner(result),
		...comparisonBanner(result),
		...interruptionBanner(result),
	];
	const cards = found.map(
		({ question, verdict, tone, reason }) => markup`<li class="card banner ${tone}">
<span class="sign" aria-hidden="true">${signs[tone]}</span>
<div><h3>${question}</h3><p class="verdict">${verdict}</p><p class="reason">${reason}</p></div>
</li>
`,
	);
	return markup`<ul class="banners">${cards}</ul>
`;
}

function judged({ verdict, reason }: { verdict: string; reason: string }): Pick<Banner, "tone" | "reason"> {
	return { tone: tones[verdict] ?? "plain", reason };
}

function simulationBanner({ simulation }: Result): Banner[] {
	if (simulation === null) return [];
	const fines = simulation.fineLatencyUsd + simulation.fineConsistencyUsd;
	const failed = simulation.validations.filter((validation) => validation.failed > 0).length;
	return [
		{
			question: "The simulation's verdict",
			verdict: usdText(simulation.verdictUsd),
			tone: failed > 0 || fines > 0 ? "bad" : "good",
			reason: `${shareText(simulation.shareWithin250Ms)} within 250 ms, ${plural(simulation.inconsistentBalances, "inconsistent balance")}, ${countText(failed)} of ${plural(simulation.validations.length, "validation")} failed`,
		},
	];
}

function thresholdBanner({ thresholds }: Result): Banner[] {
	if (thresholds.length === 0) return [];
	const missed = thresholds.filter(({ met }) => !met);
	return [
		{
			question: "Thresholds",
			verdict: missed.length === 0 ? "met" : "missed",
			tone: missed.length === 0 ? "good" : "bad",
			reason: (missed.length === 0 ? thresholds : missed).map(({ threshold }) => threshold).join(", "),
		},
	];
}

function comparisonBanner({ comparison }: Result): Banner[] {
	if (comparison === null) return [];
	const { verdict, baseline } = comparison;
	return [
		{
			question: "Against the baseline",
			verdict,
			tone: tones[verdict] ?? "plain",
			reason: `compared with ${baseline}`,
		},
	];
}

function interruptionBanner({ summary, shape }: Result): Banner[] {
	const reasons = [
		...(summary.interrupted ? ["It was interrupted before its end."] : []),
		...(shape.adjusted ? ["Its load was changed by hand: it compares with nothing."] : []),
	];
	if (reasons.length === 0) return [];
	const verdict = summary.interrupted ? "interrupted" : "adjusted";
	return [{ question: "The run", verdict, tone: "warning", reason: reasons.join(" ") }];
}

interface Tile {
	readonly name: string;
	readonly value: string;
	readonly note: string;
	readonly tone?: Tone;
}

export function tiles({ summary, latency, shape }: Result): Markup {
	const { response } = latency;
	const bad = summary.requests - summary.succeeded;
	const shown: Tile[] = [
		{
			name: "Answers a second",
			value: rateText(summary.rate),
			note:
				summary.rateAsked === null
					? `${shape.concurrency} in flight`
					: `${rateText(summary.rateAsked)} asked`,
		},
		...[50, 99, 99.9].map((percentile) => ({
			name: `p${percentile}`,
			value: latencyText(response.percentiles.find((found) => found.percentile === percentile)?.ms),
			note: response.count === 0 ? "no answers" : "response time",
		})),
		{
			name: "Longest",
			value: latencyText(response.count === 0 ? null : response.maxMs),
			note: `of ${plural(response.count, "answer")}`,
		},
		{
			name: "Success",
			value: shareText(summary.successShare),
			note:
				bad === 0
					? `all ${countText(summary.requests)} requests`
					: `${countText(bad)} of ${countText(summary.requests)} not`,
			tone: bad === 0 ? "plain" : "bad",
		},
	];
	const cells = shown.map(
		({ name, value, note, tone = "plain" }) =>
			markup`<div class="card tile ${tone}"><dt>${name}</dt><dd><b>${value}</b> <small>${note}</small></dd></div>
`,
	);
	return markup`<dl class="tiles">${cells}</dl>
`;
}

/** Numbers as the reports write them: three digits that count, in the unit that people would choose. */
import type { Figures } from "../result.ts";

/** Where there is no number, because nothing was measured. */
export const absent = "–";

type Measured = number | null | undefined;

/** 561 µs, 4.13 ms, 41.3 ms, 413 ms, 4.13 s. */
export function latencyText(ms: Measured): string {
	if (!isNumber(ms)) return absent;
	if (ms < 0.9995) return `${Math.round(ms * 1000)} µs`;
	if (ms < 999.5) return `${threeDigits(ms)} ms`;
	return `${threeDigits(ms / 1000)} s`;
}

/** 350,059: a report has every digit. */
export function countText(count: Measured): string {
	return isNumber(count) ? grouped(Math.round(count)) : absent;
}

export function rateText(rate: Measured): string {
	return isNumber(rate) ? `${threeDigits(rate)}/s` : absent;
}

/** In powers of 1000: 517 B, 74.3 MB. */
export function bytesText(bytes: Measured): string {
	if (!isNumber(bytes)) return absent;
	const units = ["B", "kB", "MB", "GB", "TB"];
	let [amount, unit] = [bytes, 0];
	for (; amount >= 999.5 && unit < units.length - 1; unit += 1) amount /= 1000;
	return `${unit === 0 ? Math.round(amount) : threeDigits(amount)} ${units[unit]}`;
}

/** Never rounded up to 100 % or down to 0 %. */
export function shareText(share: Measured): string {
	if (!isNumber(share)) return absent;
	const percent = 100 * share;
	if (percent > 0 && percent < 0.01) return "<0.01 %";
	if (percent < 100 && percent > 99.99) return ">99.99 %";
	return `${percent === 0 || percent === 100 ? percent : percent.toFixed(2)} %`;
}

/** A ratio as a change: 1.031 is "+3.1 %". */
export function changeText(ratio: Measured): string {
	if (!isNumber(ratio)) return absent;
	if (ratio >= 10) return `× ${threeDigits(ratio)}`;
	const percent = (100 * (ratio - 1)).toFixed(1);
	if (Number(percent) === 0) return "0.0 %";
	return `${percent.startsWith("-") ? `−${percent.slice(1)}` : `+${percent}`} %`;
}

export function usdText(usd: number): string {
	const [whole = "0", cents = "00"] = Math.abs(usd).toFixed(2).split(".");
	return `USD ${usd < 0 ? "−" : ""}${grouped(Number(whole))}.${cents}`;
}

/** 120.02 s: how long something took. */
export function secondsText(seconds: number): string {
	return `${seconds.toFixed(2)} s`;
}

/** 57.2141 s: a moment of the run, to the tenth of a millisecond. */
export function momentText(ms: Measured): string {
	if (!isNumber(ms)) return absent;
	return `${ms < 0 ? "−" : ""}${(Math.abs(ms) / 1000).toFixed(4)} s`;
}

export function plural(count: number, noun: string): string {
	return `${countText(count)} ${count === 1 ? noun : `${noun}s`}`;
}

export const figureNames: Readonly<Record<keyof Figures, string>> = {
	rate: "rate",
	mean: "mean",
	p50: "p50",
	p90: "p90",
	p99: "p99",
	p999: "p99.9",
	max: "max",
	errorShare: "error share",
	errors: "errors",
	violations: "violations",
	latenessP99: "lateness p99",
};

export function figureText(figure: keyof Figures, value: Measured): string {
	switch (figure) {
		case "rate":
			return rateText(value);
		case "errorShare":
			return shareText(value);
		case "errors":
		case "violations":
			return countText(value);
		default:
			return latencyText(value);
	}
}

/** 99.9 is "99.9 %": a percentile as it was asked for. */
export function percentileText(percentile: number): string {
	return `${percentile} %`;
}

function isNumber(value: Measured): value is number {
	return typeof value === "number" && Number.isFinite(value);
}

function threeDigits(value: number): string {
	if (value === 0) return "0";
	if (value < 9.995) return value.toFixed(2);
	if (value < 99.95) return value.toFixed(1);
	return grouped(Math.round(value));
}

function grouped(whole: number): string {
	return String(whole).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Numbers as the screen shows them: short, and of the same width from one second to the next. */

/** 3412 is "3,412", and from ten million on it is rounded: "12.3 M". */
export function countText(count: number): string {
	if (count >= 1e10) return `${(count / 1e9).toFixed(1)} G`;
	if (count >= 1e7) return `${(count / 1e6).toFixed(1)} M`;
	return grouped(Math.round(count));
}

/** Below ten a second with one digit after the point. */
export function rateText(rate: number): string {
	return rate > 0 && rate < 9.95 ? rate.toFixed(1) : countText(rate);
}

/** Three digits that count: 0.56 ms, 4.13 ms, 41.3 ms, 413 ms, 4.13 s. */
export function latencyText(ms: number | null | undefined): string {
	if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
	if (ms < 9.995) return `${ms.toFixed(2)} ms`;
	if (ms < 99.95) return `${ms.toFixed(1)} ms`;
	if (ms < 999.5) return `${ms.toFixed(0)} ms`;
	return ms < 99_950 ? `${(ms / 1000).toFixed(ms < 9995 ? 2 : 1)} s` : `${grouped(Math.round(ms / 1000))} s`;
}

/** 237 seconds are "3:57". */
export function clockText(seconds: number): string {
	const whole = Math.max(0, Math.floor(seconds));
	const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
	const rest = String(whole % 60).padStart(2, "0");
	return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** Never rounded up to 100 % or down to 0 %. */
export function shareText(share: number): string {
	const percent = share * 100;
	if (percent > 0 && percent < 0.1) return "<0.1 %";
	if (percent < 100 && percent >= 99.95) return ">99.9 %";
	return `${percent.toFixed(percent === 100 ? 0 : 1)} %`;
}

export function plural(count: number, noun: string): string {
	return `${countText(count)} ${count === 1 ? noun : `${noun}s`}`;
}

function grouped(whole: number): string {
	const digits = String(whole);
	if (digits.length <= 3 || !Number.isSafeInteger(whole)) return digits;
	return digits.replace(/\B(?=(\d{3})+$)/g, ",");
}

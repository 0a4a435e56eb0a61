/** Lengths of time as people type and read them: 500ms, 30s, 1.5m, 1m30s. Inside, all are milliseconds. */

const unitMs: Readonly<Record<string, number>> = {
	µs: 0.001,
	us: 0.001,
	ms: 1,
	s: 1000,
	m: 60_000,
	h: 3_600_000,
};

const part = /(\d+(?:\.\d+)?) ?(µs|us|ms|s|m|h)/g;
const whole = /^(?:\d+(?:\.\d+)? ?(?:µs|us|ms|s|m|h))+$/;

/**
 * In milliseconds.
 * @throws {Error} one sentence.
 */
export function parseDuration(text: string): number {
	// There are two characters that look like a micro: the sign, and the Greek letter.
	const plain = text.replaceAll("\u03bc", "µ");
	if (!whole.test(plain))
		throw new Error(
			`${JSON.stringify(text)} is no length of time: give a number and a unit, like 500ms, 30s or 2m`,
		);
	let ms = 0;
	for (const [, number, unit] of plain.matchAll(part))
		ms += Number(number) * (unitMs[unit as string] as number);
	// 1.1 s is 1,100 ms, although the floats' product is a trifle more.
	return Math.round(ms * 1e6) / 1e6;
}

/** In seconds, to the microsecond: "120 s", "0.5 s". */
export function secondsText(ms: number): string {
	return `${Number((ms / 1000).toFixed(6))} s`;
}

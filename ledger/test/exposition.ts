/**
 * A strict reader of Prometheus' text exposition format 0.0.4, which refuses whatever Prometheus itself
 * would refuse or misread: it knows nothing of the code that writes it.
 * (prometheus.io/docs/instrumenting/exposition_formats/#text-based-format)
 */
export interface Family {
	readonly type: string;
	readonly help: string;
	/** By name and labels as they stand there, such as x_bucket{le="1"}. */
	readonly samples: Map<string, number>;
}

const namePattern = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const labelPattern = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const helpLine = new RegExp(`^# HELP (${namePattern}) (\\S.*)$`);
const typeLine = new RegExp(`^# TYPE (${namePattern}) (counter|gauge|histogram)$`);
const sampleLine = new RegExp(`^((${namePattern})(?:\\{(${labelPattern}(?:,${labelPattern})*)\\})?) (\\S+)$`);
const numberPattern = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)$/;

/** @throws on the first line that is wrong, and on a histogram that doesn't add up. */
export function readExposition(text: string): Map<string, Family> {
	if (!text.endsWith("\n")) throw new Error("the last line has no line feed");
	const families = new Map<string, Family>();
	let help: RegExpExecArray | null = null;
	let current: [name: string, family: Family] | undefined;
	for (const line of text.slice(0, -1).split("\n")) {
		if (line.startsWith("# HELP ")) {
			help = helpLine.exec(line);
			if (help === null || families.has(help[1] as string)) throw new Error(`HELP: ${line}`);
		} else if (line.startsWith("# TYPE ")) {
			const type = typeLine.exec(line);
			if (type === null || type[1] !== help?.[1]) throw new Error(`TYPE: ${line}`);
			current = [
				type[1] as string,
				{ type: type[2] as string, help: help?.[2] as string, samples: new Map() },
			];
			families.set(...current);
		} else {
			readSample(line, current);
		}
	}
	for (const [name, family] of families) if (family.type === "histogram") checkHistogram(name, family);
	return families;
}

function readSample(line: string, current: [name: string, family: Family] | undefined): void {
	const match = sampleLine.exec(line);
	if (match === null || current === undefined) throw new Error(`sample: ${line}`);
	const [, key = "", name = "", labels = "", value = ""] = match;
	const [family, { type, samples }] = current;
	const suffixes = type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
	if (!suffixes.some((suffix) => name === family + suffix))
		throw new Error(`sample of another family: ${line}`);
	if (samples.has(key)) throw new Error(`sample given twice: ${line}`);
	const names =
		labels === "" ? [] : [...labels.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="/g)].map(([, label]) => label);
	if (new Set(names).size !== names.length) throw new Error(`label given twice: ${line}`);
	if (!numberPattern.test(value)) throw new Error(`value: ${line}`);
	const number = Number(value.replace("Inf", "Infinity"));
	if (type !== "gauge" && !(number >= 0)) throw new Error(`less than nothing was counted: ${line}`);
	samples.set(key, number);
}

/** Buckets ascend in bound and in count, the last is +Inf and holds the count. Only without further labels. */
function checkHistogram(name: string, { samples }: Family): void {
	const buckets = [...samples].filter(([key]) => key.startsWith(`${name}_bucket`));
	let bound = Number.NEGATIVE_INFINITY;
	let count = 0;
	for (const [key, value] of buckets) {
		const le = Number(/le="([^"]*)"/.exec(key)?.[1]?.replace("Inf", "Infinity"));
		if (!(le > bound) || value < count) throw new Error(`${key} doesn't ascend`);
		[bound, count] = [le, value];
	}
	if (bound !== Number.POSITIVE_INFINITY) throw new Error(`${name} has no bucket +Inf`);
	if (samples.get(`${name}_count`) !== count) throw new Error(`${name}_count is not its last bucket`);
	if (!samples.has(`${name}_sum`)) throw new Error(`${name} has no sum`);
}

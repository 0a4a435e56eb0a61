/** What an attack came to, for a terminal. */
import { type Attack, holds, type Report } from "./attack.ts";

export function reportText({ name, promise }: Attack, report: Report, seconds: number): string {
	const { tried, figures, broken, controls } = report;
	const width = Math.max(0, ...Object.keys(figures).map((figure) => figure.length));
	return [
		`${name}: ${holds(report) ? "held" : "NOT PROVEN"} in ${Math.round(seconds)} s`,
		`  promise   ${promise}`,
		`  tried     ${tried}`,
		...broken.map((sentence) => `  broken    ${sentence}`),
		...(broken.length === 0 ? ["  broken    nothing"] : []),
		...controls.map(
			({ about, isCaught, detail }) => `  control   ${isCaught ? "caught" : "MISSED"}: ${about}: ${detail}`,
		),
		...Object.entries(figures).map(([figure, value]) => `    ${figure.padEnd(width)}  ${shown(value)}`),
	].join("\n");
}

function shown(value: number): string {
	return value.toLocaleString("en-US", { maximumFractionDigits: 2 });
}

/** What chaos did last, in a few words: "0:46 kill api-1.pid, back 312 ms". */
import type { ChaosEvent } from "../chaos-record.ts";
import { clockText, latencyText } from "./figures.ts";
import { clean } from "./line.ts";

export function lastEventText({ action, victim, atSecond, lastedMs, backMs, error }: ChaosEvent): string {
	// The folder and "container:" are the same for all of them, mostly.
	const name = victim.split(/[/:]/).at(-1) || victim;
	const lasted = lastedMs === null ? "" : ` for ${latencyText(lastedMs)}`;
	const outcome = error !== null ? `: ${error}` : backMs === null ? "" : `, back ${latencyText(backMs)}`;
	return clean(`${clockText(atSecond)} ${action} ${name}${lasted}${outcome}`);
}

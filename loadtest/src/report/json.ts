/**
 * The result as it stands, for other programs; result.schema.json describes it. JSON has no NaN: a figure that
 * isn't there, because nothing was measured, is null.
 */
import type { Result } from "../result.ts";

export function jsonReport(result: Result): string {
	return `${JSON.stringify(result, null, 2)}\n`;
}

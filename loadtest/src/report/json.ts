/**
 * The result as it stands, for other programs; result.schema.json describes it. JSON has no NaN: a figure that
 * isn't there, because nothing was measured, is null. Control codes are escaped, also those that JSON lets pass:
 * the target's words may be read in a terminal.
 */
import type { Result } from "../result.ts";

export function jsonReport(result: Result): string {
	const text = JSON.stringify(result, null, 2);
	return `${text.replaceAll(/[\x7f-\x9f]/g, (code) => `\\u00${code.charCodeAt(0).toString(16)}`)}\n`;
}

/** Array literals (postgresql.org/docs, "Array Value Input"), which pass as one parameter of a statement. */

/** Of numbers, booleans, or texts that are quoted; null and undefined are NULL. */
export function arrayLiteral(elements: readonly (number | boolean | string | null | undefined)[]): string {
	return `{${elements.map((element) => element ?? "NULL").join(",")}}`;
}

export function quotedElement(text: string): string {
	return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

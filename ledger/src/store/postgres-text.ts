/**
 * Any text of a client in PostgreSQL's `text`, which holds everything but U+0000. That one is written as a
 * noncharacter, which no text needs, and a digit; other programs on the database see all other texts as they are.
 */

/** A noncharacter of Unicode: never assigned, but allowed in a client's text, and so written with a digit of its own. */
const mark = "\u{10fffe}";

export function encodeText(text: string): string {
	if (!text.includes("\0") && !text.includes(mark)) return text;
	return text.replaceAll(mark, `${mark}1`).replaceAll("\0", `${mark}0`);
}

export function decodeText(text: string): string {
	if (!text.includes(mark)) return text;
	return text.replaceAll(`${mark}0`, "\0").replaceAll(`${mark}1`, mark);
}

/** Keys out of what a terminal in raw mode sends. */

/** What the keys of the screen ask of the run. */
export type Key = "stop" | "pause" | "windowUp" | "windowDown" | "rateUp" | "rateDown";

/** What they ask of the screen itself. */
type Command = "interrupt" | "suspend" | "redraw";

const keys: Readonly<Record<string, Key | Command>> = {
	q: "stop",
	Q: "stop",
	p: "pause",
	P: "pause",
	" ": "pause",
	"+": "windowUp",
	"=": "windowUp",
	"-": "windowDown",
	"]": "rateUp",
	"[": "rateDown",
	"\x03": "interrupt",
	"\x1a": "suspend",
	"\x0c": "redraw",
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const sequences = /\x1b(?:\[[\d;?]*[@-~]|O[@-~])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const beginning = /\x1b(?:\[[\d;?]{0,16}|O)?$/;

/**
 * Calls back for each key that means something. Arrows and the like come as escape sequences, of which no
 * character counts as a key; one may arrive in pieces.
 */
export function keyReader(callback: (key: Key | Command) => void): (chunk: Buffer | string) => void {
	let kept = "";
	return (chunk) => {
		const typed = (kept + chunk.toString()).replaceAll(sequences, "");
		kept = beginning.exec(typed)?.[0] ?? "";
		for (const character of typed.slice(0, typed.length - kept.length)) {
			const key = keys[character];
			if (key !== undefined) callback(key);
		}
	};
}
